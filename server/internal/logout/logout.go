package logout

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/logoutconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedout"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// SignedOut is the event of a browser that was signed out.
const SignedOut audit.Action = "signout"

// The paths, relative to the issuer's. Path is the end_session_endpoint.
const (
	Path        = "/v1/logout"
	pathConfirm = "/logout/confirm"
	// pathSignedOut is package login's page: it says that nobody is signed in.
	pathSignedOut = "/logout"
)

const (
	purposeConfirm = "logout"
	purposeRequest = "logout request"

	// onItsWay is how long a request that came by POST may take to come back by GET.
	onItsWay = time.Minute
)

// Storage ends sessions.
type Storage interface {
	EndSession(ctx context.Context, id storage.Hash) error
	EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(storage.ClientRef) bool) error
}

// Deps is what the endpoint works with; all of it is required.
type Deps struct {
	Web     *web.Web
	Storage Storage
	// IDs reads hints.
	IDs hints
}

// Logout serves the end_session_endpoint. It is safe for concurrent use.
type Logout struct {
	Deps
	confirm   *page.Page[logoutconfirm.Data]
	signedOut *page.Page[signedout.Data]
}

// New parses the pages. Its error means that the program was built wrong.
func New(d Deps) (*Logout, error) {
	confirm, err := logoutconfirm.New(d.Web.Layout)
	if err != nil {
		return nil, err
	}
	done, err := signedout.New(d.Web.Layout)
	if err != nil {
		return nil, err
	}
	return &Logout{Deps: d, confirm: confirm, signedOut: done}, nil
}

// Routes are the endpoint and its page, to be mounted below the issuer's path.
func (l *Logout) Routes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: Path, Handler: l.Web.Handle(l.get)},
		{Method: http.MethodPost, Path: Path, Handler: l.Web.HandleForeign(l.post)},
		{Method: http.MethodPost, Path: pathConfirm, Handler: l.Web.Handle(l.confirmed)},
	}
}

// Tell says which clients are told of logouts: those that want to be and are served.
func Tell(s *registry.Snapshot) func(storage.ClientRef) bool {
	return func(c storage.ClientRef) bool {
		client, ok := s.ClientByUID(c.UID)
		return ok && client.Enabled() && client.BackChannelLogoutURI != ""
	}
}

// End signs the browser of a visit out: the session ends with all that ends with it, its clients are told, and the cookies
// go. It returns an error that has a page.
func End(w *web.Web, v *web.Visit, s Storage) error {
	var err error
	if v.Session.SID == "" { // would be all of the user's; one that an old release made has no name
		err = s.EndSession(v.R.Context(), v.Session.ID)
	} else {
		err = s.EndUserSession(v.R.Context(), v.User.ID, v.Session.SID, v.Now, Tell(v.Snapshot))
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) { // somebody else ended it this moment
		return web.Unavailable(err)
	}
	w.Note(v, audit.Event{Action: SignedOut})
	v.DropCookies()
	v.Session, v.User = storage.Session{}, storage.User{}
	return nil
}

// post takes a request that an app's page sends. Browsers send no cookies along with it (SameSite), so that nothing can be
// decided here: the request goes on sealed, as a GET of ours.
func (l *Logout) post(v *web.Visit) error {
	v.Again = pathSignedOut
	kind, _, err := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return web.BadRequest(errors.New("the body is not a form"))
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.W, v.R.Body, maxBody))
	if err != nil {
		return web.BadRequest(err)
	}
	r, err := read(v, l.IDs, l.Web.Layout.Messages().MatchTags, string(body))
	if err != nil {
		return err
	}
	sealed, err := l.Web.SealJSON(purposeRequest, r, v.Now.Add(onItsWay))
	if err != nil {
		return err
	}
	return web.Redirect(v, Path+"?request="+url.QueryEscape(sealed))
}

