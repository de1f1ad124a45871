package login

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

func TestAuthorizeCode(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{displayName: "Example Login"})

	t.Run("sign in, consent, and back with a code", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.asked("nonce", "n-1", "scope", "openid profile", "login_hint", "ada",
			"claims", `{"userinfo":{"name":{"essential":true}},"id_token":{"auth_time":{"essential":true}}}`).want(200, "Sign in to go on to Reports")
		if !strings.Contains(a.body, `name="username" value="ada"`) {
			t.Error("login_hint is not in the form")
		}
		f.advance(time.Minute)
		a = p.on(p.signIn(a, goodUser, goodPassword)).want(200, "Reports", "reports.example")
		told := p.allow(a).told()
		if told.Get("state") != "s t+ä" || told.Get("iss") != f.issuer || told.Get("error") != "" {
			t.Errorf("%v", told)
		}
		c, g := f.redeemCode(told)
		if c.RedirectURI != reportsCallback || c.Challenge == "" || c.Nonce != "n-1" || c.ACR != oauth.ACRSingleFactor || !c.ExpiresAt.Equal(f.clock().Add(time.Minute)) ||
			string(c.Claims) != `{"auth_time":{"essential":true}}` {
			t.Errorf("%+v", c)
		}
		if g.UserID != f.user("ada").ID || g.SID == "" || !g.AuthenticatedAt.Equal(f.clock()) || !slices.Equal(g.Methods, []string{"pwd"}) ||
			!slices.Equal(g.Scopes, []string{"openid", "profile"}) || string(g.Claims) != `{"name":{"essential":true}}` {
			t.Errorf("%+v", g)
		}
		for _, want := range []string{`"msg":"signin.succeeded","user":"` + g.UserID, `"provider":"staff"`, `"msg":"code.issued","client":"reports","namespace":"partners"`} {
			if !strings.Contains(f.logs.String(), want) {
				t.Errorf("the audit lacks %s", want)
			}
		}

		t.Run("the second time it is answered at once, and nothing is left in the browser", func(t *testing.T) {
			f.in(t)
			before := p.jar.Cookies(mustURL(t, f.issuer))
			a := p.get(asks("scope", "openid profile")).want(303)
			a.told()
			if diff := cmp.Diff(before, p.jar.Cookies(mustURL(t, f.issuer))); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("a HEAD makes no code", func(t *testing.T) {
			f.in(t)
			before := f.rows()["codes"]
			r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, f.issuer+asks("scope", "openid profile"), nil)
			if err != nil {
				t.Fatal(err)
			}
			p.do(r).stays()
			if f.rows()["codes"] != before {
				t.Error("there is one")
			}
		})
		t.Run("the session keeps its name when its user signs in again", func(t *testing.T) {
			f.in(t)
			f.advance(time.Second)
			a := p.asked("prompt", "login")
			_, again := f.redeemCode(p.on(p.signIn(a, goodUser, goodPassword)).told())
			if again.SID != g.SID {
				t.Error("apps cannot tell that it is the same browser")
			}
		})
	})

	t.Run("response_mode=form_post is a page that carries the answer", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.asked("response_mode", "form_post", "scope", "openid profile").want(200, "Back to the app")
		if a.form() != reportsCallback || !strings.Contains(a.body, `name="code" value="gkc_`) || !strings.Contains(html.UnescapeString(a.body), `name="state" value="s t+ä"`) {
			t.Errorf("%s", a.body)
		}
	})

	t.Run("A20 a request by POST comes from the app's site, and goes on by GET with 303", func(t *testing.T) {
		f.in(t)
		_, query, _ := strings.Cut(asks("scope", "openid profile"), "?")
		form, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		p := f.signedIn(goodUser, goodPassword)
		session := p.jar
		p.jar, p.client.Jar = f.person().jar, nil // SameSite=Lax: such a form has no cookies along
		a := p.post(PathAuthorize, form, crossSite).want(303)
		if len(a.header["Set-Cookie"]) > 0 {
			t.Error("a page elsewhere can fill the browser with cookies")
		}
		p.jar, p.client.Jar = session, session
		p.on(a).told()
		if !strings.HasPrefix(a.to, "/login/posted?request=") {
			t.Errorf("to %s", a.to)
		}
		p.on(p.get(a.to)).told() // opened again it is another request
		p.get(a.to + "x").stays().want(403)
		f.advance(onItsWay)
		p.get(a.to).stays().want(403)
		large := maps.Clone(form)
		large.Set("state", strings.Repeat("s", 4000))
		large.Set("nonce", strings.Repeat("n", 1000))
		if a := p.post(PathAuthorize, large, crossSite).want(303); len(a.to) > 8<<10 {
			t.Errorf("an address of %d bytes", len(a.to))
		}
		large.Set("claims", `{"userinfo":{"sub":{"value":"`+strings.Repeat("v", 1500)+`"}}}`)
		p.post(PathAuthorize, large, crossSite).stays().want(400)
		p.post(PathAuthorize, url.Values{"client_id": {strings.Repeat("x", 9000)}}, crossSite).want(400)
		p.post(PathAuthorize, form, crossSite, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }).want(400)
	})

	t.Run("the languages of the request come before the browser's", func(t *testing.T) {
		f.in(t)
		for locales, want := range map[string]string{"xx de": "de", "xx": "en"} {
			if a := f.person().asked("ui_locales", locales); a.header.Get("Content-Language") != want {
				t.Errorf("%s: %s", locales, a.header.Get("Content-Language"))
			}
		}
	})

	t.Run("A21 A22 what leaves carries the headers of pages", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.get(asks("scope", "openid profile")).want(303)
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "Access-Control-Allow-Origin": ""} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
}

