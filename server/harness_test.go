package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/internal/registration/registrationtest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web/webtest"
)

// The clients of the tests.
const (
	serviceID  = "apps.reports"
	cliID      = "apps.cli"     // public, device and refresh
	toolID     = "apps.tool"    // device and refresh, with an optional secret
	otherID    = "apps.other"   // confidential, device and refresh
	gatewayID  = "apps.gateway" // confidential, resource server of the orders API
	webID      = "apps.web"     // confidential, code and refresh
	spaID      = "apps.spa"     // public, in browsers, code and refresh
	ordersAPI  = "https://api.example.com"
	ledgerAPI  = "https://ledger.example.com"
	secret     = "gkcs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	deviceCode = oauth.GrantTypeDeviceCode
	// passwordHash is that of "correct horse", as cheap as the format allows.
	passwordHash = "$argon2id$v=19$m=7168,t=1,p=1$tjlEZAH5cWy5C3sdGqkFqw$0k7dG4IYo5vBFr4WCULu7JZNKfcWhfkahP83THBTujo"
)

// world is a real server on loopback: documents in a folder, SQLite, a clock that tests move.
type world struct {
	t      testing.TB
	server *Server
	url    string
	folder string
	offset atomic.Int64
	log    *webtest.Log
	stop   func()
	user   storage.User
	faults *faulty
	keep   bool
	// started counts device requests.
	started atomic.Int64

	mu        sync.Mutex
	userCodes map[storage.Hash]storage.Hash // by device code
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

// pass moves the server's clock.
func (w *world) pass(d time.Duration) { w.offset.Add(int64(d)) }

func newWorld(t testing.TB, change ...func(*registration.Server)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, folder: filepath.Join(dir, "registrations"), log: &webtest.Log{}, userCodes: map[storage.Hash]storage.Hash{}}
	if err := os.Mkdir(w.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	address, err := freeport.Address() // a test that starts it again wants the same one
	if err != nil {
		t.Fatal(err)
	}
	w.start(filepath.Join(dir, "data.db"), address, change...)
	t.Cleanup(func() { w.stop() })
	user, err := w.server.storage.SignedIn(t.Context(), storage.User{
		ID: "user-ada", Provider: "idp", Subject: "ada", Username: "ada", Name: "Ada", Email: "ada@example.com", EmailVerified: true,
		Groups: []string{"staff"}, CreatedAt: w.now(), UpdatedAt: w.now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.user = user
	return w
}

func (w *world) start(database, listen string, change ...func(*registration.Server)) {
	w.t.Helper()
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	config := Config{Listen: listen, Folder: w.folder, SQLite: database}
	s, err := newServer(w.t.Context(), config, Deps{Log: log, Now: w.now}, func(engine storage.Storage) storage.Storage {
		w.faults = &faulty{Storage: engine}
		return w.faults
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.server, w.url = s, "http://"+s.Address().String()
	settings := &registration.Server{
		Namespace: "oauth", Name: "main", Issuer: w.url, DisplayName: "Test",
		Device:         registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)},
		TrustedProxies: []string{"127.0.0.0/8"}, // so that tests can come from many addresses
	}
	for _, f := range change {
		f(settings)
	}
	w.url = settings.Issuer
	if !w.keep {
		for _, d := range documents(w.t, settings) {
			w.write(d)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the server ended with: %v", err)
		}
	})
	<-s.Ready()
}

// restart runs the server again over the same documents and database.
func (w *world) restart(database, listen string, change ...func(*registration.Server)) {
	w.t.Helper()
	w.keep = true
	w.start(database, listen, change...)
}

func documents(t testing.TB, settings *registration.Server) []registration.Document {
	none, secretMethod := registration.AuthenticationNone, registration.AuthenticationClientSecret
	device := []string{deviceCode, oauth.GrantTypeRefreshToken}
	code := []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}
	identity := []string{"openid", "profile", "email", "groups", "offline_access", "orders.read"}
	return []registration.Document{
		settings,
		keys(t),
		&registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
			GrantTypes: []string{oauth.GrantTypeClientCredentials, oauth.GrantTypeAuthorizationCode, deviceCode, oauth.GrantTypeRefreshToken},
			Scopes:     append([]string{"orders.write", "ledger.read", "address", "phone"}, identity...), Authentication: []registration.AuthenticationMethod{none, secretMethod},
			RedirectHosts: []string{"app.example.com", "spa.example.com"},
		}},
		&registration.Resource{Namespace: "oauth", Name: "orders", Identifier: ordersAPI, Scopes: []registration.Scope{
			{Name: "orders.read", Title: "Read your orders"}, {Name: "orders.write", Title: "Change your orders"}},
			ResourceServers: []string{"apps/gateway"}},
		&registration.Resource{Namespace: "oauth", Name: "ledger", Identifier: ledgerAPI, Scopes: []registration.Scope{{Name: "ledger.read", Title: "Read the ledger"}}},
		&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
			Accounts: []registration.LocalAccount{{Username: "ada", PasswordHash: passwordHash, Name: "Ada", Email: "ada@example.com", EmailVerified: true,
				Groups: []string{"staff"}}},
		}},
		client("reports", "Service", []string{oauth.GrantTypeClientCredentials}, []string{"orders.read", "ledger.read"}, secretMethod),
		client("gateway", "Service", []string{oauth.GrantTypeClientCredentials}, []string{"orders.read"}, secretMethod),
		client("cli", "Device", device, identity, none),
		client("tool", "Device", device, identity, none, secretMethod),
		client("other", "Device", device, identity, secretMethod),
		redirected(client("web", "Web", code, append([]string{"address", "phone", "ledger.read"}, identity...), secretMethod), webCallback, loopbackCallback),
		redirected(client("spa", "Browser", code, identity, none), spaCallback),
	}
}

