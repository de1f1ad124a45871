package devicecode_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, devicecode.New, map[string]devicecode.Data{
		"empty": {Token: "TOKEN", Flow: "0123456789abc"}, "unknown": {Token: "TOKEN", Flow: "0123456789abc", Code: pagetest.Hostile, Problem: devicecode.Unknown}, "stale": {Token: "TOKEN", Flow: "0123456789abc", Problem: devicecode.Stale},
	})
}
