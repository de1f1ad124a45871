package selectaccount_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/selectaccount"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, selectaccount.New, map[string]selectaccount.Data{
		"for an app": {Token: "TOKEN", Flow: "0123456789abc", Account: "Ada Lovelace (ada)", Provider: "Staff", App: "Acme Reports"},
		"hostile":    {Token: "TOKEN", Flow: "0123456789abc", Account: pagetest.Hostile, Provider: pagetest.Hostile, App: pagetest.Hostile},
		"no app":     {Token: "TOKEN", Flow: "0123456789abc", Account: "ada"},
	})
}
