package consent

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// apis is what APIs declare in the tests.
type apis []*registration.Resource

func (a apis) ScopeResource(name string) (*registration.Resource, *registration.Scope, bool) {
	for _, r := range a {
		for i := range r.Scopes {
			if r.Scopes[i].Name == name {
				return r, &r.Scopes[i], true
			}
		}
	}
	return nil, nil, false
}

const (
	issuer   = "https://login.example.com"
	orders   = "https://orders.example.com"
	clusters = "https://clusters.example.com"
	regions  = "https://regions.example.com"
)

func declared() apis {
	return apis{
		{Name: "orders", Identifier: orders, Scopes: []registration.Scope{{Name: "orders.read"}, {Name: "orders.delete", Sensitive: true}}},
		{Name: "clusters", Identifier: clusters, Scopes: []registration.Scope{{Name: "clusters.read"}, {Name: "clusters.write"}, {Name: "clusters.drop", Sensitive: true}},
			Choices: &registration.Choices{Type: "project", Title: "Projects", URL: clusters + "/.oauth/choices"}},
		{Name: "regions", Identifier: regions, Scopes: []registration.Scope{{Name: "regions.use"}},
			Choices: &registration.Choices{Type: "region", Title: "Regions", Static: []registration.Choice{{ID: "eu", Title: "Europe"}, {ID: "eu-1", Title: "Dublin", Parent: "eu"}, {ID: "us", Title: "America"}}}},
	}
}

// projects is the person's own list.
func projects() List {
	return List{
		{ID: "acme", Title: "Acme"}, {ID: "p1", Title: "Shop", Parent: "acme"}, {ID: "p2", Title: "Blog", Parent: "acme"},
		{ID: "own", Title: "My own"}, {ID: "beta", Title: "Beta"}, {ID: "p3", Title: "Lab", Parent: "beta"},
	}
}

func lists() Lists { return Lists{clusters: projects(), regions: declared()[2].Choices.Static} }

const (
	shop   = `[{"type":"project","locations":["https://clusters.example.com"],"identifier":"p1","parent":"acme"}]`
	blog   = `[{"type":"project","locations":["https://clusters.example.com"],"identifier":"p2","parent":"acme"}]`
	dublin = `[{"type":"region","locations":["https://regions.example.com"],"identifier":"eu-1","parent":"eu"}]`
)

func remembered(details string, audience []string, scopes ...string) *storage.Consent {
	c := &storage.Consent{Scopes: scopes, Audience: audience}
	if details != "" {
		c.AuthorizationDetails = json.RawMessage(details)
	}
	return c
}

