package login

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	consentpage "github.com/grantkeeper/grantkeeper/server/internal/page/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func TestTarget(t *testing.T) {
	for uri, want := range map[string]struct {
		target consentpage.Target
		name   string
	}{
		"https://reports.acme.example/cb":      {consentpage.Host, "reports.acme.example"},
		"https://reports.acme.example:8443/cb": {consentpage.Host, "reports.acme.example:8443"},
		"https://127.0.0.1.evil.example/cb":    {consentpage.Host, "127.0.0.1.evil.example"},
		"http://127.0.0.1:49152/cb":            {consentpage.Program, ""},
		"http://[::1]:49152/cb":                {consentpage.Program, ""},
		"http://localhost/cb":                  {consentpage.Program, ""},
		"https://localhost/cb":                 {consentpage.Program, ""},
		"com.example.app:/cb":                  {consentpage.App, "com.example.app:"},
	} {
		if target, name := target(uri); target != want.target || name != want.name {
			t.Errorf("%s: %s %q, want %s %q", uri, target, name, want.target, want.name)
		}
	}
}

// oneAPI declares one scope for each API.
type oneAPI []*registration.Resource

func (a oneAPI) ScopeResource(name string) (*registration.Resource, *registration.Scope, bool) {
	for _, r := range a {
		for i := range r.Scopes {
			if r.Scopes[i].Name == name {
				return r, &r.Scopes[i], true
			}
		}
	}
	return nil, nil, false
}

// wide are APIs with a thousand choices each, whose titles have so many characters of three bytes.
func wide(apis, scopes, long int) (oneAPI, []string, consent.Lists) {
	title := strings.Repeat("組", long)
	var declared oneAPI
	var names []string
	lists := consent.Lists{}
	for i := range apis {
		r := &registration.Resource{
			Name: fmt.Sprintf("api-%d", i), Identifier: fmt.Sprintf("https://api-%d.example.com", i), Title: title,
			Choices: &registration.Choices{Type: "project", Title: title, URL: "https://api.example.com"},
		}
		for k := range scopes {
			r.Scopes = append(r.Scopes, registration.Scope{Name: fmt.Sprintf("%s.%d", r.Name, k), Title: "Do this"})
			names = append(names, fmt.Sprintf("%s.%d", r.Name, k))
		}
		var l consent.List
		for o := range 20 {
			org := fmt.Sprintf("org-%d", o)
			l = append(l, registration.Choice{ID: org, Title: title + org})
			for p := range 49 {
				id := fmt.Sprintf("p-%d-%d", o, p)
				l = append(l, registration.Choice{ID: id, Title: title, Parent: org})
			}
		}
		declared, lists[r.Identifier] = append(declared, r), l
	}
	return declared, names, lists
}

// TestConsentPageIsSmall: however long lists and titles are, and in every language, the page stays below its bound, shows something
// of every list, and forgets nothing that is ticked.
func TestConsentPageIsSmall(t *testing.T) {
	layout, err := page.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	p, err := consentpage.New(layout)
	if err != nil {
		t.Fatal(err)
	}
	for apis, long := range map[int]int{1: registration.MaxDisplayText - 6, 3: 25} {
		declared, names, lists := wide(apis, 3, long)
		sheet := consent.Ask(declared, consent.Question{Scopes: names, Issuer: "https://login.example.com"})
		f := begun(sheet, lists)
		for i, g := range sheet.Groups {
			for k, c := range lists[g.Resource.Identifier].Leaves() {
				if k%apis == i && len(f.chosen[g.Resource.Identifier]) < 100/apis {
					f.chosen[g.Resource.Identifier] = append(f.chosen[g.Resource.Identifier], c.ID)
				}
			}
		}
		d := consentpage.Data{
			Token: strings.Repeat("T", 400), Action: "/consent?flow=0123456789abc", App: strings.Repeat("A", 100), Publisher: strings.Repeat("P", 100),
			Namespace: strings.Repeat("n", 60) + "/" + strings.Repeat("c", 60), Homepage: "https://acme.example/" + strings.Repeat("h", 200), PolicyURI: "https://acme.example/" + strings.Repeat("p", 200),
			Target: consentpage.Host, TargetName: "reports.acme.example", Switch: "/login/account?flow=0123456789abc",
		}
		for _, s := range sheet.Scopes {
			d.Asked = append(d.Asked, consentpage.Scope{Name: s.Name, Title: s.Declared.Title, API: s.Resource.Title})
		}
		groupsOn(&d, sheet, lists, f)
		for _, g := range d.Groups {
			if g.ShownCount == 0 || !g.Search || g.HiddenCount+strings.Count(g.Shown, "+") != 100/apis {
				t.Errorf("of %d APIs one shows %d, keeps %d, search %t", apis, g.ShownCount, g.HiddenCount, g.Search)
			}
		}
		for _, lang := range layout.Messages().Languages() {
			w := httptest.NewRecorder()
			shell := pagetest.Shell()
			shell.Language = lang
			if err := p.Render(w, 200, shell, d); err != nil {
				t.Fatal(err)
			}
			if n := w.Body.Len(); n > page.MaxSize {
				t.Errorf("%s, %d APIs: %d bytes, more than %d", lang, apis, n, page.MaxSize)
			}
		}
	}
}

