package server

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// faulty stands between the server and its real storage and, while it is broken, fails every call before it reaches it.
type faulty struct {
	storage.Storage
	broken atomic.Bool
}

var errBroken = errors.New("the database is out of reach")

func (f *faulty) fail() error {
	if f.broken.Load() {
		return errBroken
	}
	return nil
}

func guard[T any](f *faulty, call func() (T, error)) (T, error) {
	if err := f.fail(); err != nil {
		var none T
		return none, err
	}
	return call()
}

func guard2[T, U any](f *faulty, call func() (T, U, error)) (T, U, error) {
	if err := f.fail(); err != nil {
		var (
			a T
			b U
		)
		return a, b, err
	}
	return call()
}

func (f *faulty) CreateDevice(ctx context.Context, d storage.DeviceRequest, maxOpen int) error {
	_, err := guard(f, func() (any, error) { return nil, f.Storage.CreateDevice(ctx, d, maxOpen) })
	return err
}

func (f *faulty) PushRequest(ctx context.Context, p storage.PushedRequest, maxOpen int) error {
	_, err := guard(f, func() (any, error) { return nil, f.Storage.PushRequest(ctx, p, maxOpen) })
	return err
}

func (f *faulty) UsePushedRequest(ctx context.Context, uri storage.Hash, c storage.ClientRef, now time.Time) (storage.PushedRequest, error) {
	return guard(f, func() (storage.PushedRequest, error) { return f.Storage.UsePushedRequest(ctx, uri, c, now) })
}

func (f *faulty) RedeemDevice(ctx context.Context, code storage.Hash, c storage.ClientRef, now time.Time, first func(storage.Grant, storage.User) (*storage.RefreshToken, error)) (storage.Redemption, error) {
	return guard(f, func() (storage.Redemption, error) { return f.Storage.RedeemDevice(ctx, code, c, now, first) })
}

func (f *faulty) RedeemCode(ctx context.Context, code storage.Hash, c storage.ClientRef, now time.Time, grace time.Duration, check func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error), burn func(error) bool) (storage.Code, storage.Redemption, error) {
	return guard2(f, func() (storage.Code, storage.Redemption, error) {
		return f.Storage.RedeemCode(ctx, code, c, now, grace, check, burn)
	})
}

func (f *faulty) Rotate(ctx context.Context, t storage.Hash, c storage.ClientRef, now time.Time, grace time.Duration, next storage.Successor, check func(storage.RefreshToken, storage.Grant, storage.User) error) (storage.Redemption, error) {
	return guard(f, func() (storage.Redemption, error) { return f.Storage.Rotate(ctx, t, c, now, grace, next, check) })
}

func (f *faulty) RefreshToken(ctx context.Context, t storage.Hash) (storage.RefreshToken, storage.Grant, error) {
	return guard2(f, func() (storage.RefreshToken, storage.Grant, error) { return f.Storage.RefreshToken(ctx, t) })
}

func (f *faulty) Grant(ctx context.Context, id string) (storage.Grant, storage.User, error) {
	return guard2(f, func() (storage.Grant, storage.User, error) { return f.Storage.Grant(ctx, id) })
}

func (f *faulty) RevokeGrant(ctx context.Context, id string, now time.Time) error {
	_, err := guard(f, func() (any, error) { return nil, f.Storage.RevokeGrant(ctx, id, now) })
	return err
}

func (f *faulty) EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(storage.ClientRef) bool) error {
	_, err := guard(f, func() (any, error) { return nil, f.Storage.EndUserSession(ctx, userID, sid, now, tell) })
	return err
}

func (f *faulty) UseOnce(ctx context.Context, kind string, key storage.Hash, expires time.Time) (bool, error) {
	return guard(f, func() (bool, error) { return f.Storage.UseOnce(ctx, kind, key, expires) })
}

func (f *faulty) RevokeToken(ctx context.Context, jti string, expiresAt time.Time) error {
	_, err := guard(f, func() (any, error) { return nil, f.Storage.RevokeToken(ctx, jti, expiresAt) })
	return err
}

func (f *faulty) TokenRevoked(ctx context.Context, jti string) (bool, error) {
	return guard(f, func() (bool, error) { return f.Storage.TokenRevoked(ctx, jti) })
}

// breakStorage makes storage fail until the returned function is called.
func (w *world) breakStorage() (restore func()) {
	w.faults.broken.Store(true)
	return func() { w.faults.broken.Store(false) }
}
