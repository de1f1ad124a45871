package login

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// authorize is the authorization endpoint (RFC 6749 section 3.1) by GET. What needs nobody to be asked is answered at once, and
// leaves nothing in the browser.
func (l *Login) authorize(v *visit) error {
	v.linked = true
	if ref, ok := authrequest.FindReference(v.R.URL.RawQuery); ok {
		return l.authorizePushed(v, ref)
	}
	if err := l.read(v, v.R.URL.RawQuery); err != nil {
		return err
	}
	return l.answer(v)
}

// authorizeByPost is the authorization endpoint by POST (OpenID Connect Core section 3.1.2.1). The form comes from the app's site,
// and without our cookies, so that nothing can be decided here, nor kept: whoever cannot see which flows a browser has cannot remove
// the oldest, and a page that sends forms in a row would fill the browser with cookies until no request of it is taken any more. The
// request goes on sealed in the address, to [Login.posted].
func (l *Login) authorizeByPost(v *visit) error {
	kind, _, err := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return web.BadRequest(errors.New("the body is not a form"))
	}
	raw, err := io.ReadAll(http.MaxBytesReader(v.W, v.R.Body, authrequest.MaxRequest))
	if err != nil {
		return web.BadRequest(err)
	}
	if ref, ok := authrequest.FindReference(string(raw)); ok {
		query := url.Values{"client_id": {ref.ClientID}, "request_uri": {ref.URI}}
		return web.Redirect(v.Visit, PathAuthorize+"?"+query.Encode()) // nothing else of it counts
	}
	if err := l.read(v, string(raw)); err != nil {
		return err
	}
	sealed, err := l.web.SealJSON(purposePosted, v.flow.Request, v.Now.Add(onItsWay))
	if err != nil {
		return err
	}
	if len(sealed) > maxPosted {
		return web.BadRequest(errTooLarge)
	}
	return web.Redirect(v.Visit, pathPosted+"?request="+sealed)
}

// posted takes a request that came by POST, as if it had come by GET.
func (l *Login) posted(v *visit) error {
	v.linked = true
	var r authrequest.Request
	if err := l.web.OpenJSON(purposePosted, v.R.URL.Query().Get("request"), &r, v.Now); err != nil {
		return web.Forbidden(err)
	}
	var err error
	if r.ID, err = l.randomID(); err != nil { // the address may be opened twice
		return err
	}
	if err := l.begin(v, flow{Request: &r}); err != nil {
		return err
	}
	return l.answer(v)
}

// answer goes on with a request that was read.
func (l *Login) answer(v *visit) error {
	if v.R.Method == http.MethodHead { // asked by programs that look at links: no code is made for them
		return l.goTo(v, PathLogin)
	}
	return l.proceed(v)
}

// read begins a flow with an app's request.
func (l *Login) read(v *visit, raw string) error {
	id, err := l.randomID()
	if err != nil {
		return err
	}
	request, err := authrequest.Read(v.Snapshot, raw, authrequest.Input{ID: id, Now: v.Now, ReadHint: l.ReadHint})
	if err != nil {
		return requestPage(err)
	}
	return l.begin(v, flow{Request: request})
}

// again begins a flow anew, and an app's request with an id of its own: for those who come back to one that was answered, or whose
// answer was lost, and those who want to sign in as somebody else.
func (l *Login) again(v *visit) error {
	v.linked = true
	f := flow{Change: v.flow.Change, Errand: v.flow.Errand}
	if d := v.flow.Device; d != nil && !d.Decided {
		f.Device = &deviceFlow{Code: d.Code, Client: d.Client}
	}
	if v.flow.Request != nil {
		r := *v.flow.Request
		if _, err := authrequest.Judge(v.Snapshot, &r); err != nil {
			return requestPage(err)
		}
		var err error
		if r.ID, err = l.randomID(); err != nil {
			return err
		}
		r.IssuedAt = v.Now.Unix()
		f.Request = &r
	}
	if err := l.begin(v, f); err != nil {
		return err
	}
	return l.proceed(v)
}

// requestPage is the page of a request whose answer must not leave the server.
func requestPage(err error) error {
	p := new(authrequest.PageError)
	if !errors.As(err, &p) {
		return err
	}
	kind := failure.BadRequest
	switch p.Kind {
	case authrequest.UnknownClient:
		kind = failure.UnknownApp
	case authrequest.BadRedirect:
		kind = failure.WrongAddress
	case authrequest.ClientGone:
		kind = failure.ClientGone
	case authrequest.Unreadable:
	}
	return &web.PageError{Status: http.StatusBadRequest, Kind: kind, Cause: p, Owner: p.Owner}
}
