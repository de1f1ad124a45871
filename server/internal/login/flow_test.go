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

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

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
