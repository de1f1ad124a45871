package accountapps_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accountapps"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	at := time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)
	full := accountapps.Data{Next: "11111111-2222-3333-4444-555555555555", Done: "revoked"}
	for i := range 20 { // as many as a page has, each with names as long as they may be
		full.Apps = append(full.Apps, accountapps.App{
			UID: "11111111-2222-3333-4444-555555555555", Name: fmt.Sprintf("App %d of the quarterly reconciliation of all accounts", i),
			Publisher: "Donaudampfschifffahrtsgesellschaft GmbH", Owner: "partners-of-the-platform/quarterly-reconciliation", Since: at, LastUsed: at,
		})
	}
	pagetest.Golden(t, accountapps.New, map[string]accountapps.Data{
		"none": {First: true},
		"two": {First: true, Apps: []accountapps.App{
			{UID: "a", Name: pagetest.Hostile, Publisher: pagetest.Hostile, Owner: "partners/acme", Since: at, LastUsed: at},
			{UID: "b", Name: "old-cli", Gone: true, Since: at},
		}},
		"twenty": full,
	})
}
