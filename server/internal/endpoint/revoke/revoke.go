// Package revoke is the revocation endpoint (RFC 7009). Revoking a refresh token or an access token of a user's grant ends
// the whole grant; an access token that a client got for itself is revoked alone.
package revoke

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// Store is what the endpoint needs of storage.
type Store interface {
	RefreshToken(ctx context.Context, token storage.Hash) (storage.RefreshToken, storage.Grant, error)
	RevokeGrant(ctx context.Context, id string, now time.Time) error
	RevokeToken(ctx context.Context, jti string, expiresAt time.Time) error
}

// Endpoint is the revocation endpoint.
type Endpoint struct {
	Registry *registry.Registry
	Clients  *clientauth.Authenticator
	Issuer   *token.Issuer
	Store    Store
	Audit    *audit.Log
	Metrics  wire.Metrics
	Now      func() time.Time
	Address  func(*http.Request) netip.Addr
}

// ServeHTTP answers a POST: 200 when the token is no good any more, whether or not it ever was (RFC 7009 section 2.2);
// 503 when that cannot be said (section 2.2.1).
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event := audit.Event{Action: audit.TokenRevoked, Address: e.Address(r)}
	if err := e.revoke(w, r, &event); err != nil {
		event.Action, event.Error, event.Cause = audit.RevokeRefused, err.Code, err.Unwrap()
		e.Audit.Write(r.Context(), event)
		e.Metrics.Refused(err.Code)
		wire.Error(w, err)
		return
	}
	e.Audit.Write(r.Context(), event)
	wire.Bytes(w, http.StatusOK, []byte("{}"))
}

func (e *Endpoint) revoke(w http.ResponseWriter, r *http.Request, event *audit.Event) *oauth.Error {
	now, s := e.Now(), e.Registry.Current()
	if !s.Complete() {
		return oauth.Unavailable()
	}
	params, fail := wire.Read(w, r, s.Server().JSONRequestBodies)
	if fail != nil {
		wire.AllowError(w, r, s)
		return fail
	}
	client, fail := e.Clients.Authenticate(r.Context(), s, clientauth.Request{Authorization: r.Header.Get("Authorization"), Params: params, Address: event.Address, Now: now})
	if fail != nil {
		wire.AllowError(w, r, s)
		return fail
	}
	event.Client, event.Namespace = client.ClientID, client.Namespace
	wire.AllowOrigin(w, r, client.Client)
	value := params.Get("token")
	if value == "" {
		return oauth.InvalidRequest("token is missing")
	}
	if hash, ok := oauth.ParseCredential(oauth.PrefixRefreshToken, value); ok {
		return e.refreshToken(r.Context(), client, hash, now, event)
	}
	return e.accessToken(r.Context(), s, client, value, now, event)
}

func (e *Endpoint) refreshToken(ctx context.Context, c *clientauth.Client, hash storage.Hash, now time.Time, event *audit.Event) *oauth.Error {
	_, g, err := e.Store.RefreshToken(ctx, hash)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil && !errors.Is(err, storage.ErrRevoked):
		return oauth.Unavailable().WithCause(err)
	case g.Client.UID != c.UID:
		return foreign()
	case err != nil:
		return nil //nolint:nilerr // revoked already, which is what was asked for (RFC 7009 section 2.2)
	}
	event.User, event.GrantID = g.UserID, g.ID
	return e.grant(ctx, g.ID, now)
}

func (e *Endpoint) accessToken(ctx context.Context, s *registry.Snapshot, c *clientauth.Client, value string, now time.Time, event *audit.Event) *oauth.Error {
	t, err := e.Issuer.ReadAccess(s.Server().Issuer, value, now)
	if err != nil && !errors.Is(err, token.ErrExpired) {
		return nil // not a token of ours, so no good already
	}
	if t.ClientUID != c.UID {
		return foreign()
	}
	event.User, event.GrantID, event.TokenID = t.Subject, t.GrantID, t.ID
	if t.GrantID != "" { // also for an expired one: the grant may live on
		return e.grant(ctx, t.GrantID, now)
	}
	if err != nil {
		return nil //nolint:nilerr // expired, so no good already (RFC 7009 section 2.2)
	}
	if err := e.Store.RevokeToken(ctx, t.ID, t.ExpiresAt); err != nil {
		return oauth.Unavailable().WithCause(err)
	}
	return nil
}

func (e *Endpoint) grant(ctx context.Context, id string, now time.Time) *oauth.Error {
	if err := e.Store.RevokeGrant(ctx, id, now); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return oauth.Unavailable().WithCause(err)
	}
	return nil
}

// foreign refuses a token that was issued to another client (RFC 7009 section 2.1).
func foreign() *oauth.Error {
	return oauth.InvalidGrant("the token was issued to another client")
}
