package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
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

// Providers makes the declared identity providers; see idp.Set.
type Providers interface {
	Providers(declared []*registration.IdentityProvider) []idp.Provider
	Active(declared []*registration.IdentityProvider, providerUID, subject string) bool
}

// Deps is what the flow works with; all of it is required.
type Deps struct {
	Web       *web.Web
	Storage   Storage
	Providers Providers
}

// Login serves the browser flow. It is safe for concurrent use.
type Login struct {
	Deps
	web   *web.Web
	pages *pages
}

// New parses the pages. Its error means that the program was built wrong.
func New(d Deps) (*Login, error) {
	p, err := parsePages(d.Web.Layout)
	if err != nil {
		return nil, err
	}
	return &Login{Deps: d, web: d.Web, pages: p}, nil
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
func (l *Login) Routes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: PathDevice, Handler: l.handle(l.enterDevice)},
		{Method: http.MethodPost, Path: PathDevice, Handler: l.handle(l.submitCode)},
		{Method: http.MethodGet, Path: pathConfirm, Handler: l.handle(l.show(pathConfirm))},
		{Method: http.MethodPost, Path: pathConfirm, Handler: l.handle(l.decide)},
		{Method: http.MethodGet, Path: pathDone, Handler: l.handle(l.show(pathDone))},
		{Method: http.MethodGet, Path: PathLogin, Handler: l.handle(l.show(PathLogin))},
		{Method: http.MethodPost, Path: PathLogin, Handler: l.handle(l.signIn)},
		{Method: http.MethodGet, Path: PathLogout, Handler: l.handle(l.askSignOut)},
		{Method: http.MethodPost, Path: PathLogout, Handler: l.handle(l.signOut)},
	}
}

// visit is one request of the flow.
type visit struct {
	*web.Visit
	flow flow
}

// handle gathers what the flow needs to know, and serves.
func (l *Login) handle(serve func(*visit) error) http.Handler {
	return l.web.Handle(func(w *web.Visit) error {
		v := &visit{Visit: w}
		v.flow = l.readFlow(v)
		if v.flow.Device {
			v.Again = PathDevice
		}
		return serve(v)
	})
}

// decisive reports whether an error of storage says something about what was asked, rather than that it is out of reach.
func decisive(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConsumed) || errors.Is(err, storage.ErrExpired)
}
