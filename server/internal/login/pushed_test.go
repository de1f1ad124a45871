package login

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// spentPage is what is said of a reference that is good for nothing.
const spentPage = "This login was answered already"

// push pushes the app's request as the endpoint does, and returns the path that the app sends the browser to.
func (f *fixture) push(pairs ...string) string {
	f.Helper()
	_, query, _ := strings.Cut(asks(pairs...), "?")
	params, fail := oauth.ParseForm(query)
	if fail != nil {
		f.Fatal(fail)
	}
	uri, hash, err := oauth.NewRequestURI(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	client, ok := f.registry.Current().Client("reports")
	if !ok {
		f.Fatal("no client")
	}
	_, kept, fail := authrequest.ReadPushed(f.registry.Current(), client, params, hash, authrequest.Input{Now: f.clock(), ReadHint: f.readHint})
	if fail != nil {
		f.Fatal(fail)
	}
	err = f.storage.Storage.(storage.PushedRequests).PushRequest(f.Context(), storage.PushedRequest{
		URI: hash, Client: storage.ClientRef{ID: client.ClientID, UID: client.UID}, Request: kept, CreatedAt: f.clock(), ExpiresAt: f.clock().Add(2 * time.Minute),
	}, 1000)
	if err != nil {
		f.Fatal(err)
	}
	return PathAuthorize + "?" + url.Values{"client_id": {"reports"}, "request_uri": {uri}}.Encode()
}

func TestG02PushedRequests(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	t.Run("from the reference to the code, with what was pushed", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.on(p.get(f.push("nonce", "n-1"))).want(200, "Sign in", "Reports")
		told := p.allow(p.on(p.signIn(a, goodUser, goodPassword))).told()
		if code, _ := f.redeemCode(told); told.Get("state") != "s t+ä" || code.Nonce != "n-1" || code.RedirectURI != reportsCallback {
			t.Errorf("%v %+v", told, code)
		}
	})
	t.Run("parameters beside the reference change nothing", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		beside := url.Values{"state": {"other"}, "redirect_uri": {"https://evil.example/"}, "scope": {"openid profile"}, "prompt": {"none"},
			"request": {"eyJ"}, "response_type": {"token"}, "response_mode": {"form_post"}}
		told := p.on(p.get(f.push() + "&" + beside.Encode())).told()
		if told.Get("state") != "s t+ä" || told.Get("code") == "" {
			t.Errorf("%v", told)
		}
	})
	t.Run("a second use is a page, in any browser but the one of the first, and leads nowhere", func(t *testing.T) {
		f.in(t)
		link := f.push()
		f.person().on(f.person().get(link))
		f.person().get(link).stays().want(400, spentPage)
		f.signedIn(goodUser, goodPassword).get(link).stays().want(400, spentPage)
		if log := f.logs.String(); !strings.Contains(log, `"authorize.refused"`) || !strings.Contains(log, "already consumed") {
			t.Error("the log does not say why")
		}
	})
	t.Run("an expired, unknown or malformed one is a page", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		old := f.push()
		f.advance(2 * time.Minute)
		unknown, _, err := oauth.NewRequestURI(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for name, link := range map[string]string{
			"expired": old, "unknown": PathAuthorize + "?client_id=reports&request_uri=" + unknown,
			"cut": old[:len(old)-1], "of nothing": PathAuthorize + "?client_id=reports&request_uri=urn:ietf:params:oauth:request_uri:",
		} {
			t.Log(name)
			p.get(link).stays().want(400, spentPage)
			p.get(link+"&redirect_uri="+url.QueryEscape(reportsCallback)+"&response_type=code").stays().want(400, spentPage)
		}
	})
	t.Run("one of another client is a page, and is still good for its own", func(t *testing.T) {
		f.in(t)
		other := reports()
		other.Name, other.UID, other.ClientID = "other", "44444444-2222-3333-4444-555555555555", "other"
		f.declare(other)
		p := f.signedIn(goodUser, goodPassword)
		link := f.push()
		p.get(strings.Replace(link, "client_id=reports", "client_id=other", 1)).stays().want(400, spentPage)
		p.get(strings.Replace(link, "client_id=reports", "client_id=nobody", 1)).stays().want(400, "This app is not known here")
		p.get(strings.Replace(link, "client_id=reports", "", 1)).stays().want(400, "This app is not known here")
		p.on(p.get(link)).told()
	})
	t.Run("one of a client that was made anew under the same name is a page", func(t *testing.T) {
		f.in(t)
		defer f.declare(reports())
		link := f.push()
		again := reports()
		again.UID = "66666666-2222-3333-4444-555555555555"
		f.declare(again)
		f.signedIn(goodUser, goodPassword).get(link).stays().want(400, spentPage)
	})
	t.Run("A28 one of a client that changed since is a page, and sends nobody anywhere", func(t *testing.T) {
		f.in(t)
		defer f.declare(reports())
		p := f.signedIn(goodUser, goodPassword)
		for name, change := range map[string]func(*registration.Client){
			"suspended": func(c *registration.Client) { c.Suspended = true },
			"moved":     func(c *registration.Client) { c.RedirectURIs = []string{"https://reports.example/new"} },
			"narrowed":  func(c *registration.Client) { c.Scopes = []string{"profile"} },
		} {
			t.Log(name)
			f.declare(reports())
			link := f.push()
			c := reports()
			change(c)
			f.declare(c)
			p.get(link).stays().want(400, "This app cannot be connected")
		}
	})
	t.Run("a request by POST goes on by GET, and keeps nothing in the browser", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		session := p.jar
		p.jar, p.client.Jar = f.person().jar, nil
		_, query, _ := strings.Cut(f.push(), "?")
		form, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		form.Set("state", "other")
		a := p.post(PathAuthorize, form, crossSite).want(303)
		if len(a.header["Set-Cookie"]) > 0 || strings.Contains(a.to, "other") {
			t.Errorf("to %s with %v", a.to, a.header["Set-Cookie"])
		}
		p.jar, p.client.Jar = session, session
		if got := p.on(a).told().Get("state"); got != "s t+ä" {
			t.Errorf("state %q", got)
		}
	})
	t.Run("64 browsers at once: one goes on, the others see a page", func(t *testing.T) {
		f.in(t)
		link := f.push()
		statuses := map[int]int{}
		var mu sync.Mutex
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				a := f.person().get(link)
				mu.Lock()
				defer mu.Unlock()
				statuses[a.status]++
			})
		}
		group.Wait()
		if statuses[303] != 1 || statuses[400] != 63 {
			t.Errorf("%v", statuses)
		}
	})
}