func TestAsk(t *testing.T) {
	both := []string{"openid", "orders.read"}
	for name, c := range map[string]struct {
		question Question
		needed   bool
		// scopes as name, with "!" when allowed before, "*" when optional, "+" when ticked
		scopes string
		groups string
	}{
		"everything is new to who never met the app":              {Question{Scopes: []string{"openid", "profile", "orders.read", "orders.delete"}}, true, "openid+ profile*+ orders.read*+ orders.delete*", ""},
		"what was allowed before is not asked":                    {Question{Scopes: both, Remembered: remembered("", []string{orders}, both...)}, false, "openid!+ orders.read!+", ""},
		"only what is new is asked":                               {Question{Scopes: append(both, "orders.delete"), Remembered: remembered("", []string{orders}, both...)}, true, "openid!+ orders.read!+ orders.delete*", ""},
		"a scope that moved to another API is new":                {Question{Scopes: both, Remembered: remembered("", []string{clusters}, both...)}, true, "openid!+ orders.read*+", ""},
		"Always asks everything again, sensitive ones included":   {Question{Scopes: []string{"orders.delete"}, Mode: registration.ConsentAlways, Remembered: remembered("", []string{orders}, "orders.delete")}, true, "orders.delete*+", ""},
		"prompt=consent asks everything again":                    {Question{Scopes: both, Prompted: true, Remembered: remembered("", []string{orders}, both...)}, true, "openid+ orders.read*+", ""},
		"prompt=consent asks also where the operator skips":       {Question{Scopes: both, Prompted: true, Mode: registration.ConsentSkip}, true, "openid+ orders.read*+", ""},
		"Skip asks nothing":                                       {Question{Scopes: append(both, "orders.delete"), Mode: registration.ConsentSkip}, false, "openid!+ orders.read!+ orders.delete!", ""},
		"Skip asks for the choice that must be made":              {Question{Scopes: []string{"clusters.read"}, Mode: registration.ConsentSkip}, true, "clusters.read!+", "clusters"},
		"Skip does not ask for a choice again":                    {Question{Scopes: []string{"clusters.read"}, Mode: registration.ConsentSkip, Remembered: remembered(shop, []string{clusters}, "clusters.read")}, false, "clusters.read!+", ""},
		"a choice that was never made is asked":                   {Question{Scopes: []string{"clusters.read"}, Remembered: remembered("", []string{clusters}, "clusters.read")}, true, "clusters.read!+", "clusters"},
		"a choice that was made is not":                           {Question{Scopes: []string{"clusters.read"}, Remembered: remembered(shop, []string{clusters}, "clusters.read")}, false, "clusters.read!+", ""},
		"something new at an API shows what was chosen there":     {Question{Scopes: []string{"clusters.read", "clusters.write"}, Remembered: remembered(shop, []string{clusters}, "clusters.read")}, true, "clusters.read!+ clusters.write*+", "clusters:p1"},
		"something new elsewhere does not":                        {Question{Scopes: []string{"clusters.read", "orders.read"}, Remembered: remembered(shop, []string{clusters}, "clusters.read")}, true, "clusters.read!+ orders.read*+", ""},
		"a chosen thing that the manifest dropped is asked anew":  {Question{Scopes: []string{"regions.use"}, Remembered: remembered(`[{"type":"region","locations":["https://regions.example.com"],"identifier":"moon"}]`, []string{regions}, "regions.use")}, true, "regions.use!+", "regions"},
		"a choice of another type is none":                        {Question{Scopes: []string{"clusters.read"}, Remembered: remembered(`[{"type":"bucket","locations":["https://clusters.example.com"],"identifier":"b"}]`, []string{clusters}, "clusters.read")}, true, "clusters.read!+", "clusters"},
		"an unreadable choice is none":                            {Question{Scopes: []string{"clusters.read"}, Remembered: remembered(`{"type":`, []string{clusters}, "clusters.read")}, true, "clusters.read!+", "clusters"},
		"resource narrows what is asked":                          {Question{Scopes: []string{"openid", "orders.read", "clusters.read"}, Resources: []string{orders}}, true, "openid+ orders.read*+", ""},
		"what no API declares any more is not asked":              {Question{Scopes: []string{"orders.read", "gone"}}, true, "orders.read*+", ""},
		"what a device's page asked is not asked again":           {Question{Scopes: []string{"openid", "orders.read"}, Confirmed: true}, false, "openid+ orders.read*+", ""},
		"a device's sensitive scope is":                           {Question{Scopes: []string{"orders.delete"}, Confirmed: true}, true, "orders.delete*", ""},
		"a device's remembered sensitive scope is not":            {Question{Scopes: []string{"orders.delete"}, Confirmed: true, Remembered: remembered("", []string{orders}, "orders.delete")}, false, "orders.delete!+", ""},
		"a device's choice is asked":                              {Question{Scopes: []string{"clusters.read"}, Confirmed: true}, true, "clusters.read*+", "clusters"},
		"a device's remembered choice is not":                     {Question{Scopes: []string{"clusters.read", "clusters.write"}, Confirmed: true, Remembered: remembered(shop, []string{clusters}, "clusters.read")}, false, "clusters.read!+ clusters.write*+", ""},
		"a device of a client that always asks chooses anew":      {Question{Scopes: []string{"clusters.read"}, Confirmed: true, Mode: registration.ConsentAlways, Remembered: remembered(shop, []string{clusters}, "clusters.read")}, true, "clusters.read*+", "clusters:p1"},
		"changing asks everything":                                {Question{Scopes: []string{"openid", "clusters.drop"}, Changing: true, Remembered: remembered(shop, []string{clusters}, "openid", "clusters.drop")}, true, "openid+ clusters.drop*+", "clusters:p1"},
		"a program that anybody may be is asked about every time": {Question{Scopes: both, Unproven: true, Remembered: remembered("", []string{orders}, both...)}, true, "openid!+ orders.read!+", ""},
		"but where the operator skips":                            {Question{Scopes: both, Unproven: true, Mode: registration.ConsentSkip}, false, "openid!+ orders.read!+", ""},
		"no scope at all is asked once":                           {Question{}, true, "", ""},
		"no scope at all is not asked of who let the app in":      {Question{Remembered: remembered("", nil, "openid")}, false, "", ""},
		"a scope that is there twice is asked once":               {Question{Scopes: []string{"orders.read", "orders.read"}}, true, "orders.read*+", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.question.Issuer = issuer
			s := Ask(declared(), c.question)
			if s.Needed != c.needed {
				t.Errorf("needed %t", s.Needed)
			}
			if got := describe(s); got != c.scopes {
				t.Errorf("scopes %q, want %q", got, c.scopes)
			}
			var groups []string
			for _, g := range s.Groups {
				groups = append(groups, strings.Join(append([]string{g.Resource.Name}, g.Chosen...), ":"))
			}
			if got := strings.Join(groups, " "); got != c.groups {
				t.Errorf("groups %q, want %q", got, c.groups)
			}
		})
	}
}