func TestAuthorizeErrors(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	bad := map[string][]string{
		"invalid_request":                {"code_challenge", ""},
		"unsupported_response_type":      {"response_type", "token"},
		"invalid_scope":                  {"scope", "openid nothing"},
		"invalid_target":                 {"resource", "https://elsewhere.example"},
		"request_uri_not_supported":      {"request_uri", "https://169.254.169.254/"},
		"invalid_request with a page":    {"prompt", "none login"},
		"invalid_request of many values": {"max_age", "soon"},
	}
	t.Run("A14 a bad request is signed in for, and told then", func(t *testing.T) {
		f.in(t)
		for name, change := range bad {
			p := f.person()
			a := p.asked(change...).stays().want(200, "Sign in")
			a = p.on(p.signIn(a, goodUser, "wrong")).stays().want(400)
			told := p.on(p.signIn(a, goodUser, goodPassword)).told()
			if code, _, _ := strings.Cut(name, " "); told.Get("error") != code || told.Get("code") != "" || told.Get("state") != "s t+ä" {
				t.Errorf("%s: %v", name, told)
			}
			if got := p.asked(change...).told().Get("error"); !strings.HasPrefix(name, got) {
				t.Errorf("%s: %s to who is signed in", name, got)
			}
		}
	})
	t.Run("A15 prompt=none has no page", func(t *testing.T) {
		f.in(t)
		p := f.person()
		if got := p.asked("prompt", "none").told().Get("error"); got != "login_required" {
			t.Errorf("%s", got)
		}
		p = f.signedIn("grace", "nanosecond")
		if got := p.asked("prompt", "none").told().Get("error"); got != "consent_required" {
			t.Errorf("%s", got)
		}
		p.allow(p.asked()).told()
		if p.asked("prompt", "none").told().Get("code") == "" {
			t.Error("no code")
		}
		f.advance(time.Minute)
		if got := p.asked("prompt", "none", "max_age", "59").told().Get("error"); got != "login_required" {
			t.Errorf("A16 %s", got)
		}
		if p.asked("prompt", "none", "max_age", "61").told().Get("code") == "" {
			t.Error("no code")
		}
		f.hints = map[string]string{"ada's": f.user("ada").ID, "grace's": f.user("grace").ID}
		if got := p.asked("prompt", "none", "id_token_hint", "ada's").told().Get("error"); got != "login_required" {
			t.Errorf("A16 %s", got)
		}
		if p.asked("prompt", "none", "id_token_hint", "grace's").told().Get("code") == "" {
			t.Error("no code")
		}
	})
	t.Run("A01 A02 a request that leads astray is a page that says whose app it is", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		p.get(asks("client_id", "nobody")).stays().want(400, "This app is not known here")
		p.get(asks("redirect_uri", "https://evil.example/cb")).stays().want(400, "This link leads to the wrong place", "partners/reports")
		p.get(asks("state", strings.Repeat("x", 9000))).stays().want(400, "The request was not understood")
	})
	t.Run("A28 an app that changed while somebody signed in gets nothing, not even the error", func(t *testing.T) {
		f.in(t)
		defer f.declare(reports())
		for name, change := range map[string]func(*registration.Client){
			"suspended":           func(c *registration.Client) { c.Suspended = true },
			"moved":               func(c *registration.Client) { c.RedirectURIs = []string{"https://reports.example/new"} },
			"made anew":           func(c *registration.Client) { c.UID = "66666666-2222-3333-4444-555555555555" },
			"without the grant":   func(c *registration.Client) { c.GrantTypes = []string{oauth.GrantTypeDeviceCode} },
			"of no policy at all": func(c *registration.Client) { c.Policy = "gone" },
		} {
			f.declare(reports())
			p, q := f.person(), f.signedIn("grace", "nanosecond")
			signIn, consent := p.asked(), q.asked("prompt", "consent")
			c := reports()
			change(c)
			f.declare(c)
			p.on(p.signIn(signIn, goodUser, goodPassword)).stays().want(400, "This app cannot be connected")
			if a := q.submit(consent, url.Values{"decision": {"approve"}}).stays(); a.status != 400 {
				t.Errorf("%s: %d %s", name, a.status, a.text())
			}
			if a := q.submit(consent, url.Values{"decision": {"deny"}}).stays(); a.status != 400 {
				t.Errorf("%s: denied: %d %s", name, a.status, a.text())
			}
		}
	})
}

