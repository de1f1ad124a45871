package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func testRefreshTokens(t *testing.T, f *fixture) {
	t.Run("D01 a rotation yields the next generation, and the one before is consumed", func(t *testing.T) {
		first, g := f.family(t)
		now := f.now.Add(time.Minute)
		r, err := f.rotate(first.Token, g.Client, now)
		noError(t, err)
		g.LastUsedAt = now
		wantEqual(t, r.Grant, g)
		wantEqual(t, r.User.ID, g.UserID)
		wantEqual(t, r.Retried, false)
		want := storage.RefreshToken{
			Token: tokenOf(first.Family, 1), GrantID: g.ID, Family: first.Family, Generation: 1, KeyID: first.KeyID,
			ExpiresAt: first.ExpiresAt, IdleExpiresAt: now.Add(idle), CreatedAt: now,
		}
		wantEqual(t, r.Token, want)
		stored, grant, err := f.RefreshToken(f.ctx, want.Token)
		noError(t, err)
		wantEqual(t, stored, want)
		wantEqual(t, grant, g)
		old, _, err := f.RefreshToken(f.ctx, first.Token)
		noError(t, err)
		wantEqual(t, old.ConsumedAt, now)
	})
	t.Run("a family can be rotated for ever so often", func(t *testing.T) {
		token, g := f.family(t)
		for i := range int64(20) {
			r, err := f.rotate(token.Token, g.Client, f.now.Add(time.Duration(i)*time.Hour))
			noError(t, err)
			wantEqual(t, r.Token.Generation, i+1)
			token = r.Token
		}
	})
	t.Run("an unknown token is not found", func(t *testing.T) {
		_, err := f.rotate(f.hash(), f.client(), f.now)
		wantError(t, err, storage.ErrNotFound)
		_, _, err = f.RefreshToken(f.ctx, f.hash())
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("D05 a token of another client is refused and nothing changes, consumed or not", func(t *testing.T) {
		token, g := f.family(t)
		stranger := storage.ClientRef{ID: g.Client.ID, UID: "recreated"}
		_, err := f.rotate(token.Token, stranger, f.now)
		wantError(t, err, storage.ErrForeign)
		r, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
		_, err = f.rotate(token.Token, stranger, f.now.Add(time.Hour))
		wantError(t, err, storage.ErrForeign)
		_, err = f.rotate(r.Token.Token, g.Client, f.now)
		noError(t, err)
	})
	t.Run("D09 a token that was not used for long enough has expired", func(t *testing.T) {
		token, g := f.family(t)
		_, err := f.rotate(token.Token, g.Client, token.IdleExpiresAt)
		wantError(t, err, storage.ErrExpired)
		_, err = f.rotate(token.Token, g.Client, token.IdleExpiresAt.Add(-time.Microsecond))
		noError(t, err)
	})
	t.Run("D09 rotation never moves the absolute expiry", func(t *testing.T) {
		token, g := f.family(t)
		greedy := func(c storage.RefreshToken) (storage.RefreshToken, error) {
			s, err := nextAt(f.now)(c)
			s.ExpiresAt, s.IdleExpiresAt = c.ExpiresAt.Add(time.Hour), c.ExpiresAt.Add(time.Hour)
			return s, err
		}
		r, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, greedy, nil)
		noError(t, err)
		wantEqual(t, r.Token.ExpiresAt, token.ExpiresAt)
		wantEqual(t, r.Token.IdleExpiresAt, token.ExpiresAt)
		_, err = f.rotate(r.Token.Token, g.Client, token.ExpiresAt)
		wantError(t, err, storage.ErrExpired)
		_, err = f.rotate(r.Token.Token, g.Client, token.ExpiresAt.Add(-time.Microsecond))
		noError(t, err)
	})
	t.Run("D10 a family is bound to the first key that a successor has, and to no other", func(t *testing.T) {
		bound := func(key string) storage.Successor {
			return func(c storage.RefreshToken) (storage.RefreshToken, error) {
				s, err := nextAt(f.now)(c)
				s.KeyThumbprint = key
				return s, err
			}
		}
		token, g := f.family(t)
		wantEqual(t, token.KeyThumbprint, "")
		for _, key := range []string{"one", "two", ""} {
			var seen string
			r, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, bound(key), func(current storage.RefreshToken, _ storage.Grant, _ storage.User) error {
				seen = current.KeyThumbprint
				return nil
			})
			noError(t, err)
			wantEqual(t, seen, token.KeyThumbprint)
			wantEqual(t, r.Token.KeyThumbprint, "one")
			stored, _, err := f.RefreshToken(f.ctx, r.Token.Token)
			noError(t, err)
			wantEqual(t, stored, r.Token)
			token = r.Token
		}
	})
	t.Run("D10 a retry is asked about with the key that the family was bound to meanwhile", func(t *testing.T) {
		token, g := f.family(t)
		next := func(c storage.RefreshToken) (storage.RefreshToken, error) {
			s, err := nextAt(f.now)(c)
			s.KeyThumbprint = "one"
			return s, err
		}
		_, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, next, nil)
		noError(t, err)
		var seen string
		r, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, next, func(current storage.RefreshToken, _ storage.Grant, _ storage.User) error {
			seen = current.KeyThumbprint
			return nil
		})
		noError(t, err)
		wantEqual(t, seen, "one")
		wantEqual(t, r.Retried, true)
	})
	t.Run("D10 a family that begins bound stays so", func(t *testing.T) {
		d := f.pending(t)
		noError(t, f.ApproveDevice(f.ctx, d.Code, f.grant(f.user(t), d.Client), f.now, nil))
		first := f.first()
		r, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, func(g storage.Grant, u storage.User) (*storage.RefreshToken, error) {
			token, err := first(g, u)
			token.KeyThumbprint = "one"
			return token, err
		})
		noError(t, err)
		wantEqual(t, r.Token.KeyThumbprint, "one")
		again, err := f.rotate(r.Token.Token, d.Client, f.now)
		noError(t, err)
		wantEqual(t, again.Token.KeyThumbprint, "one")
	})
	t.Run("D07 a refusal of the caller comes back as it is and consumes nothing", func(t *testing.T) {
		token, g := f.family(t)
		mine := errors.New("mine")
		var seen storage.Grant
		var user storage.User
		_, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, nextAt(f.now), func(_ storage.RefreshToken, g storage.Grant, u storage.User) error {
			seen, user = g, u
			return mine
		})
		if err != mine { //nolint:errorlint // the very same
			t.Fatalf("error is %v", err)
		}
		wantEqual(t, seen, g)
		wantEqual(t, user.ID, g.UserID)
		stored, _, err := f.RefreshToken(f.ctx, token.Token)
		noError(t, err)
		wantEqual(t, stored, token)
		_, err = f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
	})
	t.Run("a successor that cannot be made consumes nothing", func(t *testing.T) {
		token, g := f.family(t)
		mine := errors.New("mine")
		_, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, func(c storage.RefreshToken) (storage.RefreshToken, error) { return c, mine }, nil)
		wantError(t, err, mine)
		_, err = f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
	})
	t.Run("a successor that collides with another token consumes nothing", func(t *testing.T) {
		token, g := f.family(t)
		taken, _ := f.family(t)
		clash := func(c storage.RefreshToken) (storage.RefreshToken, error) {
			s, err := nextAt(f.now)(c)
			s.Token = taken.Token
			return s, err
		}
		if _, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, clash, nil); err == nil {
			t.Fatal("no error")
		}
		_, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
	})
}

