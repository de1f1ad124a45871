package ops

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// storageMetrics are those of all operations.
type storageMetrics struct {
	durations *prometheus.HistogramVec
	failures  *prometheus.CounterVec
}

func newStorageMetrics() storageMetrics {
	return storageMetrics{
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "grantkeeper_storage_operation_duration_seconds", Help: "How long operations of the storage took.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"operation"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grantkeeper_storage_failures_total", Help: "Operations of the storage that decided nothing, because it was out of reach.",
		}, []string{"operation"}),
	}
}

// operation is one of them.
type operation struct {
	duration prometheus.Observer
	failures prometheus.Counter
}

func (m storageMetrics) operation(name string) operation {
	return operation{m.durations.WithLabelValues(name), m.failures.WithLabelValues(name)}
}

// done is deferred with the time that the operation began and where its error will be.
func (o operation) done(begun time.Time, err *error) {
	o.duration.Observe(time.Since(begun).Seconds())
	if !decided(*err) {
		o.failures.Inc()
	}
}

// decided reports whether an operation came to a result, be it a refusal. A request that was given up is nobody's failure.
func decided(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return true
	}
	for _, sentinel := range []error{
		storage.ErrNotFound, storage.ErrConsumed, storage.ErrExpired, storage.ErrRevoked, storage.ErrPending, storage.ErrDenied,
		storage.ErrForeign, storage.ErrReplayed, storage.ErrSlowDown, storage.ErrConflict, storage.ErrLimit,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	var refusal *oauth.Error // of a check that the storage was asked to make
	return errors.As(err, &refusal)
}

// Storage returns s with its operations measured. What is added to the interface and not here is passed on unmeasured.
func (m *Metrics) Storage(s storage.Storage) storage.Storage {
	of := m.storage.operation
	return &measured{
		Storage:  s,
		signedIn: of("signed_in"), user: of("user"), disableUser: of("disable_user"),
		createSession: of("create_session"), session: of("session"), endSession: of("end_session"),
		grant: of("grant"), revokeGrant: of("revoke_grant"), revokeClientGrants: of("revoke_client_grants"),
		createDevice: of("create_device"), deviceByUserCode: of("device_by_user_code"), approveDevice: of("approve_device"),
		denyDevice: of("deny_device"), redeemDevice: of("redeem_device"),
		pushRequest: of("push_request"), usePushedRequest: of("use_pushed_request"),
		refreshToken: of("refresh_token"), rotate: of("rotate"),
		revokeToken: of("revoke_token"), tokenRevoked: of("token_revoked"),
		count: of("count"), counted: of("counted"), useOnce: of("use_once"), collect: of("collect"),
		createCode: of("create_code"), redeemCode: of("redeem_code"),
		consent: of("consent"), putConsent: of("put_consent"), apps: of("apps"), app: of("app"),
		revokeApp: of("revoke_app"), revokeApps: of("revoke_apps"), narrowApp: of("narrow_app"),
		userSessions: of("user_sessions"), endUserSession: of("end_user_session"),
		passkeys: of("passkeys"), passkey: of("passkey"), addPasskey: of("add_passkey"), usePasskey: of("use_passkey"),
		removePasskey: of("remove_passkey"), totp: of("totp"), putTOTP: of("put_totp"), useTOTP: of("use_totp"),
		removeTOTP: of("remove_totp"), putRecoveryCodes: of("put_recovery_codes"), useRecoveryCode: of("use_recovery_code"), recoveryCodes: of("recovery_codes"),
		claimLogouts: of("claim_logouts"), retryLogout: of("retry_logout"), logoutDone: of("logout_done"),
		everything: of("everything"), eraseUser: of("erase_user"), checkedUser: of("checked_user"),
	}
}

