package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/logout"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// FreshFor is how old a sign-in may be for changing factors and for erasing data.
const FreshFor = 10 * time.Minute

// The actions, for the audit log.
const (
	GrantRevoked  audit.Action = "grant.revoked"
	GrantNarrowed audit.Action = "grant.narrowed"
	SessionEnded  audit.Action = "session.ended"
	FactorAdded   audit.Action = "factor.added"
	FactorRemoved audit.Action = "factor.removed"
	DataExported  audit.Action = "data.exported"
	DataErased    audit.Action = "data.erased"
)

// Storage is what the pages show and change. An error that is not one of package storage's means that it is out of reach.
type Storage interface {
	storage.UserSessions
	// CreateSession: see storage.Sessions.
	CreateSession(ctx context.Context, s storage.Session, replaces storage.Hash) error
	// The authorized apps: see storage.Consents.
	Apps(ctx context.Context, userID, after string, limit int) ([]storage.App, error)
	App(ctx context.Context, userID, clientUID string) (storage.App, error)
	RevokeApp(ctx context.Context, userID, clientUID string, now time.Time) (int64, error)
	RevokeApps(ctx context.Context, userID string, now time.Time) (int64, error)
	NarrowApp(ctx context.Context, userID, clientUID string, now time.Time, narrow func(storage.Access) (storage.Access, error)) error
	// Passkeys: see storage.Factors.
	Passkeys(ctx context.Context, userID string) ([]storage.Passkey, error)
	// Everything and EraseUser: see storage.PersonalData.
	Everything(ctx context.Context, userID string) (storage.Everything, error)
	EraseUser(ctx context.Context, userID string, now time.Time, tell func(storage.ClientRef) bool) error
}

// Choices says what people may choose among, and so what it is called; see choices.Lister.
type Choices interface {
	List(ctx context.Context, q choices.Query) (consent.List, error)
}

// Deps is what the pages work with; all of it is required.
type Deps struct {
	Web     *web.Web
	Storage Storage
	Factors *factor.Factors
	Choices Choices
	// SignIn is the path of the sign-in page and SignedOut the one that says that nobody is signed in, relative to the issuer's.
	SignIn, SignedOut string
}

// Account serves the pages. It is safe for concurrent use.
type Account struct {
	Deps
	web   *web.Web
	pages *pages
}

// New parses the pages. Its error means that the program was built wrong.
func New(d Deps) (*Account, error) {
	p, err := parsePages(d.Web.Layout)
	if err != nil {
		return nil, err
	}
	return &Account{Deps: d, web: d.Web, pages: p}, nil
}

// The paths, relative to the issuer's.
const (
	PathApps     = "/account"
	PathSecurity = "/account/security"

	pathApp           = "/account/app"
	pathRevoke        = "/account/revoke"
	pathSessions      = "/account/sessions"
	pathSessionsAll   = "/account/sessions/all"
	pathTOTP          = "/account/security/app"
	pathTOTPRemove    = "/account/security/app/remove"
	pathPasskey       = "/account/security/passkey"
	pathPasskeyRemove = "/account/security/passkey/remove"
	pathCodes         = "/account/security/codes"
	pathData          = "/account/data"
	pathExport        = "/account/data/export"
	pathErase         = "/account/data/erase"
)

// Routes are the pages, to be mounted below the issuer's path.
func (a *Account) Routes() []web.Route {
	get := func(path string, serve func(*visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Handler: a.handle(serve)}
	}
	post := func(path string, serve func(*visit) error) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Handler: a.handle(serve)}
	}
	return []web.Route{
		get(PathApps, a.showApps),
		get(pathApp, a.showApp), post(pathApp, a.narrow),
		get(pathRevoke, a.askRevoke), post(pathRevoke, a.revoke),
		get(pathSessions, a.showSessions), post(pathSessions, a.endSession),
		get(pathSessionsAll, a.askSignOutAll), post(pathSessionsAll, a.signOutAll),
		get(PathSecurity, a.showSecurity),
		get(pathTOTP, a.fresh(a.startTOTP)), post(pathTOTP, a.fresh(a.confirmTOTP)),
		get(pathTOTPRemove, a.fresh(a.askRemoveTOTP)), post(pathTOTPRemove, a.fresh(a.removeTOTP)),
		get(pathPasskey, a.fresh(a.startPasskey)), post(pathPasskey, a.fresh(a.addPasskey)),
		get(pathPasskeyRemove, a.fresh(a.askRemovePasskey)), post(pathPasskeyRemove, a.fresh(a.removePasskey)),
		get(pathCodes, a.fresh(a.askCodes)), post(pathCodes, a.fresh(a.makeCodes)),
		get(pathData, a.showData), post(pathExport, a.export), post(pathErase, a.fresh(a.erase)),
	}
}