func testReplays(t *testing.T, f *fixture) {
	t.Run("a retry within the grace gets the same successor", func(t *testing.T) {
		token, g := f.family(t)
		once, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
		again, err := f.rotate(token.Token, g.Client, f.now.Add(grace-time.Microsecond))
		noError(t, err)
		wantEqual(t, again.Retried, true)
		wantEqual(t, again.Token, once.Token)
		wantEqual(t, again.Grant.ID, g.ID)
		wantEqual(t, again.User.ID, g.UserID)
	})
	t.Run("a retry does not prolong the grace", func(t *testing.T) {
		token, g := f.family(t)
		_, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
		_, err = f.rotate(token.Token, g.Client, f.now.Add(grace/2))
		noError(t, err)
		_, err = f.rotate(token.Token, g.Client, f.now.Add(grace))
		wantError(t, err, storage.ErrReplayed)
	})
	t.Run("of two that race, the one with the earlier clock may come second", func(t *testing.T) {
		token, g := f.family(t)
		_, err := f.rotate(token.Token, g.Client, f.now.Add(time.Millisecond))
		noError(t, err)
		r, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
		wantEqual(t, r.Retried, true)
	})
	t.Run("the caller may refuse a retry too, and nothing changes", func(t *testing.T) {
		token, g := f.family(t)
		_, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
		mine := errors.New("mine")
		_, err = f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, nextAt(f.now), func(storage.RefreshToken, storage.Grant, storage.User) error { return mine })
		wantError(t, err, mine)
		_, _, err = f.Grant(f.ctx, g.ID)
		noError(t, err)
	})
	type replay struct {
		// generations is how many there are in the end.
		generations int64
		again       func(t *testing.T, token storage.RefreshToken, g storage.Grant) error
	}
	for name, c := range map[string]replay{
		"D02 a use after the grace revokes the grant": {2, func(t *testing.T, token storage.RefreshToken, g storage.Grant) error {
			_, err := f.rotate(token.Token, g.Client, f.now.Add(grace))
			return err
		}},
		"D02 a use after the successor was used revokes the grant, within the grace too": {3, func(t *testing.T, token storage.RefreshToken, g storage.Grant) error {
			_, err := f.rotate(tokenOf(token.Family, 1), g.Client, f.now)
			noError(t, err)
			_, err = f.rotate(token.Token, g.Client, f.now)
			return err
		}},
		"without a grace every second use revokes the grant": {2, func(t *testing.T, token storage.RefreshToken, g storage.Grant) error {
			_, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, 0, nextAt(f.now), nil)
			return err
		}},
		"D04 a clock that goes back by more than the grace does not help a replay": {2, func(t *testing.T, token storage.RefreshToken, g storage.Grant) error {
			_, err := f.rotate(token.Token, g.Client, f.now.Add(-time.Hour))
			return err
		}},
		"a replay is recognised after the token's own idle expiry": {2, func(t *testing.T, token storage.RefreshToken, g storage.Grant) error {
			_, err := f.rotate(token.Token, g.Client, token.IdleExpiresAt.Add(time.Hour))
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			token, g := f.family(t)
			_, err := f.rotate(token.Token, g.Client, f.now)
			noError(t, err)
			wantError(t, c.again(t, token, g), storage.ErrReplayed)
			f.dead(t, g, token.Family, c.generations)
		})
	}
	t.Run("a replay names the grant it ended", func(t *testing.T) {
		token, g := f.family(t)
		_, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
		now := f.now.Add(time.Hour)
		r, err := f.rotate(token.Token, g.Client, now)
		wantError(t, err, storage.ErrReplayed)
		wantEqual(t, r.Grant.ID, g.ID)
		wantEqual(t, r.Grant.RevokedAt, now)
		wantEqual(t, r.Token, storage.RefreshToken{})
		stored, _, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
		wantEqual(t, stored.RevokedAt, now)
	})
	t.Run("a replay of a grandparent revokes the grant", func(t *testing.T) {
		token, g := f.family(t)
		for i := range int64(3) {
			_, err := f.rotate(tokenOf(token.Family, i), g.Client, f.now)
			noError(t, err)
		}
		_, err := f.rotate(token.Token, g.Client, f.now)
		wantError(t, err, storage.ErrReplayed)
		f.dead(t, g, token.Family, 4)
	})
	t.Run("a replay in one family leaves the grants of others alone", func(t *testing.T) {
		token, g := f.family(t)
		other, og := f.family(t)
		_, err := f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
		_, err = f.rotate(token.Token, g.Client, f.now.Add(time.Hour))
		wantError(t, err, storage.ErrReplayed)
		_, err = f.rotate(other.Token, og.Client, f.now)
		noError(t, err)
	})
}

// dead checks that nothing of a family can be used any more, and that nothing was added to it.
func (f *fixture) dead(t *testing.T, g storage.Grant, family string, generations int64) {
	t.Helper()
	_, _, err := f.Grant(f.ctx, g.ID)
	wantError(t, err, storage.ErrRevoked)
	for i := range generations {
		_, err := f.rotate(tokenOf(family, i), g.Client, f.now)
		if !errors.Is(err, storage.ErrRevoked) && !errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("generation %d: %v", i, err)
		}
	}
	_, _, err = f.RefreshToken(f.ctx, tokenOf(family, generations))
	wantError(t, err, storage.ErrNotFound)
}
