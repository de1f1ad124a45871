package login

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	mint "github.com/grantkeeper/grantkeeper/server/internal/token"
)

const (
	chatUID    = "22222222-2222-3333-4444-555555555555"
	clustersID = "https://clusters.example.com"
)

// consentFixture is the flow with a chat assistant, an API with choices, and that API itself.
type consentFixture struct {
	*fixture
	api    *httptest.Server
	answer atomic.Pointer[string] // of the API; nil for none
	asked  atomic.Int64
}

func newConsentFixture(t *testing.T) *consentFixture {
	t.Helper()
	f := &consentFixture{fixture: newFixture(t, fixtureOptions{displayName: "Example Login"})}
	f.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		body := f.answer.Load()
		if body == nil || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(*body))
	}))
	t.Cleanup(f.api.Close)
	f.offers(`{"choices":[{"id":"acme","title":"Acme"},{"id":"p1","title":"Web shop","parent":"acme"},{"id":"p2","title":"Blog","parent":"acme"},{"id":"own","title":"My own"}]}`)
	keys := signer.New()
	if err := keys.Load(&registration.Keys{Signing: []registration.SigningKey{signingKey(t)}}); err != nil {
		t.Fatal(err)
	}
	lister, err := choices.New(mint.NewIssuer(keys, rand.Reader), f.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lister.Close)
	f.login.Choices = lister
	f.apply(chat())
	return f
}

func signingKey(t *testing.T) registration.SigningKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return registration.SigningKey{ID: "k", Algorithm: "ES256", State: registration.KeyActive, PKCS8: der}
}

func (f *consentFixture) offers(body string) { f.answer.Store(&body) }

func chat() *registration.Client {
	c := testClient()
	c.Name, c.UID, c.ClientID, c.Type = "chat", chatUID, "chat", "Web"
	c.Display = registration.Display{Name: "Chat <b>Assistant</b>", Publisher: "Example Chat", Homepage: "https://chat.example.com", PolicyURI: "javascript:alert(1)"}
	c.GrantTypes = []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}
	c.Scopes = []string{"openid", "profile", "offline_access", "orders.read", "clusters.read", "clusters.drop"}
	c.RedirectURIs = []string{"https://chat.example.com/cb", "http://127.0.0.1/cb"}
	return c
}

// apply makes the chat assistant, with the policy and the API that it needs, the registry's.
func (f *consentFixture) apply(c *registration.Client) {
	f.Helper()
	allowed := []string{"openid", "profile", "email", "offline_access", "orders.read", "clusters.read", "clusters.drop"}
	version := strconv.FormatInt(time.Now().UnixNano(), 10)
	f.registry.Apply([]registry.Change{
		{Key: "policy", Document: &registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
			GrantTypes: []string{oauth.GrantTypeDeviceCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeAuthorizationCode}, Scopes: allowed,
			RedirectHosts: []string{"chat.example.com"}, SkipConsent: true,
			Authentication: []registration.AuthenticationMethod{registration.AuthenticationNone, registration.AuthenticationClientSecret},
		}}},
		{Key: "clusters", Document: &registration.Resource{Namespace: "oauth", Name: "clusters", Identifier: clustersID, Title: "Clusters",
			Scopes:  []registration.Scope{{Name: "clusters.read", Title: "See your clusters"}, {Name: "clusters.drop", Title: "Delete clusters", Sensitive: true}},
			Choices: &registration.Choices{Type: "project", Title: "Projects", URL: f.api.URL}}},
		{Key: "chat", Document: c},
	}, version)
	f.wait(func(s *registry.Snapshot) bool {
		got, ok := s.ClientByUID(chatUID)
		return ok && s.Version() == version && got.Refused == nil
	})
}

const verifierChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B