func TestAuthenticateAgain(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	p := f.signedIn(goodUser, goodPassword)
	p.allow(p.asked("scope", "openid profile")).told()

	t.Run("A16 prompt=login takes a new sign-in, and nothing in an address passes for one", func(t *testing.T) {
		f.in(t)
		f.advance(time.Hour)
		a := p.asked("prompt", "login").stays().want(200, "Sign in")
		for _, flag := range []string{"&prompt=none", "&reauth=1", "&authenticated=true", "&max_age=86400"} {
			p.on(p.get(strings.TrimPrefix(a.form(), p.base())+flag)).stays().want(200, "Sign in")
		}
		key := strings.TrimPrefix(a.form(), "/login?flow=")
		p.on(p.get(PathConsent+"?flow="+key)).stays().want(200, "Sign in")
		p.on(p.signIn(a, goodUser, "wrong")).stays().want(400)
		f.advance(time.Minute)
		_, g := f.redeemCode(p.on(p.signIn(a, goodUser, goodPassword)).told())
		if !g.AuthenticatedAt.Equal(f.clock()) {
			t.Errorf("auth_time %v", g.AuthenticatedAt)
		}
		f.advance(time.Second)
		p.asked("prompt", "login").stays().want(200, "Sign in") // every time
	})
	t.Run("A16 max_age counts from the sign-in", func(t *testing.T) {
		f.in(t)
		a := p.asked("prompt", "login")
		f.advance(time.Second)
		signedIn := f.clock()
		p.on(p.signIn(a, goodUser, goodPassword)).told()
		f.advance(100 * time.Second)
		_, g := f.redeemCode(p.asked("max_age", "100").told())
		if !g.AuthenticatedAt.Equal(signedIn) {
			t.Errorf("auth_time %v", g.AuthenticatedAt)
		}
		a = p.asked("max_age", "99").stays().want(200, "Sign in")
		f.advance(time.Second)
		_, g = f.redeemCode(p.on(p.signIn(a, goodUser, goodPassword)).told())
		if !g.AuthenticatedAt.Equal(f.clock()) {
			t.Errorf("auth_time %v", g.AuthenticatedAt)
		}
		f.advance(time.Second)
		p.asked("max_age", "0").stays().want(200, "Sign in")
	})
	t.Run("A16 a hint of another user asks for that one", func(t *testing.T) {
		f.in(t)
		f.hints = map[string]string{"grace's": f.user("grace").ID}
		f.advance(time.Second)
		a := p.asked("id_token_hint", "grace's").stays().want(200, "Sign in")
		if got := p.on(p.signIn(a, goodUser, goodPassword)).told().Get("error"); got != "login_required" {
			t.Errorf("the wrong user signed in: %s", got)
		}
		a = p.asked("id_token_hint", "grace's").stays().want(200, "Sign in")
		_, g := f.redeemCode(p.allow(p.on(p.signIn(a, "grace", "nanosecond"))).told())
		if g.UserID != f.user("grace").ID {
			t.Error("a code of somebody else")
		}
	})
	t.Run("prompt=select_account asks who", func(t *testing.T) {
		f.in(t)
		f.advance(time.Second)
		a := p.asked("prompt", "select_account").stays().want(200, "Which account do you want to use?", "grace", "Reports")
		p.on(p.submit(a, url.Values{"account": {"this"}})).told()
		a = p.asked("prompt", "select_account")
		p.submit(a, url.Values{"account": {"this"}, "token": {"x"}}).want(403)
		p.submit(a, url.Values{"account": {"nobody"}}).want(400)
		a = p.on(p.submit(a, url.Values{"account": {"other"}})).stays().want(200, "Sign in")
		f.advance(time.Second)
		_, g := f.redeemCode(p.on(p.signIn(a, goodUser, goodPassword)).told())
		if g.UserID != f.user("ada").ID {
			t.Error("a code of somebody else")
		}
		a = p.asked("prompt", "consent")
		p.get("/login/account?flow="+strings.TrimPrefix(a.form(), "/consent?flow=")).want(200, "Which account")
	})
}

