package accountsessions_test

import (
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountsessions"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	at := time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)
	full := accountsessions.Data{More: true}
	for range 15 {
		full.Sessions = append(full.Sessions, accountsessions.Session{
			// A real token is about so long.
			Token: "AQQ3yW0aS0m3Sd2n0K9mEo0dY0yqk3m5pE8m2k4y8H1m2n3b4v5c6x7z8l9k0j1h2g3f4d5s6a7p8o9i0u1y2t3r4e5w6q7AQQ3yW0aS0m3Sd2n0K9mEo0dY0yqk3m5pE8m2k4y8H1m2n3b4v5c6x7z8l9k0j1h2g3f4d5",
			Kind:  describe.ProgramBrowser, Program: "Firefox, Windows", Network: describe.NetworkPublic, Address: "2001:db8:1111:2222:3333:4444:5555:6666", Since: at,
		})
	}
	pagetest.Golden(t, accountsessions.New, map[string]accountsessions.Data{
		"three": {Done: "ended", Sessions: []accountsessions.Session{
			{Token: "TOKEN", Kind: describe.ProgramBrowser, Program: "Firefox, Linux", Network: describe.NetworkPublic, Address: "203.0.113.9", Since: at, This: true},
			{Token: "TOKEN", Kind: describe.ProgramUnknown, Network: describe.NetworkUnknown, Since: at},
			{Token: "TOKEN", Kind: describe.ProgramOther, Program: pagetest.Hostile, Network: describe.NetworkPrivate, Address: "10.0.0.7", Since: at},
		}},
		"full": full,
	})
}