func TestWhoIsHalfwayIsNotStranded(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	t.Run("reloading the address in the same browser goes on where one was, also after it has expired", func(t *testing.T) {
		f.in(t)
		p := f.person()
		link := f.push()
		a := p.on(p.get(link)).want(200, "Sign in")
		p.on(p.get(link)).want(200, "Sign in", "Reports")
		f.advance(5 * time.Minute)
		again := p.on(p.get(link)).want(200, "Sign in", "Reports")
		if again.form() != a.form() {
			t.Errorf("%s became %s", a.form(), again.form())
		}
		if flows, _ := p.flowCookies(); flows != 1 {
			t.Errorf("%d flows", flows)
		}
		consent := p.on(p.signIn(again, goodUser, goodPassword)).want(200, "Reports")
		reloaded := p.on(p.get(link))
		if reloaded.form() != consent.form() {
			t.Errorf("%s became %s", consent.form(), reloaded.form())
		}
		f.redeemCode(p.allow(reloaded).told())
		p.get(link).stays().want(409, spentPage)
		f.advance(answeredTTL)
		p.get(link).stays().want(400, spentPage)
	})
	t.Run("a flow of another request, or of another client, is not gone on with", func(t *testing.T) {
		f.in(t)
		other := reports()
		other.Name, other.UID, other.ClientID = "other", "44444444-2222-3333-4444-555555555555", "other"
		f.declare(other)
		p := f.person()
		link := f.push()
		p.on(p.get(link)).want(200, "Sign in")
		p.get(strings.Replace(link, "client_id=reports", "client_id=other", 1)).stays().want(400, spentPage)
		second := f.push("state", "second")
		f.person().get(second)
		p.get(second).stays().want(400, spentPage)
	})
	t.Run("what needs nobody to be asked leaves nothing in the browser, and a second use is a page", func(t *testing.T) {
		f.in(t)
		p := f.signedIn("grace", "nanosecond")
		p.allow(p.on(p.get(f.push()))).told()
		f.advance(answeredTTL)
		before, _ := p.flowCookies()
		link := f.push("scope", "openid")
		p.get(link).told()
		if flows, _ := p.flowCookies(); flows != before {
			t.Errorf("%d flows, %d before", flows, before)
		}
		p.get(link).stays().want(400, spentPage)
	})
	t.Run("programs that look at a link do not use it up", func(t *testing.T) {
		f.in(t)
		link := f.push()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, f.issuer+link, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := f.person().do(r); a.status != 303 || len(a.header["Set-Cookie"]) > 0 {
			t.Errorf("%d %v", a.status, a.header)
		}
		p := f.person()
		p.on(p.get(link)).want(200, "Sign in", "Reports")
	})
	t.Run("B18 a database out of reach uses nothing up", func(t *testing.T) {
		f.in(t)
		p := f.person()
		link := f.push()
		f.storage.down.Store(true)
		p.get(link).stays().want(503)
		f.storage.down.Store(false)
		p.on(p.get(link)).want(200, "Sign in", "Reports")
	})
	t.Run("B18 one that fails after the use loses nobody: they go on when it is back", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		p.allow(p.on(p.get(f.push("prompt", "consent")))).told()
		link := f.push("scope", "openid")
		f.storage.noCodes.Store(true)
		p.get(link).stays().want(503)
		f.storage.noCodes.Store(false)
		f.redeemCode(p.on(p.get(link)).told())
	})
	t.Run("to start again with another account takes no new reference", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.on(p.get(f.push()))
		key := strings.TrimPrefix(a.form(), "/login?flow=")
		p.on(p.get("/login/again?flow="+key)).want(200, "Sign in", "Reports")
	})
}

