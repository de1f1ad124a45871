package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/page/leave"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Storage is what serving any page needs. An error that is not one of package storage's means that it is out of reach.
type Storage interface {
	// Session is storage.Sessions.Session.
	Session(ctx context.Context, id storage.Hash, now time.Time) (storage.Session, storage.User, error)
	storage.Counters
}

// Registry publishes what operators declared.
type Registry interface {
	Current() *registry.Snapshot
}

// Accounts tells whether an account may still sign in; see idp.Set.
type Accounts interface {
	Active(declared []*registration.IdentityProvider, providerUID, subject string) bool
}

// Deps is what pages are served with; all of it is required.
type Deps struct {
	Registry Registry
	Storage  Storage
	Accounts Accounts
	Now      func() time.Time
	// Random makes nonces; crypto/rand.Reader but in tests.
	Random io.Reader
	// Address is where a request comes from, for throttles, audit and for showing; never for trust.
	Address func(*http.Request) netip.Addr
	// RequestID is shown on failure pages and logged with the cause.
	RequestID func(context.Context) string
	// Log gets failures with their causes, and the audit events.
	Log *slog.Logger
}

// Web serves pages. It is safe for concurrent use.
type Web struct {
	Deps
	// Layout is what the pages are parsed with.
	Layout *page.Layout
	// Sealer seals what browsers keep.
	Sealer *seal.Sealer
	// Audit gets the events; see [Web.Note].
	Audit *audit.Log
	// Throttle limits guesses.
	Throttle Throttle

	failure  *page.Page[failure.Data]
	leave    *page.Page[leave.Data]
	origins  *http.CrossOriginProtection
	lastLogo atomic.Pointer[logo]
}

// New reads layout and catalogues. Its error means that the program was built wrong.
func New(d Deps) (*Web, error) {
	layout, err := page.NewLayout()
	if err != nil {
		return nil, err
	}
	f, err := failure.New(layout)
	if err != nil {
		return nil, err
	}
	out, err := leave.New(layout)
	if err != nil {
		return nil, err
	}
	keys := func() []registration.SymmetricKey {
		if k := d.Registry.Current().Keys(); k != nil {
			return k.Sealing
		}
		return nil
	}
	return &Web{
		Deps: d, Layout: layout, Sealer: seal.New(keys, d.Random), Audit: audit.New(d.Log), Throttle: Throttle{d.Storage},
		failure: f, leave: out, origins: http.NewCrossOriginProtection(),
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

// ErrNoSession is a request of a browser that is not signed in.
var ErrNoSession = errors.New("not signed in")

var errIncomplete = errors.New("settings or keys are not loaded yet")

// Session finds who is signed in. It returns ErrNoSession, also for a session that expired, whose user was disabled, or
// whose account is gone from its provider; any other error means that storage or settings are out of reach.
func (w *Web) Session(r *http.Request) (storage.Session, storage.User, error) {
	s := w.Registry.Current()
	if !s.Complete() {
		return storage.Session{}, storage.User{}, errIncomplete
	}
	return w.session(r, s, SiteOf(s.Server()), w.Now())
}

// session finds the session of a request.
func (w *Web) session(r *http.Request, snapshot *registry.Snapshot, s Site, now time.Time) (storage.Session, storage.User, error) {
	none := func(err error) (storage.Session, storage.User, error) { return storage.Session{}, storage.User{}, err }
	c, err := r.Cookie(s.SessionCookie)
	if err != nil {
		return none(ErrNoSession)
	}
	id, ok := oauth.ParseCredential(oauth.PrefixSession, c.Value)
	if !ok {
		return none(ErrNoSession) // told without asking the database
	}
	session, user, err := w.Storage.Session(r.Context(), id, now)
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrExpired), errors.Is(err, storage.ErrRevoked):
		return none(ErrNoSession)
	case err != nil:
		return none(err)
	case !w.Accounts.Active(snapshot.IdentityProviders(), user.Provider, user.Subject):
		return none(ErrNoSession) // the account was disabled or removed since
	}
	return session, user, nil
}

// Note writes an audit event of a visit.
func (w *Web) Note(v *Visit, e audit.Event) {
	e.Address = v.Address
	if e.User == "" {
		e.User = v.User.ID
	}
	w.Audit.Write(v.R.Context(), e)
}
