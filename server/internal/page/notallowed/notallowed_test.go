package notallowed_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/notallowed"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, notallowed.New, map[string]notallowed.Data{
		"an app":    {Token: "TOKEN", Flow: "0123456789abc", App: "Acme Reports", Account: "Ada (ada)", Other: "/login/account?flow=0123456789abc"},
		"a device":  {Token: "TOKEN", Flow: "0123456789abc", App: pagetest.Hostile, Account: "ada", Device: true, Other: "/login/account?flow=0123456789abc"},
		"a change":  {App: "Acme Reports", Account: "ada", Other: "/login/account?flow=0123456789abc", Back: "/account"},
		"who is it": {Token: "TOKEN", Flow: "0123456789abc", App: "Acme Reports", Account: pagetest.Hostile, Other: "/login/account?flow=0123456789abc"},
	})
}
