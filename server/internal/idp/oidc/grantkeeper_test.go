package oidc_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/internal/registration/registrationtest"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/idptest"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/oidc"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/servertest"
	"github.com/grantkeeper/grantkeeper/test/forms"
)

// The relying party at the upstream, and its account there.
const (
	party       = "apps.party"
	partySecret = "gkcs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	callback    = "https://issuer.example/login/callback"
	password    = "correct horse"
	// passwordHash is that of password, as cheap as the format allows.
	passwordHash = "$argon2id$v=19$m=7168,t=1,p=1$tjlEZAH5cWy5C3sdGqkFqw$0k7dG4IYo5vBFr4WCULu7JZNKfcWhfkahP83THBTujo"
)

// company is the upstream: a Grantkeeper server, and the person's browser there.
type company struct {
	*servertest.Issuer
	t       *testing.T
	ada     registration.LocalAccount
	version int
	browser *forms.Browser
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{t: t, ada: registration.LocalAccount{
		Username: "ada", PasswordHash: passwordHash, Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff", "admins"},
		Profile: registration.Profile{GivenName: "Ada", FamilyName: "Lovelace", Locale: "en-GB"},
	}}
	scopes := []string{"openid", "profile", "email", "groups", "offline_access"}
	grants := []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}
	methods := []registration.AuthenticationMethod{registration.AuthenticationClientSecret}
	c.Issuer = servertest.Start(t, time.Now().UTC().Truncate(time.Second),
		&registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
			GrantTypes: grants, Scopes: scopes, Authentication: methods, RedirectHosts: []string{"issuer.example"},
		}},
		&registration.Client{
			Namespace: "apps", Name: "party", UID: "uid-party", Generation: 1, ClientID: party, Type: registration.TypeWeb, Policy: "all",
			Display: registration.Display{Name: "The other Grantkeeper"}, RedirectURIs: []string{callback}, GrantTypes: grants, Scopes: scopes,
			Consent: registration.ConsentAlways, Authentication: registration.Authentication{Methods: methods, Secrets: registrationtest.SecretHash(partySecret)},
			Tokens: registration.Tokens{AccessTokenTTL: registration.Duration(10 * time.Minute), RefreshTokenTTL: registration.Duration(720 * time.Hour),
				RefreshTokenIdle: registration.Duration(168 * time.Hour)},
		},
		c.accounts(),
	)
	c.browser = forms.New(t, c.URL)
	return c
}

// accounts declares the local accounts; each time it is another declaration.
func (c *company) accounts() *registration.IdentityProvider {
	c.version++
	account := c.ada
	account.Groups = slices.Clone(account.Groups)
	return &registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "local", DisplayName: "Company", Order: int32(c.version),
		Local: &registration.LocalProvider{Accounts: []registration.LocalAccount{account}}}
}

// change changes the account, and waits until that is served.
func (c *company) change(f func(*registration.LocalAccount)) {
	c.t.Helper()
	f(&c.ada)
	c.Put(c.accounts(), func(s *registry.Snapshot) bool {
		d, ok := s.IdentityProvider("local")
		return ok && d.Order == int32(c.version)
	})
}

// declared is how the relying party declares the upstream.
func (c *company) declared(scopes ...string) registration.IdentityProvider {
	if scopes == nil {
		scopes = []string{"openid", "profile", "email", "groups", "offline_access"}
	}
	return registration.IdentityProvider{Namespace: "oauth", Name: "company", UID: "uid-company", DisplayName: "Company",
		OIDC: &registration.OIDCProvider{Issuer: c.URL, ClientID: party, ClientSecret: partySecret, Scopes: scopes}}
}

func factory() idp.Factory { return oidc.Factory(oidc.Options{Loopback: func() bool { return true }}) }

// provider is a new relying party.
func (c *company) provider(scopes ...string) idp.Provider {
	c.t.Helper()
	d := c.declared(scopes...)
	p, ok := factory()(&d)
	if !ok {
		c.t.Fatal("the factory does not know an OpenID provider")
	}
	return p
}

