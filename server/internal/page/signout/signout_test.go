package signout_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signout"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, signout.New, map[string]signout.Data{
		"sign out": {Token: "TOKEN"},
	})
}
