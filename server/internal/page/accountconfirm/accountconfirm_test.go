package accountconfirm_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, accountconfirm.New, map[string]accountconfirm.Data{
		"revoke one":           {Token: "TOKEN", What: accountconfirm.RevokeApp, Name: pagetest.Hostile, Action: "/account/revoke", Back: "/account/app?app=a", Part: account.Apps},
		"revoke all":           {Token: "TOKEN", What: accountconfirm.RevokeApps, Action: "/account/revoke", Back: "/account", Part: account.Apps},
		"sign out everywhere":  {Token: "TOKEN", What: accountconfirm.SignOutAll, Action: "/account/sessions/all", Back: "/account/sessions", Part: account.Sessions},
		"remove the app":       {Token: "TOKEN", What: accountconfirm.RemoveTOTP, Action: "/account/security/app/remove", Back: "/account/security", Part: account.Security},
		"remove a passkey":     {Token: "TOKEN", What: accountconfirm.RemovePasskey, Name: pagetest.Hostile, Action: "/account/security/passkey/remove", Back: "/account/security", Part: account.Security},
		"make codes in a flow": {Token: "TOKEN", What: accountconfirm.ReplaceCodes, Action: "/account/security/codes", Back: "/account/security?flow=abc", Part: account.Security, Flow: "abc"},
	})
}
