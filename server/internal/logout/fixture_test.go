package logout_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/jwks"
	"github.com/grantkeeper/grantkeeper/server/internal/logout"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
	"github.com/grantkeeper/grantkeeper/server/internal/web/webtest"
)

const (
	acmeURI    = "https://reports.acme.example/bye?from=gk"
	nativeURI  = "com.acme.reports:/bye"
	betaURI    = "https://beta.example/bye"
	acme, beta = "acme", "beta"
)

// fixture is the endpoint and the notifier over a real database and registry, on loopback.
type fixture struct {
	*testing.T
	db       *sqlite.DB
	registry *registry.Registry
	issuer   string
	tokens   *token.Issuer
	notifier *logout.Notifier
	results  map[string]int
	told     chan struct{} // gets something whenever an attempt was made
	answered chan string   // gets the Sec-Fetch-Dest of answered requests, while there is room
	logs     *webtest.Log

	mu      sync.Mutex
	now     time.Time
	adopted *http.Cookie // of the session that a real browser is to have
}

// anyone takes every account for active.
type anyone struct{}

func (anyone) Active([]*registration.IdentityProvider, string, string) bool { return true }

func (f *fixture) LogoutTold(result string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.results[result]++
	select {
	case f.told <- struct{}{}:
	default:
	}
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, now: time.Now().Truncate(time.Second), results: map[string]int{}, told: make(chan struct{}, 1), answered: make(chan string, 64), logs: &webtest.Log{}}
	server := httptest.NewUnstartedServer(nil)
	f.issuer = "http://" + server.Listener.Addr().String() + "/tenant"
	f.db = must[*sqlite.DB](t)(sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db"), Clock: f.clock}))
	log := slog.New(slog.NewTextHandler(f.logs, nil))
	f.registry = registry.New(log)
	keys := signingKeys(t)
	f.registry.Replace([]registry.Change{
		{Key: "server", Document: &registration.Server{Namespace: "oauth", Name: "main", Issuer: f.issuer,
			Device: registration.Device{CodeTTL: registration.Duration(time.Minute), Interval: registration.Duration(time.Second)}}},
		{Key: "keys", Document: keys},
		{Key: "policy", Document: policyOf("127.0.0.1")},
		{Key: acme, Document: client(acme, acmeURI, nativeURI)},
		{Key: beta, Document: client(beta, betaURI)},
	}, "1")
	f.wait(func(s *registry.Snapshot) bool { _, ok := s.ClientByUID("beta-uid"); return ok && s.Complete() })
	for id, c := range f.registry.Current().AllClients() {
		if !c.Enabled() {
			t.Fatalf("%s: %v", id, c.Refused)
		}
	}
	s := signer.New()
	check(t, s.Load(keys))
	f.tokens = token.NewIssuer(s, rand.Reader)
	pages := must[*web.Web](t)(web.New(web.Deps{
		Registry: f.registry, Storage: f.db, Accounts: anyone{}, Now: f.clock, Random: rand.Reader,
		Address:   func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") },
		RequestID: func(context.Context) string { return "request-1" }, Log: log,
	}))
	l := must[*logout.Logout](t)(logout.New(logout.Deps{Web: pages, Storage: f.db, IDs: f.tokens}))
	f.notifier = must[*logout.Notifier](t)(logout.NewNotifier(logout.NotifierDeps{
		Storage: f.db, Registry: f.registry, Tokens: f.tokens, Metrics: f, Now: f.clock, Log: log,
	}))
	mux := http.NewServeMux()
	for _, r := range l.Routes() {
		mux.Handle(r.Method+" /tenant"+r.Path, r.Handler)
	}
	mux.Handle("GET /tenant/v1/jwks", &jwks.Endpoint{Signer: s, MaxAge: time.Minute})
	mux.HandleFunc("GET /tenant/adopt", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		site := web.SiteOf(f.registry.Current().Server())
		site.SetCookie(w, site.SessionCookie, f.adopted.Value, time.Hour)
		_, _ = io.WriteString(w, "<!doctype html><title>Adopted</title><h1>Adopted</h1>")
	})
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		select {
		case f.answered <- r.Header.Get("Sec-Fetch-Dest"):
		default:
		}
	})
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := f.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// policyOf lets clients be told at those hosts, too.
func policyOf(hosts ...string) *registration.Policy {
	return &registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
		GrantTypes: []string{"authorization_code"}, Scopes: []string{"openid", "offline_access"},
		RedirectHosts: append([]string{"reports.acme.example", "beta.example", "com.acme.reports:"}, hosts...),
	}}
}

