package github

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/idptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func always() bool { return true }

func declared(u *upstream, organizations ...string) *registration.GitHubProvider {
	return &registration.GitHubProvider{URL: u.srv.URL, APIURL: u.srv.URL + "/api/v3", ClientID: clientID, ClientSecret: clientSecret, Organizations: organizations}
}

func provider(t *testing.T, d *registration.GitHubProvider) *Provider {
	t.Helper()
	p, ok := Factory(Options{Loopback: always})(&registration.IdentityProvider{Name: "github", UID: "uid", GitHub: d})
	if !ok {
		t.Fatal("the factory does not know a GitHub")
	}
	made := p.Redirect.(*Provider)
	t.Cleanup(made.client.Close)
	return made
}

func want() idp.Identity {
	return idp.Identity{
		Subject: "583231", Username: "Ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true,
		Groups: []string{"acme", "Other", "acme/dev", "Other/all"},
		Profile: registration.Profile{Nickname: "Ada", Profile: "https://github.com/Ada", Picture: "https://avatars.githubusercontent.com/u/583231",
			Website: "https://ada.example"},
	}
}

func signIn(t *testing.T, u *upstream, p idp.Redirector) (idp.Identity, error) {
	t.Helper()
	location, kept, err := p.Begin(t.Context(), idp.BeginRequest{CallbackURL: "https://issuer.example/cb", State: "s", Now: start()})
	if err != nil {
		return idp.Identity{}, err
	}
	return p.Finish(t.Context(), kept, u.authorize(t, location, true), start())
}

func (u *upstream) takeDown(*testing.T) (up func()) {
	set := func(down bool) { u.mu.Lock(); defer u.mu.Unlock(); u.down = down }
	set(true)
	return func() { set(false) }
}

func TestSuite(t *testing.T) {
	u := newUpstream(t)
	p := provider(t, declared(u))
	t.Run("redirect", idptest.Redirect{
		Provider: p, Now: start(), Want: want(), Down: u.takeDown,
		SignIn: func(t *testing.T, location string) url.Values { return u.authorize(t, location, true) },
		Deny:   func(t *testing.T, location string) url.Values { return u.authorize(t, location, false) },
	}.Run)
	for name, now := range map[string]time.Time{"refresh": start(), "refresh of tokens that end": start().Add(9 * time.Hour)} {
		u.expires = now != start()
		u.orgs, u.teams = []string{"acme", "Other"}, []string{"acme/dev", "Other/all"}
		t.Run(name, idptest.Refresh{
			Provider: p, Now: now, Down: u.takeDown,
			SignIn: func(t *testing.T) idp.Identity {
				i, err := signIn(t, u, p)
				if err != nil {
					t.Fatal(err)
				}
				return i
			},
			RemoveGroup: func(_ *testing.T, g string) {
				gone := func(s string) bool { return s == g || strings.HasPrefix(s, g+"/") }
				u.orgs, u.teams = slices.DeleteFunc(u.orgs, gone), slices.DeleteFunc(u.teams, gone)
			},
			Lock: func(*testing.T) { u.locked = true }, Unlock: func(*testing.T) { u.locked = false },
		}.Run)
	}
	u.expires = false
	t.Run("rules", idptest.Rules{
		Factory: Factory(Options{Loopback: always}), Declared: registration.IdentityProvider{Name: "github", UID: "uid", GitHub: declared(u)}, Now: start(),
		Username: `claims.login`,
		SignIn:   func(t *testing.T, p idp.Provider) (idp.Identity, error) { return signIn(t, u, p.Redirect) },
	}.Run)
}

func TestAnotherKind(t *testing.T) {
	if _, ok := Factory(Options{})(&registration.IdentityProvider{Name: "corp"}); ok {
		t.Error("took a declaration of another kind")
	}
}

func TestEmail(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		emails []m
		want   string
	}{
		"the primary one, verified":          {[]m{{"email": "a@x.example", "verified": true}, {"email": "b@x.example", "primary": true, "verified": true}}, "b@x.example"},
		"A36 the primary one, not verified":  {[]m{{"email": "a@x.example", "verified": true}, {"email": "b@x.example", "primary": true}}, ""},
		"none":                               {nil, ""},
		"the primary one on the second page": {append(make([]m, 100), m{"email": "b@x.example", "primary": true, "verified": true}), "b@x.example"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			u.emails = c.emails
			got, err := signIn(t, u, provider(t, declared(u)))
			if err != nil || got.Email != c.want || got.EmailVerified != (c.want != "") {
				t.Errorf("%q, %v, error %v", got.Email, got.EmailVerified, err)
			}
		})
	}
}

