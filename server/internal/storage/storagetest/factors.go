package storagetest

import (
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// passkey is one that is not written yet.
func (f *fixture) passkey(userID string) storage.Passkey {
	return storage.Passkey{
		ID: []byte(f.id("credential")), UserID: userID, Name: "Phone", Credential: []byte("public\x00part"), SignCount: 4_000_000_000, CreatedAt: f.now,
	}
}

func testFactors(t *testing.T, f *fixture) {
	testPasskeys(t, f)
	testTOTP(t, f)
	testRecoveryCodes(t, f)
}

func testPasskeys(t *testing.T, f *fixture) {
	added := func(t *testing.T, userID string) storage.Passkey {
		t.Helper()
		p := f.passkey(userID)
		noError(t, f.AddPasskey(f.ctx, p, 10))
		return p
	}
	t.Run("a passkey is found with its user, and in the list, the oldest first", func(t *testing.T) {
		u := f.user(t)
		p := added(t, u.ID)
		older := f.passkey(u.ID)
		older.CreatedAt = f.now.Add(-time.Hour)
		noError(t, f.AddPasskey(f.ctx, older, 10))
		added(t, f.user(t).ID)
		got, user, err := f.Passkey(f.ctx, p.ID)
		noError(t, err)
		wantEqual(t, got, p)
		wantEqual(t, user, u)
		list, err := f.Passkeys(f.ctx, u.ID)
		noError(t, err)
		wantEqual(t, list, []storage.Passkey{older, p})
		_, _, err = f.Passkey(f.ctx, []byte("unknown"))
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("a credential that is known is a conflict, whoever brings it", func(t *testing.T) {
		p := added(t, f.user(t).ID)
		wantError(t, f.AddPasskey(f.ctx, p, 10), storage.ErrConflict)
		stolen := p
		stolen.UserID = f.user(t).ID
		wantError(t, f.AddPasskey(f.ctx, stolen, 10), storage.ErrConflict)
		got, _, err := f.Passkey(f.ctx, p.ID)
		noError(t, err)
		wantEqual(t, got.UserID, p.UserID)
	})
	t.Run("a user has no more than the limit", func(t *testing.T) {
		u := f.user(t)
		noError(t, f.AddPasskey(f.ctx, f.passkey(u.ID), 2))
		noError(t, f.AddPasskey(f.ctx, f.passkey(u.ID), 2))
		wantError(t, f.AddPasskey(f.ctx, f.passkey(u.ID), 2), storage.ErrLimit)
		noError(t, f.AddPasskey(f.ctx, f.passkey(f.user(t).ID), 2))
	})
	t.Run("who is disabled or gone adds none, and those there are do not sign in", func(t *testing.T) {
		u := f.user(t)
		p := added(t, u.ID)
		noError(t, f.DisableUser(f.ctx, u.ID, f.now))
		wantError(t, f.AddPasskey(f.ctx, f.passkey(u.ID), 10), storage.ErrRevoked)
		wantError(t, f.AddPasskey(f.ctx, f.passkey("nobody"), 10), storage.ErrRevoked)
		_, _, err := f.Passkey(f.ctx, p.ID)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("a use sets the counter, the credential and the time, once for each count seen", func(t *testing.T) {
		p := added(t, f.user(t).ID)
		used := p
		used.SignCount, used.Credential, used.LastUsedAt = p.SignCount+1, []byte("flags changed"), f.now.Add(time.Minute)
		noError(t, f.UsePasskey(f.ctx, used, p.SignCount))
		got, _, err := f.Passkey(f.ctx, p.ID)
		noError(t, err)
		wantEqual(t, got, used)
		wantError(t, f.UsePasskey(f.ctx, used, p.SignCount), storage.ErrConsumed)
		unknown := used
		unknown.ID = []byte("unknown")
		wantError(t, f.UsePasskey(f.ctx, unknown, p.SignCount), storage.ErrNotFound)
		foreign := used
		foreign.UserID = f.user(t).ID
		wantError(t, f.UsePasskey(f.ctx, foreign, used.SignCount), storage.ErrNotFound)
	})
	t.Run("H10 only its user removes a passkey", func(t *testing.T) {
		p := added(t, f.user(t).ID)
		wantError(t, f.RemovePasskey(f.ctx, f.user(t).ID, p.ID), storage.ErrNotFound)
		noError(t, f.RemovePasskey(f.ctx, p.UserID, p.ID))
		wantError(t, f.RemovePasskey(f.ctx, p.UserID, p.ID), storage.ErrNotFound)
		_, _, err := f.Passkey(f.ctx, p.ID)
		wantError(t, err, storage.ErrNotFound)
	})
}

func testTOTP(t *testing.T, f *fixture) {
	totp := func(t *testing.T) storage.TOTP {
		t.Helper()
		a := storage.TOTP{UserID: f.user(t).ID, Secret: []byte("sealed\x00"), LastStep: 7, CreatedAt: f.now}
		noError(t, f.PutTOTP(f.ctx, a))
		return a
	}
	t.Run("an authenticator app is found as it was written, and another takes its place", func(t *testing.T) {
		a := totp(t)
		got, err := f.TOTP(f.ctx, a.UserID)
		noError(t, err)
		wantEqual(t, got, a)
		next := storage.TOTP{UserID: a.UserID, Secret: []byte("another"), LastStep: 3, CreatedAt: f.now.Add(time.Hour)}
		noError(t, f.PutTOTP(f.ctx, next))
		got, err = f.TOTP(f.ctx, a.UserID)
		noError(t, err)
		wantEqual(t, got, next)
	})
	t.Run("a step is taken once, and none before it again", func(t *testing.T) {
		a := totp(t)
		noError(t, f.UseTOTP(f.ctx, a.UserID, 9))
		for _, step := range []int64{9, 8, 7, 0, -1} {
			wantError(t, f.UseTOTP(f.ctx, a.UserID, step), storage.ErrConsumed)
		}
		noError(t, f.UseTOTP(f.ctx, a.UserID, 10))
	})
	t.Run("without one there is nothing to use or remove", func(t *testing.T) {
		a := totp(t)
		noError(t, f.RemoveTOTP(f.ctx, a.UserID))
		wantError(t, f.RemoveTOTP(f.ctx, a.UserID), storage.ErrNotFound)
		wantError(t, f.UseTOTP(f.ctx, a.UserID, 100), storage.ErrNotFound)
		_, err := f.TOTP(f.ctx, a.UserID)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("who is disabled or gone gets none", func(t *testing.T) {
		a := totp(t)
		noError(t, f.DisableUser(f.ctx, a.UserID, f.now))
		wantError(t, f.PutTOTP(f.ctx, a), storage.ErrRevoked)
		wantError(t, f.PutTOTP(f.ctx, storage.TOTP{UserID: "nobody", Secret: []byte("x")}), storage.ErrRevoked)
	})
}

func testRecoveryCodes(t *testing.T, f *fixture) {
	left := func(t *testing.T, userID string) int {
		t.Helper()
		n, err := f.RecoveryCodes(f.ctx, userID)
		noError(t, err)
		return n
	}
	t.Run("a recovery code is taken once, by its user alone", func(t *testing.T) {
		u, stranger := f.user(t), f.user(t)
		codes := []storage.RecoveryCode{f.hash(), f.hash(), f.hash()}
		noError(t, f.PutRecoveryCodes(f.ctx, u.ID, codes, f.now))
		wantEqual(t, left(t, u.ID), 3)
		wantError(t, f.UseRecoveryCode(f.ctx, stranger.ID, codes[0], f.now), storage.ErrNotFound)
		wantError(t, f.UseRecoveryCode(f.ctx, u.ID, f.hash(), f.now), storage.ErrNotFound)
		noError(t, f.UseRecoveryCode(f.ctx, u.ID, codes[0], f.now))
		wantError(t, f.UseRecoveryCode(f.ctx, u.ID, codes[0], f.now), storage.ErrNotFound)
		wantEqual(t, left(t, u.ID), 2)
		wantEqual(t, left(t, stranger.ID), 0)
	})
	t.Run("new ones replace all, and none leaves none", func(t *testing.T) {
		u := f.user(t)
		old := f.hash()
		noError(t, f.PutRecoveryCodes(f.ctx, u.ID, []storage.RecoveryCode{old}, f.now))
		noError(t, f.PutRecoveryCodes(f.ctx, u.ID, []storage.RecoveryCode{f.hash(), f.hash()}, f.now))
		wantError(t, f.UseRecoveryCode(f.ctx, u.ID, old, f.now), storage.ErrNotFound)
		wantEqual(t, left(t, u.ID), 2)
		noError(t, f.PutRecoveryCodes(f.ctx, u.ID, nil, f.now))
		wantEqual(t, left(t, u.ID), 0)
	})
	t.Run("who is disabled or gone gets none", func(t *testing.T) {
		u := f.user(t)
		noError(t, f.DisableUser(f.ctx, u.ID, f.now))
		wantError(t, f.PutRecoveryCodes(f.ctx, u.ID, []storage.RecoveryCode{f.hash()}, f.now), storage.ErrRevoked)
		wantError(t, f.PutRecoveryCodes(f.ctx, "nobody", nil, f.now), storage.ErrRevoked)
	})
}
