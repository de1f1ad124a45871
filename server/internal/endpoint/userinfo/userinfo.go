// Package userinfo is the userinfo endpoint (OpenID Connect Core section 5.3): claims about the user who granted an access
// token.
package userinfo

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// Store is what the endpoint needs of storage.
type Store interface {
	Grant(ctx context.Context, id string) (storage.Grant, storage.User, error)
}

// Endpoint is the userinfo endpoint.
type Endpoint struct {
	Registry *registry.Registry
	Issuer   *token.Issuer
	Store    Store
	Accounts grant.Accounts
	Now      func() time.Time
}

type response struct {
	Subject string `json:"sub"`
	token.UserClaims
	// Username repeats preferred_username under the name that some command lines read.
	Username string `json:"username,omitempty"`
}

// ServeHTTP answers a GET or a POST that carries a bearer token in the Authorization header, or a POST with one in its form (RFC
// 6750 sections 2.1 and 2.2). A token in the query string is not looked at: logs keep those.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := e.Registry.Current()
	if !s.Complete() {
		wire.BearerError(w, oauth.Unavailable())
		return
	}
	value, present, fail := bearer(w, r)
	if fail != nil {
		wire.AllowError(w, r, s)
		wire.BearerError(w, fail)
		return
	}
	if !present {
		wire.AllowError(w, r, s)
		w.Header().Set("WWW-Authenticate", "Bearer") // no error code without a token (RFC 6750 section 3.1)
		wire.Bytes(w, http.StatusUnauthorized, []byte("{}"))
		return
	}
	t, err := e.Issuer.ReadAccess(s.Server().Issuer, value, e.Now())
	if c := clientOf(s, t); c != nil {
		wire.AllowOrigin(w, r, c) // also for the refusal of an expired one, which a page has to be able to read
	} else {
		wire.AllowError(w, r, s) // a token of no client is never answered
	}
	if err != nil {
		wire.BearerError(w, invalid())
		return
	}
	out, err := e.claims(r.Context(), s, t)
	if err != nil {
		wire.BearerError(w, err)
		return
	}
	wire.JSON(w, http.StatusOK, out)
}

// clientOf is the client of a token, also of an expired one; nil when there is none.
func clientOf(s *registry.Snapshot, t *token.Access) *registry.Client {
	if t == nil {
		return nil
	}
	c, _ := s.ClientByUID(t.ClientUID)
	return c
}

// bearer finds the token. One that is sent in two ways is refused (RFC 6750 section 2).
func bearer(w http.ResponseWriter, r *http.Request) (value string, present bool, fail *oauth.Error) {
	value, present, fail = wire.Bearer(r)
	if fail != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return value, present, fail
	}
	params, fail := wire.ReadForm(w, r)
	if fail != nil {
		return "", present, fail
	}
	inForm := params.Get("access_token")
	switch {
	case inForm == "":
		return value, present, nil
	case present:
		return "", true, oauth.InvalidRequest("the token is sent in two ways")
	default:
		return inForm, true, nil
	}
}

func invalid() *oauth.Error { return oauth.InvalidToken("the access token is not valid, or no longer") }

// claims are those that the token's scopes stand for, as far as the grant still has them, and those that were asked for by name.
func (e *Endpoint) claims(ctx context.Context, s *registry.Snapshot, t *token.Access) (*response, error) {
	c, ok := s.ClientByUID(t.ClientUID)
	if !ok || !c.Enabled() {
		return nil, invalid()
	}
	scopes := strings.Fields(t.Scope)
	if t.GrantID == "" || !slices.Contains(scopes, oauth.ScopeOpenID) {
		return nil, oauth.InsufficientScope("the access token has no openid scope")
	}
	g, user, err := e.Store.Grant(ctx, t.GrantID)
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrRevoked):
		return nil, invalid()
	case err != nil:
		return nil, oauth.Unavailable().WithCause(err)
	}
	if user, ok = grant.CurrentUser(e.Accounts, s, c, user); !ok {
		return nil, invalid()
	}
	scopes = slices.DeleteFunc(scopes, func(scope string) bool { return !slices.Contains(g.Scopes, scope) })
	if !slices.Contains(scopes, oauth.ScopeOpenID) {
		return nil, oauth.InsufficientScope("the openid scope was taken back")
	}
	claims := token.ClaimsOf(&user, scopes, grant.UserInfoClaims(c, g))
	return &response{Subject: user.ID, UserClaims: claims, Username: claims.PreferredUsername}, nil
}