// decide is the person at the upstream: they sign in if they are asked to, and approve or deny.
func (c *company) decide(t *testing.T, location, decision string) url.Values {
	t.Helper()
	b := c.browser
	b.Open(location)
	if b.AsksForPassword() {
		b.Submit("username", "ada", "password", password)
	}
	if b.AsksForConsent() {
		b.Submit("decision", decision)
	}
	if b.Left == nil || !strings.HasPrefix(b.Left.String(), callback+"?") {
		t.Fatalf("the browser is at %s, sent to %v: %d %s", b.At, b.Left, b.Page.Status, b.Page.Text())
	}
	return b.Left.Query()
}

func (c *company) approve(t *testing.T, location string) url.Values {
	t.Helper()
	return c.decide(t, location, "approve")
}

func (c *company) deny(t *testing.T, location string) url.Values {
	t.Helper()
	return c.decide(t, location, "deny")
}

func (c *company) down(*testing.T) (up func()) {
	c.Down()
	return c.Up
}

// signIn goes through all of it.
func (c *company) signIn(t *testing.T, p idp.Provider, change ...func(*idp.BeginRequest)) (idp.Identity, error) {
	t.Helper()
	r := idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now()}
	for _, f := range change {
		f(&r)
	}
	location, kept, err := p.Redirect.Begin(t.Context(), r)
	if err != nil {
		return idp.Identity{}, err
	}
	return p.Redirect.Finish(t.Context(), kept, c.approve(t, location), c.Now())
}

func (c *company) mustSignIn(t *testing.T, p idp.Provider) idp.Identity {
	t.Helper()
	i, err := c.signIn(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestGrantkeeper runs the suite against a real Grantkeeper server, with this one as the relying party.
func TestGrantkeeper(t *testing.T) {
	c := newCompany(t)
	p := c.provider()
	subject := c.mustSignIn(t, p).Subject
	if subject == "" || subject == "ada" {
		t.Fatalf("subject %q", subject)
	}
	t.Run("redirect", idptest.Redirect{
		Provider: p.Redirect, Now: c.Now(), SignIn: c.approve, Deny: c.deny, Down: c.down,
		Want: idp.Identity{
			Subject: subject, Username: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff", "admins"},
			Profile: c.ada.Profile, Methods: []string{"pwd"}, AuthenticatedAt: c.Now(),
		},
	}.Run)
	t.Run("refresh", idptest.Refresh{
		Provider: p.Refresh, Now: c.Now(), Down: c.down,
		SignIn: func(t *testing.T) idp.Identity { return c.mustSignIn(t, p) },
		RemoveGroup: func(_ *testing.T, group string) {
			c.change(func(a *registration.LocalAccount) {
				a.Groups = slices.DeleteFunc(slices.Clone(a.Groups), func(g string) bool { return g == group })
			})
		},
		Lock:   func(*testing.T) { c.change(func(a *registration.LocalAccount) { a.Disabled = true }) },
		Unlock: func(*testing.T) { c.change(func(a *registration.LocalAccount) { a.Disabled = false }) },
	}.Run)
	t.Run("rules", idptest.Rules{
		Factory: factory(), Declared: c.declared(), Now: c.Now(), Username: `claims.preferred_username`,
		SignIn: func(t *testing.T, p idp.Provider) (idp.Identity, error) { return c.signIn(t, p) },
	}.Run)
}

func TestGrantkeeperScopes(t *testing.T) {
	c := newCompany(t)
	t.Run("groups come with their scope alone", func(t *testing.T) {
		if i := c.mustSignIn(t, c.provider("openid", "profile")); len(i.Groups) != 0 || i.Email != "" || i.Username != "ada" || i.Kept != nil {
			t.Errorf("%+v", i)
		}
		if i := c.mustSignIn(t, c.provider("openid", "groups")); !slices.Equal(i.Groups, []string{"staff", "admins"}) || i.Name != "" || i.Username != i.Subject {
			t.Errorf("%+v", i)
		}
	})
	t.Run("a scope that the upstream does not give is no sign-in, and nobody's fault who signs in", func(t *testing.T) {
		p := c.provider("openid", "payroll")
		location, kept, err := p.Redirect.Begin(t.Context(), idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now()})
		if err != nil {
			t.Fatal(err)
		}
		back := c.approve(t, location)
		if _, err := p.Redirect.Finish(t.Context(), kept, back, c.Now()); back.Get("error") != "invalid_scope" || err == nil || errors.Is(err, idp.ErrDenied) {
			t.Errorf("%v, error %v", back, err)
		}
	})
}

// asked reports whether the person had to give their password.
func (c *company) asked(t *testing.T, p idp.Provider, change func(*idp.BeginRequest)) (idp.Identity, bool) {
	t.Helper()
	r := idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now()}
	change(&r)
	location, kept, err := p.Redirect.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	c.browser.Open(location)
	asked := c.browser.AsksForPassword()
	i, err := p.Redirect.Finish(t.Context(), kept, c.approve(t, c.browser.At), c.Now())
	if err != nil {
		t.Fatal(err)
	}
	return i, asked
}

