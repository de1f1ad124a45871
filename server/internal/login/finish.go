package login

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/formpost"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// finish gives the app what the person let it have, and answers the browser: with the response to the client, or with the page
// that says that the device is connected. One conditional write in storage decides which of several submissions counts (A27,
// F06). Callers have made sure, by gather and next, that nothing else is due. Its errors have pages.
func (l *Login) finish(v *visit, a asked, g given) error {
	if a.request == nil && a.device == nil {
		return l.finishChange(v, a, g)
	}
	switch ended, err := l.ended(v); {
	case err != nil:
		return err
	case ended: // whoever says that they are this user has to show it where the account is
		v.flow.Since, v.flow.Chosen, v.flow.Straight = v.Now.UnixMicro(), "", false
		return l.proceed(v)
	case a.request != nil:
		return l.issueCode(v, a, g)
	default:
		return l.approveDevice(v, a, g)
	}
}

// ended reports whether the identity provider does not let the account in any more (D11): the session may be older than that.
func (l *Login) ended(v *visit) (bool, error) {
	if l.Upstream == nil {
		return false, nil
	}
	err := l.Upstream.CheckUser(v.R.Context(), v.Snapshot.IdentityProviders(), v.User.ID, v.Now)
	if err == nil {
		return false, nil
	}
	if refusal := (*oauth.Error)(nil); errors.As(err, &refusal) && refusal.Code == oauth.InvalidGrant("").Code {
		return true, nil
	}
	return false, web.Unavailable(err)
}

// refuse ends it without giving anything: the client is told e, a device that it was denied.
func (l *Login) refuse(v *visit, a asked, e *oauth.Error) error {
	switch {
	case a.request != nil:
		event := audit.Event{Action: actionRequestRefused, Client: a.request.ClientID, GrantType: oauth.GrantTypeAuthorizationCode, Error: e.Code}
		if a.client == nil { // changed while somebody was asked: nothing is sent to an address that may not be the client's any more
			return web.ClientGone("")
		}
		event.Namespace = a.client.Namespace
		l.web.Note(v.Visit, event)
		return l.respond(v, a, authrequest.Failure(v.Snapshot.Server().Issuer, a.request, e))
	case a.device != nil:
		return l.denyDevice(v, *a.device, a.client)
	default:
		return web.Redirect(v.Visit, pathOfApp(a))
	}
}

// grantOf is the grant that comes of what was given, in this session.
func (l *Login) grantOf(v *visit, client storage.ClientRef, g given) (storage.Grant, error) {
	id, err := l.randomID()
	return storage.Grant{
		ID: id, UserID: v.User.ID, Client: client, Scopes: g.scopes, Audience: g.audience, AuthorizationDetails: g.details,
		SID: v.Session.SID, AuthenticatedAt: v.Session.SignedInAt(), Methods: v.Session.Methods, CreatedAt: v.Now,
	}, err
}

// roomFor is how many grants of a client one user may have, by its policy; nil for any number.
func roomFor(v *visit, c *registry.Client) *storage.Room {
	governing, ok := v.Snapshot.Policy(c.Policy)
	if !ok || governing.Limits.GrantsPerUser == 0 {
		return nil
	}
	return &storage.Room{Most: int(governing.Limits.GrantsPerUser)}
}

// noteEnded writes which grants a new one ended.
func (l *Login) noteEnded(v *visit, c *registry.Client, room *storage.Room) {
	if room == nil {
		return
	}
	for _, id := range room.Ended {
		l.web.Note(v.Visit, audit.Event{Action: actionGrantEnded, Client: c.ClientID, Namespace: c.Namespace, GrantID: id})
	}
}

// issueCode answers an authorization request with a code.
func (l *Login) issueCode(v *visit, a asked, g given) error {
	value, err := oauth.NewCredential(oauth.PrefixCode, l.web.Random)
	if err != nil {
		return err
	}
	r := a.request
	client := storage.ClientRef{ID: a.client.ClientID, UID: a.client.UID}
	issued, err := l.grantOf(v, client, g)
	if err != nil {
		return err
	}
	code := storage.Code{
		Request: sha256.Sum256([]byte("request " + r.ID)), GrantID: issued.ID, Client: client, RedirectURI: r.RedirectURI, Challenge: r.Challenge,
		KeyThumbprint: r.KeyThumbprint,
		Nonce:         r.Nonce, ACR: reportedACR(oauth.ACROf(v.Session.Methods), r), CreatedAt: v.Now, ExpiresAt: v.Now.Add(grant.CodeTTL),
	}
	code.Code, _ = oauth.ParseCredential(oauth.PrefixCode, value)
	if claims := r.GivenClaims(g.allowed); claims != nil {
		if code.Claims, err = encodeClaims(claims.IDToken); err != nil {
			return err
		}
		if issued.Claims, err = encodeClaims(claims.UserInfo); err != nil {
			return err
		}
	}
	room := roomFor(v, a.client)
	switch err := l.Storage.CreateCode(v.R.Context(), code, issued, g.consent, room); {
	case errors.Is(err, storage.ErrConsumed):
		return web.Answered()
	case errors.Is(err, storage.ErrRevoked):
		return web.Forbidden(err) // disabled a moment ago
	case err != nil:
		return web.Unavailable(err)
	}
	l.noteGiven(v, a, g)
	l.noteEnded(v, a.client, room)
	l.web.Note(v.Visit, audit.Event{Action: actionCodeIssued, Client: client.ID, Namespace: a.client.Namespace,
		GrantType: oauth.GrantTypeAuthorizationCode, GrantID: issued.ID, Scope: strings.Join(g.scopes, " ")})
	return l.respond(v, a, authrequest.Success(v.Snapshot.Server().Issuer, r, value))
}

