package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
	"github.com/grantkeeper/grantkeeper/server/internal/web/webtest"
)

const (
	acmeUID  = "11111111-2222-3333-4444-555555555555"
	otherUID = "22222222-2222-3333-4444-555555555555"
	api      = "https://api.example.com"
	firefox  = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// fixture is the account pages over a real database and registry, behind an HTTP server. The sign-in page is a stand-in that
// signs in whoever comes, and takes errands as the real one does.
type fixture struct {
	*testing.T
	web      *web.Web
	account  *Account
	db       *sqlite.DB
	rows     *sql.DB // the same file, for looking at
	registry *registry.Registry
	server   *httptest.Server
	mux      *http.ServeMux
	issuer   string
	logs     *webtest.Log
	ada      storage.User
	grace    storage.User

	mu  sync.Mutex
	now time.Time
	// down makes what the pages do with storage fail.
	down atomic.Bool
	// signIn is what the stand-in signs in with; the zero value signs nobody in.
	signIn struct {
		user    storage.User
		methods []string
	}
}

func (f *fixture) clock() time.Time        { f.mu.Lock(); defer f.mu.Unlock(); return f.now }
func (f *fixture) advance(d time.Duration) { f.mu.Lock(); defer f.mu.Unlock(); f.now = f.now.Add(d) }

// everyone is where accounts are: all of them may sign in.
type everyone struct{}

func (everyone) Active([]*registration.IdentityProvider, string, string) bool { return true }

// failing is a real engine that can be out of reach.
type failing struct {
	*sqlite.DB
	down *atomic.Bool
}

var errDown = errors.New("disk I/O error: secret detail of the engine")

func (s *failing) RevokeApp(ctx context.Context, userID, clientUID string, now time.Time) (int64, error) {
	if s.down.Load() {
		return 0, errDown
	}
	return s.DB.RevokeApp(ctx, userID, clientUID, now)
}

func (s *failing) EraseUser(ctx context.Context, userID string, now time.Time, tell func(storage.ClientRef) bool) error {
	if s.down.Load() {
		return errDown
	}
	return s.DB.EraseUser(ctx, userID, now, tell)
}

func (s *failing) EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(storage.ClientRef) bool) error {
	if s.down.Load() {
		return errDown
	}
	return s.DB.EndUserSession(ctx, userID, sid, now, tell)
}

type options struct {
	// issuer's path, and its host when it is not the server's address.
	path, host string
	plain      bool // http
}

func newFixture(t *testing.T, o options) *fixture {
	t.Helper()
	f := &fixture{T: t, now: time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC), logs: &webtest.Log{}}
	f.server = httptest.NewUnstartedServer(nil)
	host := f.server.Listener.Addr().String()
	if o.host != "" {
		_, port, _ := strings.Cut(host, ":")
		host = o.host + ":" + port
	}
	scheme := "https"
	if o.plain {
		scheme = "http"
	}
	f.issuer = scheme + "://" + host + o.path
	file := filepath.Join(t.TempDir(), "test.db")
	var err error
	if f.db, err = sqlite.Open(t.Context(), sqlite.Config{Path: file, Clock: f.clock}); err != nil {
		t.Fatal(err)
	}
	if f.rows, err = sql.Open("sqlite", "file:"+file+"?mode=ro"); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(f.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.registry = registry.New(log)
	f.registry.Replace(f.documents(), "1")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := f.registry.WaitFor(ctx, func(s *registry.Snapshot) bool { _, ok := s.ClientByUID(acmeUID); return ok && s.Complete() }); err != nil {
		t.Fatal(err)
	}
	f.wire(log, o)
	t.Cleanup(func() {
		f.server.Close()
		if err := f.rows.Close(); err != nil {
			t.Error(err)
		}
		if err := f.db.Close(); err != nil {
			t.Error(err)
		}
	})
	f.ada, f.grace = f.user("ada"), f.user("grace")
	return f
}

