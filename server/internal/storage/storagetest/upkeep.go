package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func testRevocations(t *testing.T, f *fixture) {
	t.Run("a revoked token id is remembered, others are not", func(t *testing.T) {
		jti := f.id("jti")
		noError(t, f.RevokeToken(f.ctx, jti, f.now.Add(time.Minute)))
		revoked, err := f.TokenRevoked(f.ctx, jti)
		noError(t, err)
		wantEqual(t, revoked, true)
		revoked, err = f.TokenRevoked(f.ctx, f.id("jti"))
		noError(t, err)
		wantEqual(t, revoked, false)
	})
	t.Run("revoking again is no error", func(t *testing.T) {
		jti := f.id("jti")
		noError(t, f.RevokeToken(f.ctx, jti, f.now.Add(time.Minute)))
		noError(t, f.RevokeToken(f.ctx, jti, f.now))
	})
}

func testUses(t *testing.T, f *fixture) {
	use := func(t *testing.T, kind string, key storage.Hash, expires time.Time, want bool) {
		t.Helper()
		first, err := f.UseOnce(f.ctx, kind, key, expires)
		noError(t, err)
		wantEqual(t, first, want)
	}
	t.Run("the first use is the only one", func(t *testing.T) {
		key := f.hash()
		use(t, "proof", key, f.now.Add(time.Minute), true)
		use(t, "proof", key, f.now.Add(time.Minute), false)
		use(t, "proof", key, f.now.Add(time.Hour), false)
	})
	t.Run("other things, and things of another kind, are used by themselves", func(t *testing.T) {
		key := f.hash()
		use(t, "proof", key, f.now.Add(time.Minute), true)
		use(t, "assertion", key, f.now.Add(time.Minute), true)
		use(t, "proof", f.hash(), f.now.Add(time.Minute), true)
	})
	t.Run("a use is remembered for ten minutes longer than the thing lives, and then collected", func(t *testing.T) {
		key, end := f.hash(), f.now.Add(time.Minute)
		use(t, "proof", key, end, true)
		f.collect(t, end.Add(10*time.Minute-time.Microsecond))
		use(t, "proof", key, end, false)
		f.collect(t, end.Add(10*time.Minute))
		use(t, "proof", key, end, true)
	})
	t.Run("collection takes no more than its limit, and leaves nothing in the end", func(t *testing.T) {
		f.collect(t, f.now.Add(2*time.Hour))
		for range 30 {
			use(t, "flood", f.hash(), f.now.Add(time.Minute), true)
		}
		for _, want := range []int64{12, 12, 6, 0} {
			n, err := f.Collect(f.ctx, f.now.Add(2*time.Hour), 12)
			noError(t, err)
			wantEqual(t, n, want)
		}
	})
	t.Run("whoever has given up used nothing", func(t *testing.T) {
		gone, cancel := context.WithCancel(f.ctx)
		cancel()
		key := f.hash()
		_, err := f.UseOnce(gone, "proof", key, f.now.Add(time.Minute))
		wantError(t, err, context.Canceled)
		use(t, "proof", key, f.now.Add(time.Minute), true)
	})
}

func testCounters(t *testing.T, f *fixture) {
	const window = 10 * time.Minute
	count := func(t *testing.T, key string, after time.Duration) (int64, time.Time) {
		t.Helper()
		n, ends, err := f.Count(f.ctx, key, f.now.Add(after), window)
		noError(t, err)
		got, until, err := f.Counted(f.ctx, key, f.now.Add(after))
		noError(t, err)
		wantEqual(t, got, n)
		wantEqual(t, until, ends)
		return n, ends
	}
	t.Run("a window is fixed from its first event", func(t *testing.T) {
		key := f.id("key")
		for i := range int64(5) {
			n, ends := count(t, key, time.Duration(i)*time.Minute)
			wantEqual(t, n, i+1)
			wantEqual(t, ends, f.now.Add(window))
		}
	})
	t.Run("after its end the next event begins another", func(t *testing.T) {
		key := f.id("key")
		count(t, key, 0)
		count(t, key, window-time.Microsecond)
		n, ends := count(t, key, window+time.Microsecond)
		wantEqual(t, n, 1)
		wantEqual(t, ends, f.now.Add(2*window+time.Microsecond))
	})
	t.Run("reading adds nothing, and nothing is counted of what never happened or is over", func(t *testing.T) {
		key := f.id("key")
		n, ends, err := f.Counted(f.ctx, key, f.now)
		noError(t, err)
		wantEqual(t, n, 0)
		wantEqual(t, ends, time.Time{})
		count(t, key, 0)
		n, _, err = f.Counted(f.ctx, key, f.now.Add(window+time.Microsecond))
		noError(t, err)
		wantEqual(t, n, 0)
	})
	t.Run("keys do not share a counter", func(t *testing.T) {
		a, b := f.id("key"), f.id("key")
		count(t, a, 0)
		n, _ := count(t, b, 0)
		wantEqual(t, n, 1)
	})
	t.Run("a clock that goes back neither forgets nor locks out for longer than a window", func(t *testing.T) {
		key := f.id("key")
		count(t, key, time.Hour)
		n, ends := count(t, key, 0)
		wantEqual(t, n, 2)
		wantEqual(t, ends, f.now.Add(window))
	})
}

