package login

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// enterDevice is the verification_uri, and the complete one (RFC 8628 sections 3.2 and 3.3.1): the way in. It begins anew
// whatever went on before. A code in the address is kept in the flow, and leaves the address with the redirect.
func (l *Login) enterDevice(v *visit) error {
	typed := v.R.URL.Query().Get("user_code")
	code, ok := oauth.NormalizeUserCode(typed)
	if !ok {
		code = ""
	}
	if err := l.beginDevice(v, code); err != nil {
		return err
	}
	s := next(state{signedIn: v.SignedIn(), device: true, request: codeGiven(v.flow)})
	if s != stepCode {
		return web.Redirect(v.Visit, s.path())
	}
	data := devicecode.Data{}
	if typed != "" {
		data.Problem = devicecode.Unknown // it cannot be a code, so it is no guess either
	}
	return l.showCode(v, http.StatusOK, data)
}

// beginDevice gives the browser a new flow, on the way to connect a device.
func (l *Login) beginDevice(v *visit, code string) error {
	f, err := l.newFlow(flow{Device: true, Code: code})
	if err != nil {
		return err
	}
	v.flow = f
	return l.saveFlow(v)
}

// showCode renders the page that asks for a code.
func (l *Login) showCode(v *visit, status int, data devicecode.Data) error {
	var err error
	if data.Token, err = l.formToken(v, purposeCode, storage.Hash{}); err != nil {
		return err
	}
	return l.pages.code.Render(v.W, status, v.Shell(), data)
}

// submitCode takes a code.
func (l *Login) submitCode(v *visit) error {
	_, stale := l.checkToken(v, purposeCode)
	if stale != nil || !v.SignedIn() {
		if err := l.beginDevice(v, ""); err != nil {
			return err
		}
	}
	if !v.SignedIn() {
		return web.Redirect(v.Visit, next(state{device: true}).path())
	}
	if stale != nil {
		return l.showCode(v, http.StatusForbidden, devicecode.Data{Problem: devicecode.Stale})
	}
	typed := v.R.PostForm.Get("user_code")
	code, ok := oauth.NormalizeUserCode(typed)
	if !ok {
		code = "" // a miss like any other
	}
	_, err := l.find(v, code, false)
	if errors.Is(err, storage.ErrNotFound) {
		return l.showCode(v, http.StatusBadRequest, devicecode.Data{Problem: devicecode.Unknown, Code: echo(typed)})
	}
	if err != nil {
		return err
	}
	v.flow.Device, v.flow.Code, v.flow.Known, v.flow.Decided = true, code, true, false
	if err := l.saveFlow(v); err != nil {
		return err
	}
	return web.Redirect(v.Visit, next(state{signedIn: true, device: true, request: requestUnchecked}).path())
}

// echo is what was typed, if it is short enough to be worth showing again.
func echo(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	return typed
}

// decide takes the user's decision: one conditional write in storage says which of several submissions counts (F06, A27).
func (l *Login) decide(v *visit) error {
	if !v.SignedIn() {
		return web.Forbidden(web.ErrNoSession)
	}
	t, err := l.checkToken(v, purposeDecision)
	if err != nil {
		return web.Forbidden(err)
	}
	decision := v.R.PostForm.Get("decision")
	if decision != "approve" && decision != "deny" {
		return web.BadRequest(errors.New("the decision is neither approve nor deny"))
	}
	if v.flow.Decided && bytes.Equal(v.flow.Request, t.Request) {
		return web.Redirect(v.Visit, pathDone) // submitted a second time after the answer had arrived
	}
	request, err := l.live(v.R.Context(), v, v.flow.Code)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return web.Answered()
	case err != nil:
		return err
	case !bytes.Equal(request.Code[:], t.Request):
		return web.Forbidden(web.ErrToken) // the code belongs to another request by now
	}
	client, ok := servable(v.Snapshot, request)
	approved := decision == "approve"
	if approved && !ok {
		return web.ClientGone(ownerOfClient(client))
	}
	event, err := l.write(v, request, approved)
	switch {
	case decisive(err):
		return web.Answered()
	case err != nil:
		return web.Unavailable(err)
	}
	if client != nil {
		event.Namespace = client.Namespace
	}
	l.web.Note(v.Visit, event)
	v.flow.Decided, v.flow.Approved, v.flow.Request, v.flow.App = true, approved, request.Code[:], appName(client, request)
	if err := l.saveFlow(v); err != nil {
		return err
	}
	return web.Redirect(v.Visit, pathDone)
}

// write stores the decision, and with an approval the grant.
func (l *Login) write(v *visit, request storage.DeviceRequest, approved bool) (audit.Event, error) {
	event := audit.Event{Action: actionDeviceDenied, Client: request.Client.ID, GrantType: oauth.GrantTypeDeviceCode}
	if !approved {
		return event, l.Storage.DenyDevice(v.R.Context(), request.Code, v.Now)
	}
	id, err := l.randomID()
	if err != nil {
		return event, err
	}
	event.Action, event.GrantID = actionDeviceApproved, id
	return event, l.Storage.ApproveDevice(v.R.Context(), request.Code, storage.Grant{
		ID: id, UserID: v.User.ID, Client: request.Client, Scopes: request.Scopes, Audience: request.Audience,
		AuthenticatedAt: v.Session.AuthenticatedAt, Methods: v.Session.Methods, CreatedAt: v.Now,
	}, v.Now)
}

// appName is what people are shown of a client.
func appName(c *registry.Client, request storage.DeviceRequest) string {
	switch {
	case c == nil:
		return request.Client.ID
	case c.Display.Name != "":
		return c.Display.Name
	default:
		return c.ClientID
	}
}
