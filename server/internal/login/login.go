package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// SessionTTL is how long a browser stays signed in.
const SessionTTL = 12 * time.Hour

// Storage is what the flow keeps and finds. An error that is not one of package storage's means that it is out of reach.
type Storage interface {
	SignedIn(ctx context.Context, u storage.User) (storage.User, error)
	CheckedUser(ctx context.Context, u storage.User) error
	User(ctx context.Context, id string) (storage.User, error)
	storage.Sessions
	EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(storage.ClientRef) bool) error
	DeviceByUserCode(ctx context.Context, userCode storage.Hash, now time.Time) (storage.DeviceRequest, error)
	ApproveDevice(ctx context.Context, code storage.Hash, g storage.Grant, now time.Time, room *storage.Room) error
	DenyDevice(ctx context.Context, code storage.Hash, now time.Time) error
	UsePushedRequest(ctx context.Context, uri storage.Hash, client storage.ClientRef, now time.Time) (storage.PushedRequest, error)
	CreateCode(ctx context.Context, c storage.Code, g storage.Grant, consent *storage.Consent, room *storage.Room) error
	storage.Consents
	storage.Counters
}

// Providers makes the declared identity providers; see idp.Set.
type Providers interface {
	Providers(declared []*registration.IdentityProvider) []idp.Provider
	Active(declared []*registration.IdentityProvider, providerUID, subject string) bool
}

// Factors proves second factors; see factor.Factors.
type Factors interface {
	Enrolled(ctx context.Context, userID string) (factor.Enrolled, error)
	VerifyTOTP(ctx context.Context, userID, code string, now time.Time) error
	VerifyRecoveryCode(ctx context.Context, userID, code string, now time.Time) error
	PasskeysSupported() bool
	BeginPasskey(ctx context.Context, user *storage.User, now time.Time) (factor.Ceremony, error)
	FinishPasskey(ctx context.Context, kept, response []byte, now time.Time) (storage.User, []string, error)
}

// Upstream asks identity providers whether an account may still sign in; see grant.Upstream.
type Upstream interface {
	CheckUser(ctx context.Context, declared []*registration.IdentityProvider, userID string, now time.Time) error
}

// Deps is what the flow works with; all of it is required, but for ReadHint and Upstream.
type Deps struct {
	Web       *web.Web
	Storage   Storage
	Providers Providers
	Factors   Factors
	Choices   Choices
	// AtRest seals what identity providers want kept.
	AtRest *seal.Sealer
	// Upstream is asked before a session yields something for an app; nil asks nobody.
	Upstream Upstream
	// ReadHint verifies an ID token of ours, also an expired one; nil takes no hints.
	ReadHint func(idToken string) (sub, sid string, ok bool)
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

// The paths, relative to the issuer's. PathAuthorize is the authorization_endpoint, PathDevice the verification_uri.
const (
	PathAuthorize = "/v1/authorize"
	PathLogin     = "/login"
	PathLogout    = "/logout"
	PathDevice    = "/device"
	PathConsent   = "/consent"
	// PathCallback and the name of an identity provider are where it sends browsers back to.
	PathCallback = "/login/callback/"

	pathPosted       = "/login/posted"
	pathChange       = "/consent/change"
	pathWith         = "/login/with/"
	pathPasskey      = "/login/passkey"
	pathSelect       = "/login/account"
	pathNotAllowed   = "/login/notallowed"
	pathSecondFactor = "/login/second"
	pathSecondKey    = "/login/second/passkey"
	pathAgain        = "/login/again"
	pathConfirm      = "/device/confirm"
	pathDone         = "/device/done"

	// The pages of package account that the flow leads to.
	pathAccount  = "/account"
	pathSecurity = "/account/security"
)

// Routes are the pages, to be mounted below the issuer's path.
func (l *Login) Routes() []web.Route {
	get := func(path string, serve func(*visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Handler: l.handle(serve)}
	}
	post := func(path string, serve func(*visit) error) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Handler: l.handle(serve)}
	}
	const provider = "{provider}"
	return []web.Route{
		get(PathAuthorize, l.authorize),
		{Method: http.MethodPost, Path: PathAuthorize, Handler: l.web.HandleForeign(func(w *web.Visit) error {
			return l.authorizeByPost(&visit{Visit: w})
		})},
		get(pathPosted, l.posted),
		get(PathLogin, l.enter), post(PathLogin, l.signIn),
		get(pathWith+provider, l.leaveFor), get(PathCallback+provider, l.comeBack), post(pathPasskey, l.signInByPasskey),
		get(pathSelect, l.selectAccount), post(pathSelect, l.selected),
		get(pathNotAllowed, l.show(pathNotAllowed)), post(pathNotAllowed, l.leaveNotAllowed),
		get(pathSecondFactor, l.show(pathSecondFactor)), post(pathSecondFactor, l.proveCode), post(pathSecondKey, l.provePasskey),
		get(pathAgain, l.again),
		get(PathConsent, l.show(PathConsent)), post(PathConsent, l.consented), get(pathChange, l.enterChange),
		get(PathDevice, l.enterDevice), post(PathDevice, l.submitCode),
		get(pathConfirm, l.show(pathConfirm)), post(pathConfirm, l.decide), get(pathDone, l.show(pathDone)),
		get(PathLogout, l.askSignOut), post(PathLogout, l.signOut),
	}
}

// visit is one request of the flow.
type visit struct {
	*web.Visit
	flow flow
	// stored is true when the browser has the flow.
	stored bool
	// linked is true when the browser comes from another site, and not from a form of ours: it may be redirected to another one.
	linked bool
}

// handle gathers what the flow needs to know, and serves.
func (l *Login) handle(serve func(*visit) error) http.Handler {
	return l.web.Handle(func(w *web.Visit) error {
		v := &visit{Visit: w}
		if err := l.readFlow(v); err != nil {
			return err
		}
		return serve(v)
	})
}

// decisive reports whether an error of storage says something about what was asked, rather than that it is out of reach.
func decisive(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConsumed) || errors.Is(err, storage.ErrExpired)
}

// consented takes the answer of the consent page, if it is still asked for.
func (l *Login) consented(v *visit) error {
	s, err := l.gather(v, PathConsent)
	if err != nil {
		return err
	}
	if at, _ := next(s.state); at != stepConsent {
		return l.serve(v, s, PathConsent)
	}
	return l.submitConsent(v, s.asked)
}