// measured is a storage whose operations are timed, and counted when they fail; what they do is the business of the storage
// behind it.
type measured struct {
	storage.Storage
	signedIn, user, disableUser operation

	createSession, session, endSession operation

	grant, revokeGrant, revokeClientGrants operation

	createDevice, deviceByUserCode, approveDevice, denyDevice, redeemDevice operation

	pushRequest, usePushedRequest operation

	refreshToken, rotate operation

	revokeToken, tokenRevoked operation

	count, counted, useOnce, collect operation

	createCode, redeemCode operation

	consent, putConsent, apps, app, revokeApp, revokeApps, narrowApp operation

	userSessions, endUserSession operation

	passkeys, passkey, addPasskey, usePasskey, removePasskey operation

	totp, putTOTP, useTOTP, removeTOTP operation

	putRecoveryCodes, useRecoveryCode, recoveryCodes operation

	claimLogouts, retryLogout, logoutDone operation

	everything, eraseUser, checkedUser operation
}

// SignedIn measures the operation of that name.
func (s *measured) SignedIn(ctx context.Context, u storage.User) (_ storage.User, err error) {
	defer s.signedIn.done(time.Now(), &err)
	return s.Storage.SignedIn(ctx, u)
}

// User measures the operation of that name.
func (s *measured) User(ctx context.Context, id string) (_ storage.User, err error) {
	defer s.user.done(time.Now(), &err)
	return s.Storage.User(ctx, id)
}

// DisableUser measures the operation of that name.
func (s *measured) DisableUser(ctx context.Context, id string, now time.Time) (err error) {
	defer s.disableUser.done(time.Now(), &err)
	return s.Storage.DisableUser(ctx, id, now)
}

// CreateSession measures the operation of that name.
func (s *measured) CreateSession(ctx context.Context, session storage.Session, replaces storage.Hash) (err error) {
	defer s.createSession.done(time.Now(), &err)
	return s.Storage.CreateSession(ctx, session, replaces)
}

// Session measures the operation of that name.
func (s *measured) Session(ctx context.Context, id storage.Hash, now time.Time) (_ storage.Session, _ storage.User, err error) {
	defer s.session.done(time.Now(), &err)
	return s.Storage.Session(ctx, id, now)
}

// EndSession measures the operation of that name.
func (s *measured) EndSession(ctx context.Context, id storage.Hash) (err error) {
	defer s.endSession.done(time.Now(), &err)
	return s.Storage.EndSession(ctx, id)
}

// Grant measures the operation of that name.
func (s *measured) Grant(ctx context.Context, id string) (_ storage.Grant, _ storage.User, err error) {
	defer s.grant.done(time.Now(), &err)
	return s.Storage.Grant(ctx, id)
}

// RevokeGrant measures the operation of that name.
func (s *measured) RevokeGrant(ctx context.Context, id string, now time.Time) (err error) {
	defer s.revokeGrant.done(time.Now(), &err)
	return s.Storage.RevokeGrant(ctx, id, now)
}

// RevokeClientGrants measures the operation of that name.
func (s *measured) RevokeClientGrants(ctx context.Context, clientUID string, now time.Time) (_ int64, err error) {
	defer s.revokeClientGrants.done(time.Now(), &err)
	return s.Storage.RevokeClientGrants(ctx, clientUID, now)
}

// CreateDevice measures the operation of that name.
func (s *measured) CreateDevice(ctx context.Context, d storage.DeviceRequest, maxOpen int) (err error) {
	defer s.createDevice.done(time.Now(), &err)
	return s.Storage.CreateDevice(ctx, d, maxOpen)
}

// DeviceByUserCode measures the operation of that name.
func (s *measured) DeviceByUserCode(ctx context.Context, userCode storage.Hash, now time.Time) (_ storage.DeviceRequest, err error) {
	defer s.deviceByUserCode.done(time.Now(), &err)
	return s.Storage.DeviceByUserCode(ctx, userCode, now)
}