func TestCodeOnce(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	t.Run("A27 consent submitted 50 times at once yields one code, and the way back begins anew", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.asked("prompt", "consent")
		statuses := map[int]int{}
		var mu sync.Mutex
		var group sync.WaitGroup
		cookies := p.jar.Cookies(mustURL(t, f.issuer))
		for range 50 {
			group.Go(func() {
				q := f.person()
				q.jar.SetCookies(mustURL(t, f.issuer), cookies)
				got := q.submit(a, url.Values{"decision": {"approve"}})
				mu.Lock()
				defer mu.Unlock()
				statuses[got.status]++
			})
		}
		group.Wait()
		if statuses[200] != 1 || statuses[409] != 49 || f.rows()["codes"] != 1 {
			t.Errorf("%v, %d codes", statuses, f.rows()["codes"])
		}
		a = p.submit(a, url.Values{"decision": {"approve"}}).want(409, "was answered already", "Start again")
		again := regexpMust(`href="(/login/again\?flow=[0-9a-v]+)"`).FindStringSubmatch(a.body)
		if again == nil {
			t.Fatal(a.body)
		}
		p.allow(p.on(p.get(again[1]))).told() // a crash after the commit loses nobody
		if f.rows()["codes"] != 2 {
			t.Error("no second code")
		}
	})
	t.Run("A27 who goes back after the answer may start again", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.asked("prompt", "consent")
		p.allow(a).told()
		p.submit(a, url.Values{"decision": {"approve"}}).stays().want(409, "Start again")
		p.get(strings.TrimPrefix(a.form(), p.base())).stays().want(409, "Start again")
	})
	t.Run("A24 consent without our page's token is refused", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		other := p.asked("prompt", "consent")
		a := p.asked("prompt", "consent")
		before := f.rows()
		for name, token := range map[string]string{"missing": "", "foreign": f.signedIn("grace", "nanosecond").asked("prompt", "consent").token(), "of another tab": other.token()} {
			if got := p.submit(a, url.Values{"decision": {"approve"}, "token": {token}}); got.status != 403 {
				t.Errorf("%s: %d", name, got.status)
			}
		}
		p.submit(a, url.Values{"decision": {"approve"}}, crossSite).want(403)
		f.advance(flowTTL + time.Second)
		p.submit(a, url.Values{"decision": {"approve"}}).want(403)
		if f.rows()["codes"] != before["codes"] {
			t.Error("there is a code")
		}
	})
	t.Run("A25 a page of one browser is refused in another", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.asked("prompt", "consent")
		for _, other := range []*person{f.person(), f.signedIn(goodUser, goodPassword)} {
			other.get(a.form()).stays().want(403, "This page is no longer valid")
			other.submit(a, url.Values{"decision": {"approve"}}).stays().want(403)
		}
	})
	t.Run("A26 a sign-in changes the secret of the flow, and forms of before are refused", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.asked("prompt", "consent")
		f.advance(time.Second)
		key := strings.TrimPrefix(a.form(), "/consent?flow=")
		selects := p.get("/login/account?flow=" + key)
		signIn := p.on(p.submit(selects, url.Values{"account": {"other"}}))
		f.advance(time.Second)
		p.on(p.signIn(signIn, goodUser, goodPassword)).want(200, "Reports")
		p.submit(a, url.Values{"decision": {"approve"}}).stays().want(403)
	})
}

func TestAuthorizeAnonymousWritesNothing(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	before := f.rows()
	for i := range 1000 {
		p := f.person()
		a := p.get(asks()).want(303)
		if i%20 == 0 {
			p.on(a).want(200, "Sign in")
			_, query, _ := strings.Cut(asks(), "?")
			form, _ := url.ParseQuery(query)
			p.on(p.post(PathAuthorize, form, crossSite)).want(200, "Sign in")
			p.get(asks("prompt", "none")).told()
			p.get(asks("scope", "nothing")).want(303)
			p.get(asks("client_id", "nobody")).want(400)
		}
	}
	if after := f.rows(); !maps.Equal(before, after) || len(after) < 10 {
		t.Errorf("A37 rows before %v, after %v", before, after)
	}
}
