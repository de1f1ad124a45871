package deviceconfirm_test

import (
	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"testing"
	"time"
)

func TestGolden(t *testing.T) {
	started := time.Date(2026, 5, 4, 13, 59, 30, 0, time.UTC)
	pagetest.Golden(t, deviceconfirm.New, map[string]deviceconfirm.Data{
		"acme": {Token: "TOKEN", Flow: "0123456789abc", Code: "BCDF-GHJK", App: "Acme CLI", Publisher: "Acme GmbH", Namespace: "partners/acme-cli", Homepage: "https://acme.example", PolicyURI: "https://acme.example/privacy",
			Scopes: []deviceconfirm.Scope{{Title: "Know who you are", Detail: "An identifier of your account"}, {Title: "Read your orders"}}, Started: started, Now: started.Add(3 * time.Minute),
			Network: deviceconfirm.NetworkPublic, Address: "203.0.113.7", ProgramKind: deviceconfirm.ProgramCLI, Program: "curl 8.5"},
		"more to ask":        {Token: "TOKEN", Flow: "0123456789abc", More: true, Code: "BCDF-GHJK", App: "tv", Namespace: "home/tv", Started: started, Now: started, Network: deviceconfirm.NetworkUnknown, ProgramKind: deviceconfirm.ProgramUnknown},
		"no scopes":          {Token: "TOKEN", Flow: "0123456789abc", Code: "BCDF-GHJK", App: "tv", Namespace: "home/tv", Started: started, Now: started.Add(70 * time.Second), Network: deviceconfirm.NetworkUnknown, ProgramKind: deviceconfirm.ProgramUnknown},
		"from this computer": {Token: "TOKEN", Flow: "0123456789abc", Code: "BCDF-GHJK", App: "tv", Namespace: "home/tv", Started: started, Now: started, Network: deviceconfirm.NetworkLoopback, Address: "127.0.0.1", SameAddress: true, ProgramKind: deviceconfirm.ProgramBrowser, Program: "Firefox on Linux"},
		"A29 hostile": {Token: pagetest.Hostile, Flow: "0123456789abc", Code: "BCDF-GHJK", App: pagetest.Hostile, Publisher: pagetest.Hostile, Namespace: pagetest.Hostile, Homepage: "https://x.example/?" + pagetest.Hostile, Started: started, Now: started,
			Scopes: []deviceconfirm.Scope{{Title: pagetest.Hostile, Detail: pagetest.Hostile}}, Network: deviceconfirm.NetworkPrivate, Address: pagetest.Hostile, ProgramKind: deviceconfirm.ProgramOther, Program: pagetest.Hostile},
	})
}
