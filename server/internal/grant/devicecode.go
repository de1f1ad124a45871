package grant

import (
	"context"
	"errors"

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
	first := func(grant storage.Grant, user storage.User) (*storage.RefreshToken, error) { // before anything is consumed
		if _, err := CurrentUser(ctx, g.Accounts, r.Snapshot, r.Client.Client, user); err != nil {
			return nil, err
		}
		if err := r.covers(grant); err != nil {
			return nil, err
		}
		return r.first(refresh, grant, family)
	}
	done, err := g.Devices.RedeemDevice(ctx, code, r.Client.Ref(), r.Now, first)
	if errors.Is(err, storage.ErrExpired) {
		return nil, oauth.ExpiredToken()
	}
	if err != nil {
		return nil, storageError(err, "device code")
	}
	return authorize(ctx, r, refresh, done, g.Accounts)
}