func (f *fixture) documents() []registry.Change {
	hour := registration.Duration(time.Hour)
	client := func(name, uid string) *registration.Client {
		return &registration.Client{
			Namespace: "partners", Name: name, UID: uid, ClientID: name, Type: "Device", Policy: "all",
			Display:        registration.Display{Name: strings.ToUpper(name[:1]) + name[1:] + " CLI", Publisher: "Acme GmbH", Homepage: "https://acme.example", PolicyURI: "javascript:alert(1)"},
			GrantTypes:     []string{oauth.GrantTypeDeviceCode, oauth.GrantTypeRefreshToken},
			Scopes:         []string{"openid", "offline_access", "orders.read", "orders.write"},
			Authentication: registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationNone}},
			Tokens:         registration.Tokens{AccessTokenTTL: hour, RefreshTokenTTL: hour, RefreshTokenIdle: hour},
		}
	}
	return []registry.Change{
		{Key: "server", Document: &registration.Server{Namespace: "oauth", Name: "main", Issuer: f.issuer, DisplayName: "Example Login",
			Device: registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)}}},
		{Key: "keys", Document: &registration.Keys{Namespace: "oauth", Name: "main",
			Sealing: []registration.SymmetricKey{{ID: "a", Key: bytes.Repeat([]byte{7}, 32)}},
			AtRest:  []registration.SymmetricKey{{ID: "r", Key: bytes.Repeat([]byte{9}, 32)}}}},
		{Key: "policy", Document: &registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
			GrantTypes: []string{oauth.GrantTypeDeviceCode, oauth.GrantTypeRefreshToken}, Scopes: []string{"openid", "offline_access", "orders.read", "orders.write"},
			Authentication: []registration.AuthenticationMethod{registration.AuthenticationNone},
		}}},
		{Key: "resource", Document: &registration.Resource{Namespace: "oauth", Name: "orders", Identifier: api, Title: "Orders",
			Scopes: []registration.Scope{{Name: "orders.read", Title: "Read your orders"}, {Name: "orders.write", Title: "Change your orders"}},
			Choices: &registration.Choices{Type: "project", Title: "Projects", Static: []registration.Choice{
				{ID: "space", Title: "Space agency"}, {ID: "p1", Title: "Apollo", Parent: "space"}, {ID: "p2", Title: "Gemini", Parent: "space"},
				{ID: "p3", Title: "Mercury", Parent: "space"}}}}},
		{Key: "acme", Document: client("acme", acmeUID)},
		{Key: "other", Document: client("other", otherUID)},
	}
}

