// Package userinfo is the userinfo endpoint (OpenID Connect Core section 5.3): claims about the user who granted an access
// token.
package userinfo

import (
	"context"
	"errors"
	"net/http"
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

// ServeHTTP answers a GET or a POST that carries a bearer token in the Authorization header; a token anywhere else is
// not looked at.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !e.Registry.Current().Complete() {
		wire.BearerError(w, oauth.Unavailable())
		return
	}
	value, present, fail := wire.Bearer(r)
	if fail == nil {
		fail = singleMethod(w, r, present)
	}
	if fail != nil {
		wire.BearerError(w, fail)
		return
	}
	if !present {
		w.Header().Set("WWW-Authenticate", "Bearer") // no error code without a token (RFC 6750 section 3.1)
		wire.Bytes(w, http.StatusUnauthorized, []byte("{}"))
		return
	}
	out, err := e.claims(r.Context(), value)
	if err != nil {
		wire.BearerError(w, err)
		return
	}
	wire.JSON(w, http.StatusOK, out)
}

// singleMethod refuses a token sent in two ways (RFC 6750 section 2).
func singleMethod(w http.ResponseWriter, r *http.Request, header bool) *oauth.Error {
	if r.Method != http.MethodPost || !header || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil
	}
	params, err := wire.Read(w, r, false)
	if err != nil {
		return err
	}
	if params.Get("access_token") != "" {
		return oauth.InvalidRequest("the token is sent in two ways")
	}
	return nil
}

func (e *Endpoint) claims(ctx context.Context, value string) (*response, error) {
	s := e.Registry.Current()
	t, err := e.Issuer.ReadAccess(s.Server().Issuer, value, e.Now())
	if err != nil {
		return nil, oauth.InvalidToken("the access token is not valid, or no longer")
	}
	if c, ok := s.ClientByUID(t.ClientUID); !ok || !c.Enabled() {
		return nil, oauth.InvalidToken("the access token is not valid, or no longer")
	}
	scopes := strings.Fields(t.Scope)
	if t.GrantID == "" || !hasOpenID(scopes) {
		return nil, oauth.InsufficientScope("the access token has no openid scope")
	}
	_, user, err := e.Store.Grant(ctx, t.GrantID)
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrRevoked):
		return nil, oauth.InvalidToken("the access token is not valid, or no longer")
	case err != nil:
		return nil, oauth.Unavailable().WithCause(err)
	}
	user, ok := grant.CurrentUser(e.Accounts, s, user)
	if !ok {
		return nil, oauth.InvalidToken("the access token is not valid, or no longer")
	}
	claims := token.ClaimsOf(&user, scopes)
	return &response{Subject: user.ID, UserClaims: claims, Username: claims.PreferredUsername}, nil
}

func hasOpenID(scopes []string) bool {
	for _, s := range scopes {
		if s == oauth.ScopeOpenID {
			return true
		}
	}
	return false
}
