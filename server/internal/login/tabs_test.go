package login

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

func regexpMust(s string) *regexp.Regexp { return regexp.MustCompile(s) }

func TestTabs(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})

	t.Run("an app and a device in two tabs do not disturb each other", func(t *testing.T) {
		f.in(t)
		p := f.person()
		code := f.startDevice()
		app, device := p.asked(), p.open("/device?user_code="+code)
		app = p.on(p.signIn(app, goodUser, goodPassword)).want(200, "Reports")
		device = p.on(p.signIn(device, goodUser, goodPassword)).want(200, "Did you start this just now?")
		p.follow(p.decide(device, "approve")).want(200, "Approved")
		p.allow(app).told()
	})

	t.Run("a browser has five flows, and the oldest goes first", func(t *testing.T) {
		f.in(t)
		p := f.person()
		var pages []*answer
		for range maxFlows + 1 {
			pages = append(pages, p.asked())
			f.advance(time.Second)
		}
		if flows, _ := p.flowCookies(); flows != maxFlows {
			t.Errorf("%d flows", flows)
		}
		p.get(pages[0].form()).want(403, "This page is no longer valid")
		for _, a := range pages[1:] {
			p.get(a.form()).want(200, "Sign in")
		}
	})

	t.Run("a large request is split over cookies, and their sum is bounded", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		state := "<&>" + strings.Repeat("x", 3900)
		for range 3 {
			p.asked("state", "x", "prompt", "consent")
			f.advance(time.Second)
			a := p.asked("prompt", "consent", "state", state).want(200, "Reports")
			f.advance(time.Second)
			flows, size := p.flowCookies()
			if size > maxFlowBytes || flows < 2 || size < len(state) {
				t.Errorf("%d flows of %d bytes", flows, size)
			}
			if got := p.allow(a).told().Get("state"); got != state {
				t.Errorf("A19 state has %d bytes", len(got))
			}
		}
		for _, c := range p.jar.Cookies(mustURL(t, f.issuer)) {
			if len(c.Name)+len(c.Value) > 4096 {
				t.Errorf("%s has %d bytes", c.Name, len(c.Value))
			}
		}
	})

	t.Run("what cannot be kept is refused", func(t *testing.T) {
		f.in(t)
		v := &visit{flow: flow{Key: "0123456789abc"}}
		err := setCookies(v, strings.Repeat("x", maxFlowBytes+1), time.Minute)
		if f := new(web.PageError); !errors.As(err, &f) || f.Kind != failure.BadRequest {
			t.Errorf("%v", err)
		}
	})

	t.Run("keys are in the order of time, and nothing else is one", func(t *testing.T) {
		f.in(t)
		earlier, err := f.login.newKey(f.clock())
		if err != nil {
			t.Fatal(err)
		}
		later, err := f.login.newKey(f.clock().Add(time.Second))
		if err != nil || earlier >= later {
			t.Errorf("%s %s %v", earlier, later, err)
		}
		for _, s := range []string{"", "0123456789ab", "0123456789abcd", "0123456789abz", "0123456789ab=", "0123456789ABC", "../../etc/pas"} {
			if _, ok := keyTime(s); ok {
				t.Errorf("%q is a key", s)
			}
		}
		p := f.signedIn(goodUser, goodPassword)
		for _, s := range []string{"x", "0123456789abc", "../../", "%00"} {
			p.get("/login?flow="+s).want(403, "This page is no longer valid")
			p.get("/consent?flow=" + s).want(403)
		}
	})

	t.Run("a page that was open for too long asks again, and nothing is lost", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.asked()
		f.advance(web.FormTTL + time.Second)
		a = p.signIn(a, goodUser, goodPassword).want(403, "This page was open for too long", "Reports")
		p.on(p.signIn(a, goodUser, goodPassword)).want(200, "Reports")
		a = p.asked("prompt", "consent").want(200, "Reports")
		f.advance(flowTTL + time.Second)
		p.get(a.form()).want(403, "This page is no longer valid")
	})

	t.Run("signing out removes all of them", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		p.asked("prompt", "consent")
		p.post("/logout", url.Values{"token": {p.open("/logout").token()}}).want(303)
		if flows, _ := p.flowCookies(); flows != 0 {
			t.Errorf("%d flows", flows)
		}
	})

	t.Run("links without a flow lead to one", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		p.open("/login").want(200, "You are signed in")
		p.open("/device").want(200, "Enter the code")
		p.open("/device/confirm").want(200, "You are signed in")
		p.open("/login/with/staff").want(200, "You are signed in")
		p.open("/login/again").want(200, "You are signed in")
		p.open("/consent").want(200, "You are signed in")
		p.get("/login/callback/staff").want(400, "This page is no longer valid")
		for _, path := range []string{"/consent", "/device/confirm", "/login/second", "/login/account"} {
			if a := p.post(path, url.Values{"decision": {"approve"}}); a.status != 403 && a.status != 303 {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
}

func TestReplicas(t *testing.T) {
	o := fixtureOptions{}
	f := newAppFixture(t, o)
	_, _, other := f.instance(o)
	first, n := f.replica, 0
	f.pick = func() http.Handler { // every request to the other one
		n++
		if n%2 == 0 {
			return first
		}
		return other
	}
	secret := f.enrol("ada")
	t.Run("every step may be taken on another replica, with a second factor and consent", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.asked()
		a = p.on(p.signIn(a, goodUser, goodPassword)).want(200, "Confirm that it is you")
		a = p.on(p.prove(a, secret)).want(200, "Reports")
		f.redeemCode(p.allow(a).told())
	})
	t.Run("and so may every step of a device", func(t *testing.T) {
		f.in(t)
		p := f.person()
		code := f.startDevice()
		f.advance(time.Minute)
		a := p.on(p.signIn(p.open("/device"), goodUser, goodPassword))
		a = p.on(p.prove(a, secret)).want(200, "Enter the code")
		a = p.on(p.submit(a, url.Values{"user_code": {code}})).want(200, "Did you start this just now?")
		p.on(p.decide(a, "approve")).want(200, "Approved")
		if _, err := f.redeem(code); err != nil {
			t.Error(err)
		}
	})
	t.Run("a server that is started anew before every request loses nobody", func(t *testing.T) {
		f.in(t)
		f.pick = nil
		f.pick = func() http.Handler { return f.fresh(o) }
		f.advance(time.Minute)
		p := f.person()
		a := p.on(p.signIn(p.asked("prompt", "consent"), goodUser, goodPassword))
		a = p.on(p.prove(a, secret))
		f.redeemCode(p.allow(a).told())
	})
}

func TestCodeOutOfReach(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	p := f.signedIn(goodUser, goodPassword)
	a := p.asked().want(200, "Reports")
	f.storage.noCodes.Store(true)
	got := p.submit(a, url.Values{"decision": {"approve"}}).stays().want(503, "Not available right now", "request-1")
	if got.header.Get("Retry-After") == "" || strings.Contains(got.body, "disk") || f.rows()["grants"] != 0 || f.rows()["consents"] != 0 {
		t.Errorf("B18 %v %v", got.header, f.rows())
	}
	f.storage.noCodes.Store(false)
	f.redeemCode(p.allow(a).told()) // nothing was consumed
}

// fresh is a server that has just started.
func (f *fixture) fresh(o fixtureOptions) http.Handler {
	_, _, h := f.instance(o)
	return h
}
