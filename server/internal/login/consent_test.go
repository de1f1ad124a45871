package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	chatUID    = "22222222-2222-3333-4444-555555555555"
	clustersID = "https://clusters.example.com"
)

const verifierChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B

func TestConsent(t *testing.T) {
	t.Run("S3 A29 a chat assistant asks, the person chooses, and is not asked again", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.person()
		a := p.request("openid profile clusters.read clusters.drop").want(200, "Sign in")
		a = p.follow(p.signIn(a, goodUser, goodPassword))
		a.want(200, "Give Chat <b>Assistant</b> access to your account?", "Example Chat", "partners/chat", "chat.example.com", "Know who you are", "See your clusters",
			"Delete clusters", "Sensitive", "Clusters", "Projects", "All of Acme ( 2 )", "Web shop", "You are signed in as Ada Lovelace (Ada)", "Use another account", "Approve", "Deny")
		for _, never := range []string{"javascript:", "<b>Assistant"} {
			if strings.Contains(a.body, never) {
				t.Errorf("the page has %s", never)
			}
		}
		for value, ticked := range map[string]bool{"profile": true, "clusters.read": true, "clusters.drop": false, key("p1"): false} {
			if !strings.Contains(a.body, `value="`+value+`"`) || strings.Contains(a.body, `value="`+value+`" checked`) != ticked {
				t.Errorf("%s: ticked is not %t", value, ticked)
			}
		}
		p.consented(a, "approve", []string{"profile", "clusters.read"}, []string{"acme"}).wantCode()
		f.wantGrant([]string{"openid", "profile", "clusters.read"}, []string{"p1", "p2"})

		asked := f.asked.Load()
		p.request("openid clusters.read").wantCode()
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"p1", "p2"})
		if f.asked.Load() != asked {
			t.Error("the API was asked although there was nothing to choose")
		}
		a = p.request("openid profile clusters.read orders.read").want(200, "It may do this already", "Read your orders")
		if strings.Contains(a.body, `value="clusters.read"`) || strings.Contains(a.body, "Web shop") {
			t.Error("what was allowed before is asked again")
		}
		p.consented(a, "approve", []string{"orders.read"}, nil).wantCode()
		f.wantGrant([]string{"openid", "profile", "clusters.read", "orders.read"}, []string{"p1", "p2"})
		a = p.request("openid clusters.read clusters.drop").want(200, "Web shop")
		if !strings.Contains(a.body, `value="`+key("p1")+`" checked`) {
			t.Error("what was chosen is not shown with what is new")
		}
		logs := f.logs.String()
		if !regexp.MustCompile(`"msg":"consent.given","client":"chat","namespace":"partners","user":"[^"]+","address":"[^"]+","scope":"openid profile clusters.read"`).MatchString(logs) {
			t.Errorf("the audit lacks consent.given:\n%s", logs)
		}
	})

	t.Run("prompt", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		if got := p.request("openid", "prompt", "none").response().Get("error"); got != "consent_required" {
			t.Errorf("A15 %q", got)
		}
		p.consented(p.request("openid").want(200), "approve", nil, nil).wantCode()
		p.request("openid", "prompt", "none").wantCode()
		p.request("openid", "prompt", "consent").want(200, "Give Chat")
	})

	t.Run("deny", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		if got := p.consented(p.request("openid clusters.read").want(200), "deny", []string{"clusters.read"}, []string{"p1"}).response().Get("error"); got != "access_denied" {
			t.Errorf("%q", got)
		}
		if _, err := f.app(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the app has something: %v", err)
		}
		if !strings.Contains(f.logs.String(), `"msg":"consent.refused","client":"chat","namespace":"partners"`) {
			t.Error("the audit lacks consent.refused")
		}
	})

	t.Run("what is missing is said, and nothing is granted", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.request("profile clusters.read clusters.drop").want(200)
		a = p.consented(a, "approve", nil, []string{"p2"}).want(400, "Nothing is ticked")
		if !strings.Contains(a.body, `value="`+key("p2")+`" checked`) || strings.Contains(a.body, `value="profile" checked`) {
			t.Error("the page does not show what was ticked")
		}
		a = p.consented(a, "approve", []string{"clusters.read"}, nil).want(400, "you still have to choose")
		a = p.consented(a, "approve", []string{"clusters.read"}, []string{"p9", "foreign"}).want(400, "you still have to choose")
		if _, err := f.app(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the app has something: %v", err)
		}
		p.consented(a, "", nil, nil).want(400)
		p.consented(a, "approve", []string{"clusters.read", "admin", "orders.read"}, []string{"own"}).wantCode()
		f.wantGrant([]string{"clusters.read"}, []string{"own"})
	})

	t.Run("a long list is searched without a script, and nothing that is ticked gets lost", func(t *testing.T) {
		f := newConsentFixture(t)
		var list []string
		for i := range 120 {
			list = append(list, fmt.Sprintf(`{"id":"p%d","title":"Project %d"}`, i, i))
		}
		f.offers(`{"choices":[` + strings.Join(list, ",") + `]}`)
		p := f.signedIn(goodUser, goodPassword)
		a := p.request("clusters.read").want(200, "Find one of 120", "40 of 120 are shown")
		a = p.consented(a, "search", []string{"clusters.read"}, []string{"p3"}, "q.clusters", "project 11").want(200, "1 more is ticked", "Project 111")
		if strings.Contains(a.body, key("p12")+`"`) {
			t.Error("the search shows what does not match")
		}
		a = p.consented(a, "search", []string{"clusters.read"}, []string{"p111", "p112"}, "q.clusters", "").want(200)
		if !strings.Contains(a.body, `value="`+key("p111")+`" checked`) {
			t.Error("what was ticked is not shown first")
		}
		p.consented(a, "approve", []string{"clusters.read"}, []string{"p3", "p112"}).wantCode() // p111 was unticked
		f.wantGrant([]string{"clusters.read"}, []string{"p112", "p3"})
	})

	t.Run("an API that is away leaves everything as it is", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.request("clusters.read").want(200)
		f.advance(2 * time.Minute) // past what was kept of the answer
		f.answer.Store(nil)
		gone := p.consented(a, "approve", []string{"clusters.read"}, []string{"p1"}).want(503, "nothing to choose from right now", "Try again", "request-1")
		if gone.header.Get("Retry-After") == "" {
			t.Error("it does not say when to try again")
		}
		p.request("clusters.read").want(503)
		if _, err := f.app(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the app has something: %v", err)
		}
		p.consented(p.request("orders.read").want(200), "approve", []string{"orders.read"}, nil).wantCode() // needs no answer
		f.offers(`{"choices":[{"id":"p1","title":"Web shop"}]}`)
		p.consented(a, "approve", []string{"clusters.read"}, []string{"p1"}).wantCode()
	})

	t.Run("who is offered nothing any more gets nothing", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.request("clusters.read").want(200)
		f.advance(2 * time.Minute)
		f.offers(`{"choices":[{"id":"own","title":"My own"}]}`)
		p.consented(a, "approve", []string{"clusters.read"}, []string{"p1", "acme"}).want(400, "you still have to choose")
		f.advance(2 * time.Minute)
		f.offers(`{"choices":[]}`)
		p.request("clusters.read").want(200, "There is nothing that you could choose here")
	})

	t.Run("modes", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		always := chat()
		always.Consent = registration.ConsentAlways
		f.apply(always)
		for range 2 {
			p.consented(p.request("openid orders.read").want(200, "This app asks every time"), "approve", []string{"orders.read"}, nil).wantCode()
		}
		skip := chat()
		skip.Consent = registration.ConsentSkip
		f.apply(skip)
		p.request("openid orders.read clusters.drop", "resource", "https://api.example.com").wantCode()
		f.wantGrant([]string{"openid", "orders.read"}, nil)
		a := p.request("openid clusters.read").want(200, "Web shop") // something must be chosen
		p.consented(a, "approve", nil, []string{"p1"}).wantCode()
		p.request("openid clusters.read").wantCode()
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"p1"})
	})

	t.Run("a program on this device that anybody may be is asked about every time (RFC 8252 section 8.6)", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		for range 2 {
			a := p.request("openid orders.read", "redirect_uri", "http://127.0.0.1:49152/cb").want(200, "Approve only if you started it yourself", "This app asks every time")
			p.consented(a, "approve", []string{"orders.read"}, nil).wantCode()
			f.wantGrant([]string{"openid", "orders.read"}, nil)
		}
		if got := p.request("openid", "redirect_uri", "http://127.0.0.1:49152/cb", "prompt", "none").response().Get("error"); got != "consent_required" {
			t.Errorf("A15 %q", got)
		}
		p.request("openid orders.read").wantCode() // at its website it is itself
		confidential := chat()
		confidential.Authentication.Methods = []registration.AuthenticationMethod{registration.AuthenticationClientSecret}
		confidential.Authentication.Secrets = []registration.SecretHash{{ID: "s", SHA256: strings.Repeat("ab", 32)}}
		f.apply(confidential)
		p.request("openid orders.read", "redirect_uri", "http://127.0.0.1:49152/cb").wantCode() // it proves itself with its secret
	})

	t.Run("an app on this device is told apart", func(t *testing.T) {
		f := newConsentFixture(t)
		p := f.signedIn(goodUser, goodPassword)
		p.request("openid", "redirect_uri", "http://127.0.0.1:49152/cb").want(200, "A program on this device", "Approve only if you started it yourself")
		if a := p.request("openid").want(200); strings.Contains(a.text(), "on this device") {
			t.Error("a website is taken for a program")
		}
	})
}

