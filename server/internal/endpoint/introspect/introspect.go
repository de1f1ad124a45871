// Package introspect is the introspection endpoint (RFC 7662): an API asks whether a token is good now.
package introspect

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// Store is what the endpoint needs of storage.
type Store interface {
	RefreshToken(ctx context.Context, token storage.Hash) (storage.RefreshToken, storage.Grant, error)
	Grant(ctx context.Context, id string) (storage.Grant, storage.User, error)
	TokenRevoked(ctx context.Context, jti string) (bool, error)
}

// Endpoint is the introspection endpoint.
type Endpoint struct {
	Registry *registry.Registry
	Clients  *clientauth.Authenticator
	Issuer   *token.Issuer
	Store    Store
	Accounts grant.Accounts
	Audit    *audit.Log
	Metrics  wire.Metrics
	Now      func() time.Time
	Address  func(*http.Request) netip.Addr
}

// active is the answer about a good token (RFC 7662 section 2.2).
type active struct {
	Active    bool     `json:"active"`
	Issuer    string   `json:"iss,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Username  string   `json:"username,omitempty"`
	ID        string   `json:"jti,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	// ACR is acr (RFC 9470 section 6.2).
	ACR string `json:"acr,omitempty"`
	// Confirmation is cnf (RFC 9449 section 6.2).
	Confirmation *confirmation `json:"cnf,omitempty"`
	// Details is authorization_details (RFC 9396 section 9.2), as the grant has them now.
	Details json.RawMessage `json:"authorization_details,omitempty"`
}

// confirmation says which key a token is bound to (RFC 9449 section 6.1).
type confirmation struct {
	KeyThumbprint string `json:"jkt"`
}

// confirm makes cnf of a thumbprint; nil of none.
func confirm(keyThumbprint string) *confirmation {
	if keyThumbprint == "" {
		return nil
	}
	return &confirmation{keyThumbprint}
}

// ServeHTTP answers a POST of an authenticated client.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event := audit.Event{Action: audit.IntrospectDenied, Address: e.Address(r)}
	answer, err := e.introspect(w, r, &event)
	if err != nil {
		event.Error, event.Cause = err.Code, err.Unwrap()
		e.Audit.Write(r.Context(), event)
		e.Metrics.Refused(err.Code)
		wire.Error(w, err)
		return
	}
	if answer == nil {
		wire.Bytes(w, http.StatusOK, []byte(`{"active":false}`))
		return
	}
	wire.JSON(w, http.StatusOK, answer)
}

// introspect returns nil for a token that is not good or none of the caller's business.
func (e *Endpoint) introspect(w http.ResponseWriter, r *http.Request, event *audit.Event) (*active, *oauth.Error) {
	now, s := e.Now(), e.Registry.Current()
	if !s.Complete() {
		return nil, oauth.Unavailable()
	}
	params, fail := wire.Read(w, r, s.Server().JSONRequestBodies)
	if fail != nil {
		return nil, fail
	}
	caller, fail := e.Clients.Authenticate(r.Context(), s, clientauth.Request{Authorization: r.Header.Get("Authorization"), Params: params, Address: event.Address, Now: now})
	if fail != nil {
		return nil, fail
	}
	event.Client, event.Namespace = caller.ClientID, caller.Namespace
	if !caller.Authenticated {
		return nil, oauth.InvalidClient()
	}
	value := params.Get("token")
	if value == "" {
		return nil, oauth.InvalidRequest("token is missing")
	}
	if hash, ok := oauth.ParseCredential(oauth.PrefixRefreshToken, value); ok {
		return e.refreshToken(r.Context(), s, caller, hash, now)
	}
	return e.accessToken(r.Context(), s, caller, value, now)
}