// encodeClaims encodes a member of the claims parameter; nil for nothing.
func encodeClaims(c map[string]oauth.ClaimRequest) (json.RawMessage, error) {
	if len(c) == 0 {
		return nil, nil
	}
	return json.Marshal(c)
}

// respond sends the browser to the client with a response, and remembers in the browser that it did.
func (l *Login) respond(v *visit, a asked, response authrequest.Response) error {
	if v.stored {
		v.flow.Answered, v.flow.First, v.flow.Upstream = true, nil, nil
		if err := l.saveFlow(v); err != nil {
			return err
		}
	}
	switch {
	case response.Mode == authrequest.FormPost:
		data := formpost.Data{Action: response.Action, App: nameOf(a.client)}
		for _, f := range response.Fields {
			data.Fields = append(data.Fields, formpost.Field(f))
		}
		return l.pages.formPost.Render(v.W, http.StatusOK, v.Shell(), data)
	case v.linked:
		return web.Leave(v.Visit, response.URL)
	default:
		return l.web.Forward(v.Visit, response.URL, nameOf(a.client))
	}
}

// approveDevice lets a device's request have what was given: one conditional write in storage says which of several submissions
// counts (F06, A27).
func (l *Login) approveDevice(v *visit, a asked, g given) error {
	request := a.device
	event := audit.Event{Action: actionDeviceApproved, Client: request.Client.ID, Namespace: a.client.Namespace,
		GrantType: oauth.GrantTypeDeviceCode, Scope: strings.Join(g.scopes, " ")}
	issued, err := l.grantOf(v, request.Client, g)
	if err != nil {
		return err
	}
	event.GrantID = issued.ID
	room := roomFor(v, a.client)
	switch err := l.Storage.ApproveDevice(v.R.Context(), request.Code, issued, v.Now, room); {
	case decisive(err):
		return web.Answered()
	case errors.Is(err, storage.ErrRevoked):
		return web.Forbidden(err)
	case err != nil:
		return web.Unavailable(err)
	}
	l.noteGiven(v, a, g)
	l.noteEnded(v, a.client, room)
	l.web.Note(v.Visit, event)
	if c := g.consent; c != nil {
		// The device has its grant by now. What could not be remembered is asked again the next time.
		if err := l.Storage.PutConsent(v.R.Context(), *c); err != nil {
			l.web.Log.WarnContext(v.R.Context(), "a consent could not be remembered", "cause", err)
		}
	}
	return l.decided(v, *request, a.client, true)
}

// denyDevice refuses a device's request. client may be nil: nobody needs to be there to be denied.
func (l *Login) denyDevice(v *visit, request storage.DeviceRequest, client *registry.Client) error {
	switch err := l.Storage.DenyDevice(v.R.Context(), request.Code, v.Now); {
	case decisive(err):
		return web.Answered()
	case err != nil:
		return web.Unavailable(err)
	}
	event := audit.Event{Action: actionDeviceDenied, Client: request.Client.ID, GrantType: oauth.GrantTypeDeviceCode}
	if client != nil {
		event.Namespace = client.Namespace
	}
	l.web.Note(v.Visit, event)
	return l.decided(v, request, client, false)
}

// decided shows what was decided about a device's request.
func (l *Login) decided(v *visit, request storage.DeviceRequest, client *registry.Client, approved bool) error {
	d := v.flow.Device
	d.Decided, d.Approved, d.Request, d.App = true, approved, bytes.Clone(request.Code[:]), request.Client.ID
	if client != nil {
		d.App = nameOf(client)
	}
	return l.goTo(v, pathDone)
}

// nameOf is what people are shown of a client.
func nameOf(c *registry.Client) string {
	if c.Display.Name != "" {
		return c.Display.Name
	}
	return c.ClientID
}
