package ops

import (
	"context"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// CreateCode measures the operation of that name.
func (s *measured) CreateCode(ctx context.Context, c storage.Code, g storage.Grant, consent *storage.Consent, room *storage.Room) (err error) {
	defer s.createCode.done(time.Now(), &err)
	return s.Storage.CreateCode(ctx, c, g, consent, room)
}

// RedeemCode measures the operation of that name.
func (s *measured) RedeemCode(ctx context.Context, code storage.Hash, client storage.ClientRef, now time.Time, grace time.Duration, check func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error), burn func(error) bool) (_ storage.Code, _ storage.Redemption, err error) {
	defer s.redeemCode.done(time.Now(), &err)
	return s.Storage.RedeemCode(ctx, code, client, now, grace, check, burn)
}

// Consent measures the operation of that name.
func (s *measured) Consent(ctx context.Context, userID, clientUID string) (_ storage.Consent, err error) {
	defer s.consent.done(time.Now(), &err)
	return s.Storage.Consent(ctx, userID, clientUID)
}

// PutConsent measures the operation of that name.
func (s *measured) PutConsent(ctx context.Context, c storage.Consent) (err error) {
	defer s.putConsent.done(time.Now(), &err)
	return s.Storage.PutConsent(ctx, c)
}

// Apps measures the operation of that name.
func (s *measured) Apps(ctx context.Context, userID, after string, limit int) (_ []storage.App, err error) {
	defer s.apps.done(time.Now(), &err)
	return s.Storage.Apps(ctx, userID, after, limit)
}

// App measures the operation of that name.
func (s *measured) App(ctx context.Context, userID, clientUID string) (_ storage.App, err error) {
	defer s.app.done(time.Now(), &err)
	return s.Storage.App(ctx, userID, clientUID)
}

// RevokeApp measures the operation of that name.
func (s *measured) RevokeApp(ctx context.Context, userID, clientUID string, now time.Time) (_ int64, err error) {
	defer s.revokeApp.done(time.Now(), &err)
	return s.Storage.RevokeApp(ctx, userID, clientUID, now)
}

// RevokeApps measures the operation of that name.
func (s *measured) RevokeApps(ctx context.Context, userID string, now time.Time) (_ int64, err error) {
	defer s.revokeApps.done(time.Now(), &err)
	return s.Storage.RevokeApps(ctx, userID, now)
}

// NarrowApp measures the operation of that name.
func (s *measured) NarrowApp(ctx context.Context, userID, clientUID string, now time.Time, narrow func(storage.Access) (storage.Access, error)) (err error) {
	defer s.narrowApp.done(time.Now(), &err)
	return s.Storage.NarrowApp(ctx, userID, clientUID, now, narrow)
}

// UserSessions measures the operation of that name.
func (s *measured) UserSessions(ctx context.Context, userID string, now time.Time, limit int) (_ []storage.Session, err error) {
	defer s.userSessions.done(time.Now(), &err)
	return s.Storage.UserSessions(ctx, userID, now, limit)
}

// EndUserSession measures the operation of that name.
func (s *measured) EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(storage.ClientRef) bool) (err error) {
	defer s.endUserSession.done(time.Now(), &err)
	return s.Storage.EndUserSession(ctx, userID, sid, now, tell)
}

// Passkeys measures the operation of that name.
func (s *measured) Passkeys(ctx context.Context, userID string) (_ []storage.Passkey, err error) {
	defer s.passkeys.done(time.Now(), &err)
	return s.Storage.Passkeys(ctx, userID)
}

// Passkey measures the operation of that name.
func (s *measured) Passkey(ctx context.Context, id []byte) (_ storage.Passkey, _ storage.User, err error) {
	defer s.passkey.done(time.Now(), &err)
	return s.Storage.Passkey(ctx, id)
}

// AddPasskey measures the operation of that name.
func (s *measured) AddPasskey(ctx context.Context, p storage.Passkey, limit int) (err error) {
	defer s.addPasskey.done(time.Now(), &err)
	return s.Storage.AddPasskey(ctx, p, limit)
}

