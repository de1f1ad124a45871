package login

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

func TestDeviceLogin(t *testing.T) {
	f := newFixture(t, fixtureOptions{displayName: "Example Login"})

	t.Run("F07 sign in, enter the code, approve", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		f.advance(2 * time.Minute)
		p := f.person()
		a := p.open("/device").want(200, "Sign in", "Example Login", "connect the app or device")
		if a.path != "/login" {
			t.Fatalf("the sign-in is at %s", a.path)
		}
		a = p.follow(p.signIn(a, "  ADA ", goodPassword)).want(200, "Enter the code", "Ada Lovelace (Ada)")
		if a.path != "/device" {
			t.Fatalf("the code is asked for at %s", a.path)
		}
		typed := strings.ToLower(code[:3] + " " + code[3:6] + "—" + code[6:]) // F08
		a = p.follow(p.submit(a, url.Values{"user_code": {typed}}))
		a.want(200, "Give Acme CLI access to your account?", "Did you start this just now?", oauth.DisplayUserCode(code), "Acme GmbH", "partners/acme-cli",
			"2 minutes ago", "At 13:00 UTC", "198.51.100.7", "Not the address of this browser", "A command-line program (Go)",
			"Know who you are", "Read your orders", "Past and open ones, with prices", "Keep its access while you are away", "Approve", "Deny")
		if strings.Contains(a.body, "javascript:") {
			t.Error("a link that is not https is on the page")
		}
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("before the decision: %v", err)
		}
		p.follow(p.decide(a, "approve")).want(200, "Approved", "Acme CLI has access now", "You can close this page")
		g, err := f.redeem(code)
		if err != nil {
			t.Fatal(err)
		}
		if g.ID == "" || g.UserID == "" || g.SID == "" {
			t.Errorf("grant %+v", g)
		}
		want := storage.Grant{ID: g.ID, UserID: g.UserID, Client: storage.ClientRef{ID: "acme", UID: clientUID},
			Scopes: []string{"openid", "offline_access", "orders.read"}, Audience: []string{"https://api.example.com"},
			SID: g.SID, AuthenticatedAt: f.clock(), Methods: []string{"pwd"}, CreatedAt: f.clock()}
		g.LastUsedAt = time.Time{}
		if diff := cmp.Diff(want, g, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("grant (-want +got):\n%s", diff)
		}
	})

	t.Run("F09 the complete link asks as well, and its code leaves the address", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.person()
		a := p.open("/device?user_code="+oauth.DisplayUserCode(code)).want(200, "Sign in")
		a = p.follow(p.signIn(a, goodUser, goodPassword)).want(200, "Did you start this just now?", oauth.DisplayUserCode(code), "Acme CLI")
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("approved without being asked: %v", err)
		}
		p.follow(p.decide(a, "approve")).want(200, "Approved")

		again := f.startDevice() // signed in already, consent given before: still asked
		to := p.get("/device?user_code=" + again).want(303).to
		if !strings.HasPrefix(to, "/device/confirm?flow=") {
			t.Errorf("to %s", to)
		}
		p.open(to).want(200, "Did you start this just now?", oauth.DisplayUserCode(again))
		if _, err := f.redeem(again); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("approved without being asked: %v", err)
		}
	})

	t.Run("F09 a request without scopes asks as well", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(func(d *storage.DeviceRequest) { d.Scopes, d.Audience = nil, nil })
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(code).want(200, "It asks for no access to data", "Did you start this just now?")
		p.follow(p.decide(a, "approve")).want(200, "Approved")
	})

	t.Run("deny ends it", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		p.follow(p.decide(p.confirmPage(code), "deny")).want(200, "Denied", "gets no access")
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrDenied) {
			t.Fatalf("error %v", err)
		}
	})

	t.Run("F07 unknown, expired and used codes are answered the same", func(t *testing.T) {
		f.in(t)
		expired, used := f.startDevice(), f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		p.follow(p.decide(p.confirmPage(used), "deny"))
		f.advance(16 * time.Minute)
		texts := map[string][]string{}
		for name, code := range map[string]string{"unknown": "BCDFGHJK", "expired": expired, "used": used, "not a code": "hello"} {
			p := f.signedIn(goodUser, goodPassword)
			a := p.open("/device")
			a = p.submit(a, url.Values{"user_code": {code}}).want(400, "This code is wrong, has expired or was used already.")
			texts[a.text()] = append(texts[a.text()], name)
			f.advance(11 * time.Minute)
			if name == "not a code" {
				continue
			}
			a = p.open("/device?user_code="+code).want(400, "This code is wrong, has expired or was used already.")
			texts[a.text()] = append(texts[a.text()], name+" by link")
			f.advance(11 * time.Minute)
		}
		if len(texts) != 1 {
			t.Errorf("they differ: %v", texts)
		}
	})

	t.Run("A30 no parameter says where to go", func(t *testing.T) {
		f.in(t)
		p := f.person()
		for _, evil := range []string{"//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"} {
			q := "?return_to=" + url.QueryEscape(evil) + "&back=" + url.QueryEscape(evil) + "&redirect_uri=" + url.QueryEscape(evil)
			a := p.open("/login" + q)
			a = p.post(a.form()+"&"+q[1:], url.Values{"token": {a.token()}, "username": {goodUser}, "password": {goodPassword}, "return_to": {evil}, "back": {evil}}).want(303)
			if !strings.HasPrefix(a.to, "/login?flow=") {
				t.Errorf("to %s", a.to)
			}
			p.client.Jar, p.jar = f.person().jar, nil
		}
	})

	t.Run("A23 forwarded headers change neither links nor cookies", func(t *testing.T) {
		f.in(t)
		p := f.person()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.issuer+"/device", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X_Forwarded_Host", "Forwarded", "X-Original-URL"} {
			r.Header.Set(h, "http://evil.example")
		}
		if a := p.do(r).want(303); !strings.HasPrefix(a.to, "/login?flow=") {
			t.Errorf("to %s", a.to)
		}
	})

	t.Run("I10 logs hold no code, password, cookie or token", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.person()
		a := p.open("/device?user_code=" + code)
		secrets := []string{code, oauth.DisplayUserCode(code), goodPassword, "wrong horse", a.token()}
		a = p.signIn(a, goodUser, "wrong horse").want(400)
		a = p.signIn(a, goodPassword, goodPassword).want(400) // a password in the wrong box
		a = p.follow(p.signIn(a, goodUser, goodPassword))
		secrets = append(secrets, a.token(), p.cookie("session"), p.cookie("flow"))
		p.follow(p.decide(a, "approve")).want(200)
		logs := f.logs.String()
		for _, s := range secrets {
			if s == "" || strings.Contains(logs, s) {
				t.Errorf("%q is empty or in the logs", s)
			}
		}
		for _, want := range []string{`"msg":"signin.succeeded"`, `"msg":"signin.refused"`, `"msg":"device.approved","client":"acme","namespace":"partners","user":"`, `"address":"203.0.113.9"`} {
			if !strings.Contains(logs, want) {
				t.Errorf("the audit lacks %s in\n%s", want, logs)
			}
		}
	})
}

