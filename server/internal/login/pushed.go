package login

import (
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// authorizePushed is the authorization endpoint for a request that was pushed (RFC 9126 section 4). Its reference is used up by one
// conditional write. From then on the request is the browser's, like any other: who opens the address again in the same browser, by
// reloading or by going back, goes on where they were, and in any other browser it is spent.
func (l *Login) authorizePushed(v *visit, ref authrequest.Reference) error {
	client, ok := v.Snapshot.Client(ref.ClientID)
	if !ok {
		return requestPage(&authrequest.PageError{Kind: authrequest.UnknownClient})
	}
	if !client.Enabled() {
		return web.ClientGone(client.DocumentName())
	}
	uri, ok := oauth.ParseRequestURI(ref.URI)
	if !ok {
		return l.spent(v, client, storage.ErrNotFound)
	}
	if l.resume(v, client, uri) {
		return l.proceed(v)
	}
	if v.R.Method == http.MethodHead { // asked by programs that look at links: they must not use it up
		return web.Redirect(v.Visit, PathLogin)
	}
	if err := l.usePushed(v, client, uri); err != nil {
		return err
	}
	err := l.proceed(v)
	if err != nil && !v.stored {
		// The reference is used up, and whatever failed may work the next time.
		err = errors.Join(err, l.saveFlow(v))
	}
	return err
}

// usePushed uses a reference up and begins a flow with the request that it refers to.
func (l *Login) usePushed(v *visit, client *registry.Client, uri storage.Hash) error {
	id, err := l.randomID()
	if err != nil {
		return err
	}
	pushed, err := l.Storage.UsePushedRequest(v.R.Context(), uri, storage.ClientRef{ID: client.ClientID, UID: client.UID}, v.Now)
	switch {
	case decisive(err), errors.Is(err, storage.ErrForeign):
		return l.spent(v, client, err)
	case err != nil:
		return web.Unavailable(err)
	}
	request, err := authrequest.OpenPushed(pushed.Request, authrequest.Input{ID: id, Now: v.Now})
	if err != nil {
		return err
	}
	return l.begin(v, flow{Request: request})
}

// resume gives the visit the flow that this browser has of a pushed request, the latest if there are several.
func (l *Login) resume(v *visit, client *registry.Client, uri storage.Hash) bool {
	for _, k := range keptFlows(v.R, v.Site.FlowCookie) {
		f, err := l.openFlow(v, k.key)
		if err != nil || f.Request == nil || f.Request.ClientUID != client.UID || !f.Request.IsPushedAs(uri) {
			continue
		}
		v.flow, v.stored = f, true
		l.settle(v)
		return true
	}
	return false
}

// spent is the page of a reference that is good for nothing: unknown, expired, used, or another client's. Which of these it is stays
// in the log. It is never sent to the client: nothing says that the address to send it to is the client's.
func (l *Login) spent(v *visit, client *registry.Client, cause error) error {
	l.web.Note(v.Visit, audit.Event{
		Action: actionRequestRefused, Client: client.ClientID, Namespace: client.Namespace, GrantType: oauth.GrantTypeAuthorizationCode,
		Error: reasonSpent, Cause: cause,
	})
	return &web.PageError{Status: http.StatusBadRequest, Kind: failure.Answered, Cause: cause}
}