func client(id string, back ...string) *registration.Client {
	return &registration.Client{
		Namespace: "apps", Name: id, UID: id + "-uid", ClientID: id, Type: "Web", Policy: "all", Display: registration.Display{Name: "App " + id},
		RedirectURIs: []string{strings.Replace(back[0], "/bye", "/cb", 1)}, PostLogoutRedirectURIs: back,
		GrantTypes: []string{"authorization_code"}, Scopes: []string{"openid", "offline_access"},
		Authentication: registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationNone}},
		Tokens:         registration.Tokens{AccessTokenTTL: registration.Duration(time.Minute)},
	}
}

// change replaces a client's document.
func (f *fixture) change(d *registration.Client) {
	f.Helper()
	f.registry.Apply([]registry.Change{{Key: registry.Key(d.Name), Document: d}}, strconv.FormatInt(time.Now().UnixNano(), 10))
	f.wait(func(s *registry.Snapshot) bool {
		c, _ := s.ClientByUID(d.UID)
		return c != nil && reflect.DeepEqual(c.Client, d)
	})
}

func (f *fixture) wait(until func(*registry.Snapshot) bool) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 10*time.Second)
	defer cancel()
	check(f.T, f.registry.WaitFor(ctx, until))
}

func signingKeys(t *testing.T) *registration.Keys {
	t.Helper()
	der := func(k any) []byte { return must[[]byte](t)(x509.MarshalPKCS8PrivateKey(k)) }
	return &registration.Keys{Namespace: "oauth", Name: "main", Signing: []registration.SigningKey{
		{ID: "e", Algorithm: "ES256", State: registration.KeyActive, PKCS8: der(must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))},
		{ID: "r", Algorithm: "RS256", State: registration.KeyActive, PKCS8: der(must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)))},
	}, Sealing: []registration.SymmetricKey{{ID: "a", Key: bytes.Repeat([]byte{7}, 32)}}}
}

// person is somebody who is signed in in a browser.
type person struct {
	f       *fixture
	user    storage.User
	session storage.Session
	cookie  *http.Cookie
}

// signIn makes a user with a session; the name is the user's too.
func (f *fixture) signIn(name string) *person {
	f.Helper()
	u := must[storage.User](f.T)(f.db.SignedIn(f.Context(), storage.User{ID: "user-" + name, Provider: "p", Subject: name, Username: name}))
	value := must[string](f.T)(oauth.NewCredential(oauth.PrefixSession, rand.Reader))
	hash, _ := oauth.ParseCredential(oauth.PrefixSession, value)
	s := storage.Session{ID: hash, SID: "sid-" + rand.Text(), UserID: u.ID, AuthenticatedAt: f.clock(), ExpiresAt: f.clock().Add(time.Hour)}
	check(f.T, f.db.CreateSession(f.Context(), s, storage.Hash{}))
	site := web.SiteOf(f.registry.Current().Server())
	return &person{f: f, user: u, session: s, cookie: &http.Cookie{Name: site.SessionCookie, Value: value}}
}

// uses lets a client have a grant that was made in the session.
func (p *person) uses(clientID string, scopes ...string) storage.Grant {
	p.f.Helper()
	g := storage.Grant{
		ID: rand.Text(), UserID: p.user.ID, Client: storage.ClientRef{ID: clientID, UID: clientID + "-uid"}, Scopes: scopes, SID: p.session.SID,
	}
	c := storage.Code{Code: storage.Hash([]byte(rand.Text() + "012345")), Request: storage.Hash([]byte(rand.Text() + "012345")), Client: g.Client,
		ExpiresAt: p.f.clock().Add(time.Minute)}
	check(p.f.T, p.f.db.CreateCode(p.f.Context(), c, g, nil, nil))
	return g
}