func TestForms(t *testing.T) {
	f := newFixture(t, fixtureOptions{})

	t.Run("F10 A24 a decision without our page's token is refused", func(t *testing.T) {
		f.in(t)
		code, other := f.startDevice(), f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		otherPage := p.confirmPage(other)
		a := p.confirmPage(code)
		signOut := p.open("/logout")
		mallory := f.signedIn("grace", "nanosecond")
		foreign := mallory.confirmPage(code)
		for name, token := range map[string]string{
			"missing": "", "garbage": "AAAA", "of another request": otherPage.token(), "of another person": foreign.token(),
			"of another form": signOut.token(), "changed": a.token()[:40] + "AAAA" + a.token()[44:],
		} {
			got := p.submit(a, url.Values{"token": {token}, "decision": {"approve"}})
			if got.status != 403 {
				t.Errorf("%s: %d %s", name, got.status, got.text())
			}
			got.want(403, "This page is no longer valid", "request-1")
		}
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("a refused form decided: %v", err)
		}
		f.advance(flowTTL + time.Second)
		p.decide(a, "approve").want(403)
	})

	t.Run("A24 a decision sent from another site is refused", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(code)
		for _, site := range []string{"cross-site", "same-site"} {
			p.submit(a, url.Values{"decision": {"approve"}}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) }).want(403)
		}
		p.submit(a, url.Values{"decision": {"approve"}}, func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example")
		}).want(403)
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("a refused form decided: %v", err)
		}
	})

	t.Run("A25 a form of one browser is refused in another", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		a := f.signedIn(goodUser, goodPassword).confirmPage(code)
		same := f.signedIn(goodUser, goodPassword) // the same person, another browser
		same.confirmPage(code)
		same.decide(a, "approve").want(403)
		f.person().decide(a, "approve").want(403)
	})

	t.Run("A27 a decision submitted twice counts once", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(code)
		statuses := map[int]int{}
		var mu sync.Mutex
		var group sync.WaitGroup
		cookies := p.jar.Cookies(mustURL(t, f.issuer))
		for range 50 {
			group.Go(func() {
				q := f.person()
				q.jar.SetCookies(mustURL(t, f.issuer), cookies)
				got := q.decide(a, "approve")
				mu.Lock()
				defer mu.Unlock()
				statuses[got.status]++
			})
		}
		group.Wait()
		if statuses[303] != 1 || statuses[303]+statuses[409] != 50 {
			t.Errorf("%v", statuses)
		}
		p.decide(a, "approve").want(409, "was answered already")
		if _, err := f.redeem(code); err != nil {
			t.Error(err)
		}
	})

	t.Run("A27 the second click after the answer leads to the same page", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(code)
		p.decide(a, "approve").want(303)
		p.follow(p.decide(a, "approve")).want(200, "Approved")
		p.follow(p.decide(a, "deny")).want(200, "Approved") // too late: what was decided is shown
	})

	t.Run("F06 approve and deny raced give one final state", func(t *testing.T) {
		f.in(t)
		for range 10 {
			code := f.startDevice()
			p := f.signedIn(goodUser, goodPassword)
			a := p.confirmPage(code)
			cookies := p.jar.Cookies(mustURL(t, f.issuer))
			winners := make(chan string, 3)
			var group sync.WaitGroup
			for _, decision := range []string{"approve", "deny", "approve"} {
				group.Go(func() {
					q := f.person()
					q.jar.SetCookies(mustURL(t, f.issuer), cookies)
					if q.decide(a, decision).status == 303 {
						winners <- decision
					}
				})
			}
			group.Wait()
			close(winners)
			winner, more := <-winners, len(winners)
			if winner == "" || more != 0 {
				t.Fatalf("%q and %d more", winner, more)
			}
			_, err := f.redeem(code)
			if (winner == "approve") != (err == nil) || winner == "deny" && !errors.Is(err, storage.ErrDenied) {
				t.Fatalf("%s won, and then: %v", winner, err)
			}
		}
	})

	t.Run("a form that cannot be read is refused", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(f.startDevice())
		form := func(name, body string, change ...func(*http.Request)) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.issuer+a.form(), strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, c := range change {
				c(r)
			}
			if got := p.do(r); got.status != 400 {
				t.Errorf("%s: %d", name, got.status)
			}
		}
		ok := "token=" + a.token() + "&decision=approve"
		form("B03 a field twice", ok+"&decision=deny")
		form("B21 a NUL", ok+"&x=%00")
		form("B21 not UTF-8", ok+"&x=%ff")
		form("bad escapes", ok+"&x=%zz")
		form("large", ok+"&x="+strings.Repeat("a", web.MaxForm))
		form("JSON", `{"decision":"approve"}`, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		form("no decision", "token="+a.token())
		form("another decision", "token="+a.token()+"&decision=maybe")
	})

	t.Run("A28 a client that may no longer is not approved", func(t *testing.T) {
		f.in(t)
		change := func(mutate func(*registration.Client)) {
			t.Helper()
			c := testClient()
			mutate(c)
			f.registry.Apply([]registry.Change{{Key: "client", Document: c}}, "2")
			f.wait(func(s *registry.Snapshot) bool {
				got, ok := s.ClientByUID(c.UID)
				return ok && reflect.DeepEqual(got.Client, c)
			})
		}
		for name, mutate := range map[string]func(*registration.Client){
			"suspended":               func(c *registration.Client) { c.Suspended = true },
			"recreated":               func(c *registration.Client) { c.UID = "66666666-2222-3333-4444-555555555555" },
			"without the grant type":  func(c *registration.Client) { c.GrantTypes = []string{oauth.GrantTypeRefreshToken} },
			"without a scope of its":  func(c *registration.Client) { c.Scopes = []string{"openid"} },
			"cut off by its policy":   func(c *registration.Client) { c.Scopes = append(c.Scopes, "admin") },
			"of a policy that is not": func(c *registration.Client) { c.Policy = "gone" },
		} {
			change(func(*registration.Client) {})
			code := f.startDevice()
			p := f.signedIn(goodUser, goodPassword)
			a := p.confirmPage(code)
			change(mutate)
			got := p.decide(a, "approve")
			if got.status != 400 || !strings.Contains(got.text(), "This app cannot be connected") {
				t.Errorf("%s: %d %s", name, got.status, got.text())
			}
			p.open("/device?user_code="+code).want(400, "This app cannot be connected")
			if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
				t.Errorf("%s: %v", name, err)
			}
		}
		change(func(*registration.Client) {})
	})
}

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