func TestGrantkeeperFreshness(t *testing.T) {
	c := newCompany(t)
	p := c.provider()
	first := c.Now()
	c.mustSignIn(t, p)
	c.Pass(10 * time.Minute)
	age := func(d time.Duration) func(*idp.BeginRequest) { return func(r *idp.BeginRequest) { r.MaxAge = &d } }
	for _, step := range []struct {
		name  string
		want  func(*idp.BeginRequest)
		asked bool
	}{
		{"A16 whoever is signed in there is not asked without need, and says since when", func(*idp.BeginRequest) {}, false},
		{"A16 a sign-in within max_age goes", age(11 * time.Minute), false},
		{"A16 one that is older is asked for again", age(9 * time.Minute), true},
		{"A16 with prompt=login whoever is signed in is asked", func(r *idp.BeginRequest) { r.Fresh = true }, true},
	} {
		t.Run(step.name, func(t *testing.T) {
			i, asked := c.asked(t, p, step.want)
			if asked != step.asked {
				t.Errorf("asked for the password: %v", asked)
			}
			at := first
			if step.asked {
				at = c.Now()
			}
			if !i.AuthenticatedAt.Equal(at) {
				t.Errorf("auth_time %v, want %v", i.AuthenticatedAt, at)
			}
			if step.asked {
				c.Pass(10 * time.Minute)
				first = at
			}
		})
	}
	t.Run("A16 max_age=0 is prompt=login", func(t *testing.T) {
		if i, asked := c.asked(t, p, age(0)); !asked || !i.AuthenticatedAt.Equal(c.Now()) {
			t.Errorf("asked %v, %v", asked, i.AuthenticatedAt)
		}
	})
	t.Run("a login_hint fills in the username", func(t *testing.T) {
		c.Pass(time.Second)
		location, _, err := p.Redirect.Begin(t.Context(), idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now(), Fresh: true, LoginHint: "grace"})
		if err != nil {
			t.Fatal(err)
		}
		c.browser.Open(location)
		if _, fields := c.browser.Form(); fields.Get("username") != "grace" {
			t.Errorf("%v", fields)
		}
	})
}

