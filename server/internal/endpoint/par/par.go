// Package par is the pushed authorization request endpoint (RFC 9126): a client sends what it would ask for through the browser
// directly, authenticated, and gets a reference to send the browser with. What the reference is good for is in package login.
package par

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	// Lifetime is how long a reference may be used: the time from the client's redirect until the browser is here, with room for an
	// app that has to ask before it opens one.
	Lifetime = 2 * time.Minute
	// MaxOpen is how many references one client may have that were not used.
	MaxOpen = 1000
	// PerAddress is how many requests one address may push in a minute for a client that proves nothing: anybody can name it.
	// Clients that authenticate push for all of their users from one address, and are bounded by MaxOpen.
	PerAddress = 60
)

// Store keeps pushed requests.
type Store interface {
	storage.Replays
	PushRequest(ctx context.Context, p storage.PushedRequest, maxOpen int) error
}

// Endpoint is the pushed authorization request endpoint.
type Endpoint struct {
	Registry *registry.Registry
	Clients  *clientauth.Authenticator
	Store    Store
	// Pushed counts requests of public clients per address.
	Pushed *limit.Counter
	// ReadHint verifies an id_token_hint; see [authrequest.Input].
	ReadHint func(idToken string) (sub, sid string, ok bool)
	Audit    *audit.Log
	Metrics  wire.Metrics
	Now      func() time.Time
	Random   io.Reader
	Address  func(*http.Request) netip.Addr
}

// response is that of RFC 9126 section 2.2.
type response struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// ServeHTTP answers a POST.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := e.Registry.Current()
	event := audit.Event{Action: audit.RequestPushed, Address: e.Address(r), GrantType: oauth.GrantTypeAuthorizationCode}
	uri, client, err := e.push(w, r, s, &event)
	if client != nil {
		wire.AllowOrigin(w, r, client.Client)
	} else if err != nil {
		wire.AllowError(w, r, s)
	}
	if err != nil {
		event.Action, event.Error, event.Cause = audit.PushRefused, err.Code, err.Unwrap()
		e.Audit.Write(r.Context(), event)
		e.Metrics.Refused(err.Code)
		wire.Error(w, err)
		return
	}
	e.Audit.Write(r.Context(), event)
	wire.JSON(w, http.StatusCreated, response{RequestURI: uri, ExpiresIn: int64(Lifetime / time.Second)})
}

// push returns the reference, and the client as soon as it is known.
func (e *Endpoint) push(w http.ResponseWriter, r *http.Request, s *registry.Snapshot, event *audit.Event) (string, *clientauth.Client, *oauth.Error) {
	now := e.Now()
	if !s.Complete() {
		return "", nil, oauth.Unavailable()
	}
	params, fail := wire.Read(w, r, s.Server().JSONRequestBodies)
	if fail != nil {
		return "", nil, fail
	}
	client, fail := e.Clients.Authenticate(r.Context(), s, clientauth.Request{Authorization: r.Header.Get("Authorization"), Params: params, Address: event.Address, Now: now})
	if fail != nil {
		return "", nil, fail
	}
	event.Client, event.Namespace = client.ClientID, client.Namespace
	if fail := e.count(client, event.Address, now); fail != nil {
		return "", client, fail
	}
	uri, hash, err := oauth.NewRequestURI(e.Random)
	if err != nil {
		return "", client, oauth.ServerError().WithCause(err)
	}
	proof, fail := proofOf(r, s, client, now)
	if fail != nil {
		return "", client, fail
	}
	input := authrequest.Input{Now: now, ReadHint: e.ReadHint, KeyThumbprint: proof.Thumbprint}
	request, kept, fail := authrequest.ReadPushed(s, client.Client, params, hash, input)
	if fail != nil {
		return "", client, fail
	}
	if proof.Thumbprint != "" {
		if fail := proof.Spend(r.Context(), e.Store); fail != nil {
			return "", client, fail
		}
	}
	event.Scope = strings.Join(request.Scopes, " ")
	err = e.Store.PushRequest(r.Context(), storage.PushedRequest{
		URI: hash, Client: client.Ref(), Request: kept, CreatedAt: now, ExpiresAt: now.Add(Lifetime),
	}, MaxOpen)
	switch {
	case errors.Is(err, storage.ErrLimit):
		return "", client, oauth.TooManyRequests(Lifetime)
	case err != nil:
		return "", client, oauth.Unavailable().WithCause(err)
	}
	return uri, client, nil
}

// count limits what anybody can push in the name of a public client.
func (e *Endpoint) count(client *clientauth.Client, address netip.Addr, now time.Time) *oauth.Error {
	if client.Authenticated {
		return nil
	}
	if wait, ok := e.Pushed.Allowed("", address, now); !ok {
		return oauth.TooManyRequests(wait)
	}
	e.Pushed.Add("", address, now)
	return nil
}