// visit is one request of somebody who is signed in.
type visit struct {
	*web.Visit
	// flow is the key of the unfinished login that asked for a second factor; empty for none.
	flow string
}

// flowKey is what keys of logins look like. It is passed back to the sign-in, which knows what to make of it.
var flowKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// handle serves to those who are signed in, and sends the others to the sign-in.
func (a *Account) handle(serve func(*visit) error) http.Handler {
	return a.web.Handle(func(w *web.Visit) error {
		w.Again = PathApps
		if !w.SignedIn() {
			return a.web.SignIn(w, a.SignIn, web.Errand{Path: whence(w)})
		}
		v := &visit{Visit: w}
		for _, key := range []string{w.R.URL.Query().Get("flow"), w.R.PostForm.Get("flow")} {
			if flowKey.MatchString(key) {
				v.flow = key
			}
		}
		return serve(v)
	})
}

// fresh serves to those whose sign-in is recent, and, when they have a second factor, was made with it: whoever finds an open
// browser, or a password, can neither add a factor of their own nor remove one. The others sign in again.
func (a *Account) fresh(serve func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		e := web.Errand{Path: whence(v.Visit), NotBefore: v.Now.Add(-FreshFor)}
		enrolled, err := a.Factors.Enrolled(v.R.Context(), v.User.ID)
		if err != nil {
			return web.Unavailable(err)
		}
		if enrolled.Any() {
			e.ACR = oauth.ACRMultiFactor
		}
		if !e.Done(v.Visit) {
			return a.web.SignIn(v.Visit, a.SignIn, e)
		}
		return serve(v)
	}
}

// whence is where to come back to: the page that was asked for, or, for a form, the page that leads to it.
func whence(v *web.Visit) string {
	path := strings.TrimPrefix(v.R.URL.Path, v.Site.Base)
	if v.R.Method == http.MethodPost {
		switch path {
		case pathExport, pathErase:
			path = pathData
		case pathRevoke, pathApp:
			path = PathApps
		case pathTOTPRemove, pathPasskeyRemove:
			path = PathSecurity
		}
		if flow := v.R.PostForm.Get("flow"); flowKey.MatchString(flow) {
			path += "?flow=" + flow
		}
		return path
	}
	kept := url.Values{}
	for _, name := range []string{"app", "flow", "passkey", "after"} {
		if value := v.R.URL.Query().Get(name); value != "" && len(value) <= maxParameter {
			kept.Set(name, value)
		}
	}
	if len(kept) == 0 {
		return path
	}
	return path + "?" + kept.Encode()
}

// maxParameter bounds what is carried along of an address, in bytes: a passkey's id is the longest.
const maxParameter = 2048

// token makes a form's token.
func (a *Account) token(v *visit, purpose, about string) (string, error) {
	return a.web.FormToken(v.Visit, "account "+purpose, about)
}

// check opens a form's token and says what the form is about. A page that has its own words for a stale form looks for
// web.ErrToken.
func (a *Account) check(v *visit, purpose string) (string, error) {
	about, err := a.web.CheckToken(v.Visit, "account "+purpose)
	if err != nil {
		return "", web.Forbidden(err)
	}
	return about, nil
}

// notFound is an app, session or passkey that is not the user's own, or not there.
func notFound(cause error) error {
	return &web.PageError{Status: http.StatusNotFound, Kind: failure.NotFound, Cause: cause}
}

// failed is an error of storage as a page.
func failed(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return notFound(err)
	}
	return web.Unavailable(err)
}

// done sends the browser to a page that says what was done, by a word of the catalogue.
func done(v *visit, path, what string) error {
	path += "?done=" + what
	if v.flow != "" {
		path += "&flow=" + v.flow
	}
	return web.Redirect(v.Visit, path)
}

// wasDone is the word of done, if the catalogue knows it.
func (a *Account) wasDone(v *visit) string {
	what := v.R.URL.Query().Get("done")
	if what == "" || !a.web.Layout.Messages().Has("account.done."+what) {
		return ""
	}
	return what
}

// tell says which clients are told of logouts.
func tell(v *visit) func(storage.ClientRef) bool { return logout.Tell(v.Snapshot) }