func testEngine(t *testing.T, f *fixture) {
	t.Run("a healthy engine answers a ping", func(t *testing.T) {
		noError(t, f.Ping(f.ctx))
		noError(t, f.Ping(f.ctx))
	})
	t.Run("whoever has given up is not served", func(t *testing.T) {
		token, g := f.family(t)
		gone, cancel := context.WithCancel(f.ctx)
		cancel()
		_, err := f.Rotate(gone, token.Token, g.Client, f.now, grace, nextAt(f.now), nil)
		wantError(t, err, context.Canceled)
		wantError(t, f.RevokeGrant(gone, g.ID, f.now), context.Canceled)
		_, _, err = f.Grant(gone, g.ID)
		wantError(t, err, context.Canceled)
		_, err = f.rotate(token.Token, g.Client, f.now)
		noError(t, err)
	})
	t.Run("D12 one that gives up while it is being served leaves a whole or nothing", func(t *testing.T) {
		token, g := f.family(t)
		leaving, cancel := context.WithCancel(f.ctx)
		_, err := f.Rotate(leaving, token.Token, g.Client, f.now, grace, nextAt(f.now), func(storage.RefreshToken, storage.Grant, storage.User) error {
			cancel()
			return nil
		})
		r, retry := f.rotate(token.Token, g.Client, f.now)
		noError(t, retry)
		if err == nil {
			wantEqual(t, r.Retried, true)
		}
		wantEqual(t, r.Token.Token, tokenOf(token.Family, 1))
	})
}

// collect removes all that can go at a time.
func (f *fixture) collect(t *testing.T, at time.Time) {
	t.Helper()
	for {
		n, err := f.Collect(f.ctx, at, 100)
		noError(t, err)
		if n == 0 {
			return
		}
	}
}

