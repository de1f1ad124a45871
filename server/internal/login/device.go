package login

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// enterDevice is the verification_uri, and the complete one (RFC 8628 sections 3.2 and 3.3.1): the way in, and, with a flow in the
// address, the page that asks for the code. A code in the address is kept in the flow, and leaves the address with the redirect.
func (l *Login) enterDevice(v *visit) error {
	if v.flow.Key != "" {
		return l.show(PathDevice)(v)
	}
	typed := v.R.URL.Query().Get("user_code")
	code, ok := oauth.NormalizeUserCode(typed)
	if !ok {
		code = ""
	}
	if err := l.begin(v, flow{Device: &deviceFlow{Code: code}}); err != nil {
		return err
	}
	s, err := l.gather(v, PathDevice)
	if err != nil {
		return err
	}
	if at, _ := next(s.state); at == stepCode && typed != "" {
		// It cannot be a code, so it is no guess either.
		return l.showCode(v, http.StatusOK, devicecode.Data{Problem: devicecode.Unknown})
	}
	return l.serve(v, s, PathDevice)
}

// showCode renders the page that asks for a code.
func (l *Login) showCode(v *visit, status int, data devicecode.Data) error {
	if err := l.saveFlow(v); err != nil {
		return err
	}
	data.Flow = v.flow.Key
	var err error
	if data.Token, err = l.formToken(v, purposeCode, token{}); err != nil {
		return err
	}
	return l.pages.code.Render(v.W, status, v.Shell(), data)
}

// submitCode takes a code.
func (l *Login) submitCode(v *visit) error {
	_, stale := l.checkToken(v, purposeCode)
	if v.flow.Device == nil {
		if err := l.begin(v, flow{Device: &deviceFlow{}}); err != nil {
			return err
		}
	}
	if stale != nil || v.flow.Device.Decided {
		v.flow.Device = &deviceFlow{}
	}
	before := *v.flow.Device
	v.flow.Device.Code = "" // what was typed before does not count any more
	s, err := l.gather(v, PathDevice)
	if err != nil {
		return err
	}
	if at, _ := next(s.state); at != stepCode {
		*v.flow.Device = before
		return l.serve(v, s, "")
	}
	if stale != nil {
		return l.showCode(v, http.StatusForbidden, devicecode.Data{Problem: devicecode.Stale})
	}
	typed := v.R.PostForm.Get("user_code")
	code, ok := oauth.NormalizeUserCode(typed)
	if !ok {
		code = "" // a miss like any other
	}
	request, err := l.find(v, code, false)
	if errors.Is(err, storage.ErrNotFound) {
		return l.showCode(v, http.StatusBadRequest, devicecode.Data{Problem: devicecode.Unknown, Code: echo(typed)})
	}
	if err != nil {
		return err
	}
	v.flow.Device = &deviceFlow{Code: code, Client: request.Client.UID}
	return l.proceed(v)
}

// echo is what was typed, if it is short enough to be worth showing again.
func echo(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	return typed
}

// decide takes what the person says on the page that asks. Where there is nothing more to ask, approving finishes; otherwise the
// consent page is next.
func (l *Login) decide(v *visit) error {
	if !v.SignedIn() {
		return web.Forbidden(web.ErrNoSession)
	}
	t, err := l.checkToken(v, purposeDecision)
	if err != nil {
		return web.Forbidden(err)
	}
	d := v.flow.Device
	if d == nil {
		return web.Forbidden(web.ErrToken)
	}
	decision := v.R.PostForm.Get("decision")
	if decision != "approve" && decision != "deny" {
		return web.BadRequest(errors.New("the decision is neither approve nor deny"))
	}
	if d.Decided && bytes.Equal(d.Request, t.Request) {
		return l.goTo(v, pathDone) // submitted a second time after the answer had arrived
	}
	d.Confirmed, d.By = nil, ""
	s, err := l.gather(v, pathConfirm)
	if err != nil {
		return err
	}
	if s.device.request == requestMissing {
		return web.Answered()
	}
	if s.asked.device == nil { // something else is due by now
		return l.serve(v, s, "")
	}
	if !bytes.Equal(s.asked.device.Code[:], t.Request) {
		return web.Forbidden(web.ErrToken) // the code belongs to another request by now
	}
	if decision == "deny" {
		return l.denyDevice(v, *s.asked.device, s.asked.client)
	}
	at, _ := next(s.state)
	if at != stepConfirm {
		return l.serve(v, s, pathConfirm)
	}
	d.Confirmed, d.By, s.device.confirmed = t.Request, v.User.ID, true
	return l.serve(v, s, "")
}

// find looks a code up, which is a guess unless the code is known to be good. It returns storage.ErrNotFound for unknown,
// used and expired codes alike, or an error that has a page.
func (l *Login) find(v *visit, code string, known bool) (storage.DeviceRequest, error) {
	if known {
		return l.live(v, code)
	}
	ctx := v.R.Context()
	t, err := l.take(ctx, v, web.CodeGuesses(v.User.ID, v.Address)...)
	if err != nil {
		if f := new(web.PageError); errors.As(err, &f) && f.Status == http.StatusTooManyRequests {
			l.web.Note(v.Visit, audit.Event{Action: actionCodeRefused, Error: reasonThrottled})
		}
		return storage.DeviceRequest{}, err
	}
	request, err := l.live(v, code)
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
func (l *Login) live(v *visit, code string) (storage.DeviceRequest, error) {
	if code == "" {
		return storage.DeviceRequest{}, storage.ErrNotFound
	}
	request, err := l.Storage.DeviceByUserCode(v.R.Context(), oauth.HashUserCode(code), v.Now)
	switch {
	case decisive(err):
		return request, storage.ErrNotFound
	case err != nil:
		return request, web.Unavailable(err)
	}
	return request, nil
}