// get serves a request.
func (l *Logout) get(v *web.Visit) error {
	v.Again = pathSignedOut
	r, err := l.request(v)
	if err != nil {
		return err
	}
	l.speak(v, &r)
	switch {
	case !v.SignedIn():
		return l.nobody(v, &r)
	case r.means(&v.Session, &v.User) && opened(v.R):
		if err := End(l.Web, v, l.Storage); err != nil {
			return err
		}
		if back := r.back(v.Snapshot); back != "" {
			return web.Leave(v, back)
		}
		return web.Redirect(v, pathSignedOut)
	default:
		return l.ask(v, &r)
	}
}

// request reads the request of a GET: as it came from an app, or sealed as post sent it on. A sealed one that is too old says
// nothing any more; then the person is asked.
func (l *Logout) request(v *web.Visit) (request, error) {
	if sealed := v.R.URL.Query().Get("request"); sealed != "" {
		var r request
		if err := l.Web.OpenJSON(purposeRequest, sealed, &r, v.Now); err != nil {
			return request{}, nil //nolint:nilerr // whatever it was, it is not trusted
		}
		return r, nil
	}
	return read(v, l.IDs, l.Web.Layout.Messages().MatchTags, v.R.URL.RawQuery)
}

// opened reports whether a browser says that it opens the address as a page of its own, and does not load it into another one
// as an image, a frame or a guess of where one goes next. Browsers that say nothing are asked.
func opened(r *http.Request) bool {
	h := r.Header
	return h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document" &&
		h.Get("Sec-Purpose") == "" && h.Get("Purpose") == "" && r.Method == http.MethodGet
}

// speak shows pages in the language that was asked for.
func (l *Logout) speak(v *web.Visit, r *request) {
	if r.Language != "" {
		v.Language = r.Language
	}
}

// nobody answers where nobody is signed in. Only an app that shows an ID token gets the browser back at once; with less, anyone
// could use the address to send people to one of our clients unseen.
func (l *Logout) nobody(v *web.Visit, r *request) error {
	back := r.back(v.Snapshot)
	if r.Hinted && back != "" {
		return web.Leave(v, back)
	}
	data := signedout.Data{Return: template.URL(back)} //nolint:gosec // registered, and so of a scheme that may be linked to
	if back != "" {
		data.App = appName(v.Snapshot, r.ClientUID)
	}
	return l.signedOut.Render(v.W, http.StatusOK, v.Shell(), data)
}

// ask shows the page that asks.
func (l *Logout) ask(v *web.Visit, r *request) error {
	about, err := json.Marshal(r)
	if err != nil {
		return err
	}
	form, err := l.Web.FormToken(v, purposeConfirm, string(about))
	if err != nil {
		return err
	}
	return l.confirm.Render(v.W, http.StatusOK, v.Shell(), logoutconfirm.Data{
		Token: form, App: appName(v.Snapshot, r.ClientUID), Other: r.Hinted && r.Subject != v.User.ID,
	})
}

// confirmed signs out after the person said so.
func (l *Logout) confirmed(v *web.Visit) error {
	v.Again = pathSignedOut
	if !v.SignedIn() {
		return web.Redirect(v, pathSignedOut)
	}
	about, err := l.Web.CheckToken(v, purposeConfirm)
	if err != nil {
		return web.Forbidden(err)
	}
	var r request
	if err := json.Unmarshal([]byte(about), &r); err != nil {
		return err
	}
	if err := End(l.Web, v, l.Storage); err != nil {
		return err
	}
	l.speak(v, &r)
	back := r.back(v.Snapshot)
	if back == "" {
		return web.Redirect(v, pathSignedOut)
	}
	return l.Web.Forward(v, back, appName(v.Snapshot, r.ClientUID))
}

// appName is what a client is called; empty for none.
func appName(s *registry.Snapshot, uid string) string {
	client, ok := s.ClientByUID(uid)
	if !ok {
		return ""
	}
	if client.Display.Name != "" {
		return client.Display.Name
	}
	return client.Name
}
