package server

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// chain is two servers: people sign in to the nearer one with their accounts at the farther one, and to apps with the nearer one.
type chain struct {
	near, far *world
	account   registration.LocalAccount
	version   int32
}

func newChain(t *testing.T) *chain {
	t.Helper()
	c := &chain{near: newWorld(t), far: newWorld(t), account: registration.LocalAccount{
		Username: "ada", PasswordHash: passwordHash, Name: "Ada", Email: "ada@example.com", EmailVerified: true, Groups: []string{"admins", "staff"},
	}}
	party := redirected(client("party", registration.TypeWeb, []string{"authorization_code", "refresh_token"},
		[]string{"openid", "profile", "email", "groups", "offline_access"}, registration.AuthenticationClientSecret), c.near.url+"/login/callback/company")
	party.Consent = registration.ConsentAlways // so that there is something to deny
	c.far.put(party, func(s *registry.Snapshot) bool { _, ok := s.Client(party.ClientID); return ok })
	c.change(func(*registration.LocalAccount) {})
	c.near.remove(&registration.IdentityProvider{Namespace: "oauth", Name: "local"})
	c.declare("uid-company")
	return c
}

// declare declares the farther server as the nearer one's only provider.
func (c *chain) declare(uid string) {
	c.near.t.Helper()
	c.near.put(&registration.IdentityProvider{Namespace: "oauth", Name: "company", UID: uid, DisplayName: "Company", OIDC: &registration.OIDCProvider{
		Issuer: c.far.url, ClientID: "apps.party", ClientSecret: secret, Scopes: []string{"openid", "profile", "email", "groups", "offline_access"},
	}}, func(s *registry.Snapshot) bool {
		return len(s.IdentityProviders()) == 1 && s.IdentityProviders()[0].UID == uid
	})
}

// change changes the account at the farther server, and waits until that is served.
func (c *chain) change(f func(*registration.LocalAccount)) {
	c.far.t.Helper()
	f(&c.account)
	c.version++
	account := c.account
	c.far.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Order: c.version,
		Local: &registration.LocalProvider{Accounts: []registration.LocalAccount{account}}},
		func(s *registry.Snapshot) bool {
			d, ok := s.IdentityProvider("idp")
			return ok && d.Order == c.version
		})
}

// pass moves the clocks of both.
func (c *chain) pass(d time.Duration) {
	c.near.pass(d)
	c.far.pass(d)
}

// farAway stops the farther server, and returns how to start it again.
func (c *chain) farAway() (back func()) {
	c.far.stop()
	return func() {
		c.far.restart(filepath.Join(filepath.Dir(c.far.folder), "data.db"), strings.TrimPrefix(c.far.url, "http://"))
	}
}

// tab is a browser that goes back and forth between the two by itself.
func (c *chain) tab(t *testing.T) *tab {
	t.Helper()
	return c.near.tab(t, c.far)
}

// tokens redeems what the browser brought the app.
func (c *chain) tokens(t *testing.T, b *tab) answer {
	t.Helper()
	a := c.near.redeem(webID, b.answered(webCallback).Get("code"))
	want(t, a, http.StatusOK, "")
	return a
}

// authenticated is the auth_time of an ID token.
func authenticated(t *testing.T, a answer) time.Time {
	t.Helper()
	at, _ := claims(t, a.text("id_token"))["auth_time"].(float64)
	return time.Unix(int64(at), 0)
}

// recent allows for the seconds that a test takes, and those that auth_time leaves out.
func recent(at, when time.Time) bool { return at.Sub(when).Abs() < 30*time.Second }