// authorizePath is the address of an authorization request.
func authorizePath(scope string, more ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {"chat"}, "redirect_uri": {"https://chat.example.com/cb"}, "state": {"s1"}, "scope": {scope},
		"code_challenge": {verifierChallenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return PathAuthorize + "?" + q.Encode()
}

// request opens an authorization request and follows redirects of ours.
func (p *person) request(scope string, more ...string) *answer {
	p.Helper()
	a := p.get(authorizePath(scope, more...))
	for range 6 {
		if a.to == "" || !strings.HasPrefix(a.to, p.base()+"/") {
			return a
		}
		a = p.get(strings.TrimPrefix(a.to, p.base()))
	}
	p.Fatalf("redirects without end, at last to %s", a.to)
	return nil
}

var onward = regexp.MustCompile(`<a class="button" href="([^"]+)"`)

// response is what the client is told: by a redirect, or by the page that leads on.
func (a *answer) response() url.Values {
	a.Helper()
	to := a.to
	if m := onward.FindStringSubmatch(a.body); to == "" && m != nil {
		to = html.UnescapeString(m[1])
	}
	u, err := url.Parse(to)
	if err != nil || u.Host == "" {
		a.Fatalf("%s (%d) leads to no client: %q %s", a.path, a.status, to, a.text())
	}
	return u.Query()
}

func (a *answer) wantCode() {
	a.Helper()
	if q := a.response(); q.Get("code") == "" || q.Get("state") != "s1" {
		a.Fatalf("no code: %v", q)
	}
}

func key(id string) string { return consent.Key(clustersID, id) }

var shownField = regexp.MustCompile(`name="shown" value="([^"]*)"`)
var hiddenChoice = regexp.MustCompile(`type="hidden" name="choice" value="([^"]*)"`)

// consented sends the page with what is ticked: scopes, and choices by id.
func (p *person) consented(a *answer, decision string, scopes []string, ids []string, more ...string) *answer {
	p.Helper()
	form := url.Values{"decision": {decision}, "scope": scopes}
	for _, id := range ids {
		form.Add("choice", key(id))
	}
	for _, m := range shownField.FindAllStringSubmatch(a.body, -1) {
		form.Add("shown", html.UnescapeString(m[1]))
	}
	for _, m := range hiddenChoice.FindAllStringSubmatch(a.body, -1) {
		form.Add("choice", html.UnescapeString(m[1]))
	}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return p.submit(a, form)
}

// app is what the chat assistant has of ada.
func (f *consentFixture) app() (storage.App, error) {
	f.Helper()
	u, err := f.storage.SignedIn(f.Context(), storage.User{ID: "new", Provider: providerUID, Subject: "ada", Username: "Ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true})
	if err != nil {
		f.Fatal(err)
	}
	return f.storage.App(f.Context(), u.ID, chatUID)
}

// chosenIn are the identifiers in authorization details.
func chosenIn(raw []byte) []string {
	var out []string
	for _, d := range consent.ParseDetails(raw) {
		out = append(out, d.Identifier)
	}
	return out
}

// wantGrant compares its latest grant.
func (f *consentFixture) wantGrant(scopes, chosen []string) {
	f.Helper()
	app, err := f.app()
	if err != nil {
		f.Fatal(err)
	}
	if len(app.Grants) == 0 {
		f.Fatal("there is no grant")
	}
	if diff := cmp.Diff(scopes, app.Grants[0].Scopes); diff != "" {
		f.Errorf("scopes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(chosen, chosenIn(app.Grants[0].AuthorizationDetails)); diff != "" {
		f.Errorf("chosen (-want +got):\n%s", diff)
	}
}

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

func TestConsentOfADevice(t *testing.T) {
	f := newConsentFixture(t)
	c := testClient()
	c.Scopes = append(c.Scopes, "clusters.read", "clusters.drop")
	f.registry.Apply([]registry.Change{{Key: "client", Document: c}}, "device")
	f.wait(func(s *registry.Snapshot) bool {
		got, ok := s.ClientByUID(clientUID)
		return ok && slices.Contains(got.Scopes, "clusters.drop")
	})
	clusters := func(scopes ...string) func(*storage.DeviceRequest) {
		return func(d *storage.DeviceRequest) { d.Scopes, d.Audience = scopes, []string{clustersID} }
	}

	t.Run("S2 F09 first the page that compares the code, then the choice", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(clusters("openid", "clusters.read"))
		p := f.signedIn(goodUser, goodPassword)
		a := p.follow(p.decide(p.confirmPage(code), "approve")).want(200, "Give Acme CLI access", "Web shop")
		if strings.Contains(a.text(), "Sends you to") {
			t.Error("a device sends nobody anywhere")
		}
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("before the choice: %v", err)
		}
		p.consented(a, "approve", []string{"clusters.read"}, nil).want(400)
		p.follow(p.consented(a, "approve", []string{"clusters.read"}, []string{"p2"})).want(200, "Approved")
		g, err := f.redeem(code)
		if err != nil || !slices.Equal(chosenIn(g.AuthorizationDetails), []string{"p2"}) {
			t.Errorf("%v, %s", err, g.AuthorizationDetails)
		}

		again := f.startDevice(clusters("openid", "clusters.read"))
		p.follow(p.decide(p.confirmPage(again), "approve")).want(200, "Approved") // compared, and nothing to choose any more
		if g, err := f.redeem(again); err != nil || !slices.Equal(chosenIn(g.AuthorizationDetails), []string{"p2"}) {
			t.Errorf("%v, %s", err, g.AuthorizationDetails)
		}
	})

	t.Run("a sensitive scope is asked for on a page of its own", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(clusters("clusters.read", "clusters.drop"))
		p := f.signedIn(goodUser, goodPassword)
		a := p.follow(p.decide(p.confirmPage(code), "approve")).want(200, "Delete clusters", "Sensitive")
		p.follow(p.consented(a, "approve", []string{"clusters.read"}, []string{"p1"})).want(200, "Approved")
		g, err := f.redeem(code)
		if err != nil || !slices.Equal(g.Scopes, []string{"clusters.read"}) {
			t.Errorf("%v, %v", err, g.Scopes)
		}
	})

	t.Run("denied at the choice", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(clusters("clusters.drop"))
		p := f.signedIn(goodUser, goodPassword)
		a := p.follow(p.decide(p.confirmPage(code), "approve")).want(200)
		p.follow(p.consented(a, "deny", nil, nil)).want(200, "Denied")
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("%v", err)
		}
	})
}