func TestConsentForms(t *testing.T) {
	f := newConsentFixture(t)

	t.Run("A24 a form without our page's token is refused", func(t *testing.T) {
		f.in(t)
		p, mallory := f.signedIn(goodUser, goodPassword), f.signedIn("grace", "nanosecond")
		a, other := p.request("openid").want(200), p.request("openid").want(200)
		foreign := mallory.request("openid").want(200)
		for name, value := range map[string]string{
			"missing": "", "garbage": "AAAA", "of another request": other.token(), "of another person": foreign.token(),
			"of another form": p.open("/logout").token(), "changed": a.token()[:40] + "AAAA" + a.token()[44:],
		} {
			got := p.submit(a, url.Values{"token": {value}, "decision": {"approve"}})
			if got.status != 403 {
				t.Errorf("%s: %d %s", name, got.status, got.text())
			}
		}
		for _, site := range []string{"cross-site", "same-site"} {
			p.submit(a, url.Values{"decision": {"approve"}}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) }).want(403)
		}
		if _, err := f.app(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the app has something: %v", err)
		}
		f.advance(flowTTL + time.Second)
		p.consented(a, "approve", nil, nil).want(403)
	})

	t.Run("A25 the page opened in another browser is refused", func(t *testing.T) {
		f.in(t)
		p, q := f.signedIn(goodUser, goodPassword), f.signedIn(goodUser, goodPassword)
		a := p.request("openid").want(200)
		q.get(a.form()).want(403)
		q.submit(a, url.Values{"decision": {"approve"}}).want(403)
		f.person().submit(a, url.Values{"decision": {"approve"}}).want(403)
	})

	t.Run("A27 submitted many times at once yields one code", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		a := p.request("openid").want(200)
		form := url.Values{"token": {a.token()}, "decision": {"approve"}}.Encode()
		const n = 50
		bodies := make([]string, n)
		status := make([]int, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, f.issuer+a.form(), strings.NewReader(form))
				if err != nil {
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				res, err := p.client.Do(r)
				if err != nil {
					return
				}
				defer func() { _ = res.Body.Close() }()
				if b, err := io.ReadAll(res.Body); err == nil {
					bodies[i], status[i] = string(b), res.StatusCode
				}
			})
		}
		wg.Wait()
		codes := 0
		for i := range n {
			switch {
			case status[i] == 200 && strings.Contains(bodies[i], "chat.example.com/cb?"):
				codes++
			case status[i] < 400 || status[i] >= 500:
				t.Errorf("%d: %.200s", status[i], bodies[i])
			}
		}
		if codes != 1 {
			t.Errorf("%d codes", codes)
		}
		app, err := f.app()
		if err != nil || len(app.Grants) != 1 {
			t.Errorf("%d grants, %v", len(app.Grants), err)
		}
	})

	t.Run("A28 a client that is suspended or changed meanwhile gets no code", func(t *testing.T) {
		for name, change := range map[string]func(*registration.Client){
			"suspended":        func(c *registration.Client) { c.Suspended = true },
			"redirect changed": func(c *registration.Client) { c.RedirectURIs = []string{"https://chat.example.com/other"} },
			"scope withdrawn":  func(c *registration.Client) { c.Scopes = []string{"openid"} },
		} {
			t.Run(name, func(t *testing.T) {
				f := newConsentFixture(t)
				p := f.signedIn(goodUser, goodPassword)
				a := p.request("openid orders.read").want(200)
				c := chat()
				change(c)
				f.apply(c)
				got := p.consented(a, "approve", []string{"orders.read"}, nil)
				if strings.Contains(got.body+got.to, "code=") || got.status < 400 && name != "scope withdrawn" {
					t.Errorf("%d to %q: %s", got.status, got.to, got.text())
				}
				if _, err := f.app(); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("the app has something: %v", err)
				}
			})
		}
	})
}