func TestStorageOutOfReach(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	p := f.signedIn(goodUser, goodPassword)
	a := p.confirmPage(f.startDevice())
	f.storage.down.Store(true)
	for name, got := range map[string]func() *answer{
		"a page":      func() *answer { return p.get("/device") },
		"a decision":  func() *answer { return p.decide(a, "approve") },
		"a sign-in":   func() *answer { q := f.person(); return q.signIn(q.open("/login"), goodUser, goodPassword) },
		"a sign-out":  func() *answer { return p.post("/logout", nil) },
		"entering it": func() *answer { return p.post("/device", nil) },
	} {
		t.Run("B18 "+name+" is answered 503, with the request's id and no cause", func(t *testing.T) {
			f.in(t)
			got := got().want(503, "Not available right now", "request-1")
			if got.header.Get("Retry-After") == "" || strings.Contains(got.body, "disk") {
				t.Errorf("%v %s", got.header, got.text())
			}
		})
	}
	f.storage.down.Store(false)
	p.follow(p.decide(a, "approve")).want(200, "Approved") // nothing was consumed
}

func TestNotLoadedYet(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	f.registry.Apply([]registry.Change{{Key: "keys"}}, "4")
	f.wait(func(s *registry.Snapshot) bool { return !s.Complete() })
	f.person().open("/device").want(503, "Not available right now")
}

func TestNoProvider(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	f.registry.Apply([]registry.Change{{Key: "idp"}}, "4")
	f.wait(func(s *registry.Snapshot) bool { return len(s.IdentityProviders()) == 0 })
	f.person().open("/device").want(503, "Nobody can sign in yet")
}

func TestAnonymousTrafficWritesNothing(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	before := f.storage.writes.Load()
	for i := range 1000 {
		p := f.person()
		p.get(fmt.Sprintf("/device?user_code=BCDFGHJ%c", oauth.UserCodeAlphabet[i%20])).want(303)
		if i%50 == 0 {
			p.open("/device/confirm").want(200, "Sign in")
			p.post("/device", url.Values{"user_code": {"BCDFGHJK"}}).want(303)
			p.post("/device/confirm", url.Values{"decision": {"approve"}}).want(403)
			p.post("/login", url.Values{"username": {"x"}, "password": {"y"}}).want(403)
		}
	}
	if n := f.storage.writes.Load() - before; n != 0 {
		t.Errorf("A37 %d writes", n)
	}
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (l *Login) site() web.Site { return web.SiteOf(l.web.Registry.Current().Server()) }