// UsePasskey measures the operation of that name.
func (s *measured) UsePasskey(ctx context.Context, p storage.Passkey, seen uint32) (err error) {
	defer s.usePasskey.done(time.Now(), &err)
	return s.Storage.UsePasskey(ctx, p, seen)
}

// RemovePasskey measures the operation of that name.
func (s *measured) RemovePasskey(ctx context.Context, userID string, id []byte) (err error) {
	defer s.removePasskey.done(time.Now(), &err)
	return s.Storage.RemovePasskey(ctx, userID, id)
}

// TOTP measures the operation of that name.
func (s *measured) TOTP(ctx context.Context, userID string) (_ storage.TOTP, err error) {
	defer s.totp.done(time.Now(), &err)
	return s.Storage.TOTP(ctx, userID)
}

// PutTOTP measures the operation of that name.
func (s *measured) PutTOTP(ctx context.Context, t storage.TOTP) (err error) {
	defer s.putTOTP.done(time.Now(), &err)
	return s.Storage.PutTOTP(ctx, t)
}

// UseTOTP measures the operation of that name.
func (s *measured) UseTOTP(ctx context.Context, userID string, step int64) (err error) {
	defer s.useTOTP.done(time.Now(), &err)
	return s.Storage.UseTOTP(ctx, userID, step)
}

// RemoveTOTP measures the operation of that name.
func (s *measured) RemoveTOTP(ctx context.Context, userID string) (err error) {
	defer s.removeTOTP.done(time.Now(), &err)
	return s.Storage.RemoveTOTP(ctx, userID)
}

// PutRecoveryCodes measures the operation of that name.
func (s *measured) PutRecoveryCodes(ctx context.Context, userID string, codes []storage.RecoveryCode, now time.Time) (err error) {
	defer s.putRecoveryCodes.done(time.Now(), &err)
	return s.Storage.PutRecoveryCodes(ctx, userID, codes, now)
}

// UseRecoveryCode measures the operation of that name.
func (s *measured) UseRecoveryCode(ctx context.Context, userID string, code storage.RecoveryCode, now time.Time) (err error) {
	defer s.useRecoveryCode.done(time.Now(), &err)
	return s.Storage.UseRecoveryCode(ctx, userID, code, now)
}

// RecoveryCodes measures the operation of that name.
func (s *measured) RecoveryCodes(ctx context.Context, userID string) (_ int, err error) {
	defer s.recoveryCodes.done(time.Now(), &err)
	return s.Storage.RecoveryCodes(ctx, userID)
}

// ClaimLogouts measures the operation of that name.
func (s *measured) ClaimLogouts(ctx context.Context, now time.Time, lease time.Duration, limit int) (_ []storage.LogoutDelivery, err error) {
	defer s.claimLogouts.done(time.Now(), &err)
	return s.Storage.ClaimLogouts(ctx, now, lease, limit)
}

// RetryLogout measures the operation of that name.
func (s *measured) RetryLogout(ctx context.Context, id string, due time.Time) (err error) {
	defer s.retryLogout.done(time.Now(), &err)
	return s.Storage.RetryLogout(ctx, id, due)
}

// LogoutDone measures the operation of that name.
func (s *measured) LogoutDone(ctx context.Context, id string) (err error) {
	defer s.logoutDone.done(time.Now(), &err)
	return s.Storage.LogoutDone(ctx, id)
}

// Everything measures the operation of that name.
func (s *measured) Everything(ctx context.Context, userID string) (_ storage.Everything, err error) {
	defer s.everything.done(time.Now(), &err)
	return s.Storage.Everything(ctx, userID)
}

// EraseUser measures the operation of that name.
func (s *measured) EraseUser(ctx context.Context, userID string, now time.Time, tell func(storage.ClientRef) bool) (err error) {
	defer s.eraseUser.done(time.Now(), &err)
	return s.Storage.EraseUser(ctx, userID, now, tell)
}

// CheckedUser measures the operation of that name.
func (s *measured) CheckedUser(ctx context.Context, u storage.User) (err error) {
	defer s.checkedUser.done(time.Now(), &err)
	return s.Storage.CheckedUser(ctx, u)
}