func TestChange(t *testing.T) {
	f := newConsentFixture(t)
	p := f.signedIn(goodUser, goodPassword)
	a := p.request("openid orders.read clusters.read clusters.drop").want(200)
	p.consented(a, "approve", []string{"orders.read", "clusters.read"}, []string{"p1"}).wantCode()

	t.Run("wider and narrower, in the consent and in live grants", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app="+chatUID).want(200, "Change what Chat", "Save", "Cancel", "Read your orders", "Web shop")
		if !strings.Contains(a.body, `value="`+key("p1")+`" checked`) || strings.Contains(a.body, "Delete clusters") {
			t.Error("the page does not show what the app has")
		}
		to := p.consented(a, "approve", []string{"clusters.read"}, []string{"p2", "own"}).want(303).to
		if to != "/account/app?app="+chatUID+"&done=narrowed" {
			t.Errorf("to %s", to)
		}
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"own", "p2"})
		app, err := f.app()
		if err != nil || !slices.Equal(app.Consent.Scopes, []string{"openid", "clusters.read"}) || !slices.Equal(chosenIn(app.Consent.AuthorizationDetails), []string{"own", "p2"}) {
			t.Errorf("%v, %+v", err, app.Consent)
		}
		if api := consent.ParseDetails(app.Consent.AuthorizationDetails)[0].Location(); !slices.Equal(app.Consent.Audience, []string{api}) || !slices.Equal(app.Grants[0].Audience, []string{api}) {
			t.Errorf("an API without a scope stays in the audience: %v, %v", app.Consent.Audience, app.Grants[0].Audience)
		}
	})

	t.Run("never a scope that the app did not have", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app=" + chatUID).want(200)
		p.consented(a, "approve", []string{"clusters.read", "clusters.drop", "orders.read"}, []string{"p2"}).want(303)
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"p2"})
	})

	t.Run("cancel changes nothing", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app=" + chatUID).want(200)
		if to := p.consented(a, "deny", nil, nil).want(303).to; to != "/account/app?app="+chatUID {
			t.Errorf("to %s", to)
		}
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"p2"})
	})

	t.Run("H10 somebody else's app, an unknown one and none are not found", func(t *testing.T) {
		f.in(t)
		grace := f.signedIn("grace", "nanosecond")
		for _, uid := range []string{chatUID, "unknown", ""} {
			grace.open("/consent/change?app=" + uid).want(404)
		}
	})

	t.Run("who is not signed in signs in first", func(t *testing.T) {
		f.in(t)
		f.person().open("/consent/change?app="+chatUID).want(200, "Sign in")
	})

	t.Run("an app that was revoked meanwhile stays revoked", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app=" + chatUID).want(200)
		app, err := f.app()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.storage.RevokeApp(t.Context(), app.Consent.UserID, chatUID, f.clock()); err != nil {
			t.Fatal(err)
		}
		if got := p.consented(a, "approve", []string{"clusters.read"}, []string{"p2"}); got.status < 400 {
			t.Errorf("%d to %s", got.status, got.to)
		}
		if _, err := f.app(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the app has something: %v", err)
		}
	})
}