// idToken is one that a client has of the person.
func (p *person) idToken(clientID string, change ...func(*token.ID)) string {
	p.f.Helper()
	id := &token.ID{Issuer: p.f.issuer, Subject: p.user.ID, ClientID: clientID, SID: p.session.SID, IssuedAt: p.f.clock(), ExpiresAt: p.f.clock().Add(time.Minute)}
	for _, c := range change {
		c(id)
	}
	return must[string](p.f.T)(p.f.tokens.ID(id))
}

// signedIn reports whether the session lives.
func (p *person) signedIn() bool {
	p.f.Helper()
	_, _, err := p.f.db.Session(p.f.Context(), p.session.ID, p.f.clock())
	return err == nil
}

// alive reports whether a grant lives.
func (f *fixture) alive(g storage.Grant) bool {
	f.Helper()
	_, _, err := f.db.Grant(f.Context(), g.ID)
	return err == nil
}

// opens are the headers of a browser that opens an address as a page.
func opens() http.Header {
	return http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"cross-site"}}
}

// answer is what came back.
type answer struct {
	*http.Response
	body string
}

// send sends a request of a browser; p may be nil for one where nobody is signed in.
func (f *fixture) send(p *person, method, path string, body url.Values, header http.Header) answer {
	f.Helper()
	if !strings.HasPrefix(path, "http") {
		path = f.issuer + path
	}
	r := must[*http.Request](f.T)(http.NewRequestWithContext(f.Context(), method, path, strings.NewReader(body.Encode())))
	if header != nil {
		r.Header = header.Clone()
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p != nil {
		r.AddCookie(p.cookie)
		flow := web.SiteOf(f.registry.Current().Server()).FlowCookie
		for _, name := range []string{flow + "_0123456789abc", flow + "_0123456789abc.1", flow + "_anotherissuers"} {
			r.AddCookie(&http.Cookie{Name: name, Value: "x"})
		}
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{resp, string(must[[]byte](f.T)(io.ReadAll(resp.Body)))}
	webtest.Check(f, resp, a.body)
	return a
}

// get asks for a logout as a page that is opened.
func (f *fixture) get(p *person, values url.Values) answer {
	f.Helper()
	return f.send(p, http.MethodGet, "/v1/logout?"+values.Encode(), nil, opens())
}

var formToken = regexp.MustCompile(`name="token" value="([^"]*)"`)

// asks reports whether the answer is the page that asks.
func (a answer) asks() bool {
	return a.StatusCode == http.StatusOK && strings.Contains(a.body, "Sign out?") && formToken.MatchString(a.body)
}

// yes answers the page that asks.
func (f *fixture) yes(p *person, a answer) answer {
	f.Helper()
	if !a.asks() {
		f.Fatalf("no question: %d %s", a.StatusCode, a.body)
	}
	form := url.Values{"token": {html.UnescapeString(formToken.FindStringSubmatch(a.body)[1])}}
	return f.send(p, http.MethodPost, "/logout/confirm", form, http.Header{"Sec-Fetch-Site": {"same-origin"}})
}

// cleared reports whether the answer removes the session's cookie and those of the unfinished flow, and no other.
func (a answer) cleared() bool {
	gone := 0
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 && c.Value == "" && c.HttpOnly {
			gone++
		}
	}
	return gone == 3 && len(a.Cookies()) == 3
}

// leads is where the answer sends the browser, by whatever means.
func (a answer) leads() string {
	if to := a.Header.Get("Location"); to != "" {
		return to
	}
	_, to, _ := strings.Cut(a.Header.Get("Refresh"), "url=")
	return to
}

// queued lists the client ids and SIDs of the deliveries, sorted.
func (f *fixture) queued() []string {
	f.Helper()
	var out []string
	for _, d := range must[[]storage.LogoutDelivery](f.T)(f.db.ClaimLogouts(f.Context(), f.clock(), 0, 100)) {
		out = append(out, d.Client.ID+" "+d.SID)
	}
	slices.Sort(out)
	return out
}