func (f *fixture) wire(log *slog.Logger, o options) {
	f.Helper()
	var err error
	f.web, err = web.New(web.Deps{
		Registry: f.registry, Storage: f.db, Accounts: everyone{}, Now: f.clock, Random: rand.Reader,
		Address:   func(*http.Request) netip.Addr { return netip.MustParseAddr("203.0.113.9") },
		RequestID: func(context.Context) string { return "request-1" }, Log: log,
	})
	if err != nil {
		f.Fatal(err)
	}
	atRest := seal.New(func() []registration.SymmetricKey { return f.registry.Current().Keys().AtRest }, rand.Reader)
	factors := factor.New(factor.Deps{Storage: f.db, AtRest: atRest, Registry: f.registry, Random: rand.Reader})
	lister, err := choices.New(nil, f.clock) // for choices in manifests, where no API is asked
	if err != nil {
		f.Fatal(err)
	}
	f.account, err = New(Deps{Web: f.web, Storage: &failing{DB: f.db, down: &f.down}, Factors: factors, Choices: lister, SignIn: "/login", SignedOut: "/logout"})
	if err != nil {
		f.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range f.account.Routes() {
		mux.Handle(r.Method+" "+o.path+r.Path, r.Handler)
	}
	mux.Handle("GET "+o.path+"/login", f.web.Handle(f.standIn))
	f.mux, f.server.Config.Handler = mux, mux
	if o.plain {
		f.server.Start()
	} else {
		f.server.StartTLS()
	}
}

// standIn signs in, and goes on as the errand says.
func (f *fixture) standIn(v *web.Visit) error {
	e, ok := f.web.Errand(v)
	if !ok {
		return web.BadRequest(web.ErrToken)
	}
	if f.signIn.user.ID != "" {
		credential, session := f.newSession(f.signIn.user, f.signIn.methods)
		if err := f.db.CreateSession(v.R.Context(), session, v.Session.ID); err != nil {
			return err
		}
		v.Site.SetCookie(v.W, v.Site.SessionCookie, credential, time.Hour)
		v.Session, v.User = session, f.signIn.user
	}
	if !e.Done(v) {
		v.W.WriteHeader(http.StatusTeapot) // would ask
		return nil
	}
	return web.Redirect(v, e.Path)
}

func (f *fixture) user(name string) storage.User {
	f.Helper()
	u, err := f.db.SignedIn(f.Context(), storage.User{
		ID: "id-of-" + name, Provider: "99999999-2222-3333-4444-555555555555", Subject: "subject-" + name, Username: name, Name: "The one called " + name,
		Email: name + "@example.com", EmailVerified: true, Groups: []string{"staff of " + name}, CreatedAt: f.clock(), UpdatedAt: f.clock(),
		Profile: registration.Profile{Nickname: "nick-" + name, Locale: "en-GB"}, Kept: []byte("sealed for " + name), CheckedAt: f.clock(),
	})
	if err != nil {
		f.Fatal(err)
	}
	return u
}

func (f *fixture) newSession(u storage.User, methods []string) (string, storage.Session) {
	f.Helper()
	credential, err := oauth.NewCredential(oauth.PrefixSession, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	id, _ := oauth.ParseCredential(oauth.PrefixSession, credential)
	now := f.clock()
	return credential, storage.Session{ID: id, SID: "sid-" + rand.Text(), UserID: u.ID, AuthenticatedAt: now, Methods: methods, CreatedAt: now,
		Origin: storage.Origin{Address: "198.51.100.7", UserAgent: firefox}, ExpiresAt: now.Add(12 * time.Hour)}
}

// audited are the events of an action.
func (f *fixture) audited(action string) []map[string]any {
	f.Helper()
	var out []map[string]any
	for line := range strings.Lines(f.logs.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			f.Fatal(err)
		}
		if e["msg"] == action {
			out = append(out, e)
		}
	}
	return out
}

// details is what was chosen, as the consent writes it.
func details(ids ...string) json.RawMessage {
	var all []consent.Detail
	for _, id := range ids {
		all = append(all, consent.Detail{Type: "project", Locations: []string{api}, Identifier: id, Parent: "space"})
	}
	return consent.EncodeDetails(all)
}

// authorize gives a client a consent and a grant with a refresh token, as the consent and the device grant do, and returns the
// grant and the hash of the token.
func (f *fixture) authorize(u storage.User, client storage.ClientRef, d json.RawMessage) (storage.Grant, storage.Hash) {
	f.Helper()
	now := f.clock()
	scopes := []string{"openid", "offline_access", "orders.read", "orders.write"}
	g := storage.Grant{ID: "grant-" + rand.Text(), UserID: u.ID, Client: client, Scopes: scopes, Audience: []string{api}, AuthorizationDetails: d,
		AuthenticatedAt: now, Methods: []string{oauth.MethodPassword}, CreatedAt: now}
	var code, user storage.Hash
	for _, h := range []*storage.Hash{&code, &user} {
		if _, err := rand.Read(h[:]); err != nil {
			f.Fatal(err)
		}
	}
	request := storage.DeviceRequest{Code: code, UserCode: user, Client: client, Scopes: scopes, Audience: []string{api}, CreatedAt: now,
		ExpiresAt: now.Add(15 * time.Minute), Interval: 5 * time.Second, State: storage.DevicePending}
	if err := f.db.CreateDevice(f.Context(), request, 1000); err != nil {
		f.Fatal(err)
	}
	if err := f.db.ApproveDevice(f.Context(), code, g, now, nil); err != nil {
		f.Fatal(err)
	}
	token := code
	token[0] ^= 0xff
	_, err := f.db.RedeemDevice(f.Context(), code, client, now, func(g storage.Grant, _ storage.User) (*storage.RefreshToken, error) {
		return &storage.RefreshToken{Token: token, GrantID: g.ID, Family: "family-" + rand.Text(), KeyID: "d", ExpiresAt: now.Add(24 * time.Hour),
			IdleExpiresAt: now.Add(24 * time.Hour), CreatedAt: now}, nil
	})
	if err != nil {
		f.Fatal(err)
	}
	err = f.db.PutConsent(f.Context(), storage.Consent{UserID: u.ID, Client: client, Scopes: scopes, Audience: []string{api}, AuthorizationDetails: d,
		CreatedAt: now, UpdatedAt: now})
	if err != nil {
		f.Fatal(err)
	}
	return g, token
}

func acme() storage.ClientRef  { return storage.ClientRef{ID: "acme", UID: acmeUID} }
func other() storage.ClientRef { return storage.ClientRef{ID: "other", UID: otherUID} }