func describe(s *Sheet) string {
	var b strings.Builder
	for i, scope := range s.Scopes {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(scope.Name)
		if scope.Allowed {
			b.WriteString("!")
		}
		if scope.Optional {
			b.WriteString("*")
		}
		if scope.Ticked {
			b.WriteString("+")
		}
	}
	return b.String()
}

func TestDecide(t *testing.T) {
	pick := func(at string, ids ...string) map[string]Pick { return map[string]Pick{at: {Chosen: ids}} }
	for name, c := range map[string]struct {
		question Question
		answer   Answer
		want     Result
		problem  Problem
		at       string
	}{
		"what is ticked": {
			Question{Scopes: []string{"openid", "profile", "orders.read", "orders.delete"}}, Answer{Scopes: []string{"orders.read"}},
			Result{Scopes: []string{"openid", "orders.read"}, Audience: []string{orders}, Keep: &Keep{Scopes: []string{"openid", "orders.read"}, Audience: []string{orders}}}, "", "",
		},
		"never what was not asked": {
			Question{Scopes: []string{"openid"}}, Answer{Scopes: []string{"orders.read", "admin"}},
			Result{Scopes: []string{"openid"}, Audience: []string{issuer}, Keep: &Keep{Scopes: []string{"openid"}, Audience: []string{issuer}}}, "", "",
		},
		"nothing ticked":                    {Question{Scopes: []string{"orders.read", "profile"}}, Answer{}, Result{}, Nothing, ""},
		"staying alone is nothing":          {Question{Scopes: []string{"orders.read", "offline_access"}}, Answer{Scopes: []string{"offline_access"}}, Result{}, Nothing, ""},
		"a choice must be made":             {Question{Scopes: []string{"clusters.read"}}, Answer{Scopes: []string{"clusters.read"}}, Result{}, Unchosen, clusters},
		"a choice outside the list is none": {Question{Scopes: []string{"clusters.read"}}, Answer{Scopes: []string{"clusters.read"}, Picks: pick(clusters, "p9", "")}, Result{}, Unchosen, clusters},
		"no choice is needed where no scope is let through": {
			Question{Scopes: []string{"orders.read", "clusters.read"}}, Answer{Scopes: []string{"orders.read"}, Picks: pick(clusters, "p1")},
			Result{Scopes: []string{"orders.read"}, Audience: []string{orders}, Keep: &Keep{Scopes: []string{"orders.read"}, Audience: []string{orders}}}, "", "",
		},
		"one project": {
			Question{Scopes: []string{"clusters.read"}}, Answer{Scopes: []string{"clusters.read"}, Picks: pick(clusters, "p1")},
			Result{Scopes: []string{"clusters.read"}, Audience: []string{clusters}, Details: json.RawMessage(shop), Keep: &Keep{Scopes: []string{"clusters.read"}, Audience: []string{clusters}, Details: json.RawMessage(shop)}}, "", "",
		},
		"Always remembers nothing": {
			Question{Scopes: []string{"clusters.read"}, Mode: registration.ConsentAlways}, Answer{Scopes: []string{"clusters.read"}, Picks: pick(clusters, "p2")},
			Result{Scopes: []string{"clusters.read"}, Audience: []string{clusters}, Details: json.RawMessage(blog)}, "", "",
		},
		"what was allowed before and not asked is remembered on": {
			Question{Scopes: []string{"orders.read"}, Remembered: remembered(shop, []string{clusters}, "clusters.read", "profile", "gone")}, Answer{Scopes: []string{"orders.read"}},
			Result{Scopes: []string{"orders.read"}, Audience: []string{orders}, Keep: &Keep{Scopes: []string{"orders.read", "clusters.read", "profile"}, Audience: []string{orders, clusters}, Details: json.RawMessage(shop)}}, "", "",
		},
		"what was asked again and is not ticked is forgotten": {
			Question{Scopes: []string{"orders.read", "clusters.read"}, Prompted: true, Remembered: remembered(shop, []string{clusters, orders}, "clusters.read", "orders.read")}, Answer{Scopes: []string{"orders.read"}},
			Result{Scopes: []string{"orders.read"}, Audience: []string{orders}, Keep: &Keep{Scopes: []string{"orders.read"}, Audience: []string{orders}}}, "", "",
		},
		"a choice that was made before is taken": {
			Question{Scopes: []string{"clusters.read", "regions.use", "orders.read"}, Remembered: remembered(`[`+dublin[1:len(dublin)-1]+`,`+shop[1:], []string{clusters, regions}, "clusters.read", "regions.use")}, Answer{Scopes: []string{"orders.read"}},
			Result{Scopes: []string{"clusters.read", "regions.use", "orders.read"}, Audience: []string{clusters, regions, orders},
				Details: json.RawMessage(shop[:len(shop)-1] + `,` + dublin[1:]), Keep: &Keep{Scopes: []string{"clusters.read", "regions.use", "orders.read"}, Audience: []string{clusters, regions, orders}, Details: json.RawMessage(shop[:len(shop)-1] + `,` + dublin[1:])}}, "", "",
		},
		"no scope at all": {Question{}, Answer{}, Result{Audience: []string{issuer}, Keep: &Keep{Audience: []string{issuer}}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.question.Issuer = issuer
			got, problem, at := Ask(declared(), c.question).Decide(c.answer, lists())
			if problem != c.problem || at != c.at {
				t.Errorf("problem %q at %q", problem, at)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestUnasked(t *testing.T) {
	q := Question{Scopes: []string{"openid", "clusters.read"}, Issuer: issuer, Remembered: remembered(`[`+dublin[1:len(dublin)-1]+`,`+shop[1:], []string{clusters, regions}, "openid", "clusters.read", "regions.use")}
	want := Result{Scopes: []string{"openid", "clusters.read"}, Audience: []string{clusters}, Details: json.RawMessage(shop)}
	if diff := cmp.Diff(want, Ask(declared(), q).Unasked()); diff != "" {
		t.Errorf("what was allowed before, and not more (-want +got):\n%s", diff)
	}
	device := Question{Scopes: []string{"openid", "orders.read"}, Issuer: issuer, Confirmed: true}
	want = Result{Scopes: []string{"openid", "orders.read"}, Audience: []string{orders}}
	if diff := cmp.Diff(want, Ask(declared(), device).Unasked()); diff != "" {
		t.Errorf("what a device's page asked (-want +got):\n%s", diff)
	}
	q.Scopes = append(q.Scopes, "orders.read")
	if got := Ask(declared(), q).Unasked(); slices.Contains(got.Scopes, "orders.read") {
		t.Errorf("a sheet that is needed lets %v through unasked", got.Scopes)
	}
}

func TestPick(t *testing.T) {
	for name, c := range map[string]struct {
		pick Pick
		want []string
	}{
		"nothing":                     {Pick{}, nil},
		"one":                         {Pick{Chosen: []string{"p2"}}, []string{"p2"}},
		"a parent means its children": {Pick{Chosen: []string{"acme"}}, []string{"p1", "p2"}},
		"a choice without children is one itself": {Pick{Chosen: []string{"own"}}, []string{"own"}},
		"what is not on the list is nothing":      {Pick{Chosen: []string{"acme ", "ACME", "", "p9"}}, nil},
		"a child that was unticked stays away":    {Pick{Chosen: []string{"acme"}, Without: []string{"p1"}}, []string{"p2"}},
		"in the order of the list":                {Pick{Chosen: []string{"p3", "own", "p1"}}, []string{"p1", "own", "p3"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range projects().Pick(c.pick) {
				got = append(got, c.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestNarrow(t *testing.T) {
	const issuer = "https://issuer.example"
	all := json.RawMessage(shop[:len(shop)-1] + `,` + dublin[1:])
	apis := []string{clusters, regions, orders}
	for name, c := range map[string]struct {
		left         storage.Access
		wantAudience []string
		wantDetails  string
	}{
		"an API of which no scope is left goes, with what was chosen there": {storage.Access{Scopes: []string{"regions.use", "openid"}, Audience: apis, AuthorizationDetails: all}, []string{regions}, dublin},
		"an API without choices too":                                        {storage.Access{Scopes: []string{"clusters.read", "regions.use"}, Audience: apis, AuthorizationDetails: all}, []string{clusters, regions}, string(all)},
		"all that was chosen goes where there are none":                     {storage.Access{Scopes: []string{"orders.read"}, Audience: apis, AuthorizationDetails: all}, []string{orders}, ""},
		"without any API it is for the issuer":                              {storage.Access{Scopes: []string{"openid"}, Audience: apis, AuthorizationDetails: all}, []string{issuer}, ""},
		"what is for the issuer stays so":                                   {storage.Access{Scopes: []string{"openid"}, Audience: []string{issuer}}, []string{issuer}, ""},
		"nothing left is for the issuer":                                    {storage.Access{Audience: apis, AuthorizationDetails: all}, []string{issuer}, ""},
		"an API comes by no scope that moved there":                         {storage.Access{Scopes: []string{"orders.read"}, Audience: []string{clusters}}, []string{issuer}, ""},
		"nor does a choice without its API in the audience":                 {storage.Access{Scopes: []string{"clusters.read", "orders.read"}, Audience: []string{orders}, AuthorizationDetails: json.RawMessage(shop)}, []string{orders}, ""},
		"a scope that nobody declares any more keeps no API":                {storage.Access{Scopes: []string{"gone", "orders.read"}, Audience: []string{orders, "https://gone.example"}}, []string{orders}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			audience := slices.Clone(c.left.Audience)
			got := Narrow(declared(), issuer, c.left)
			if !slices.Equal(got.Scopes, c.left.Scopes) || !slices.Equal(got.Audience, c.wantAudience) || string(got.AuthorizationDetails) != c.wantDetails {
				t.Errorf("got %v %v %s", got.Scopes, got.Audience, got.AuthorizationDetails)
			}
			if !slices.Equal(c.left.Audience, audience) {
				t.Errorf("the audience that was given changed: %v", c.left.Audience)
			}
		})
	}
}

func TestTooMany(t *testing.T) {
	many := func(parent string, n int) List {
		l := List{{ID: parent, Title: parent}}
		for i := range n {
			l = append(l, registration.Choice{ID: parent + strconv.Itoa(i), Title: "x", Parent: parent})
		}
		return l
	}
	sheet := Ask(declared(), Question{Scopes: []string{"clusters.read", "regions.use"}, Issuer: issuer})
	for name, c := range map[string]struct {
		clusters, regions int
		problem           Problem
		at                string
	}{
		"as many as there may be":   {60, 40, "", ""},
		"one too many at one API":   {101, 1, TooMany, clusters},
		"one too many in all":       {60, 41, TooMany, ""},
		"none where one is needed":  {60, 0, Unchosen, regions},
		"none at the first of both": {0, 60, Unchosen, clusters},
	} {
		t.Run(name, func(t *testing.T) {
			lists := Lists{clusters: many("o", c.clusters), regions: many("r", c.regions)}
			answer := Answer{Scopes: []string{"clusters.read", "regions.use"}, Picks: map[string]Pick{}}
			if c.clusters > 0 {
				answer.Picks[clusters] = Pick{Chosen: []string{"o"}}
			}
			if c.regions > 0 {
				answer.Picks[regions] = Pick{Chosen: []string{"r"}}
			}
			r, problem, at := sheet.Decide(answer, lists)
			if problem != c.problem || at != c.at {
				t.Errorf("%q at %q", problem, at)
			}
			if n := len(ParseDetails(r.Details)); problem == "" && n != c.clusters+c.regions {
				t.Errorf("%d details", n)
			}
		})
	}
}
