package grant

import (
	"context"
	"errors"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// IDs makes random identifiers of 128 bits.
type IDs interface{ NewID() (string, error) }

// DeviceCode is the device authorization grant (RFC 8628 section 3.4): a poll.
type DeviceCode struct {
	Devices  storage.Devices
	IDs      IDs
	Accounts Accounts
}

// Type is the grant type's URN.
func (DeviceCode) Type() string { return oauth.GrantTypeDeviceCode }

// Authorize redeems a device code. Exactly one poll after the approval succeeds: storage consumes the request by one
// conditional write and stores the first refresh token in the same transaction.
func (g DeviceCode) Authorize(ctx context.Context, r *Request) (*Authorization, error) {
	value := r.Params.Get("device_code")
	if value == "" {
		return nil, oauth.InvalidRequest("device_code is missing")
	}
	code, ok := oauth.ParseCredential(oauth.PrefixDeviceCode, value)
	if !ok {
		return nil, oauth.InvalidGrant("the device code is not valid, or no longer")
	}
	refresh := token.NewRefresh(r.Snapshot.Keys().Derivation)
	family, err := g.IDs.NewID()
	if err != nil {
		return nil, err
	}
	first := func(grant storage.Grant) (*storage.RefreshToken, error) {
		if err := r.covers(grant); err != nil { // before anything is consumed
			return nil, err
		}
		if _, ok := r.Client.GrantTypeSet[oauth.GrantTypeRefreshToken]; !ok {
			return nil, nil
		}
		t, err := refresh.First(grant.ID, family, r.Now, r.Client.Tokens.RefreshTokenTTL.Std(), r.Client.Tokens.RefreshTokenIdle.Std())
		return &t, err
	}
	done, err := g.Devices.RedeemDevice(ctx, code, r.Client.Ref(), r.Now, first)
	if errors.Is(err, storage.ErrExpired) {
		return nil, oauth.ExpiredToken()
	}
	if err != nil {
		return nil, storageError(err, "device code")
	}
	return authorize(r, refresh, done, g.Accounts)
}

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
func authorize(r *Request, refresh token.Refresh, done storage.Redemption, accounts Accounts) (*Authorization, error) {
	user, ok := CurrentUser(accounts, r.Snapshot, done.User)
	if !ok {
		return nil, inactive()
	}
	scopes, err := grantedScopes(r, done.Grant)
	if err != nil {
		return nil, err
	}
	audience, scopes, err := AudienceOf(r.Snapshot, scopes, r.Resources)
	if err != nil {
		return nil, err
	}
	a := &Authorization{Subject: done.Grant.UserID, Scopes: scopes, Audience: audience, Grant: &done.Grant, User: &user, Retried: done.Retried}
	if done.Token.Token != (storage.Hash{}) {
		value, err := refresh.Value(done.Token.KeyID, done.Token.Family, done.Token.Generation)
		if err != nil {
			return nil, err
		}
		a.RefreshToken = value
	}
	return a, nil
}

// grantedScopes narrows the grant to what the client's registration still has and what is still declared by an API that the
// user granted, and to what the request asks for. A scope that another API declares by now is another scope: the user never
// saw it. invalid_scope when the request asks for more than was granted (RFC 6749 section 6); invalid_grant when nothing is
// left of what was.
func grantedScopes(r *Request, g storage.Grant) ([]string, *oauth.Error) {
	if !subset(r.Scopes, g.Scopes) {
		return nil, oauth.InvalidScope("the scope is wider than what was granted")
	}
	wanted := r.Scopes
	if len(wanted) == 0 {
		wanted = g.Scopes
	}
	scopes := make([]string, 0, len(wanted))
	for _, s := range wanted {
		_, has := r.Client.ScopeSet[s]
		resource, _, declared := r.Snapshot.ScopeResource(s)
		if has && (declared && slices.Contains(g.Audience, resource.Identifier) || !declared && oauth.IsIdentityScope(s)) {
			scopes = append(scopes, s)
		}
	}
	if len(wanted) > 0 && len(scopes) == 0 {
		return nil, oauth.InvalidGrant("nothing is left of what was granted")
	}
	return scopes, nil
}
