package devicedone_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/devicedone"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, devicedone.New, map[string]devicedone.Data{
		"approved": {Approved: true, App: "Acme CLI"}, "denied": {App: pagetest.Hostile},
	})
}
