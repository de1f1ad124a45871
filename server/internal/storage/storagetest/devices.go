package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func testDevices(t *testing.T, f *fixture) {
	t.Run("a pending request is found by its user code as it was written", func(t *testing.T) {
		d := f.pending(t)
		got, err := f.DeviceByUserCode(f.ctx, d.UserCode, f.now)
		noError(t, err)
		wantEqual(t, got, d)
	})
	t.Run("F07 unknown, decided and expired user codes are not found alike", func(t *testing.T) {
		approved, _ := f.approved(t)
		denied, expired := f.pending(t), f.pending(t)
		noError(t, f.DenyDevice(f.ctx, denied.Code, f.now))
		for name, code := range map[string]storage.Hash{"unknown": f.hash(), "approved": approved.UserCode, "denied": denied.UserCode} {
			if _, err := f.DeviceByUserCode(f.ctx, code, f.now); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := f.DeviceByUserCode(f.ctx, expired.UserCode, expired.ExpiresAt)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("F08 a user code in use is a conflict, and free again once its request has expired", func(t *testing.T) {
		d := f.pending(t)
		again := f.request(f.client())
		again.UserCode = d.UserCode
		wantError(t, f.CreateDevice(f.ctx, again, 10), storage.ErrConflict)
		again.CreatedAt, again.ExpiresAt = d.ExpiresAt, d.ExpiresAt.Add(lifetime)
		noError(t, f.CreateDevice(f.ctx, again, 10))
		got, err := f.DeviceByUserCode(f.ctx, d.UserCode, again.CreatedAt)
		noError(t, err)
		wantEqual(t, got.Code, again.Code)
	})
	t.Run("F08 a device code in use is a conflict", func(t *testing.T) {
		d := f.pending(t)
		again := f.request(d.Client)
		again.Code = d.Code
		wantError(t, f.CreateDevice(f.ctx, again, 10), storage.ErrConflict)
	})
	t.Run("F13 the limit counts live pending requests of the client alone", func(t *testing.T) {
		client := f.client()
		var made []storage.DeviceRequest
		for range 3 {
			d := f.request(client)
			noError(t, f.CreateDevice(f.ctx, d, 3))
			made = append(made, d)
		}
		wantError(t, f.CreateDevice(f.ctx, f.request(client), 3), storage.ErrLimit)
		noError(t, f.CreateDevice(f.ctx, f.request(f.client()), 3))

		noError(t, f.DenyDevice(f.ctx, made[0].Code, f.now)) // decided: one place is free
		noError(t, f.CreateDevice(f.ctx, f.request(client), 3))
		wantError(t, f.CreateDevice(f.ctx, f.request(client), 3), storage.ErrLimit)

		late := f.request(client) // all others have expired
		late.CreatedAt, late.ExpiresAt = f.now.Add(lifetime), f.now.Add(2*lifetime)
		noError(t, f.CreateDevice(f.ctx, late, 3))
	})
	t.Run("a limit of zero lets none in", func(t *testing.T) {
		wantError(t, f.CreateDevice(f.ctx, f.request(f.client()), 0), storage.ErrLimit)
	})
	testDecisions(t, f)
}

func testDecisions(t *testing.T, f *fixture) {
	t.Run("F06 a request is decided once: whoever comes later is told so", func(t *testing.T) {
		d, g := f.approved(t)
		other := f.grant(f.user(t), d.Client)
		wantError(t, f.ApproveDevice(f.ctx, d.Code, other, f.now, nil), storage.ErrConsumed)
		wantError(t, f.DenyDevice(f.ctx, d.Code, f.now), storage.ErrConsumed)
		_, _, err := f.Grant(f.ctx, other.ID)
		wantError(t, err, storage.ErrNotFound)
		_, _, err = f.Grant(f.ctx, g.ID)
		noError(t, err)

		denied := f.pending(t)
		noError(t, f.DenyDevice(f.ctx, denied.Code, f.now))
		wantError(t, f.ApproveDevice(f.ctx, denied.Code, f.grant(f.user(t), denied.Client), f.now, nil), storage.ErrConsumed)
		wantError(t, f.DenyDevice(f.ctx, denied.Code, f.now), storage.ErrConsumed)
	})
	t.Run("an unknown or expired request cannot be decided", func(t *testing.T) {
		d := f.pending(t)
		g := f.grant(f.user(t), d.Client)
		wantError(t, f.ApproveDevice(f.ctx, f.hash(), g, f.now, nil), storage.ErrNotFound)
		wantError(t, f.DenyDevice(f.ctx, f.hash(), f.now), storage.ErrNotFound)
		wantError(t, f.ApproveDevice(f.ctx, d.Code, g, d.ExpiresAt, nil), storage.ErrExpired)
		wantError(t, f.DenyDevice(f.ctx, d.Code, d.ExpiresAt), storage.ErrExpired)
		_, _, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("F11 a grant for another client does not decide a request", func(t *testing.T) {
		d := f.pending(t)
		wantError(t, f.ApproveDevice(f.ctx, d.Code, f.grant(f.user(t), f.client()), f.now, nil), storage.ErrForeign)
		_, err := f.DeviceByUserCode(f.ctx, d.UserCode, f.now)
		noError(t, err)
	})
	t.Run("a disabled user approves nothing, and the request stays pending", func(t *testing.T) {
		d, u := f.pending(t), f.user(t)
		noError(t, f.DisableUser(f.ctx, u.ID, f.now))
		wantError(t, f.ApproveDevice(f.ctx, d.Code, f.grant(u, d.Client), f.now, nil), storage.ErrRevoked)
		_, err := f.DeviceByUserCode(f.ctx, d.UserCode, f.now)
		noError(t, err)
	})
	t.Run("an approval whose grant cannot be written leaves the request pending", func(t *testing.T) {
		_, taken := f.approved(t)
		d := f.pending(t)
		g := f.grant(f.user(t), d.Client)
		g.ID = taken.ID
		wantError(t, f.ApproveDevice(f.ctx, d.Code, g, f.now, nil), storage.ErrConflict)
		_, err := f.DeviceByUserCode(f.ctx, d.UserCode, f.now)
		noError(t, err)
	})
}

func testPolls(t *testing.T, f *fixture) {
	poll := func(d storage.DeviceRequest, after time.Duration) error {
		_, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now.Add(after), f.first())
		return err
	}
	type step struct {
		after time.Duration
		want  error
	}
	const s, ms = time.Second, time.Millisecond
	slow, pending := storage.ErrSlowDown, storage.ErrPending
	for name, steps := range map[string][]step{
		"a first poll at once is fine":                       {{0, pending}},
		"two polls within one interval are fine":             {{0, pending}, {1 * s, pending}},
		"F03 a third poll within one interval is too fast":   {{0, pending}, {1 * s, pending}, {2 * s, slow}},
		"a poll every interval is never too fast":            {{0, pending}, {5 * s, pending}, {10 * s, pending}, {15 * s, pending}},
		"two polls per interval are never too fast":          {{0, pending}, {2500 * ms, pending}, {5 * s, pending}, {7500 * ms, pending}},
		"a hair less than two per interval is too fast":      {{0, pending}, {2500 * ms, pending}, {4999 * ms, slow}},
		"F03 slowing down is forgiven after one interval":    {{0, pending}, {1 * s, pending}, {2 * s, slow}, {7 * s, pending}, {12 * s, pending}},
		"F03 it never escalates, however fast one polls":     {{0, pending}, {0, pending}, {0, slow}, {0, slow}, {0, slow}, {1 * ms, slow}, {5001 * ms, pending}},
		"a clock that goes back makes nobody slow down":      {{3600 * s, pending}, {3601 * s, pending}, {0, pending}, {5 * s, pending}},
		"polls long ago do not count":                        {{0, pending}, {1 * s, pending}, {60 * s, pending}, {61 * s, pending}, {62 * s, slow}},
		"a poll that was too fast counts as a poll, no more": {{0, pending}, {4 * s, pending}, {4500 * ms, slow}, {9 * s, pending}},
	} {
		t.Run(name, func(t *testing.T) {
			d := f.request(f.client())
			d.ExpiresAt = f.now.Add(24 * time.Hour)
			noError(t, f.CreateDevice(f.ctx, d, 10))
			for i, step := range steps {
				if err := poll(d, step.after); !errors.Is(err, step.want) {
					t.Fatalf("poll %d after %v: %v, want %v", i+1, step.after, err, step.want)
				}
			}
		})
	}
	t.Run("polls of another client are not counted", func(t *testing.T) {
		d := f.pending(t)
		for range 5 {
			_, err := f.RedeemDevice(f.ctx, d.Code, f.client(), f.now, f.first())
			wantError(t, err, storage.ErrForeign)
		}
		wantError(t, poll(d, 0), storage.ErrPending)
		wantError(t, poll(d, 0), storage.ErrPending)
		wantError(t, poll(d, 0), storage.ErrSlowDown)
	})
	t.Run("a device that polled too fast is served once the user has decided", func(t *testing.T) {
		d := f.pending(t)
		for range 4 {
			_ = poll(d, 0) // the answers are the business of the tests above
		}
		noError(t, f.ApproveDevice(f.ctx, d.Code, f.grant(f.user(t), d.Client), f.now, nil))
		noError(t, poll(d, 0))
	})
}

func testRedemption(t *testing.T, f *fixture) {
	redeem := func(d storage.DeviceRequest, now time.Time) (storage.Redemption, error) {
		return f.RedeemDevice(f.ctx, d.Code, d.Client, now, f.first())
	}
	t.Run("an approved request yields the grant, its user and the first refresh token, once", func(t *testing.T) {
		d, g := f.approved(t)
		now := f.now.Add(time.Second)
		r, err := redeem(d, now)
		noError(t, err)
		g.LastUsedAt = now
		wantEqual(t, r.Grant, g)
		wantEqual(t, r.User.ID, g.UserID)
		wantEqual(t, r.Token.GrantID, g.ID)
		token, grant, err := f.RefreshToken(f.ctx, r.Token.Token)
		noError(t, err)
		wantEqual(t, token, r.Token)
		wantEqual(t, grant, g)
		_, err = redeem(d, now)
		wantError(t, err, storage.ErrConsumed)
		_, _, err = f.Grant(f.ctx, g.ID) // a second poll is no theft
		noError(t, err)
	})
	t.Run("the engine fills in the grant of the first refresh token", func(t *testing.T) {
		d, g := f.approved(t)
		var of storage.Grant
		var by storage.User
		r, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, func(g storage.Grant, u storage.User) (*storage.RefreshToken, error) {
			of, by = g, u
			family := f.id("family")
			return &storage.RefreshToken{Token: tokenOf(family, 0), Family: family, ExpiresAt: f.now.Add(absolute)}, nil
		})
		noError(t, err)
		wantEqual(t, r.Token.GrantID, g.ID)
		wantEqual(t, of, r.Grant)
		wantEqual(t, by, r.User)
		wantEqual(t, by.ID, g.UserID)
	})
	t.Run("a client without refresh tokens gets none", func(t *testing.T) {
		d, g := f.approved(t)
		r, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, func(storage.Grant, storage.User) (*storage.RefreshToken, error) { return nil, nil })
		noError(t, err)
		wantEqual(t, r.Token, storage.RefreshToken{})
		wantEqual(t, r.Grant.ID, g.ID)
	})
	t.Run("F04 a device code of another client is refused and stays good", func(t *testing.T) {
		d, _ := f.approved(t)
		_, err := f.RedeemDevice(f.ctx, d.Code, storage.ClientRef{ID: d.Client.ID, UID: "recreated"}, f.now, f.first())
		wantError(t, err, storage.ErrForeign)
		_, err = redeem(d, f.now)
		noError(t, err)
	})
	t.Run("F03 a denied request says so", func(t *testing.T) {
		d := f.pending(t)
		noError(t, f.DenyDevice(f.ctx, d.Code, f.now))
		for range 4 {
			_, err := redeem(d, f.now)
			wantError(t, err, storage.ErrDenied)
		}
	})
	t.Run("F03 expired and unknown codes say so, approved or not", func(t *testing.T) {
		pending := f.pending(t)
		approved, _ := f.approved(t)
		_, err := redeem(pending, pending.ExpiresAt)
		wantError(t, err, storage.ErrExpired)
		_, err = redeem(approved, approved.ExpiresAt)
		wantError(t, err, storage.ErrExpired)
		_, err = redeem(f.request(pending.Client), f.now)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("F12 a grant that was revoked before the poll yields nothing", func(t *testing.T) {
		d, g := f.approved(t)
		noError(t, f.RevokeGrant(f.ctx, g.ID, f.now))
		_, err := redeem(d, f.now)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("F12 an account that was disabled before the poll yields nothing", func(t *testing.T) {
		d, g := f.approved(t)
		noError(t, f.DisableUser(f.ctx, g.UserID, f.now))
		_, err := redeem(d, f.now)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("an error of the caller comes back as it is and consumes nothing", func(t *testing.T) {
		d, _ := f.approved(t)
		mine := errors.New("mine")
		_, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, func(storage.Grant, storage.User) (*storage.RefreshToken, error) { return nil, mine })
		if err != mine { //nolint:errorlint // the very same
			t.Fatalf("error is %v", err)
		}
		_, err = redeem(d, f.now)
		noError(t, err)
	})
	t.Run("a clock that goes back does not redeem a consumed code", func(t *testing.T) {
		d, _ := f.approved(t)
		_, err := redeem(d, f.now.Add(5*time.Minute))
		noError(t, err)
		_, err = redeem(d, f.now)
		wantError(t, err, storage.ErrConsumed)
	})
}
