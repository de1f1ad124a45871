package login

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/argon2id"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/local"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/oidc"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

const (
	goodUser     = "ada"
	goodPassword = "analytical engine"
	clientUID    = "11111111-2222-3333-4444-555555555555"
	providerUID  = "99999999-2222-3333-4444-555555555555"
)

// fixture is the flow over a real database and registry, behind an HTTP server.
type fixture struct {
	*testing.T
	login    *Login
	web      *web.Web
	storage  *watchedStorage
	registry *registry.Registry
	server   *httptest.Server
	issuer   string
	logs     *syncBuffer
	factors  *factor.Factors
	// file is the database's.
	file      string
	log       *slog.Logger
	providers *idp.Set
	replica   http.Handler
	// pick, if set, says which replica gets the next request.
	pick func() http.Handler
	// hints are the subjects of ID tokens that may be hints.
	hints map[string]string

	mu      sync.Mutex
	now     time.Time
	address netip.Addr
}

type fixtureOptions struct {
	plain       bool   // http
	host        string // of the issuer, where not 127.0.0.1
	path        string // of the issuer
	displayName string
}

func newFixture(t *testing.T, o fixtureOptions) *fixture {
	t.Helper()
	now := time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)
	f := &fixture{T: t, now: now, address: netip.MustParseAddr("203.0.113.9"), logs: &syncBuffer{}}
	f.server = httptest.NewUnstartedServer(nil)
	scheme := "https"
	if o.plain {
		scheme = "http"
	}
	f.issuer = scheme + "://" + f.server.Listener.Addr().String() + o.path
	if o.host != "" {
		f.issuer = strings.Replace(f.issuer, "127.0.0.1", o.host, 1)
	}

	f.file = filepath.Join(t.TempDir(), "test.db")
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: f.file, Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	f.storage = &watchedStorage{Storage: db}
	log := slog.New(slog.NewJSONHandler(f.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.registry = registry.New(log)
	f.registry.Replace([]registry.Change{
		{Key: "server", Document: &registration.Server{Namespace: "oauth", Name: "main", Issuer: f.issuer, DisplayName: o.displayName,
			Device: registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)}}},
		{Key: "keys", Document: &registration.Keys{Namespace: "oauth", Name: "main", Sealing: []registration.SymmetricKey{{ID: "a", Key: bytes.Repeat([]byte{7}, 32)}},
			AtRest: []registration.SymmetricKey{{ID: "r", Key: bytes.Repeat([]byte{8}, 32)}}}},
		{Key: "policy", Document: &registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
			GrantTypes:     []string{oauth.GrantTypeDeviceCode, oauth.GrantTypeRefreshToken},
			Scopes:         []string{"openid", "profile", "email", "offline_access", "orders.read"},
			Authentication: []registration.AuthenticationMethod{registration.AuthenticationNone, registration.AuthenticationClientSecret},
		}}},
		{Key: "resource", Document: &registration.Resource{Namespace: "oauth", Name: "orders", Identifier: "https://api.example.com", Title: "Orders",
			Scopes: []registration.Scope{{Name: "orders.read", Title: "Read your orders", Description: "Past and open ones, with prices"}}}},
		{Key: "client", Document: testClient()},
		{Key: "idp", Document: testProvider(t, false)},
	}, "1")
	f.wait(func(s *registry.Snapshot) bool { _, ok := s.ClientByUID(clientUID); return ok && s.Complete() })

	f.log = log
	f.providers = idp.NewSet(local.Factory(local.Options{}), oidc.Factory(oidc.Options{Loopback: func() bool { return true }}))
	f.web, f.login, f.replica = f.instance(o)
	f.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serving().ServeHTTP(w, r) })
	if o.plain {
		f.server.Start()
	} else {
		f.server.StartTLS()
	}
	t.Cleanup(func() {
		f.server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// instance makes one replica of the flow, over the database and keys that all share.
func (f *fixture) instance(o fixtureOptions) (*web.Web, *Login, http.Handler) {
	f.Helper()
	w, err := web.New(web.Deps{
		Registry: f.registry, Storage: f.storage, Accounts: f.providers, Now: f.clock, Random: rand.Reader,
		Address:   func(*http.Request) netip.Addr { f.mu.Lock(); defer f.mu.Unlock(); return f.address },
		RequestID: func(context.Context) string { return "request-1" }, Log: f.log,
	})
	if err != nil {
		f.Fatal(err)
	}
	lister, err := choices.New(nil, f.clock) // for choices in manifests, where no API is asked
	if err != nil {
		f.Fatal(err)
	}
	atRest := seal.New(func() []registration.SymmetricKey { return f.registry.Current().Keys().AtRest }, rand.Reader)
	f.factors = factor.New(factor.Deps{Storage: f.storage.Storage.(factor.Storage), AtRest: atRest, Registry: f.registry, Random: rand.Reader})
	l, err := New(Deps{
		Web: w, Storage: f.storage, Providers: f.providers, Factors: f.factors, Choices: lister, AtRest: atRest, ReadHint: f.readHint,
	})
	if err != nil {
		f.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range l.Routes() {
		mux.Handle(r.Method+" "+o.path+r.Path, r.Handler)
	}
	return w, l, mux
}

// serving is the replica that gets the next request.
func (f *fixture) serving() http.Handler {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pick != nil {
		return f.pick()
	}
	return f.replica
}

func (f *fixture) readHint(idToken string) (sub, sid string, ok bool) {
	sub, ok = f.hints[idToken]
	return sub, "", ok
}

// in makes t the test that fails, for its time.
func (f *fixture) in(t *testing.T) {
	outer := f.T
	f.T = t
	t.Cleanup(func() { f.T = outer })
}

func testClient() *registration.Client {
	return &registration.Client{
		Namespace: "partners", Name: "acme-cli", UID: clientUID, ClientID: "acme", Type: "Device", Policy: "all",
		Display:    registration.Display{Name: "Acme CLI", Publisher: "Acme GmbH", Homepage: "https://acme.example", PolicyURI: "javascript:alert(1)"},
		GrantTypes: []string{oauth.GrantTypeDeviceCode, oauth.GrantTypeRefreshToken}, Scopes: []string{"openid", "profile", "offline_access", "orders.read"},
		Authentication: registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationNone}},
		Tokens: registration.Tokens{AccessTokenTTL: registration.Duration(time.Minute), RefreshTokenTTL: registration.Duration(time.Hour),
			RefreshTokenIdle: registration.Duration(time.Hour)},
	}
}

func testProvider(t testing.TB, disabled bool) *registration.IdentityProvider {
	t.Helper()
	hash := func(password string) string {
		h, err := argon2id.New(password, argon2id.Params{Memory: 64, Time: 1, Threads: 1}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return h.String()
	}
	return &registration.IdentityProvider{Namespace: "oauth", Name: "staff", UID: providerUID, DisplayName: "Staff",
		Local: &registration.LocalProvider{Accounts: []registration.LocalAccount{
			{Username: "Ada", PasswordHash: hash(goodPassword), Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true, Disabled: disabled},
			{Username: "grace", PasswordHash: hash("nanosecond")},
			{Username: "mallory", PasswordHash: hash("let me in"), Disabled: true},
		}}}
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

func (f *fixture) from(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.address = netip.MustParseAddr(address)
}

func (f *fixture) wait(until func(*registry.Snapshot) bool) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 10*time.Second)
	defer cancel()
	if err := f.registry.WaitFor(ctx, until); err != nil {
		f.Fatal(err)
	}
}

// startDevice stores a device request as the device authorization endpoint does and returns its user code.
func (f *fixture) startDevice(change ...func(*storage.DeviceRequest)) string {
	f.Helper()
	device, err := oauth.NewCredential(oauth.PrefixDeviceCode, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	userCode, err := oauth.NewUserCode(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	hash, _ := oauth.ParseCredential(oauth.PrefixDeviceCode, device)
	now := f.clock()
	d := storage.DeviceRequest{
		Code: hash, UserCode: oauth.HashUserCode(userCode), Client: storage.ClientRef{ID: "acme", UID: clientUID},
		Scopes: []string{"openid", "offline_access", "orders.read"}, Audience: []string{"https://api.example.com"},
		Origin:    storage.Origin{Address: "198.51.100.7", UserAgent: "go-resty/2.16.5 (https://github.com/go-resty/resty)"},
		CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute), Interval: 5 * time.Second, State: storage.DevicePending,
	}
	for _, c := range change {
		c(&d)
	}
	if err := f.storage.Storage.(storage.Devices).CreateDevice(f.Context(), d, 1000); err != nil {
		f.Fatal(err)
	}
	return userCode
}

// redeem polls as the device code grant does, with the hash of the device code.
func (f *fixture) redeem(userCode string) (storage.Grant, error) {
	code, err := f.storage.codeOf(f.Context(), userCode, f.clock())
	if err != nil {
		f.Fatal(err)
	}
	r, err := f.storage.Storage.(storage.Devices).RedeemDevice(f.Context(), code, storage.ClientRef{ID: "acme", UID: clientUID}, f.clock(), nil)
	return r.Grant, err
}

// watchedStorage is a real engine that counts writes, can be out of reach, and remembers device codes.
type watchedStorage struct {
	Storage
	down atomic.Bool
	// noCodes takes away the one write that makes a code.
	noCodes atomic.Bool
	writes  atomic.Int64
	mu      sync.Mutex
	codes   map[storage.Hash]storage.Hash
}

var errDown = errors.New("disk I/O error: secret detail of the engine")

func (s *watchedStorage) before(write bool) error {
	if s.down.Load() {
		return errDown
	}
	if write {
		s.writes.Add(1)
	}
	return nil
}

func (s *watchedStorage) SignedIn(ctx context.Context, u storage.User) (storage.User, error) {
	if err := s.before(true); err != nil {
		return storage.User{}, err
	}
	return s.Storage.SignedIn(ctx, u)
}

func (s *watchedStorage) CreateSession(ctx context.Context, x storage.Session, replaces storage.Hash) error {
	if err := s.before(true); err != nil {
		return err
	}
	return s.Storage.CreateSession(ctx, x, replaces)
}

func (s *watchedStorage) Session(ctx context.Context, id storage.Hash, now time.Time) (storage.Session, storage.User, error) {
	if err := s.before(false); err != nil {
		return storage.Session{}, storage.User{}, err
	}
	return s.Storage.Session(ctx, id, now)
}

func (s *watchedStorage) DeviceByUserCode(ctx context.Context, code storage.Hash, now time.Time) (storage.DeviceRequest, error) {
	if err := s.before(false); err != nil {
		return storage.DeviceRequest{}, err
	}
	d, err := s.Storage.DeviceByUserCode(ctx, code, now)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.codes == nil {
			s.codes = map[storage.Hash]storage.Hash{}
		}
		s.codes[code] = d.Code
	}
	return d, err
}

func (s *watchedStorage) codeOf(ctx context.Context, userCode string, now time.Time) (storage.Hash, error) {
	hash := storage.Hash(oauth.HashUserCode(userCode))
	s.mu.Lock()
	code, ok := s.codes[hash]
	s.mu.Unlock()
	if ok {
		return code, nil
	}
	d, err := s.Storage.DeviceByUserCode(ctx, hash, now)
	return d.Code, err
}

func (s *watchedStorage) ApproveDevice(ctx context.Context, code storage.Hash, g storage.Grant, now time.Time) error {
	if err := s.before(true); err != nil {
		return err
	}
	return s.Storage.ApproveDevice(ctx, code, g, now)
}

func (s *watchedStorage) CreateCode(ctx context.Context, c storage.Code, g storage.Grant, consent *storage.Consent) error {
	if s.noCodes.Load() {
		return errDown
	}
	if err := s.before(true); err != nil {
		return err
	}
	return s.Storage.CreateCode(ctx, c, g, consent)
}

func (s *watchedStorage) Count(ctx context.Context, key string, now time.Time, window time.Duration) (int64, time.Time, error) {
	if err := s.before(true); err != nil {
		return 0, time.Time{}, err
	}
	return s.Storage.Count(ctx, key, now, window)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

// person is a browser with cookies.
type person struct {
	*fixture
	client *http.Client
	jar    *cookiejar.Jar
}

func (f *fixture) person() *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	transport := f.server.Client().Transport
	return &person{fixture: f, jar: jar, client: &http.Client{Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is a response with the parts that tests look at.
type answer struct {
	*testing.T
	status int
	header http.Header
	body   string
	path   string // it was had from
	to     string // Location
}

func (p *person) do(r *http.Request) *answer {
	p.Helper()
	res, err := p.client.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	a := &answer{T: p.T, status: res.StatusCode, header: res.Header, body: string(b), path: r.URL.Path, to: res.Header.Get("Location")}
	p.check(a, res)
	return a
}

// check checks what holds for every answer of the flow.
func (p *person) check(a *answer, res *http.Response) {
	p.Helper()
	if a.status >= 300 && a.status < 400 && a.status != http.StatusSeeOther {
		p.Errorf("A20 %s: a redirect with %d", a.path, a.status)
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.HasPrefix(p.issuer, "https") {
		w := httptest.NewRecorder()
		maps.Copy(w.Header(), a.header)
		w.WriteHeader(a.status)
		_, _ = w.WriteString(a.body) // a recorder takes everything
		pagetest.Check(p, w)
	}
	if a.header.Get("Access-Control-Allow-Origin") != "" {
		p.Errorf("A22 %s allows another origin", a.path)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		p.Errorf("A21 %s may be stored", a.path)
	}
	for _, c := range res.Cookies() {
		if c.Domain != "" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode ||
			strings.HasPrefix(p.issuer, "https") && (!c.Secure || c.Path != "/" || !strings.HasPrefix(c.Name, "__Host-")) {
			p.Errorf("I08 cookie %s of %s: %s", c.Name, a.path, c.Raw)
		}
	}
}

// get opens a path below the issuer's without following redirects.
func (p *person) get(path string) *answer {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodGet, p.issuer+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	return p.do(r)
}

// open opens a path and follows redirects.
func (p *person) open(path string) *answer {
	p.Helper()
	return p.follow(p.get(path))
}

func (p *person) follow(a *answer) *answer {
	p.Helper()
	for range 6 {
		if a.to == "" {
			return a
		}
		a = p.get(strings.TrimPrefix(a.to, p.base()))
	}
	p.Fatalf("redirects without end, at last to %s", a.to)
	return nil
}

func (p *person) base() string {
	u, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	return u.Path
}

func (p *person) post(path string, form url.Values, change ...func(*http.Request)) *answer {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range change {
		c(r)
	}
	return p.do(r)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is the hidden field of the page's form.
func (a *answer) token() string {
	a.Helper()
	m := tokenField.FindStringSubmatch(a.body)
	if m == nil {
		a.Fatalf("%s (%d) has no form:\n%s", a.path, a.status, a.text())
	}
	return html.UnescapeString(m[1])
}

var tags = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|<[^>]*>`)

var formAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)

// form is where the page's first form leads, relative to the issuer's path.
func (a *answer) form() string {
	a.Helper()
	m := formAction.FindStringSubmatch(a.body)
	if m == nil {
		a.Fatalf("%s (%d) has no form:\n%s", a.path, a.status, a.text())
	}
	return html.UnescapeString(m[1])
}

// submit sends the page's first form, with its token unless the values have one.
func (p *person) submit(a *answer, form url.Values, change ...func(*http.Request)) *answer {
	p.Helper()
	if !form.Has("token") {
		form = maps.Clone(form)
		form.Set("token", a.token())
	}
	return p.post(strings.TrimPrefix(a.form(), p.base()), form, change...)
}

// text is what the page says.
func (a *answer) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(a.body, " "))), " ")
}

func (a *answer) want(status int, says ...string) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d (to %q): %s", a.path, a.status, status, a.to, a.text())
	}
	for _, s := range says {
		if !strings.Contains(a.text(), s) {
			a.Errorf("%s does not say %q: %s", a.path, s, a.text())
		}
	}
	return a
}

// signIn signs in on the page a.
func (p *person) signIn(a *answer, username, password string) *answer {
	p.Helper()
	return p.submit(a, url.Values{"username": {username}, "password": {password}})
}

// signedIn is a person who has signed in.
func (f *fixture) signedIn(username, password string) *person {
	f.Helper()
	p := f.person()
	p.signIn(p.open("/login"), username, password).want(http.StatusSeeOther)
	return p
}

// confirmPage brings a signed-in person to the page that asks.
func (p *person) confirmPage(code string) *answer {
	p.Helper()
	a := p.open("/device")
	return p.follow(p.submit(a, url.Values{"user_code": {code}})).want(http.StatusOK)
}

func (p *person) decide(a *answer, decision string) *answer {
	p.Helper()
	return p.submit(a, url.Values{"decision": {decision}})
}

// cookie is the value of a cookie of the jar whose name contains part.
func (p *person) cookie(part string) string {
	p.Helper()
	u, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	for _, c := range p.jar.Cookies(u) {
		if strings.Contains(c.Name, part) {
			return c.Value
		}
	}
	return ""
}