func TestSignInThroughAnotherServer(t *testing.T) {
	c := newChain(t)
	b := c.tab(t)
	scopes := []string{"scope", "openid profile email groups"}
	ask := func(pairs ...string) { t.Helper(); b.open(authorization(append(scopes, pairs...)...)) }

	ask()
	if !strings.HasPrefix(b.at, c.far.url+"/login?") {
		t.Fatalf("the only provider is not gone to: at %s: %d %s", b.at, b.page.status, b.page.body)
	}
	b.through()
	first := c.tokens(t, b)
	got := claims(t, first.text("id_token"))
	groups, _ := got["groups"].([]any)
	if got["iss"] != c.near.url || got["email"] != "ada@example.com" || got["preferred_username"] != "ada" || !slices.Equal(groups, []any{"admins", "staff"}) {
		t.Errorf("%v", got)
	}
	if got["sub"] == c.near.user.ID || got["sub"] == c.far.user.ID || got["sub"] == "" {
		t.Errorf("A36 sub %v is that of another account", got["sub"])
	}
	began := authenticated(t, first)

	t.Run("A16 who is signed in at the nearer one goes through, with the auth_time of the farther one", func(t *testing.T) {
		c.pass(10 * time.Minute)
		ask()
		if b.through(); !authenticated(t, c.tokens(t, b)).Equal(began) {
			t.Error("another auth_time")
		}
		ask("max_age", "3600")
		if b.through(); !authenticated(t, c.tokens(t, b)).Equal(began) {
			t.Error("max_age=3600: another auth_time")
		}
	})
	t.Run("A16 a sign-in at the farther one that is recent enough is not asked for again", func(t *testing.T) {
		b.visit(c.far.url + "/v1/logout") // sign in anew there, and there alone
		b.submit()
		b.visit(c.far.url + "/account")
		b.signIn()
		newer := c.far.now()
		c.pass(time.Minute)
		ask("max_age", "300")
		if b.browser.AsksForPassword() {
			t.Fatal("asked for the password")
		}
		b.through()
		if at := authenticated(t, c.tokens(t, b)); !recent(at, newer) {
			t.Errorf("auth_time %v, want %v", at, newer)
		}
	})
	t.Run("A16 max_age that has passed at both asks for the password at the farther one", func(t *testing.T) {
		c.pass(10 * time.Minute)
		ask("max_age", "300")
		if !b.browser.AsksForPassword() || !strings.HasPrefix(b.at, c.far.url) {
			t.Fatalf("at %s: %s", b.at, b.page.body)
		}
		b.through()
		if at := authenticated(t, c.tokens(t, b)); !recent(at, c.near.now()) {
			t.Errorf("auth_time %v", at)
		}
	})
	for name, pair := range map[string][2]string{"prompt=login": {"prompt", "login"}, "max_age=0": {"max_age", "0"}} {
		t.Run("A16 "+name+" asks for the password at the farther one", func(t *testing.T) {
			c.pass(time.Minute)
			ask(pair[0], pair[1])
			if !b.browser.AsksForPassword() || !strings.HasPrefix(b.at, c.far.url) {
				t.Fatalf("at %s: %s", b.at, b.page.body)
			}
			b.through()
			a := c.tokens(t, b)
			if at := authenticated(t, a); !recent(at, c.near.now()) {
				t.Errorf("auth_time %v", at)
			}
			if claims(t, a.text("id_token"))["sub"] != got["sub"] {
				t.Error("another account")
			}
		})
	}
	t.Run("prompt=none does not leave the nearer one", func(t *testing.T) {
		ask("prompt", "none")
		c.tokens(t, b)
		stranger := c.tab(t)
		stranger.open(authorization("prompt", "none"))
		if q := stranger.answered(webCallback); q.Get("error") != "login_required" {
			t.Errorf("%v", q)
		}
	})
	t.Run("who denies there is told so here, and can try again", func(t *testing.T) {
		b := c.tab(t)
		b.open(authorization())
		b.signIn()
		b.submit("decision", "deny")
		if b.left != nil || !strings.HasPrefix(b.at, c.near.url+"/login?") || b.page.status != 400 || !strings.Contains(b.page.body, "You did not sign in at") {
			t.Fatalf("at %s, sent to %v: %d %s", b.at, b.left, b.page.status, b.page.body)
		}
		b.click("/login/with/company")
		b.through()
		c.tokens(t, b)
	})
	t.Run("fault 28 while the farther one is away nobody new gets in, and who is in stays", func(t *testing.T) {
		back := c.farAway()
		ask()
		b.through()
		c.tokens(t, b)
		stranger := c.near.tab(t)
		stranger.open(authorization()) // the metadata is known: the browser finds nobody there
		if stranger.left == nil || !strings.HasPrefix(stranger.left.String(), c.far.url) {
			t.Errorf("at %s: %d", stranger.at, stranger.page.status)
		}
		back()
		stranger = c.tab(t)
		stranger.open(authorization())
		stranger.through()
		c.tokens(t, stranger)
	})
}