func (e *Endpoint) accessToken(ctx context.Context, s *registry.Snapshot, caller *clientauth.Client, value string, now time.Time) (*active, *oauth.Error) {
	t, err := e.Issuer.ReadAccess(s.Server().Issuer, value, now)
	if err != nil {
		return nil, nil //nolint:nilerr // an invalid token is an answer, not a failure
	}
	c, ok := s.ClientByUID(t.ClientUID)
	if !ok || !c.Enabled() || !grant.MayBear(s, c, t.KeyThumbprint) || !mayAsk(s, caller, t.ClientUID, t.Audience) {
		return nil, nil
	}
	out := &active{
		Active: true, Issuer: t.Issuer, Subject: t.Subject, Audience: t.Audience, ClientID: t.ClientID, Scope: t.Scope,
		TokenType: "Bearer", ID: t.ID, IssuedAt: t.IssuedAt.Unix(), ExpiresAt: t.ExpiresAt.Unix(),
		Confirmation: confirm(t.KeyThumbprint),
	}
	if out.Confirmation != nil {
		out.TokenType = "DPoP"
	}
	if t.GrantID == "" {
		revoked, err := e.Store.TokenRevoked(ctx, t.ID)
		if err != nil {
			return nil, oauth.Unavailable().WithCause(err)
		}
		if revoked {
			return nil, nil
		}
		return out, nil
	}
	g, user, err := e.Store.Grant(ctx, t.GrantID)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrRevoked) {
		return nil, nil
	}
	if err != nil {
		return nil, oauth.Unavailable().WithCause(err)
	}
	user, fail := grant.CurrentUser(ctx, e.Accounts, s, c, user)
	if fail != nil {
		return nil, nil //nolint:nilerr // who may not use the client any more is an answer, not a failure
	}
	if !narrow(s, out, g) || !mayAsk(s, caller, t.ClientUID, out.Audience) {
		return nil, nil
	}
	out.Details = token.DetailsFor(g.AuthorizationDetails, ofCaller(s, caller, t.ClientUID, out.Audience))
	out.Username, out.ACR = user.Username, t.ACR
	if !t.AuthTime.IsZero() {
		out.AuthTime = t.AuthTime.Unix()
	}
	return out, nil
}

// narrow takes out of the answer what the user has taken back since the token was signed, and the APIs that nothing is left for, so
// that one that looks at aud alone lets nobody in either; false when nothing is left.
func narrow(s *registry.Snapshot, out *active, g storage.Grant) bool {
	had := strings.Fields(out.Scope)
	left := slices.DeleteFunc(slices.Clone(had), func(scope string) bool { return !slices.Contains(g.Scopes, scope) })
	if len(left) == len(had) {
		return true
	}
	out.Scope = strings.Join(left, " ")
	out.Audience = slices.DeleteFunc(slices.Clone(out.Audience), func(id string) bool {
		return !slices.ContainsFunc(left, func(scope string) bool {
			r, _, ok := s.ScopeResource(scope)
			return ok && r.Identifier == id
		})
	})
	if len(out.Audience) == 0 { // as in a new token with these scopes
		out.Audience = []string{out.Issuer}
	}
	return len(left) > 0
}

// ofCaller are the resources of a token that the caller is told about: all when it is the caller's own, otherwise those that the
// caller serves.
func ofCaller(s *registry.Snapshot, caller *clientauth.Client, clientUID string, audience []string) []string {
	if caller.UID == clientUID {
		return audience
	}
	return slices.DeleteFunc(slices.Clone(audience), func(id string) bool { return !serves(s, caller, id) })
}

// refreshToken answers the client that holds it; an API has no business with one.
func (e *Endpoint) refreshToken(ctx context.Context, s *registry.Snapshot, caller *clientauth.Client, hash storage.Hash, now time.Time) (*active, *oauth.Error) {
	t, g, err := e.Store.RefreshToken(ctx, hash)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrRevoked) {
		return nil, nil
	}
	if err != nil {
		return nil, oauth.Unavailable().WithCause(err)
	}
	if g.Client.UID != caller.UID || !t.ConsumedAt.IsZero() || !now.Before(t.IdleExpiresAt) || !now.Before(t.ExpiresAt) {
		return nil, nil
	}
	_, user, err := e.Store.Grant(ctx, g.ID)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrRevoked) {
		return nil, nil
	}
	if err != nil {
		return nil, oauth.Unavailable().WithCause(err)
	}
	if _, fail := grant.CurrentUser(ctx, e.Accounts, s, caller.Client, user); fail != nil {
		return nil, nil //nolint:nilerr // an answer too: a refresh would be refused
	}
	return &active{
		Active: true, Issuer: s.Server().Issuer, Subject: g.UserID, ClientID: caller.ClientID, Scope: strings.Join(g.Scopes, " "),
		IssuedAt: t.CreatedAt.Unix(), ExpiresAt: t.IdleExpiresAt.Unix(), Confirmation: confirm(t.KeyThumbprint),
	}, nil
}

// mayAsk reports whether a token is the caller's business (RFC 7662 section 4): it was issued to the caller, or the caller
// is a resource server of an API that it is for.
func mayAsk(s *registry.Snapshot, caller *clientauth.Client, clientUID string, audience []string) bool {
	if caller.UID == clientUID {
		return true
	}
	return slices.ContainsFunc(audience, func(id string) bool { return serves(s, caller, id) })
}

// serves reports whether the caller is a resource server of an API.
func serves(s *registry.Snapshot, caller *clientauth.Client, id string) bool {
	r, ok := s.Resource(id)
	return ok && slices.Contains(r.ResourceServers, caller.DocumentName())
}
