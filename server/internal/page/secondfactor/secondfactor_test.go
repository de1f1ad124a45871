package secondfactor_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/secondfactor"
)

func TestGolden(t *testing.T) {
	const flow, options = "0123456789abc", `{"publicKey":{"challenge":"AAAA"}}`
	pagetest.Golden(t, secondfactor.New, map[string]secondfactor.Data{
		"authenticator app": {Token: "TOKEN", Flow: flow, Switch: "/login/again?flow=" + flow, Account: "Ada Lovelace (ada)", TOTP: true},
		"wrong":             {Token: "TOKEN", Flow: flow, Switch: "/login/again?flow=" + flow, Account: pagetest.Hostile, TOTP: true, Recovery: true, Problem: secondfactor.Wrong},
		"empty":             {Token: "TOKEN", Flow: flow, Switch: "/login/again?flow=" + flow, Account: "ada", Recovery: true, Problem: secondfactor.Empty},
		"stale":             {Token: "TOKEN", Flow: flow, Switch: "/login/again?flow=" + flow, Account: "ada", TOTP: true, Problem: secondfactor.Stale},
		"everything":        {Token: "TOKEN", Flow: flow, Switch: "/login/again?flow=" + flow, Account: "ada", TOTP: true, Recovery: true, Options: options, PasskeyToken: "TOKEN", Problem: secondfactor.Passkey},
		"passkey alone":     {Token: "TOKEN", Flow: flow, Switch: "/login/again?flow=" + flow, Account: "ada", Options: options, PasskeyToken: "TOKEN"},
	})
}
