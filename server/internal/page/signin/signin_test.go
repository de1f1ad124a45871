package signin_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, signin.New, map[string]signin.Data{
		"empty":         {Token: "TOKEN", Providers: []signin.Provider{{Name: "staff", DisplayName: "Staff"}}},
		"for a device":  {Token: "TOKEN", ForDevice: true},
		"refused":       {Token: "TOKEN", Username: pagetest.Hostile, Problem: signin.Refused},
		"stale":         {Token: "TOKEN", Problem: signin.Stale},
		"two providers": {Token: "TOKEN", Provider: "guests", Providers: []signin.Provider{{Name: "staff", DisplayName: "Staff"}, {Name: "guests", DisplayName: pagetest.Hostile}}, Problem: signin.Empty},
	})
}
