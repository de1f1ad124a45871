package grant

import (
	"context"
	"errors"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// What the grants of users have in common.

// covers checks that the grant covers what the request asks for.
func (r *Request) covers(g storage.Grant) error {
	scopes, err := grantedScopes(r, g)
	if err != nil {
		return err
	}
	if _, _, err := AudienceOf(r.Snapshot, scopes, r.Resources); err != nil {
		return err
	}
	return nil
}

// authorize is what a redemption for a user yields: the scopes of the grant that the client still has, the audience that
// follows from them, the claims as they are now, and the refresh token.
func authorize(ctx context.Context, r *Request, refresh token.Refresh, done storage.Redemption, accounts Accounts) (*Authorization, error) {
	user, err := CurrentUser(ctx, accounts, r.Snapshot, r.Client.Client, done.User)
	if err != nil {
		return nil, err
	}
	scopes, err := grantedScopes(r, done.Grant)
	if err != nil {
		return nil, err
	}
	audience, scopes, err := AudienceOf(r.Snapshot, scopes, r.Resources)
	if err != nil {
		return nil, err
	}
	a := &Authorization{
		Subject: done.Grant.UserID, Scopes: scopes, Audience: audience, Grant: &done.Grant, User: &user, Retried: done.Retried,
		Details: token.DetailsFor(done.Grant.AuthorizationDetails, audience), ACR: oauth.ACROf(done.Grant.Methods),
	}
	if done.Token.Token != (storage.Hash{}) {
		value, err := refresh.Value(done.Token.KeyID, done.Token.Family, done.Token.Generation)
		if err != nil {
			return nil, err
		}
		a.RefreshToken = value
	}
	return a, nil
}

// first makes the first refresh token of a grant; nil when it is to have none.
func (r *Request) first(refresh token.Refresh, g storage.Grant, family string) (*storage.RefreshToken, error) {
	if _, ok := r.Client.GrantTypeSet[oauth.GrantTypeRefreshToken]; !ok || r.offlineWithdrawn(g) {
		return nil, nil
	}
	t, err := refresh.First(g.ID, family, r.Now, r.Lifetimes.RefreshTokenTTL.Std(), r.Lifetimes.RefreshTokenIdle.Std())
	r.bind(&t)
	return &t, err
}

// offlineWithdrawn reports whether the user let the client act while they are away (OpenID Connect Core section 11), and the
// client's registration no longer has that (D07). A client that gives up another scope goes on without it.
func (r *Request) offlineWithdrawn(g storage.Grant) bool {
	_, has := r.Client.ScopeSet[oauth.ScopeOfflineAccess]
	return !has && slices.Contains(g.Scopes, oauth.ScopeOfflineAccess)
}

// replay notes the grant of a credential that was redeemed before, for the audit log, and returns err.
func (r *Request) replay(err error, done storage.Redemption) error {
	if errors.Is(err, storage.ErrReplayed) {
		r.replayed = &done.Grant
	}
	return err
}

// PermittedClaims are those of the claims that a request asks for by name (OpenID Connect Core section 5.5) that the client may
// know: the ones whose scope it is registered for. Otherwise the claims parameter would be a way around the policy's scopes.
func PermittedClaims(c *registry.Client, asked map[string]oauth.ClaimRequest) map[string]oauth.ClaimRequest {
	var out map[string]oauth.ClaimRequest
	for name, one := range asked {
		scope := oauth.ScopeOfClaim(name)
		if _, ok := c.ScopeSet[scope]; !ok && scope != "" { // of the protocol, like acr: they are no news about the user
			continue
		}
		if out == nil {
			out = make(map[string]oauth.ClaimRequest, len(asked))
		}
		out[name] = one
	}
	return out
}

// storageError turns what storage says about a redemption into what the client is told. Whatever is not about the
// request itself means that the engine is out of reach: nothing was consumed, and the client may try again.
func storageError(err error, what string) error {
	if e := (*oauth.Error)(nil); errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, storage.ErrPending):
		return oauth.AuthorizationPending()
	case errors.Is(err, storage.ErrSlowDown):
		return oauth.SlowDown()
	case errors.Is(err, storage.ErrDenied):
		return oauth.AccessDenied()
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrForeign), errors.Is(err, storage.ErrConsumed),
		errors.Is(err, storage.ErrRevoked), errors.Is(err, storage.ErrReplayed), errors.Is(err, storage.ErrExpired),
		errors.Is(err, token.ErrNoDerivationKey): // a family whose key is gone can never go on
		return oauth.InvalidGrant("the " + what + " is not valid, or no longer").WithCause(err)
	default:
		return oauth.Unavailable().WithCause(err)
	}
}