// Where the clients are called back.
const (
	webCallback      = "https://app.example.com/cb"
	loopbackCallback = "http://127.0.0.1/cb"
	spaCallback      = "https://spa.example.com/cb"
	spaOrigin        = "https://spa.example.com"
)

// redirected gives a client its addresses, and the origin of a browser client.
func redirected(c *registration.Client, uris ...string) *registration.Client {
	c.RedirectURIs = uris
	if c.Type == registration.TypeBrowser {
		c.AllowedOrigins = []string{spaOrigin}
	}
	return c
}

func client(name, kind string, grants, scopes []string, methods ...registration.AuthenticationMethod) *registration.Client {
	c := &registration.Client{
		Namespace: "apps", Name: name, UID: "uid-" + name, Generation: 1, ClientID: "apps." + name, Type: kind, Display: registration.Display{Name: name},
		GrantTypes: grants, Scopes: scopes, Policy: "all", CreatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Authentication: registration.Authentication{Methods: methods},
		Tokens: registration.Tokens{AccessTokenTTL: registration.Duration(10 * time.Minute), RefreshTokenTTL: registration.Duration(720 * time.Hour),
			RefreshTokenIdle: registration.Duration(168 * time.Hour)},
	}
	for _, m := range methods {
		if m == registration.AuthenticationClientSecret {
			c.Authentication.Secrets = registrationtest.SecretHash(secret)
		}
	}
	return c
}

func keys(t testing.TB) *registration.Keys {
	t.Helper()
	return registrationtest.Keys(t, "", time.Now())
}

// write puts a document in the folder, as a whole.
func (w *world) write(d registration.Document) {
	w.t.Helper()
	registrationtest.Folder(w.folder).Write(w.t, d)
}

// remove deletes a document.
func (w *world) remove(d registration.Document) {
	w.t.Helper()
	registrationtest.Folder(w.folder).Remove(w.t, d)
}

// put writes a document and waits until it is served; the wait fails after 2 s, the bound of rule K18 and line E03.
func (w *world) put(d registration.Document, served func(*registry.Snapshot) bool) {
	w.t.Helper()
	w.write(d)
	w.await(served)
}

func (w *world) await(served func(*registry.Snapshot) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Second)
	defer cancel()
	if err := w.server.registry.WaitFor(ctx, served); err != nil {
		w.t.Fatalf("not served within 2 s: %v", err)
	}
}

