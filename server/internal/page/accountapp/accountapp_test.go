package accountapp_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accountapp"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	at := time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)
	many := accountapp.Group{Title: "Projects"}
	for i := range 40 { // as many as a page has
		many.Choices = append(many.Choices, accountapp.Choice{Value: strconv.Itoa(i), Title: fmt.Sprintf("A project with a name of some length, number %d", i)})
	}
	pagetest.Golden(t, accountapp.New, map[string]accountapp.Data{
		"chosen": {
			Token: "TOKEN", UID: "a", Name: "Acme CLI", Publisher: "Acme GmbH", Owner: "partners/acme", Homepage: "https://acme.example", PolicyURI: "https://acme.example/privacy",
			Since: at, LastUsed: at, Connections: 2, Done: "narrowed",
			Scopes: []accountapp.Scope{{Value: "0", Title: "Read your orders", Detail: "Past and open ones"}, {Value: "1", Title: pagetest.Hostile}},
			Groups: []accountapp.Group{{Title: "Projects", Choices: []accountapp.Choice{{Value: "0", Title: "Alpha", Parent: "Acme"}, {Value: "1", Title: pagetest.Hostile}}}},
		},
		"gone and unused": {Token: "TOKEN", UID: "a", Name: "old-cli", Gone: true, Since: at},
		"many":            {Token: "TOKEN", UID: "a", Name: "Acme", Owner: "partners/acme", Since: at, Connections: 1, Groups: []accountapp.Group{many}, More: 7, Problem: accountapp.Stale},
		"nothing left":    {Token: "TOKEN", UID: "a", Name: pagetest.Hostile, Owner: "partners/acme", Since: at, Scopes: []accountapp.Scope{{Value: "0", Title: "Read"}}, Problem: accountapp.Nothing},
	})
}
