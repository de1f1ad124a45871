package login

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// SessionTTL is how long a browser stays signed in.
const SessionTTL = 12 * time.Hour

// Storage is what the flow keeps and finds. An error that is not one of package storage's means that it is out of reach.
type Storage interface {
	SignedIn(ctx context.Context, u storage.User) (storage.User, error)
	storage.Sessions
	DeviceByUserCode(ctx context.Context, userCode storage.Hash, now time.Time) (storage.DeviceRequest, error)
	ApproveDevice(ctx context.Context, code storage.Hash, g storage.Grant, now time.Time) error
	DenyDevice(ctx context.Context, code storage.Hash, now time.Time) error
	storage.Counters
}

// Registry publishes what operators declared.
type Registry interface {
	Current() *registry.Snapshot
}

// Providers makes the declared identity providers; see idp.Set.
type Providers interface {
	Providers(declared []*registration.IdentityProvider) []idp.Provider
	Active(declared []*registration.IdentityProvider, providerUID, subject string) bool
}

// Deps is what the flow works with; all of it is required.
type Deps struct {
	Registry  Registry
	Storage   Storage
	Providers Providers
	Now       func() time.Time
	// Random makes sessions, ids and nonces; crypto/rand.Reader but in tests.
	Random io.Reader
	// Address is where a request comes from, for throttles, audit and for showing; never for trust.
	Address func(*http.Request) netip.Addr
	// RequestID is shown on failure pages and logged with the cause.
	RequestID func(context.Context) string
	// Log gets failures with their causes, and the audit events.
	Log *slog.Logger
}

// Login serves the browser flow. It is safe for concurrent use.
type Login struct {
	Deps
	pages    *pages
	sealer   *seal.Sealer
	audit    *audit.Log
	origins  *http.CrossOriginProtection
	throttle throttle
}

// New parses the pages. Its error means that the program was built wrong.
func New(d Deps) (*Login, error) {
	layout, err := page.NewLayout()
	if err != nil {
		return nil, err
	}
	p, err := parsePages(layout)
	if err != nil {
		return nil, err
	}
	keys := func() []registration.SymmetricKey {
		if k := d.Registry.Current().Keys(); k != nil {
			return k.Sealing
		}
		return nil
	}
	return &Login{
		Deps: d, pages: p, sealer: seal.New(keys, d.Random), audit: audit.New(d.Log),
		origins: http.NewCrossOriginProtection(), throttle: throttle{d.Storage},
	}, nil
}

// Route is one line of the route table.
type Route struct {
	// Method is GET, which also means HEAD, or POST.
	Method string
	// Path is relative to the issuer's.
	Path    string
	Handler http.Handler
}

// The paths, relative to the issuer's. PathDevice is the verification_uri.
const (
	PathLogin   = "/login"
	PathLogout  = "/logout"
	PathDevice  = "/device"
	pathConfirm = "/device/confirm"
	pathDone    = "/device/done"
)

// Routes are the pages, to be mounted below the issuer's path.
func (l *Login) Routes() []Route {
	return []Route{
		{http.MethodGet, PathDevice, l.handle(l.enterDevice)},
		{http.MethodPost, PathDevice, l.handle(l.submitCode)},
		{http.MethodGet, pathConfirm, l.handle(l.show(pathConfirm))},
		{http.MethodPost, pathConfirm, l.handle(l.decide)},
		{http.MethodGet, pathDone, l.handle(l.show(pathDone))},
		{http.MethodGet, PathLogin, l.handle(l.show(PathLogin))},
		{http.MethodPost, PathLogin, l.handle(l.signIn)},
		{http.MethodGet, PathLogout, l.handle(l.askSignOut)},
		{http.MethodPost, PathLogout, l.handle(l.signOut)},
	}
}

// ErrNoSession is a request of a browser that is not signed in.
var ErrNoSession = errors.New("not signed in")

// Session finds who is signed in. It returns ErrNoSession, also for a session that expired, whose user was disabled, or
// whose account is gone from its provider; any other error means that storage or settings are out of reach.
func (l *Login) Session(r *http.Request) (storage.Session, storage.User, error) {
	s := l.Registry.Current()
	if !s.Complete() {
		return storage.Session{}, storage.User{}, errIncomplete
	}
	return l.session(r, s, siteOf(s.Server()), l.Now())
}

var errIncomplete = errors.New("settings or keys are not loaded yet")
