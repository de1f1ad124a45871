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

	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// path is the endpoint's, relative to the issuer: what proofs are for.
const path = "/v1/userinfo"

// Store is what the endpoint needs of storage.
type Store interface {
	storage.Replays
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

// presented is an access token as it came.
type presented struct {
	value  string
	scheme wire.Scheme
}

// ServeHTTP answers a GET or a POST that carries an access token in the Authorization header, or a POST with a bearer token in its form
// (RFC 6750 sections 2.1 and 2.2). A token in the query string is not looked at: logs keep those. A token that is bound to a key
// needs the scheme DPoP and a proof (RFC 9449 section 7).
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := e.Registry.Current()
	if !s.Complete() {
		wire.TokenError(w, wire.SchemeBearer, oauth.Unavailable())
		return
	}
	p, present, fail := find(w, r)
	if fail != nil {
		wire.AllowError(w, r, s)
		wire.TokenError(w, p.scheme, fail)
		return
	}
	if !present {
		wire.AllowError(w, r, s)
		wire.Challenge(w)
		return
	}
	now := e.Now()
	t, err := e.Issuer.ReadAccess(s.Server().Issuer, p.value, now)
	if c := clientOf(s, t); c != nil {
		wire.AllowOrigin(w, r, c) // also for the refusal of an expired one, which a page has to be able to read
	} else {
		wire.AllowError(w, r, s) // a token of no client is never answered
	}
	if err != nil {
		wire.TokenError(w, p.scheme, invalid())
		return
	}
	out, err := e.answer(r, s, p, t, now)
	if err != nil {
		wire.TokenError(w, p.scheme, err)
		return
	}
	wire.JSON(w, http.StatusOK, out)
}

// answer is for a token that the server signed and that has not expired.
func (e *Endpoint) answer(r *http.Request, s *registry.Snapshot, p presented, t *token.Access, now time.Time) (*response, error) {
	proof, fail := prove(r, s, p, t, now)
	if fail != nil {
		return nil, fail
	}
	out, err := e.claims(r.Context(), s, t)
	if err != nil || proof == nil {
		return out, err
	}
	if fail := proof.Spend(r.Context(), e.Store); fail != nil {
		return nil, fail
	}
	return out, nil
}

// prove checks that a token comes from the holder of the key that it is bound to, and in the scheme that says so (RFC 9449 sections
// 7.1 and 7.2); the proof is nil for a bearer token.
func prove(r *http.Request, s *registry.Snapshot, p presented, t *token.Access, now time.Time) (*dpop.Proof, *oauth.Error) {
	values := r.Header[dpop.Header]
	switch {
	case t.KeyThumbprint == "" && p.scheme == wire.SchemeDPoP:
		return nil, oauth.InvalidToken("the access token is bound to no key")
	case t.KeyThumbprint == "":
		return nil, nil
	case p.scheme != wire.SchemeDPoP:
		return nil, oauth.InvalidToken("the access token is bound to a key: it needs the scheme DPoP and a proof")
	case len(values) == 0:
		return nil, oauth.InvalidDPoPProof("the request needs a DPoP header")
	}
	proof, fail := dpop.Verify(values, dpop.Expected{
		Method: r.Method, URL: s.Server().Issuer + path, Now: now, AccessToken: p.value, NonceKeys: s.Keys().Derivation,
	})
	if fail == nil && proof.Thumbprint != t.KeyThumbprint {
		fail = oauth.InvalidToken("the access token is bound to another key")
	}
	return proof, fail
}

// clientOf is the client of a token, also of an expired one; nil when there is none.
func clientOf(s *registry.Snapshot, t *token.Access) *registry.Client {
	if t == nil {
		return nil
	}
	c, _ := s.ClientByUID(t.ClientUID)
	return c
}

// find finds the token. One that is sent in two ways is refused (RFC 6750 section 2).
func find(w http.ResponseWriter, r *http.Request) (p presented, present bool, fail *oauth.Error) {
	p.value, p.scheme, present, fail = wire.Token(r)
	if fail != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return p, present, fail
	}
	params, fail := wire.ReadForm(w, r)
	if fail != nil {
		return p, present, fail
	}
	inForm := params.Get("access_token")
	switch {
	case inForm == "":
		return p, present, nil
	case present:
		return p, true, oauth.InvalidRequest("the token is sent in two ways")
	default:
		return presented{inForm, wire.SchemeBearer}, true, nil
	}
}

func invalid() *oauth.Error { return oauth.InvalidToken("the access token is not valid, or no longer") }

// claims are those that the token's scopes stand for, as far as the grant still has them, and those that were asked for by name.
func (e *Endpoint) claims(ctx context.Context, s *registry.Snapshot, t *token.Access) (*response, error) {
	c, ok := s.ClientByUID(t.ClientUID)
	if !ok || !c.Enabled() || !grant.MayBear(s, c, t.KeyThumbprint) {
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
	user, fail := grant.CurrentUser(ctx, e.Accounts, s, c, user)
	if fail != nil {
		return nil, invalid()
	}
	scopes = slices.DeleteFunc(scopes, func(scope string) bool { return !slices.Contains(g.Scopes, scope) })
	if !slices.Contains(scopes, oauth.ScopeOpenID) {
		return nil, oauth.InsufficientScope("the openid scope was taken back")
	}
	claims := token.ClaimsOf(&user, scopes, grant.UserInfoClaims(c, g))
	return &response{Subject: user.ID, UserClaims: claims, Username: claims.PreferredUsername}, nil
}
