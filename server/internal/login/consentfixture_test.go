package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
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