// edit changes a client's registration and waits until that is served.
func (w *world) edit(name string, change func(*registration.Client)) {
	w.t.Helper()
	old, ok := w.server.registry.Current().Client("apps." + name)
	if !ok {
		w.t.Fatalf("no client %s", name)
	}
	c := *old.Client
	change(&c)
	c.Generation++
	w.put(&c, func(s *registry.Snapshot) bool {
		got, ok := s.Client(c.ClientID)
		return ok && got.Generation == c.Generation
	})
}

const formType = "application/x-www-form-urlencoded"

// approve decides a device request as a signed-in user does on the page.
func (w *world) approve(deviceCode string) {
	w.t.Helper()
	hash, ok := oauth.ParseCredential(oauth.PrefixDeviceCode, deviceCode)
	if !ok {
		w.t.Fatalf("%q is no device code", deviceCode)
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	request := w.deviceRequest(hash)
	err := w.server.storage.ApproveDevice(w.t.Context(), hash, storage.Grant{
		ID: hex.EncodeToString(raw), UserID: w.user.ID, Client: request.Client, Scopes: request.Scopes, Audience: request.Audience,
		AuthenticatedAt: w.now(), Methods: []string{"pwd"}, CreatedAt: w.now(),
	}, w.now(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deviceRequest(code storage.Hash) storage.DeviceRequest {
	w.t.Helper()
	w.mu.Lock()
	userCode := w.userCodes[code]
	w.mu.Unlock()
	d, err := w.server.storage.DeviceByUserCode(w.t.Context(), userCode, w.now())
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// start a device login of a client and return the codes.
func (w *world) device(id string, pairs ...string) answer {
	w.t.Helper()
	n := w.started.Add(1) // each from its own address, below the limits of F13
	from := withHeader("X-Forwarded-For", fmt.Sprintf("198.18.%d.%d", n>>8, n&255))
	a := w.post("/v1/device_authorization", append([]string{"client_id", id}, pairs...), from)
	if a.status != http.StatusOK {
		w.t.Fatalf("device authorization: %d %s", a.status, a.body)
	}
	code, ok := oauth.ParseCredential(oauth.PrefixDeviceCode, a.text("device_code"))
	typed, okToo := oauth.NormalizeUserCode(a.text("user_code"))
	if !ok || !okToo {
		w.t.Fatalf("codes: %s", a.body)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.userCodes[code] = oauth.HashUserCode(typed)
	return a
}

// login goes through a whole device login and returns the token response.
func (w *world) login(id string, pairs ...string) answer {
	w.t.Helper()
	started := w.device(id, pairs...)
	w.approve(started.text("device_code"))
	a := w.poll(id, started.text("device_code"), pairs...)
	if a.status != http.StatusOK {
		w.t.Fatalf("poll: %d %s", a.status, a.body)
	}
	return a
}

// poll asks the token endpoint once; of pairs it takes the secret.
func (w *world) poll(id, code string, pairs ...string) answer {
	w.t.Helper()
	p := []string{"grant_type", deviceCode, "device_code", code, "client_id", id}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "client_secret" {
			p = append(p, pairs[i], pairs[i+1])
		}
	}
	return w.post("/v1/token", p)
}

// refresh redeems a refresh token of a public client.
func (w *world) refresh(id, token string, pairs ...string) answer {
	w.t.Helper()
	return w.post("/v1/token", append([]string{"grant_type", "refresh_token", "refresh_token", token, "client_id", id}, pairs...))
}

// claims decodes the payload of a JWT without looking at its signature.
func claims(t testing.TB, jwt string) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", jwt)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// active asks, as the resource server, whether an access token is good.
func (w *world) active(token string) bool {
	w.t.Helper()
	a := w.post("/v1/introspect", []string{"token", token}, withBasic(gatewayID, secret))
	if a.status != http.StatusOK {
		w.t.Fatalf("introspection: %d %s", a.status, a.body)
	}
	v, _ := a.json["active"].(bool)
	return v
}