func TestConsentForm(t *testing.T) {
	declared, names, _ := wide(1, 2, 10)
	declared[0].Scopes[1].Sensitive = true
	id := declared[0].Identifier
	lists := consent.Lists{id: {{ID: "acme", Title: "Acme"}, {ID: "p1", Title: "Shop", Parent: "acme"}, {ID: "p2", Title: "Blog", Parent: "acme"}}}
	sheet := consent.Ask(declared, consent.Question{Scopes: names})

	f := begun(sheet, lists)
	if !slices.Equal(f.answer.Scopes, names[:1]) || len(f.chosen[id]) != 0 {
		t.Errorf("to begin with: %+v", f)
	}
	one := consent.Lists{id: lists[id][:2]}
	if f := begun(sheet, one); !slices.Equal(f.chosen[id], []string{"p1"}) {
		t.Errorf("who has one thing to choose: %+v", f)
	}
	form := url.Values{
		"scope": {names[1], "admin"}, "choice": {consent.Key(id, "p2"), consent.Key(id, "p9")}, "shown": {"+" + consent.Key(id, "p1")},
		"q.api-0": {"blog"}, "q.api-1": {"x"},
	}
	want := consentForm{
		answer: consent.Answer{Scopes: []string{names[1], "admin"}, Picks: map[string]consent.Pick{id: {Chosen: []string{"p2"}, Without: []string{"p1"}}}},
		chosen: map[string][]string{id: {"p2"}}, queries: map[string]string{id: "blog"},
	}
	if diff := cmp.Diff(want, readConsent(form, sheet, lists), cmp.AllowUnexported(consentForm{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	form.Set("q.api-0", strings.Repeat("x", maxQuery+1))
	if got := readConsent(form, sheet, lists).queries[id]; got != "" {
		t.Errorf("a search that is too long: %q", got)
	}
}

func TestTogether(t *testing.T) {
	detail := func(id string) []byte {
		return consent.EncodeDetails([]consent.Detail{{Type: "project", Locations: []string{"https://api.example.com"}, Identifier: id}})
	}
	app := storage.App{Client: storage.ClientRef{ID: "acme", UID: "u"},
		Consent: &storage.Consent{Scopes: []string{"openid", "a"}, Audience: []string{"https://api.example.com"}, AuthorizationDetails: detail("p1")},
		Grants: []storage.Grant{
			{Scopes: []string{"a", "b"}, Audience: []string{"https://api.example.com"}, AuthorizationDetails: detail("p2")},
			{Scopes: []string{"openid"}, Audience: []string{"https://login.example.com"}},
		},
	}
	got := together(app)
	want := &storage.Consent{
		Client: app.Client, Scopes: []string{"openid", "a", "b"}, Audience: []string{"https://api.example.com", "https://login.example.com"},
		AuthorizationDetails: consent.EncodeDetails(append(consent.ParseDetails(detail("p1")), consent.ParseDetails(detail("p2"))...)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if app.Grants = nil; len(together(app).Scopes) != 2 || app.Consent.Scopes[1] != "a" {
		t.Error("what is in the database was changed")
	}
}