func testCollect(t *testing.T, open func(t *testing.T) storage.Storage) {
	f := newFixture(t, open)
	collect := func(t *testing.T, at time.Time) { f.collect(t, at) }
	token, g := f.family(t)
	r, err := f.rotate(token.Token, g.Client, f.now)
	noError(t, err)
	pending := f.pending(t)
	session := storage.Session{ID: f.hash(), UserID: g.UserID, AuthenticatedAt: f.now, ExpiresAt: f.now.Add(time.Hour)}
	noError(t, f.CreateSession(f.ctx, session, storage.Hash{}))
	noError(t, f.RevokeToken(f.ctx, "jti", f.now.Add(time.Hour)))
	_, ends, err := f.Count(f.ctx, "key", f.now, time.Hour)
	noError(t, err)

	// One story in order of time.
	t.Run("nothing goes before it has expired", func(t *testing.T) {
		n, err := f.Collect(f.ctx, f.now, 100)
		noError(t, err)
		wantEqual(t, n, 0)
		_, err = f.DeviceByUserCode(f.ctx, pending.UserCode, f.now)
		noError(t, err)
		_, _, err = f.Session(f.ctx, session.ID, f.now)
		noError(t, err)
	})
	t.Run("an expired device request is still told apart from an unknown one", func(t *testing.T) {
		collect(t, pending.ExpiresAt)
		_, err := f.RedeemDevice(f.ctx, pending.Code, pending.Client, pending.ExpiresAt, nil)
		wantError(t, err, storage.ErrExpired)
	})
	t.Run("F13 device requests are gone two lifetimes after they expired", func(t *testing.T) {
		collect(t, pending.ExpiresAt.Add(2*lifetime))
		_, err := f.RedeemDevice(f.ctx, pending.Code, pending.Client, pending.ExpiresAt, nil)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("sessions and counters go when they are over", func(t *testing.T) {
		collect(t, f.now.Add(2*time.Hour))
		_, _, err := f.Session(f.ctx, session.ID, f.now)
		wantError(t, err, storage.ErrNotFound)
		n, _, err := f.Counted(f.ctx, "key", ends)
		noError(t, err)
		wantEqual(t, n, 0)
	})
	t.Run("a revoked token id outlives the token by more than a clock may go back", func(t *testing.T) {
		collect(t, f.now.Add(2*time.Hour))
		revoked, err := f.TokenRevoked(f.ctx, "jti")
		noError(t, err)
		wantEqual(t, revoked, true)
		collect(t, f.now.Add(26*time.Hour))
		revoked, err = f.TokenRevoked(f.ctx, "jti")
		noError(t, err)
		wantEqual(t, revoked, false)
	})
	t.Run("a consumed refresh token betrays a replay until its family has expired", func(t *testing.T) {
		late := token.ExpiresAt.Add(-time.Second)
		collect(t, late)
		stored, _, err := f.RefreshToken(f.ctx, token.Token)
		noError(t, err)
		wantEqual(t, stored.ConsumedAt, f.now)
		_, err = f.rotate(token.Token, g.Client, late)
		wantError(t, err, storage.ErrReplayed)
	})
	t.Run("an expired family goes, its grant stays while an access token could live", func(t *testing.T) {
		collect(t, token.ExpiresAt)
		for _, hash := range []storage.Hash{token.Token, r.Token.Token} {
			_, _, err := f.RefreshToken(f.ctx, hash)
			wantError(t, err, storage.ErrNotFound)
		}
		collect(t, token.ExpiresAt.Add(30*24*time.Hour))
		_, _, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("a grant that has long ended goes, its user stays", func(t *testing.T) {
		collect(t, token.ExpiresAt.Add(32*24*time.Hour))
		_, _, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrNotFound)
		_, err = f.User(f.ctx, g.UserID)
		noError(t, err)
	})
	testCollectPeople(t, newFixture(t, open))
	t.Run("one round removes no more than the limit of each kind", func(t *testing.T) {
		f := newFixture(t, open)
		for range 5 {
			noError(t, f.RevokeToken(f.ctx, f.id("jti"), f.now))
		}
		for _, want := range []int64{2, 2, 1, 0} {
			n, err := f.Collect(f.ctx, f.now.Add(48*time.Hour), 2)
			noError(t, err)
			wantEqual(t, n, want)
		}
	})
}

func testCollectPeople(t *testing.T, f *fixture) {
	redeemed, g := f.coded(t)
	_, _, err := f.RedeemCode(f.ctx, redeemed.Code, redeemed.Client, f.now, 0, refusing(nil), nil)
	noError(t, err)
	unused, idle := f.coded(t)
	f.queued(t, 1, f.now)
	disabled := f.session(f.user(t).ID)
	disabled.ExpiresAt = f.now.Add(30 * 24 * time.Hour)
	noError(t, f.CreateSession(f.ctx, disabled, storage.Hash{}))
	noError(t, f.DisableUser(f.ctx, disabled.UserID, f.now))
	day := redeemed.ExpiresAt.Add(24 * time.Hour)

	// One story in order of time.
	t.Run("a delivery that nobody finished goes when it is a day old", func(t *testing.T) {
		for age, want := range []int{1, 0} {
			f.collect(t, f.now.Add(24*time.Hour+time.Duration(age-1)*time.Microsecond))
			batch, err := f.ClaimLogouts(f.ctx, f.now, 0, 10)
			noError(t, err)
			wantEqual(t, len(batch), want)
		}
	})
	t.Run("nothing of codes goes for a day", func(t *testing.T) {
		f.collect(t, day.Add(-time.Microsecond))
		for _, c := range []storage.Code{redeemed, unused} {
			again := f.grant(storage.User{ID: g.UserID}, c.Client)
			second := f.code(again)
			second.Request = c.Request
			wantError(t, f.CreateCode(f.ctx, second, again, nil, nil), storage.ErrConsumed)
		}
		_, err := f.exchange(unused, unused.ExpiresAt)
		wantError(t, err, storage.ErrExpired)
	})
	t.Run("a session that was ended goes before it would have expired", func(t *testing.T) {
		_, _, err := f.Session(f.ctx, disabled.ID, f.now)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("C06 a replay on the last moment of that day still ends the grant", func(t *testing.T) {
		_, err := f.exchange(redeemed, day)
		wantError(t, err, storage.ErrReplayed)
		_, _, err = f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("after it codes go, with the grant of one that was never redeemed; the other grant stays while a token could live", func(t *testing.T) {
		f.collect(t, day)
		for _, c := range []storage.Code{redeemed, unused} {
			_, err := f.exchange(c, f.now)
			wantError(t, err, storage.ErrNotFound)
		}
		_, _, err := f.Grant(f.ctx, idle.ID)
		wantError(t, err, storage.ErrNotFound)
		f.collect(t, f.now.Add(30*24*time.Hour))
		_, _, err = f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
		f.collect(t, f.now.Add(32*24*time.Hour))
		_, _, err = f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrNotFound)
	})
}
