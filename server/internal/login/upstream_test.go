package login

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// onlyElsewhere has the OpenID provider alone.
func onlyElsewhere(t *testing.T) (*fixture, *elsewhere) {
	t.Helper()
	f := newAppFixture(t, fixtureOptions{plain: true}) // a server on loopback may ask providers there
	e := newElsewhere(t, f.clock)
	f.declare(e.declaration())
	f.registry.Apply([]registry.Change{{Key: "idp"}}, "x")
	f.wait(func(s *registry.Snapshot) bool { return len(s.IdentityProviders()) == 1 })
	return f, e
}

func TestUpstream(t *testing.T) {
	f, e := onlyElsewhere(t)
	t.Run("the only provider is gone to at once, and back to the app", func(t *testing.T) {
		f.in(t)
		p := f.person()
		before := f.rows()
		a := p.get(asks("login_hint", "ada@example.com")).want(303)
		to := a.left()
		if q := to.Query(); q.Get("login_hint") != "ada@example.com" || q.Get("redirect_uri") != f.issuer+"/login/callback/corp" || q.Get("prompt") != "" {
			t.Errorf("%s", to)
		}
		if after := f.rows(); after["users"] != before["users"] || after["counters"] != before["counters"] {
			t.Errorf("A37 %v, %v", before, after)
		}
		e.set(func(e *elsewhere) { e.claims["auth_time"] = f.clock().Add(-time.Hour).Unix() })
		_, g := f.redeemCode(p.allow(p.back(e.signIn(to)).want(200, "Reports")).told())
		if !g.AuthenticatedAt.Equal(f.clock().Add(-time.Hour)) {
			t.Errorf("auth_time %v", g.AuthenticatedAt)
		}
		u, err := f.storage.Storage.User(t.Context(), g.UserID)
		if err != nil || u.Provider != corpUID || u.Subject != "248289761001" || u.Email != "ada@example.com" || !u.CheckedAt.Equal(f.clock()) {
			t.Errorf("A36 %+v %v", u, err)
		}
		if len(u.Kept) == 0 || strings.Contains(string(u.Kept), "refresh token") {
			t.Errorf("what the provider wants kept: %q", u.Kept)
		}
		if f.user("ada").ID == u.ID {
			t.Error("A36 linked by e-mail")
		}
		if !strings.Contains(f.logs.String(), `"msg":"signin.succeeded","user":"`+u.ID+`","address":"203.0.113.9","provider":"corp"`) {
			t.Errorf("audit: %s", f.logs)
		}

		t.Run("A16 what has to be fresh is asked to be, and is when it comes back", func(t *testing.T) {
			f.in(t)
			f.advance(time.Minute)
			to := p.get(asks("prompt", "login")).left()
			if to.Query().Get("prompt") != "login" && to.Query().Get("max_age") != "0" {
				t.Errorf("%s", to)
			}
			e.set(func(e *elsewhere) { e.claims["auth_time"] = f.clock().Unix() })
			f.advance(10 * time.Second)
			_, g := f.redeemCode(p.back(e.signIn(to)).told())
			if !g.AuthenticatedAt.Equal(f.clock()) {
				t.Errorf("auth_time %v", g.AuthenticatedAt)
			}
			f.advance(time.Minute)
			to = p.get(asks("max_age", "30")).left()
			if to.Query().Get("max_age") == "" {
				t.Errorf("%s", to)
			}
			e.set(func(e *elsewhere) { e.claims["auth_time"] = f.clock().Add(-time.Hour).Unix() })
			p.back(e.signIn(to)).stays().want(400, "Sign in", "Example Corp")
		})
	})

	t.Run("D11 what the provider wants kept stays when a later sign-in brings nothing, unless it was refused", func(t *testing.T) {
		f.in(t)
		signIn := func() storage.User {
			t.Helper()
			p := f.person()
			p.back(e.signIn(p.get(asks()).left())).want(200, "Reports")
			u, err := f.storage.SignedIn(t.Context(), storage.User{Provider: corpUID, Subject: "248289761001", CheckedAt: f.clock(), UpdatedAt: f.clock()})
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		before := signIn()
		e.set(func(e *elsewhere) { e.silent = true })
		after := signIn()
		if len(before.Kept) == 0 || !bytes.Equal(after.Kept, before.Kept) {
			t.Errorf("kept %q after %q", after.Kept, before.Kept)
		}
		after.Kept = idp.Refused(after.Kept)
		if err := f.storage.CheckedUser(t.Context(), after); err != nil {
			t.Fatal(err)
		}
		if u := signIn(); u.Kept != nil {
			t.Errorf("what was refused is kept: %q", u.Kept)
		}
		e.set(func(e *elsewhere) { e.silent = false })
		if u := signIn(); len(u.Kept) == 0 || idp.WasRefused(u.Kept) {
			t.Errorf("kept %q", u.Kept)
		}
	})

	t.Run("A16 a sign-in of which the provider does not say when it was proves nothing later", func(t *testing.T) {
		f.in(t)
		e.set(func(e *elsewhere) { delete(e.claims, "auth_time") })
		p := f.person()
		_, g := f.redeemCode(p.back(e.signIn(p.get(asks()).left())).told())
		if !g.AuthenticatedAt.Equal(f.clock()) {
			t.Errorf("auth_time %v, want when the session began", g.AuthenticatedAt)
		}
		f.advance(time.Minute)
		if _, again := f.redeemCode(p.get(asks()).told()); !again.AuthenticatedAt.Equal(g.AuthenticatedAt) {
			t.Errorf("auth_time %v, want %v", again.AuthenticatedAt, g.AuthenticatedAt)
		}
		if got := p.asked("prompt", "none", "max_age", "3600").told().Get("error"); got != "login_required" {
			t.Errorf("%q", got)
		}
		to := p.get(asks("max_age", "3600")).left()
		if to.Query().Get("max_age") == "" {
			t.Fatalf("%s", to)
		}
		at := f.clock().Add(-30 * time.Minute)
		e.set(func(e *elsewhere) { e.claims["auth_time"] = at.Unix() })
		if _, g := f.redeemCode(p.back(e.signIn(to)).told()); !g.AuthenticatedAt.Equal(at) {
			t.Errorf("auth_time %v", g.AuthenticatedAt)
		}
	})

	t.Run("A31 what comes back wrong is a page", func(t *testing.T) {
		f.in(t)
		e.set(func(e *elsewhere) { delete(e.claims, "auth_time") })
		begin := func() (*person, string) {
			p := f.person()
			return p, e.signIn(p.get(asks()).left())
		}
		with := func(address, name, value string) string {
			u := mustURL(t, address)
			q := u.Query()
			q.Set(name, value)
			u.RawQuery = q.Encode()
			return u.String()
		}
		p, back := begin()
		state := mustURL(t, back).Query().Get("state")
		key, _, _ := strings.Cut(state, ".")
		for name, address := range map[string]string{
			"no state": with(back, "state", ""), "the flow alone": with(back, "state", key), "another random part": with(back, "state", key+".AAAAAAAAAAAAAAAAAAAAAA"),
			"an unknown state": with(back, "state", "0123456789abc.x"), "the state twice": back + "&state=" + url.QueryEscape(state),
			"another provider": strings.Replace(back, "/callback/corp", "/callback/staff", 1),
		} {
			if a := p.back(address).stays(); a.status != 400 || !strings.Contains(a.text(), "This page is no longer valid") {
				t.Errorf("%s: %d %s", name, a.status, a.text())
			}
		}
		f.person().back(back).stays().want(400, "This page is no longer valid")
		p.back(back).want(200, "Reports")
		p.back(back).stays().want(400, "This page is no longer valid") // used

		p, back = begin()
		f.advance(upstreamTTL + time.Second)
		p.back(back).stays().want(400, "This page is no longer valid")

		p, back = begin()
		p.back(with(back, "iss", "https://evil.example")).stays().want(400, "The answer of Example Corp does not belong to this sign-in.")
		p, back = begin()
		e.set(func(e *elsewhere) { e.claims["nonce"] = "another" })
		p.back(back).stays().want(400, "The answer of Example Corp does not belong to this sign-in.")
		e.set(func(e *elsewhere) { delete(e.claims, "nonce") })
	})

	t.Run("who comes back without having signed in is asked, and not sent in circles", func(t *testing.T) {
		f.in(t)
		p := f.person()
		to := p.get(asks()).left()
		back := to.Query().Get("redirect_uri") + "?" + url.Values{"state": {to.Query().Get("state")}, "error": {"access_denied"}, "iss": {e.server.URL}}.Encode()
		a := p.back(back).stays().want(400, "You did not sign in at Example Corp", "Continue with Example Corp")
		p.get(a.links("/login?flow=")).stays().want(200, "Continue with Example Corp")
		p.back(e.signIn(p.get(a.links("/login/with/corp?flow=")).want(303).left())).want(200, "Reports")
	})

	t.Run("after a form of ours it is a page that leads there", func(t *testing.T) {
		f.in(t)
		p := f.person()
		code := f.startDevice()
		a := p.on(p.get("/device?user_code="+code)).want(200, "Example Corp") // not known to be no form
		a = p.back(e.signIn(a.left())).want(200, "Did you start this just now?")
		p.on(p.decide(a, "approve")).want(200, "Approved")
	})

	t.Run("a provider that is away is said to be, here and on the way back", func(t *testing.T) {
		f.in(t)
		p := f.person()
		back := e.signIn(p.get(asks()).left())
		e.set(func(e *elsewhere) { e.down = true })
		p.back(back).stays().want(503, "Example Corp cannot be reached right now. Try again in a moment, or sign in another way.")
		d := e.declaration()
		d.Order = 1 // another declaration, of which nothing is known yet
		f.declare(d)
		a := f.person().asked().stays()
		a.want(503, "Example Corp cannot be reached right now.")
		if a.header.Get("Retry-After") == "" || strings.Contains(f.logs.String(), "secret of the upstream") {
			t.Error("Retry-After is missing, or the log has the upstream's words")
		}
		e.set(func(e *elsewhere) { e.down = false })
	})

	t.Run("an account that is not let in is told so", func(t *testing.T) {
		f.in(t)
		d := e.declaration()
		d.Allow = "claims.email.endsWith('@corp.example')"
		f.declare(d)
		before := f.rows()
		p := f.person()
		p.back(e.signIn(p.get(asks()).left())).stays().want(400, "Example Corp knows your account, but it may not sign in here.")
		if f.rows()["users"] != before["users"] || f.rows()["sessions"] != before["sessions"] {
			t.Error("there is an account")
		}
		f.declare(e.declaration())
	})
}

func TestProvidersOfAnApp(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{plain: true})
	e := newElsewhere(t, f.clock)
	d := e.declaration()
	d.Order = -1
	f.declare(d)

	t.Run("providers are in order: a form, and links", func(t *testing.T) {
		f.in(t)
		a := f.person().asked().stays().want(200, "Password", "or", "Continue with Example Corp")
		if a.links("/login/with/corp?flow=") == "" {
			t.Error(a.body)
		}
	})
	t.Run("A35 a provider that is not allowed is neither shown nor taken, in any flow", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		policy := apps()
		policy.Allow.IdentityProviders = []string{"corp"}
		f.declare(policy)
		defer f.declare(apps())
		if got := p.asked("prompt", "none").told().Get("error"); got != "login_required" {
			t.Errorf("%s", got)
		}
		a := p.get(asks()).want(303) // its session does not count: off to the one that is allowed
		back := e.signIn(a.left())
		key, _, _ := strings.Cut(a.left().Query().Get("state"), ".")
		page := p.get("/login?flow="+key).stays().want(200, "Continue with Example Corp")
		if strings.Contains(page.text(), "Password") {
			t.Error("the form of a provider that is not allowed")
		}
		if left := p.on(p.get("/login/with/staff?flow=" + key)).left(); left != nil {
			t.Errorf("sent to %s", left)
		}
		other := f.person()
		form := other.open("/login") // a form of another flow, in this one
		if a := other.post("/login?flow="+key, url.Values{"token": {form.token()}, "username": {goodUser}, "password": {goodPassword}}); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
		_, g := f.redeemCode(p.allow(p.back(back)).told())
		if u, err := f.storage.Storage.User(t.Context(), g.UserID); err != nil || u.Provider != corpUID {
			t.Errorf("%+v %v", u, err)
		}
	})
	t.Run("A35 nor for a device of an app that may not have its users", func(t *testing.T) {
		f.in(t)
		policy := apps()
		policy.Allow.IdentityProviders = []string{"corp"}
		f.declare(policy)
		defer f.declare(apps())
		code := f.startDevice(func(d *storage.DeviceRequest) { d.Client = storage.ClientRef{ID: "reports", UID: reportsUID} })
		p := f.signedIn(goodUser, goodPassword)
		a := p.on(p.submit(p.open("/device"), url.Values{"user_code": {code}}))
		if a.left() == nil || !strings.HasPrefix(a.left().String(), e.server.URL) {
			t.Fatalf("%d %s", a.status, a.text())
		}
		a = p.back(e.signIn(a.left())).want(200, "Did you start this just now?")
		p.on(p.decide(a, "approve")).want(200, "Approved")
	})
	t.Run("nobody can sign in where no provider is allowed", func(t *testing.T) {
		f.in(t)
		policy := apps()
		policy.Allow.IdentityProviders = []string{"gone"}
		f.declare(policy)
		defer f.declare(apps())
		f.person().asked().stays().want(503, "Nobody can sign in yet")
	})
	t.Run("a provider that is removed takes its sessions along", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.asked()
		p.back(e.signIn(p.get(a.links("/login/with/corp?flow=")).left())).want(200, "Reports")
		gone := *e.declaration()
		gone.UID = "77777777-2222-3333-4444-555555555555"
		f.declare(&gone)
		p.asked().stays().want(200, "Sign in")
		f.declare(e.declaration())
	})
}

// links is the first link of the page, or of its forms, that begins like this; relative to the issuer's path.
func (a *answer) links(prefix string) string {
	a.Helper()
	m := regexpMust(`(?:href|action)="(` + strings.NewReplacer("?", `\?`).Replace(prefix) + `[^"]*)"`).FindStringSubmatch(a.body)
	if m == nil {
		if prefix == "/login?flow=" { // the page itself
			return "/login?flow=" + regexpMust(`flow=([0-9a-v]{13})`).FindStringSubmatch(a.body)[1]
		}
		return ""
	}
	return m[1]
}