func TestOrganizations(t *testing.T) {
	many := make([]string, 250)
	for i := range many {
		many[i] = fmt.Sprint("org-", i)
	}
	for name, c := range map[string]struct {
		limit, orgs, teams, want []string
		refused                  bool
	}{
		"a member":                            {limit: []string{"ACME"}, orgs: []string{"acme", "x"}, teams: []string{"acme/dev", "x/y"}, want: []string{"acme", "acme/dev"}},
		"a member of none":                    {limit: []string{"acme"}, orgs: []string{"x"}, refused: true},
		"a member of nothing":                 {limit: []string{"acme"}, refused: true},
		"of an organization named like it":    {limit: []string{"acme"}, orgs: []string{"acme2", "xacme"}, refused: true},
		"a team of an organization not one's": {orgs: []string{"x"}, teams: []string{"acme/dev"}, want: []string{"x"}},
		"a member on the third page":          {limit: []string{"org-249"}, orgs: many, want: []string{"org-249"}},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			u.orgs, u.teams = c.orgs, c.teams
			got, err := signIn(t, u, provider(t, declared(u, c.limit...)))
			if c.refused != errors.Is(err, idp.ErrNotAllowed) || !c.refused && err != nil || !slices.Equal(got.Groups, c.want) {
				t.Errorf("%q, error %v", got.Groups, err)
			}
		})
	}
	t.Run("D11 who leaves the organization is refused", func(t *testing.T) {
		u := newUpstream(t)
		p := provider(t, declared(u, "acme"))
		i, err := signIn(t, u, p)
		if err != nil {
			t.Fatal(err)
		}
		u.orgs = []string{"Other"}
		if _, err := p.Refresh(t.Context(), i.Subject, i.Kept, start()); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTroubles(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*upstream, *registration.GitHubProvider)
		signIn  error // nil: out of reach, or declared wrongly
		refresh error
	}{
		"the rate limit":        {func(u *upstream, _ *registration.GitHubProvider) { u.limited = true }, nil, nil},
		"a list without an end": {func(u *upstream, _ *registration.GitHubProvider) { u.endless = true }, nil, nil},
		"a suspended account":   {func(u *upstream, _ *registration.GitHubProvider) { u.suspended = true }, idp.ErrNotAllowed, idp.ErrRefused},
		"a wrong client secret": {func(_ *upstream, d *registration.GitHubProvider) { d.ClientSecret = "x" }, nil, errNone},
		"a wrong API address":   {func(_ *upstream, d *registration.GitHubProvider) { d.APIURL += "/v4" }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			d := declared(u)
			p := provider(t, d)
			i, err := signIn(t, u, p)
			if err != nil {
				t.Fatal(err)
			}
			c.change(u, d)
			_, atSignIn := signIn(t, u, p)
			_, atRefresh := p.Refresh(t.Context(), i.Subject, i.Kept, start())
			for _, e := range []struct{ got, want error }{{atSignIn, c.signIn}, {atRefresh, c.refresh}} {
				switch {
				case errors.Is(e.want, errNone):
					if e.got != nil {
						t.Errorf("error %v", e.got)
					}
				case e.got == nil, e.want != nil && !errors.Is(e.got, e.want):
					t.Errorf("error %v", e.got)
				case e.want == nil && (errors.Is(e.got, idp.ErrCallback) || errors.Is(e.got, idp.ErrRefused) || errors.Is(e.got, idp.ErrNotAllowed)):
					t.Errorf("the user is blamed: %v", e.got)
				case strings.Contains(e.got.Error(), "secret-of-the-upstream"):
					t.Errorf("what the upstream says is shown: %v", e.got)
				}
			}
		})
	}
	t.Run("the account of another token is refused", func(t *testing.T) {
		u := newUpstream(t)
		p := provider(t, declared(u))
		i, err := signIn(t, u, p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Refresh(t.Context(), "1", i.Kept, start()); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("nothing kept is nothing known", func(t *testing.T) {
		u := newUpstream(t)
		for _, kept := range []string{"", "{}", "x"} {
			if _, err := provider(t, declared(u)).Refresh(t.Context(), "1", []byte(kept), start()); !errors.Is(err, idp.ErrUnknown) {
				t.Errorf("%q: error %v", kept, err)
			}
		}
	})
	t.Run("K14 a GitHub on loopback in production", func(t *testing.T) {
		u := newUpstream(t)
		p, _ := Factory(Options{})(&registration.IdentityProvider{GitHub: declared(u)})
		if _, err := signIn(t, u, p.Redirect); err == nil || len(u.asked) > 0 {
			t.Errorf("error %v, asked %v", err, u.asked)
		}
	})
}

var errNone = errors.New("no error")

func TestBegin(t *testing.T) {
	u := newUpstream(t)
	location, kept, err := provider(t, declared(u)).Begin(t.Context(), idp.BeginRequest{CallbackURL: "https://issuer.example/cb", State: "s", Fresh: true, LoginHint: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(location)
	if q := at.Query(); q.Get("prompt") != "select_account" || q.Get("login") != "Ada" || kept.NotBefore != 0 {
		t.Errorf("%s, %+v", location, kept)
	}
}