// ApproveDevice measures the operation of that name.
func (s *measured) ApproveDevice(ctx context.Context, code storage.Hash, g storage.Grant, now time.Time, room *storage.Room) (err error) {
	defer s.approveDevice.done(time.Now(), &err)
	return s.Storage.ApproveDevice(ctx, code, g, now, room)
}

// DenyDevice measures the operation of that name.
func (s *measured) DenyDevice(ctx context.Context, code storage.Hash, now time.Time) (err error) {
	defer s.denyDevice.done(time.Now(), &err)
	return s.Storage.DenyDevice(ctx, code, now)
}

// RedeemDevice measures the operation of that name.
func (s *measured) RedeemDevice(ctx context.Context, code storage.Hash, client storage.ClientRef, now time.Time, first func(storage.Grant, storage.User) (*storage.RefreshToken, error)) (_ storage.Redemption, err error) {
	defer s.redeemDevice.done(time.Now(), &err)
	return s.Storage.RedeemDevice(ctx, code, client, now, first)
}

// PushRequest measures the operation of that name.
func (s *measured) PushRequest(ctx context.Context, p storage.PushedRequest, maxOpen int) (err error) {
	defer s.pushRequest.done(time.Now(), &err)
	return s.Storage.PushRequest(ctx, p, maxOpen)
}

// UsePushedRequest measures the operation of that name.
func (s *measured) UsePushedRequest(ctx context.Context, uri storage.Hash, client storage.ClientRef, now time.Time) (_ storage.PushedRequest, err error) {
	defer s.usePushedRequest.done(time.Now(), &err)
	return s.Storage.UsePushedRequest(ctx, uri, client, now)
}

// RefreshToken measures the operation of that name.
func (s *measured) RefreshToken(ctx context.Context, token storage.Hash) (_ storage.RefreshToken, _ storage.Grant, err error) {
	defer s.refreshToken.done(time.Now(), &err)
	return s.Storage.RefreshToken(ctx, token)
}

// Rotate measures the operation of that name.
func (s *measured) Rotate(ctx context.Context, token storage.Hash, client storage.ClientRef, now time.Time, grace time.Duration, next storage.Successor, check func(storage.RefreshToken, storage.Grant, storage.User) error) (_ storage.Redemption, err error) {
	defer s.rotate.done(time.Now(), &err)
	return s.Storage.Rotate(ctx, token, client, now, grace, next, check)
}

// RevokeToken measures the operation of that name.
func (s *measured) RevokeToken(ctx context.Context, jti string, expiresAt time.Time) (err error) {
	defer s.revokeToken.done(time.Now(), &err)
	return s.Storage.RevokeToken(ctx, jti, expiresAt)
}

// TokenRevoked measures the operation of that name.
func (s *measured) TokenRevoked(ctx context.Context, jti string) (_ bool, err error) {
	defer s.tokenRevoked.done(time.Now(), &err)
	return s.Storage.TokenRevoked(ctx, jti)
}

// Count measures the operation of that name.
func (s *measured) Count(ctx context.Context, key string, now time.Time, window time.Duration) (_ int64, _ time.Time, err error) {
	defer s.count.done(time.Now(), &err)
	return s.Storage.Count(ctx, key, now, window)
}

// Counted measures the operation of that name.
func (s *measured) Counted(ctx context.Context, key string, now time.Time) (_ int64, _ time.Time, err error) {
	defer s.counted.done(time.Now(), &err)
	return s.Storage.Counted(ctx, key, now)
}

// UseOnce measures the operation of that name.
func (s *measured) UseOnce(ctx context.Context, kind string, key storage.Hash, expires time.Time) (_ bool, err error) {
	defer s.useOnce.done(time.Now(), &err)
	return s.Storage.UseOnce(ctx, kind, key, expires)
}

// Collect measures the operation of that name.
func (s *measured) Collect(ctx context.Context, now time.Time, limit int) (_ int64, err error) {
	defer s.collect.done(time.Now(), &err)
	return s.Storage.Collect(ctx, now, limit)
}