func TestGrantkeeperChangesWhilePeopleSignIn(t *testing.T) {
	c := newCompany(t)
	p := c.provider()
	before := c.mustSignIn(t, p)
	refresh := func(t *testing.T, i idp.Identity) (idp.Identity, error) {
		t.Helper()
		return p.Refresh.Refresh(t.Context(), i.Subject, i.Kept, c.Now())
	}
	t.Run("new keys between two sign-ins, and none of the old ones left", func(t *testing.T) {
		keys := registrationtest.Keys(t, "-2", c.Now())
		c.Put(keys, func(s *registry.Snapshot) bool { return s.Keys().Signing[0].ID == keys.Signing[0].ID })
		c.browser = forms.New(c.t, c.URL) // what was sealed with the old ones is worth nothing
		if i := c.mustSignIn(t, p); i.Subject != before.Subject {
			t.Errorf("%+v", i)
		}
	})
	t.Run("new keys while somebody is at the upstream", func(t *testing.T) {
		location, kept, err := p.Redirect.Begin(t.Context(), idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now()})
		if err != nil {
			t.Fatal(err)
		}
		back := c.approve(t, location)
		current := registrationtest.Keys(t, "-3", c.Now())
		c.Put(current, func(s *registry.Snapshot) bool { return s.Keys().Signing[0].ID == current.Signing[0].ID })
		if i, err := p.Redirect.Finish(t.Context(), kept, back, c.Now()); err != nil || i.Subject != before.Subject {
			t.Errorf("%+v, error %v", i, err)
		}
		c.browser = forms.New(c.t, c.URL)
	})
	t.Run("the upstream is restarted while somebody is there, and between sign-in and refresh", func(t *testing.T) {
		location, kept, err := p.Redirect.Begin(t.Context(), idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now()})
		if err != nil {
			t.Fatal(err)
		}
		c.browser.Open(location)
		c.Down()
		c.Up()
		c.browser.Submit("username", "ada", "password", password)
		c.browser.Submit("decision", "approve")
		if c.browser.Left == nil {
			t.Fatalf("%d %s", c.browser.Page.Status, c.browser.Page.Text())
		}
		i, err := p.Redirect.Finish(t.Context(), kept, c.browser.Left.Query(), c.Now())
		if err != nil || i.Subject != before.Subject {
			t.Fatalf("%+v, error %v", i, err)
		}
		c.Down()
		c.Up()
		if got, err := refresh(t, i); err != nil || !slices.Equal(got.Groups, i.Groups) {
			t.Errorf("%+v, error %v", got, err)
		}
	})
	t.Run("D11 a refresh an hour later says what is true then", func(t *testing.T) {
		i := c.mustSignIn(t, p)
		c.Pass(time.Hour)
		c.change(func(a *registration.LocalAccount) { a.Name, a.Email = "Ada King", "countess@example.com" })
		got, err := refresh(t, i)
		if err != nil || got.Name != "Ada King" || got.Email != "countess@example.com" || got.Subject != i.Subject {
			t.Errorf("%+v, error %v", got, err)
		}
	})
	t.Run("D11 an account that is gone for good is refused", func(t *testing.T) {
		i := c.mustSignIn(t, p)
		c.change(func(a *registration.LocalAccount) { a.Username = "grace" })
		if _, err := refresh(t, i); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("error %v", err)
		}
		c.change(func(a *registration.LocalAccount) { a.Username = "ada" })
	})
	t.Run("fault 28 an upstream that was never there, and comes", func(t *testing.T) {
		late := c.provider()
		c.Down()
		if _, err := c.signIn(t, late); err == nil || errors.Is(err, idp.ErrDenied) || errors.Is(err, idp.ErrCallback) {
			t.Errorf("error %v", err)
		}
		c.Up()
		c.mustSignIn(t, late)
	})
	t.Run("fault 28 keys are not asked for again while they are known", func(t *testing.T) {
		location, _, err := p.Redirect.Begin(t.Context(), idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now()})
		if err != nil {
			t.Fatal(err)
		}
		c.Down()
		if _, _, err := p.Redirect.Begin(t.Context(), idp.BeginRequest{CallbackURL: callback, State: "state", Now: c.Now()}); err != nil {
			t.Errorf("the metadata was forgotten: %v", err)
		}
		c.Up()
		c.approve(t, location)
	})
}
