package signin_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
)

func TestGolden(t *testing.T) {
	staff := signin.Provider{Name: "staff", DisplayName: "Staff"}
	guests := signin.Provider{Name: "guests", DisplayName: pagetest.Hostile}
	google := signin.Provider{Name: "google", DisplayName: "Google"}
	const flow = "0123456789abc"
	pagetest.Golden(t, signin.New, map[string]signin.Data{
		"empty":         {Token: "TOKEN", Flow: flow, Passwords: []signin.Provider{staff}},
		"for a device":  {Token: "TOKEN", Flow: flow, Passwords: []signin.Provider{staff}, ForDevice: true},
		"for an app":    {Token: "TOKEN", Flow: flow, Passwords: []signin.Provider{staff}, App: pagetest.Hostile, Username: "ada"},
		"refused":       {Token: "TOKEN", Flow: flow, Passwords: []signin.Provider{staff}, Username: pagetest.Hostile, Problem: signin.Refused},
		"stale":         {Token: "TOKEN", Flow: flow, Passwords: []signin.Provider{staff}, Problem: signin.Stale},
		"two providers": {Token: "TOKEN", Flow: flow, Provider: "guests", Passwords: []signin.Provider{staff, guests}, Problem: signin.Empty},
		"all ways": {
			Token: "TOKEN", Flow: flow, Passwords: []signin.Provider{staff}, Links: []signin.Provider{google, guests},
			Options: `{"publicKey":{"challenge":"AAAA"}}`, PasskeyToken: "TOKEN", Problem: signin.Passkey,
		},
		"elsewhere, and away":       {Flow: flow, Links: []signin.Provider{google}, Problem: signin.Away, About: pagetest.Hostile},
		"not allowed":               {Flow: flow, Links: []signin.Provider{google}, Problem: signin.NotAllowed, About: "Google"},
		"denied":                    {Flow: flow, Links: []signin.Provider{google}, Problem: signin.Denied, About: "Google"},
		"a way that proves nothing": {Token: "TOKEN", Flow: flow, Passwords: []signin.Provider{staff}, App: "Payroll", Unproven: []string{"GitHub", pagetest.Hostile}},
		"wrong answer":              {Flow: flow, Links: []signin.Provider{google}, Problem: signin.Callback, About: "Google"},
	})
}
