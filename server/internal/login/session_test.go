package login

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

func TestSessions(t *testing.T) {
	f := newFixture(t, fixtureOptions{})

	t.Run("A26 what was planted in a browser before the sign-in is worth nothing after it", func(t *testing.T) {
		f.in(t)
		victim, attacker, u := f.person(), f.person(), mustURL(t, f.issuer)
		planted := attacker.open("/device")
		victim.jar.SetCookies(u, attacker.jar.Cookies(u))
		before := victim.cookie("flow")
		victim.signIn(planted, goodUser, goodPassword).want(303)
		if victim.cookie("flow") == before {
			t.Error("the flow kept its id")
		}
		attacker.open("/device").want(200, "Sign in")
		victim.submit(planted, url.Values{"username": {goodUser}, "password": {goodPassword}}).want(303) // the form of before leads on
		after := victim.open(victim.submit(victim.open(planted.form()), url.Values{"user_code": {f.startDevice()}}).to)
		name, _, _ := strings.Cut(strings.TrimPrefix(after.form(), "/device/confirm?flow="), "&")
		victim.jar.SetCookies(u, []*http.Cookie{{Name: f.login.site().FlowCookie + "_" + name, Value: before, Secure: true, Path: "/"}})
		victim.decide(after, "approve").want(403)
	})

	t.Run("A26 every sign-in has a session of its own, and the one before does not come back", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		before, u := p.cookie("session"), mustURL(t, f.issuer)
		p.follow(p.post("/logout", url.Values{"token": {p.open("/logout").token()}})).want(200, "You are signed out")
		p.signIn(p.open("/login"), goodUser, goodPassword).want(303)
		if p.cookie("session") == before {
			t.Error("the session kept its id")
		}
		q := f.person()
		q.jar.SetCookies(u, []*http.Cookie{{Name: f.login.site().SessionCookie, Value: before, Secure: true, Path: "/"}})
		q.open("/login").want(200, "Sign in")
	})

	t.Run("A26 a sign-in page left open in another tab does not sign in over a session", func(t *testing.T) {
		f.in(t)
		p := f.person()
		left := p.open("/login")
		p.signIn(p.open("/login"), goodUser, goodPassword).want(303)
		session := p.cookie("session")
		if a := p.signIn(left, "grace", "nanosecond").want(303); !strings.HasPrefix(a.to, "/login?flow=") || p.cookie("session") != session {
			t.Errorf("to %s", a.to)
		}
	})

	t.Run("I08 an expired session is signed out everywhere", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(f.startDevice())
		f.advance(SessionTTL)
		p.decide(a, "approve").want(403)
		p.open("/login").want(200, "Sign in")
		p.open("/logout").want(200, "You are signed out")
		p.open("/device").want(200, "Sign in")
	})

	t.Run("garbage for a session asks nobody", func(t *testing.T) {
		f.in(t)
		p := f.person()
		p.jar.SetCookies(mustURL(t, f.issuer), []*http.Cookie{{Name: f.login.site().SessionCookie, Value: "gks_garbage", Secure: true, Path: "/"}})
		f.storage.down.Store(true)
		defer f.storage.down.Store(false)
		p.open("/login").want(200, "Sign in")
	})

	t.Run("an account that its provider disables is signed out", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(f.startDevice())
		put := func(disabled bool) {
			d := testProvider(t, disabled)
			f.registry.Apply([]registry.Change{{Key: "idp", Document: d}}, "3")
			f.wait(func(s *registry.Snapshot) bool {
				return len(s.IdentityProviders()) == 1 && s.IdentityProviders()[0] == d
			})
		}
		put(true)
		p.decide(a, "approve").want(403)
		p.signIn(p.open("/device"), goodUser, goodPassword).want(400, "Username or password is wrong.")
		put(false)
	})

	t.Run("I07 a GET does not sign out, a POST of our page does", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		session := p.cookie("session")
		a := p.open("/logout").want(200, "Sign out?")
		p.open("/login").want(200, "You are signed in")
		p.post("/logout", nil).want(403)
		p.post("/logout", url.Values{"token": {a.token()}}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).want(403)
		p.open("/login").want(200, "You are signed in")
		p.follow(p.post("/logout", url.Values{"token": {a.token()}})).want(200, "You are signed out")
		if p.cookie("session") != "" || p.cookie("flow") != "" {
			t.Error("cookies are left")
		}
		p.jar.SetCookies(mustURL(t, f.issuer), []*http.Cookie{{Name: f.login.site().SessionCookie, Value: session, Secure: true, Path: "/"}})
		p.open("/login").want(200, "Sign in")
	})

	t.Run("Session says who is signed in", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		r := &http.Request{Header: http.Header{"Cookie": {f.login.site().SessionCookie + "=" + p.cookie("session")}}}
		s, u, err := f.web.Session(r.WithContext(t.Context()))
		if err != nil || u.Username != "Ada" || s.UserID != u.ID {
			t.Errorf("%+v %+v %v", s, u, err)
		}
		if _, _, err := f.web.Session((&http.Request{}).WithContext(t.Context())); !errors.Is(err, web.ErrNoSession) {
			t.Errorf("error %v", err)
		}
		f.storage.down.Store(true)
		defer f.storage.down.Store(false)
		if _, _, err := f.web.Session(r.WithContext(t.Context())); err == nil || errors.Is(err, web.ErrNoSession) {
			t.Errorf("error %v", err)
		}
	})
}

func TestIssuers(t *testing.T) {
	t.Run("an issuer with a path", func(t *testing.T) {
		f := newFixture(t, fixtureOptions{path: "/tenant"})
		code := f.startDevice()
		p := f.person()
		a := p.get("/device?user_code=" + code).want(303)
		if !strings.HasPrefix(a.to, "/tenant/login?flow=") {
			t.Fatalf("to %s", a.to)
		}
		a = p.follow(a)
		if !strings.Contains(a.body, `action="/tenant/login?flow=`) {
			t.Error("the form leaves the issuer")
		}
		a = p.follow(p.signIn(a, goodUser, goodPassword)).want(200, "Did you start this just now?")
		p.follow(p.decide(a, "approve")).want(200, "Approved")
	})
	t.Run("http on loopback: plain cookies, told apart by issuer", func(t *testing.T) {
		f := newFixture(t, fixtureOptions{plain: true, path: "/tenant"})
		p := f.person()
		a := p.open("/device")
		if a.header.Get("Strict-Transport-Security") != "" {
			t.Error("HSTS without https")
		}
		cookie := a.header.Get("Set-Cookie")
		if strings.Contains(cookie, "Secure") || strings.Contains(cookie, "__Host-") || !strings.Contains(cookie, "Path=/tenant;") || !strings.HasPrefix(cookie, "gk_flow_") {
			t.Errorf("%s", cookie)
		}
		p.follow(p.signIn(a, goodUser, goodPassword)).want(200, "Enter the code")
	})
}