func TestCallbackFromAnotherServer(t *testing.T) {
	c := newChain(t)
	// away leaves for the farther server and signs in there, in a browser of its own; callback is what that one sends back.
	away := func(t *testing.T) (b *tab, callback string) {
		t.Helper()
		b = c.near.tab(t)
		b.open(authorization())
		there := c.far.tab(t)
		there.visit(b.left.String())
		there.through()
		if there.left == nil || !strings.HasPrefix(there.left.String(), c.near.url+"/login/callback/company?") {
			t.Fatalf("at %s, sent to %v", there.at, there.left)
		}
		return b, there.left.String()
	}
	refused := func(t *testing.T, b *tab) {
		t.Helper()
		if b.left != nil || b.page.status != 400 || strings.Contains(b.page.body, `value="approve"`) {
			t.Errorf("at %s, sent to %v: %d %s", b.at, b.left, b.page.status, b.page.body)
		}
	}
	set := func(address, name string, values ...string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q[name] = values
		u.RawQuery = q.Encode()
		return u.String()
	}
	t.Run("A31 in another browser, and then in the right one", func(t *testing.T) {
		b, callback := away(t)
		other := c.near.tab(t)
		other.visit(callback)
		refused(t, other)
		b.visit(callback)
		b.through()
		c.tokens(t, b)
		t.Run("A31 the same answer twice", func(t *testing.T) {
			b.visit(callback)
			refused(t, b)
		})
	})
	t.Run("A31 the state of another sign-in of the same browser", func(t *testing.T) {
		b, one := away(t)
		b.open(authorization())
		there := c.far.tab(t)
		there.visit(b.left.String())
		there.through()
		parse := func(s string) url.Values {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			return u.Query()
		}
		b.visit(set(one, "code", parse(there.left.String()).Get("code")))
		refused(t, b)
	})
	t.Run("A31 the state twice", func(t *testing.T) {
		b, callback := away(t)
		u, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		state := u.Query().Get("state")
		b.visit(set(callback, "state", state, state))
		refused(t, b)
	})
	t.Run("A31 another issuer, or none", func(t *testing.T) {
		for _, iss := range [][]string{{"https://evil.example"}, {c.near.url}, nil, {c.far.url, c.far.url}} {
			b, callback := away(t)
			b.visit(set(callback, "iss", iss...))
			refused(t, b)
		}
	})
	t.Run("A31 a minute before the time is over, and after", func(t *testing.T) {
		b := c.near.tab(t)
		b.open(authorization())
		c.pass(14 * time.Minute)
		there := c.far.tab(t)
		there.visit(b.left.String())
		there.through()
		b.visit(there.left.String())
		b.through()
		c.tokens(t, b)

		b, callback := away(t)
		c.near.pass(15*time.Minute + time.Second)
		c.far.pass(15*time.Minute + time.Second)
		b.visit(callback)
		refused(t, b)
	})
	t.Run("A31 a provider that was declared anew meanwhile", func(t *testing.T) {
		b, callback := away(t)
		c.declare("uid-company-2")
		b.visit(callback)
		refused(t, b)
		c.declare("uid-company")
	})
	t.Run("A31 a code is worth nothing to the app it was not made for", func(t *testing.T) {
		_, callback := away(t)
		u, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		want(t, c.near.redeem(webID, u.Query().Get("code")), 400, "invalid_grant")
		want(t, c.far.redeem(webID, u.Query().Get("code")), 400, "invalid_grant")
	})
}

func TestRefreshThroughAnotherServer(t *testing.T) {
	c := newChain(t)
	b := c.tab(t)
	b.open(authorization("scope", "openid groups offline_access"))
	b.through()
	token := c.tokens(t, b).text("refresh_token")
	refresh := func() answer {
		return c.near.post("/v1/token", []string{"grant_type", "refresh_token", "refresh_token", token}, withBasic(webID, secret))
	}
	groups := func(t *testing.T) []any {
		t.Helper()
		a := refresh()
		want(t, a, 200, "")
		if next := a.text("refresh_token"); next != "" {
			token = next
		}
		list, _ := claims(t, a.text("id_token"))["groups"].([]any)
		return list
	}
	lock := func(locked bool) { c.change(func(a *registration.LocalAccount) { a.Disabled = locked }) }

	t.Run("D11 what the farther one said a moment ago is believed, and then it is asked", func(t *testing.T) {
		lock(true)
		if got := groups(t); len(got) != 2 {
			t.Errorf("%v", got)
		}
		c.pass(grant.UpstreamFresh)
		want(t, refresh(), 400, "invalid_grant")
		want(t, refresh(), 400, "invalid_grant")
		lock(false)
		if got := groups(t); len(got) != 2 {
			t.Errorf("unlocked: %v", got)
		}
	})
	t.Run("D11 a group that is taken away there is gone here with the next refresh", func(t *testing.T) {
		c.change(func(a *registration.LocalAccount) { a.Groups = []string{"staff"} })
		c.pass(grant.UpstreamFresh)
		if got := groups(t); !slices.Equal(got, []any{"staff"}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("fault 28 while the farther one is away it goes on for an hour, and then nothing is consumed", func(t *testing.T) {
		back := c.farAway()
		c.pass(grant.UpstreamGrace - time.Minute)
		if got := groups(t); !slices.Equal(got, []any{"staff"}) {
			t.Errorf("%v", got)
		}
		c.pass(time.Minute)
		a := refresh()
		want(t, a, 503, "temporarily_unavailable")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		back()
		c.pass(time.Minute)
		groups(t)
	})
	t.Run("D11 fault 28 an account that is locked while the farther one is away is refused once it is back", func(t *testing.T) {
		back := c.farAway()
		c.pass(grant.UpstreamFresh)
		groups(t)
		back()
		lock(true)
		c.pass(time.Minute)
		want(t, refresh(), 400, "invalid_grant")
		lock(false)
		groups(t)
	})
	t.Run("D11 new keys there are none of the app's business", func(t *testing.T) {
		fresh := keys(t)
		for i := range fresh.Signing {
			fresh.Signing[i].ID += "-2"
		}
		c.far.put(fresh, func(s *registry.Snapshot) bool { return s.Keys().Signing[0].ID == fresh.Signing[0].ID })
		c.pass(grant.UpstreamFresh)
		groups(t)
	})
	t.Run("D11 who takes the access back there is refused here", func(t *testing.T) {
		there := c.far.tab(t)
		there.open("/account/revoke?app=uid-party")
		there.signIn()
		there.submit()
		c.pass(grant.UpstreamFresh)
		want(t, refresh(), 400, "invalid_grant")
	})
}
