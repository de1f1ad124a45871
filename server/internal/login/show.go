package login

import (
	"context"
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicedone"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedin"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// show serves the steps of a path: it gathers what is known, asks the dispatcher, and renders the step or sends the browser
// to where the step is served.
func (l *Login) show(path string) func(*visit) error {
	return func(v *visit) error {
		if path == PathLogin && v.flow.Decided {
			v.flow = flow{} // that one is finished; who comes here wants something else
		}
		request, found, client, err := l.lookAt(v, path)
		if err != nil {
			return err
		}
		s := next(state{signedIn: v.SignedIn(), device: v.flow.Device, request: found, decided: v.flow.Decided})
		if s.path() != path {
			return web.Redirect(v.Visit, s.path())
		}
		switch s {
		case stepSignIn:
			return l.showSignIn(v, http.StatusOK, signInForm{})
		case stepWelcome:
			return l.pages.signedIn.Render(v.W, http.StatusOK, v.Shell(), signedin.Data{})
		case stepDone:
			return l.pages.done.Render(v.W, http.StatusOK, v.Shell(), devicedone.Data{Approved: v.flow.Approved, App: v.flow.App})
		case stepRefuse:
			return web.ClientGone(ownerOfClient(client))
		case stepConfirm:
			return l.showConfirm(v, request, client)
		default:
			return l.showCode(v, http.StatusBadRequest, devicecode.Data{Problem: devicecode.Unknown, Code: oauth.DisplayUserCode(v.flow.Code)})
		}
	}
}

// lookAt finds what is known about the request of the flow. It looks the code up only where the request is shown.
func (l *Login) lookAt(v *visit, path string) (storage.DeviceRequest, requestState, *registry.Client, error) {
	switch {
	case v.flow.Code == "":
		return storage.DeviceRequest{}, requestNone, nil, nil
	case path != pathConfirm || !v.SignedIn() || v.flow.Decided:
		return storage.DeviceRequest{}, requestUnchecked, nil, nil
	}
	request, err := l.find(v, v.flow.Code, v.flow.Known)
	if errors.Is(err, storage.ErrNotFound) {
		return request, requestMissing, nil, nil
	}
	if err != nil {
		return request, requestUnchecked, nil, err
	}
	if !v.flow.Known {
		v.flow.Known = true
		if err := l.saveFlow(v); err != nil {
			return request, requestUnchecked, nil, err
		}
	}
	client, ok := servable(v.Snapshot, request)
	if !ok {
		return request, requestOfLostClient, client, nil
	}
	return request, requestFound, client, nil
}

// find looks a code up, which is a guess unless the code is known to be good. It returns storage.ErrNotFound for unknown,
// used and expired codes alike, or an error that has a page.
func (l *Login) find(v *visit, code string, known bool) (storage.DeviceRequest, error) {
	ctx := v.R.Context()
	if known {
		return l.live(ctx, v, code)
	}
	t, wait, err := l.web.Throttle.Take(ctx, v.Now, web.CodeGuesses(v.User.ID, v.Address)...)
	if err != nil {
		return storage.DeviceRequest{}, web.Unavailable(err)
	}
	if wait > 0 {
		l.web.Note(v.Visit, audit.Event{Action: actionCodeRefused, Error: reasonThrottled})
		return storage.DeviceRequest{}, web.Throttled(wait)
	}
	request, err := l.live(ctx, v, code)
	if errors.Is(err, storage.ErrNotFound) {
		l.web.Note(v.Visit, audit.Event{Action: actionCodeRefused, Error: reasonWrong})
	}
	if err != nil {
		return request, err
	}
	if err := l.web.Throttle.Succeeded(ctx, t, v.Now); err != nil {
		return request, web.Unavailable(err)
	}
	return request, nil
}

// live finds a pending request by its code.
func (l *Login) live(ctx context.Context, v *visit, code string) (storage.DeviceRequest, error) {
	if code == "" {
		return storage.DeviceRequest{}, storage.ErrNotFound
	}
	request, err := l.Storage.DeviceByUserCode(ctx, oauth.HashUserCode(code), v.Now)
	switch {
	case decisive(err):
		return request, storage.ErrNotFound
	case err != nil:
		return request, web.Unavailable(err)
	}
	return request, nil
}

// servable finds the client of a request, by UID, and reports whether it may still have what was asked for: it is there and
// enabled, may use the grant, and has every scope (A28).
func servable(s *registry.Snapshot, request storage.DeviceRequest) (*registry.Client, bool) {
	c, ok := s.ClientByUID(request.Client.UID)
	if !ok || !c.Enabled() {
		return c, false
	}
	if _, ok := c.GrantTypeSet[oauth.GrantTypeDeviceCode]; !ok {
		return c, false
	}
	for _, scope := range request.Scopes {
		if _, ok := c.ScopeSet[scope]; !ok {
			return c, false
		}
	}
	return c, true
}

func ownerOfClient(c *registry.Client) string {
	if c == nil {
		return ""
	}
	return c.DocumentName()
}
