package consent_test

import (
	"fmt"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func acme() consent.Data {
	return consent.Data{
		Token: "TOKEN", Action: "/consent?flow=KEY", App: "Acme Reports", Publisher: "Acme GmbH", Namespace: "partners/acme-reports", Homepage: "https://acme.example", PolicyURI: "https://acme.example/privacy",
		Target: consent.Host, TargetName: "reports.acme.example", Switch: "/login?switch",
		Fixed: []consent.Scope{{Name: "openid", Title: "Know who you are", Detail: "An identifier of your account"}},
		Asked: []consent.Scope{
			{Name: "profile", Title: "See your name and username", Ticked: true},
			{Name: "clusters.read", Title: "See your clusters", Detail: "Names, sizes and costs", API: "Clusters", Ticked: true},
			{Name: "clusters.drop", Title: "Delete clusters", API: "Clusters", Sensitive: true},
		},
	}
}

func projects() consent.Group {
	return consent.Group{Name: "clusters-api", Title: "Projects", API: "Clusters", Shown: "AAAAAAAA +BBBBBBBB CCCCCCCC", ShownCount: 3, Total: 3, Tops: []consent.Top{
		{Leaf: consent.Leaf{Key: "OOOOOOOO", Title: "Acme"}, Parent: true, Count: 2, Leaves: []consent.Leaf{{Key: "AAAAAAAA", Title: "Shop", ID: "p1"}, {Key: "BBBBBBBB", Title: "Shop", ID: "p2", Ticked: true}}},
		{Leaf: consent.Leaf{Key: "CCCCCCCC", Title: "My own"}},
		{Leaf: consent.Leaf{Key: "PPPPPPPP", Title: "Beta"}, Parent: true, Count: 1, Leaves: []consent.Leaf{{Key: "DDDDDDDD", Title: "Lab"}}},
	}}
}

// long is as much as a page ever shows: forty choices of two organizations, with a hundred ticked.
func long() consent.Group {
	g := consent.Group{Name: "clusters-api", Title: "Projects", API: "Clusters", Search: true, Query: "shop", ShownCount: 40, HiddenCount: 60, Total: 1000}
	for i := range 2 {
		top := consent.Top{Leaf: consent.Leaf{Key: fmt.Sprintf("OOOOOOO%d", i), Title: "An organization with some name"}, Parent: true, Count: 500}
		for k := range 20 {
			top.Leaves = append(top.Leaves, consent.Leaf{Key: fmt.Sprintf("AAAAAA%02d", k), Title: fmt.Sprintf("Shop of the project number %d", k), Ticked: true})
			g.Shown += " +AAAAAAAA"
		}
		g.Tops = append(g.Tops, top)
	}
	for range 60 {
		g.Hidden += " BBBBBBBB"
	}
	return g
}

func TestGolden(t *testing.T) {
	data := func(change func(*consent.Data)) consent.Data {
		d := acme()
		change(&d)
		return d
	}
	pagetest.Golden(t, consent.New, map[string]consent.Data{
		"A29 who asks for what": acme(),
		"choices":               data(func(d *consent.Data) { d.Groups = []consent.Group{projects()} }),
		"a long list":           data(func(d *consent.Data) { d.Groups = []consent.Group{long()} }),
		"nothing found": data(func(d *consent.Data) {
			d.Groups = []consent.Group{{Name: "clusters-api", Title: "Projects", Search: true, Query: "zzz", Total: 1000, Hidden: "AAAAAAAA", HiddenCount: 1}}
		}),
		"nothing to choose": data(func(d *consent.Data) { d.Groups = []consent.Group{{Name: "clusters-api", Title: "Projects"}} }),
		"unchosen": data(func(d *consent.Data) {
			d.Problem, d.Groups = consent.Unchosen, []consent.Group{projects()}
			d.Groups[0].Wrong = true
		}),
		"nothing ticked": data(func(d *consent.Data) { d.Problem = consent.Nothing }),
		"too many":       data(func(d *consent.Data) { d.Problem = consent.TooMany }),
		"something new": data(func(d *consent.Data) {
			d.Fixed, d.Allowed = nil, d.Fixed
			d.Always = true
		}),
		"a program":     data(func(d *consent.Data) { d.Target, d.TargetName = consent.Program, "" }),
		"an app":        data(func(d *consent.Data) { d.Target, d.TargetName = consent.App, "com.example.app:" }),
		"a device":      data(func(d *consent.Data) { d.Target, d.TargetName, d.Publisher = consent.Nowhere, "", "" }),
		"asks for none": data(func(d *consent.Data) { d.Fixed, d.Asked, d.Switch = nil, nil, "" }),
		"changing": data(func(d *consent.Data) {
			d.Changing, d.Target, d.Groups = true, consent.Nowhere, []consent.Group{projects()}
		}),
		"A29 hostile": {
			Token: pagetest.Hostile, Action: "/consent?flow=KEY", App: pagetest.Hostile, Publisher: pagetest.Hostile, Namespace: pagetest.Hostile, Homepage: "https://x.example/?" + pagetest.Hostile,
			Target: consent.Host, TargetName: pagetest.Hostile, Switch: "/login",
			Asked: []consent.Scope{{Name: pagetest.Hostile, Title: pagetest.Hostile, Detail: pagetest.Hostile, API: pagetest.Hostile, Sensitive: true}},
			Groups: []consent.Group{{Name: "x", Title: pagetest.Hostile, API: pagetest.Hostile, Query: pagetest.Hostile, Search: true, Shown: pagetest.Hostile, Hidden: pagetest.Hostile, ShownCount: 1, Total: 20,
				Tops: []consent.Top{{Leaf: consent.Leaf{Key: pagetest.Hostile, Title: pagetest.Hostile}, Parent: true, Count: 2, Leaves: []consent.Leaf{{Key: pagetest.Hostile, Title: pagetest.Hostile, ID: pagetest.Hostile}}}}}},
		},
	})
}
