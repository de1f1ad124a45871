package devicecode_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, devicecode.New, map[string]devicecode.Data{
		"empty": {Token: "TOKEN"}, "unknown": {Token: "TOKEN", Code: pagetest.Hostile, Problem: devicecode.Unknown}, "stale": {Token: "TOKEN", Problem: devicecode.Stale},
	})
}
