package grant

import (
	"context"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// RetryGrace is how long a client that lost the answer to a refresh may repeat it and get the same successor.
const RetryGrace = 30 * time.Second

// redeemedWithin is how long after a grant its first refresh token may have been made: what that lives is counted from then, and a
// device code lives for at most so long (registration.Device).
const redeemedWithin = 15 * time.Minute

// RefreshToken is the refresh grant (RFC 6749 section 6) with rotation (RFC 9700 section 4.14.2).
type RefreshToken struct {
	Tokens   storage.RefreshTokens
	Accounts Accounts
	// Upstream asks identity providers first; nil asks nobody.
	Upstream *Upstream
}

// Type is refresh_token.
func (RefreshToken) Type() string { return oauth.GrantTypeRefreshToken }

// Authorize rotates a refresh token. Everything that may refuse the request is checked before the token is consumed.
func (g RefreshToken) Authorize(ctx context.Context, r *Request) (*Authorization, error) {
	value := r.Params.Get("refresh_token")
	if value == "" {
		return nil, oauth.InvalidRequest("refresh_token is missing")
	}
	hash, ok := oauth.ParseCredential(oauth.PrefixRefreshToken, value)
	if !ok {
		return nil, oauth.InvalidGrant("the refresh token is not valid, or no longer")
	}
	if err := g.Upstream.Check(ctx, r.Snapshot.IdentityProviders(), r.Client.UID, hash, r.Now); err != nil {
		return nil, err
	}
	refresh := token.NewRefresh(r.Snapshot.Keys().Derivation)
	next := func(current storage.RefreshToken) (storage.RefreshToken, error) {
		successor, err := refresh.Next(current, r.Now, r.Lifetimes.RefreshTokenIdle.Std())
		r.bind(&successor)
		return successor, err
	}
	check := func(current storage.RefreshToken, grant storage.Grant, user storage.User) error {
		if err := r.holds(current.KeyThumbprint, "refresh token"); err != nil {
			return err
		}
		if _, err := CurrentUser(ctx, g.Accounts, r.Snapshot, r.Client.Client, user); err != nil {
			return err
		}
		if r.offlineWithdrawn(grant) {
			return oauth.InvalidGrant("the client may no longer act while the user is away")
		}
		if r.Now.Sub(grant.CreatedAt) > r.Lifetimes.RefreshTokenTTL.Std()+redeemedWithin {
			return oauth.InvalidGrant("the refresh token lives longer than it may by now")
		}
		return r.covers(grant)
	}
	done, err := g.Tokens.Rotate(ctx, hash, r.Client.Ref(), r.Now, RetryGrace, next, check)
	if err != nil {
		return nil, storageError(r.replay(err, done), "refresh token")
	}
	return authorize(ctx, r, refresh, done, g.Accounts)
}