func TestG02APolicyMayRequirePushedRequests(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	strict := apps()
	strict.Require.PushedAuthorizationRequests = true
	p := f.signedIn(goodUser, goodPassword)
	waiting := p.asked("prompt", "consent").want(200, "Reports")
	f.declare(strict)
	t.Run("one that came with the browser is invalid_request, told like any other error", func(t *testing.T) {
		f.in(t)
		told := p.asked().told()
		if told.Get("error") != "invalid_request" || told.Get("code") != "" || told.Get("state") != "s t+ä" {
			t.Errorf("%v", told)
		}
		q := f.person()
		q.asked().stays().want(200, "Sign in")
	})
	t.Run("A28 one that was waiting when the policy was tightened yields nothing", func(t *testing.T) {
		f.in(t)
		p.submit(waiting, url.Values{"decision": {"approve"}}).stays().want(400, "This app cannot be connected")
	})
	t.Run("a pushed one goes", func(t *testing.T) {
		f.in(t)
		f.redeemCode(p.allow(p.on(p.get(f.push()))).told())
	})
	t.Run("a reference to an address elsewhere is no pushed request", func(t *testing.T) {
		f.in(t)
		if got := p.asked("request_uri", "https://169.254.169.254/").told().Get("error"); got != "invalid_request" {
			t.Errorf("%s", got)
		}
	})
}
