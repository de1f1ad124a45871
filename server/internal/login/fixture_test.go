package login

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
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
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
	"github.com/grantkeeper/grantkeeper/server/internal/web/webtest"
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
	logs     *webtest.Log
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
	f := &fixture{T: t, now: now, address: netip.MustParseAddr("203.0.113.9"), logs: &webtest.Log{}}
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
