package logoutconfirm_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/logoutconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, logoutconfirm.New, map[string]logoutconfirm.Data{
		"an app asks":                   {Token: "TOKEN", App: "Acme Reports"},
		"an app asks for somebody else": {Token: "TOKEN", App: "Acme Reports", Other: true},
		"nobody says who asks":          {Token: "TOKEN"},
	})
}
