// Package device is the device authorization endpoint (RFC 8628 section 3.1): it starts a device request. What the user
// does with the code is in package login; the polls are a grant.
package device

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// MaxOpen is how many undecided requests one client may have.
const MaxOpen = 1000

// PerAddress is how many requests one address may start in a minute.
const PerAddress = 20

// Endpoint is the device authorization endpoint.
type Endpoint struct {
	Registry *registry.Registry
	Clients  *clientauth.Authenticator
	Devices  storage.Devices
	// Started counts requests per address.
	Started *limit.Counter
	Audit   *audit.Log
	Metrics wire.Metrics
	Now     func() time.Time
	Random  io.Reader
	Address func(*http.Request) netip.Addr
}

// response is that of RFC 8628 section 3.2.
type response struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
}

// ServeHTTP answers a POST.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event := audit.Event{Action: audit.DeviceStarted, Address: e.Address(r), GrantType: oauth.GrantTypeDeviceCode}
	out, err := e.start(w, r, &event)
	if err != nil {
		event.Action, event.Error, event.Cause = audit.DeviceRefused, err.Code, err.Unwrap()
		e.Audit.Write(r.Context(), event)
		e.Metrics.Refused(err.Code)
		wire.Error(w, err)
		return
	}
	e.Audit.Write(r.Context(), event)
	wire.JSON(w, http.StatusOK, out)
}

func (e *Endpoint) start(w http.ResponseWriter, r *http.Request, event *audit.Event) (*response, *oauth.Error) {
	now, s := e.Now(), e.Registry.Current()
	if !s.Complete() {
		return nil, oauth.Unavailable()
	}
	params, fail := wire.Read(w, r, s.Server().JSONRequestBodies)
	if fail != nil {
		return nil, fail
	}
	client, fail := e.Clients.Authenticate(r.Context(), s, clientauth.Request{Authorization: r.Header.Get("Authorization"), Params: params, Address: event.Address, Now: now})
	if fail != nil {
		return nil, fail
	}
	event.Client, event.Namespace = client.ClientID, client.Namespace
	if wait, ok := e.Started.Allowed("", event.Address, now); !ok {
		return nil, oauth.TooManyRequests(wait)
	}
	e.Started.Add("", event.Address, now)
	request, fail := newRequest(s, client, params, now)
	if fail != nil {
		return nil, fail
	}
	event.Scope = strings.Join(request.Scopes, " ")
	request.Origin = storage.Origin{Address: event.Address.String(), UserAgent: cut(oauth.Sanitize(r.UserAgent()), 256)}
	code, userCode, err := e.create(r.Context(), request)
	switch {
	case errors.Is(err, storage.ErrLimit):
		return nil, oauth.TooManyRequests(time.Minute)
	case err != nil:
		return nil, oauth.Unavailable().WithCause(err)
	}
	page := s.Server().Issuer + "/device"
	display := oauth.DisplayUserCode(userCode)
	return &response{
		DeviceCode: code, UserCode: display, VerificationURI: page, VerificationURIComplete: page + "?user_code=" + display,
		ExpiresIn: s.Server().Device.CodeTTL.Seconds(), Interval: s.Server().Device.Interval.Seconds(),
	}, nil
}

// newRequest checks what the client asks for.
func newRequest(s *registry.Snapshot, client *clientauth.Client, params oauth.Params, now time.Time) (storage.DeviceRequest, *oauth.Error) {
	var none storage.DeviceRequest
	if _, ok := client.GrantTypeSet[oauth.GrantTypeDeviceCode]; !ok {
		return none, oauth.UnauthorizedClient("the client may not use the device authorization grant")
	}
	scopes, resources, fail := grant.ReadScopes(s, client.Client, params)
	if fail != nil {
		return none, fail
	}
	if len(scopes) == 0 {
		if scopes, fail = grant.DefaultScopes(s, client.Client); fail != nil {
			return none, fail
		}
	}
	audience, scopes, fail := grant.AudienceOf(s, scopes, resources)
	if fail != nil {
		return none, fail
	}
	settings := s.Server().Device
	return storage.DeviceRequest{
		Client: client.Ref(), Scopes: scopes, Audience: audience, CreatedAt: now, ExpiresAt: now.Add(settings.CodeTTL.Std()),
		Interval: settings.Interval.Std(), State: storage.DevicePending,
	}, nil
}

// create makes codes and stores the request. A user code is short, so one that is in use is drawn again.
func (e *Endpoint) create(ctx context.Context, request storage.DeviceRequest) (code, userCode string, err error) {
	if code, err = oauth.NewCredential(oauth.PrefixDeviceCode, e.Random); err != nil {
		return "", "", err
	}
	request.Code, _ = oauth.ParseCredential(oauth.PrefixDeviceCode, code)
	for range 5 {
		if userCode, err = oauth.NewUserCode(e.Random); err != nil {
			return "", "", err
		}
		request.UserCode = oauth.HashUserCode(userCode)
		if err = e.Devices.CreateDevice(ctx, request, MaxOpen); !errors.Is(err, storage.ErrConflict) {
			return code, userCode, err
		}
	}
	return "", "", err
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
