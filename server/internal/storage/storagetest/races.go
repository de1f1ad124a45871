package storagetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// crowd is how many come at once.
const crowd = 64

// atOnce calls f from n goroutines that start together and returns what they returned.
func atOnce[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			results[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return results
}

// outcome is the answer to one of many.
type outcome struct {
	storage.Redemption
	err error
}

func testRaces(t *testing.T, f *fixture) {
	t.Run("F05 64 parallel polls after approval give exactly one success", func(t *testing.T) {
		for range Rounds(10, 200, 1000) {
			raceDevice(t, f)
		}
	})
	t.Run("D03 64 parallel uses of one refresh token give the same successor", func(t *testing.T) {
		for range Rounds(10, 200, 1000) {
			raceRefresh(t, f)
		}
	})
	t.Run("D02 64 parallel uses without a grace give at most one successor, and the grant has ended", func(t *testing.T) {
		for range Rounds(5, 50, 1000) {
			raceReplay(t, f)
		}
	})
	t.Run("D03 many that rotate on and on never fork a family", func(t *testing.T) {
		for range Rounds(2, 20, 200) {
			raceChain(t, f)
		}
	})
	t.Run("F06 approve, deny and approve raced give one final state", func(t *testing.T) {
		for range Rounds(10, 200, 1000) {
			raceDecision(t, f)
		}
	})
	t.Run("F08 many that want one user code: one gets it", func(t *testing.T) {
		for range Rounds(3, 20, 200) {
			user := f.hash()
			results := atOnce(crowd, func(int) error {
				d := f.request(f.client())
				d.UserCode = user
				return f.CreateDevice(f.ctx, d, 10)
			})
			tally(t, results, map[error]int{nil: 1, storage.ErrConflict: crowd - 1})
		}
	})
	t.Run("F13 many that start at once do not pass the limit", func(t *testing.T) {
		for range Rounds(3, 20, 200) {
			client := f.client()
			results := atOnce(crowd, func(int) error { return f.CreateDevice(f.ctx, f.request(client), 10) })
			tally(t, results, map[error]int{nil: 10, storage.ErrLimit: crowd - 10})
		}
	})
	t.Run("G02 64 parallel uses of one pushed request give exactly one success", func(t *testing.T) {
		for range Rounds(10, 200, 1000) {
			p := f.pushed(t)
			results := atOnce(crowd, func(int) error {
				_, err := f.UsePushedRequest(f.ctx, p.URI, p.Client, f.now)
				return err
			})
			tally(t, results, map[error]int{nil: 1, storage.ErrConsumed: crowd - 1})
		}
	})
	t.Run("G01 many that push at once do not pass the limit", func(t *testing.T) {
		for range Rounds(3, 20, 200) {
			client := f.client()
			results := atOnce(crowd, func(int) error { return f.PushRequest(f.ctx, f.push(client), 10) })
			tally(t, results, map[error]int{nil: 10, storage.ErrLimit: crowd - 10})
		}
	})
	t.Run("many that sign in at once for the first time are one account", func(t *testing.T) {
		for range Rounds(3, 20, 200) {
			subject := f.id("subject")
			ids := atOnce(crowd, func(int) string {
				u, err := f.SignedIn(f.ctx, storage.User{ID: f.id("user"), Provider: "provider", Subject: subject, CreatedAt: f.now, UpdatedAt: f.now})
				if err != nil {
					return err.Error()
				}
				return u.ID
			})
			for _, id := range ids {
				wantEqual(t, id, ids[0])
			}
		}
	})
	t.Run("B09, G03 64 parallel uses of one thing: exactly one is the first", func(t *testing.T) {
		for range Rounds(10, 200, 1000) {
			key := f.hash()
			results := atOnce(crowd, func(int) error {
				first, err := f.UseOnce(f.ctx, "race", key, f.now.Add(time.Minute))
				if err == nil && !first {
					return storage.ErrReplayed
				}
				return err
			})
			tally(t, results, map[error]int{nil: 1, storage.ErrReplayed: crowd - 1})
		}
	})
	t.Run("F07 no event is lost by a counter, and no two get the same count", func(t *testing.T) {
		key := f.id("key")
		counts := atOnce(crowd, func(int) int64 {
			n, _, err := f.Count(f.ctx, key, f.now, time.Minute)
			if err != nil {
				return -1
			}
			return n
		})
		seen := map[int64]bool{}
		for _, n := range counts {
			if n < 1 || n > crowd || seen[n] {
				t.Fatalf("counts are %v", counts)
			}
			seen[n] = true
		}
	})
	t.Run("H09 once a grant was revoked, no rotation and no look-up succeeds", func(t *testing.T) {
		raceRevocation(t, f, Rounds(100, 600, 10_000))
	})
	t.Run("D07 once a user was disabled, no approval and no redemption succeeds", func(t *testing.T) {
		for range Rounds(10, 100, 1000) {
			raceDisable(t, f)
		}
	})
}

// tally compares how often each error came.
func tally(t *testing.T, results []error, want map[error]int) {
	t.Helper()
	got := map[error]int{}
	for _, err := range results {
		known := err
		for sentinel := range want {
			if sentinel != nil && errors.Is(err, sentinel) {
				known = sentinel
			}
		}
		got[known]++
	}
	for err, n := range got {
		if want[err] != n {
			t.Fatalf("outcomes are %v, want %v", got, want)
		}
	}
}

func raceDevice(t *testing.T, f *fixture) {
	t.Helper()
	d, g := f.approved(t)
	results := atOnce(crowd, func(int) error {
		_, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, f.first())
		return err
	})
	tally(t, results, map[error]int{nil: 1, storage.ErrConsumed: crowd - 1})
	_, _, err := f.Grant(f.ctx, g.ID)
	noError(t, err)
}

func raceRefresh(t *testing.T, f *fixture) {
	t.Helper()
	token, g := f.family(t)
	fresh := 0
	for _, r := range atOnce(crowd, func(i int) outcome {
		r, err := f.rotate(token.Token, g.Client, f.now.Add(time.Duration(i)*time.Microsecond))
		return outcome{r, err}
	}) {
		noError(t, r.err)
		wantEqual(t, r.Token.Token, tokenOf(token.Family, 1))
		if !r.Retried {
			fresh++
		}
	}
	wantEqual(t, fresh, 1)
	f.oneHead(t, token.Family, 1)
}

// oneHead checks that a family is a chain up to the generation given, and that this alone is live.
func (f *fixture) oneHead(t *testing.T, family string, generation int64) {
	t.Helper()
	for i := range generation + 1 {
		r, _, err := f.RefreshToken(f.ctx, tokenOf(family, i))
		noError(t, err)
		wantEqual(t, r.Generation, i)
		if live := r.ConsumedAt.IsZero(); live != (i == generation) {
			t.Fatalf("generation %d of %d: live is %v", i, generation, live)
		}
	}
	_, _, err := f.RefreshToken(f.ctx, tokenOf(family, generation+1))
	wantError(t, err, storage.ErrNotFound)
}

func raceReplay(t *testing.T, f *fixture) {
	t.Helper()
	token, g := f.family(t)
	results := atOnce(crowd, func(int) error {
		_, err := f.Rotate(f.ctx, token.Token, g.Client, f.now, 0, nextAt(f.now), nil)
		return err
	})
	tally(t, results, map[error]int{nil: 1, storage.ErrReplayed: 1, storage.ErrRevoked: crowd - 2})
	f.dead(t, g, token.Family, 2)
}

// raceChain lets eight rotate whatever they hold, each going on from what it got. Within the grace, one that lags behind
// is a retry or a replay; whatever it is, there is one token per generation.
func raceChain(t *testing.T, f *fixture) {
	t.Helper()
	token, g := f.family(t)
	var (
		mu    sync.Mutex
		heads = map[int64]storage.Hash{}
	)
	errs := atOnce(8, func(int) error {
		at := token.Token
		for range 10 {
			r, err := f.rotate(at, g.Client, f.now)
			if errors.Is(err, storage.ErrReplayed) || errors.Is(err, storage.ErrRevoked) {
				return nil // it lagged behind by two; the grant has ended for all
			}
			if err != nil {
				return err
			}
			at = r.Token.Token
			mu.Lock()
			if have, ok := heads[r.Token.Generation]; ok && have != at {
				err = errors.New("a generation has two tokens")
			}
			heads[r.Token.Generation] = at
			mu.Unlock()
			if err != nil {
				return err
			}
		}
		return nil
	})
	noError(t, errors.Join(errs...))
	live := 0
	for generation := range int64(len(heads)) + 1 {
		r, _, err := f.RefreshToken(f.ctx, tokenOf(token.Family, generation))
		if err != nil {
			wantError(t, err, storage.ErrRevoked)
		}
		if r.ConsumedAt.IsZero() {
			live++
		}
	}
	wantEqual(t, live, 1)
}

func raceDecision(t *testing.T, f *fixture) {
	t.Helper()
	d := f.pending(t)
	u := f.user(t)
	grants := []storage.Grant{f.grant(u, d.Client), f.grant(u, d.Client)}
	results := atOnce(3, func(i int) error {
		if i == 2 {
			return f.DenyDevice(f.ctx, d.Code, f.now)
		}
		return f.ApproveDevice(f.ctx, d.Code, grants[i], f.now, nil)
	})
	tally(t, results, map[error]int{nil: 1, storage.ErrConsumed: 2})
	r, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, f.first())
	if results[2] == nil {
		wantError(t, err, storage.ErrDenied)
	} else {
		noError(t, err)
	}
	for i, g := range grants {
		_, _, err := f.Grant(f.ctx, g.ID)
		if results[i] != nil {
			wantError(t, err, storage.ErrNotFound)
			continue
		}
		noError(t, err)
		wantEqual(t, r.Grant.ID, g.ID)
	}
}

// raceRevocation rotates one family after the other while it is being revoked, many pairs at a time.
func raceRevocation(t *testing.T, f *fixture, pairs int) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(pairs))
	errs := atOnce(16, func(int) error {
		for left.Add(-1) >= 0 {
			if err := f.racePair(); err != nil {
				return err
			}
		}
		return nil
	})
	noError(t, errors.Join(errs...))
}

// racePair rotates a family until it is refused, and revokes the grant meanwhile.
func (f *fixture) racePair() error {
	made, err := f.makeFamily()
	if err != nil {
		return err
	}
	token, g := made.Token, made.Grant
	var (
		over   atomic.Bool
		before atomic.Int64
	)
	results := atOnce(2, func(i int) error {
		if i == 1 {
			err := f.RevokeGrant(f.ctx, g.ID, f.now)
			over.Store(true)
			return err
		}
		for generation := int64(0); ; generation++ {
			began := over.Load()
			_, err := f.rotate(tokenOf(token.Family, generation), g.Client, f.now)
			switch {
			case errors.Is(err, storage.ErrRevoked):
				return nil
			case err != nil:
				return err
			case began:
				return errors.New("a rotation that began after the revocation had returned succeeded")
			}
			before.Store(generation + 1)
		}
	})
	if err := errors.Join(results...); err != nil {
		return err
	}
	head := tokenOf(token.Family, before.Load())
	_, rotated := f.rotate(head, g.Client, f.now)
	_, _, found := f.RefreshToken(f.ctx, head)
	_, _, granted := f.Grant(f.ctx, g.ID)
	for _, err := range []error{rotated, found, granted} {
		if !errors.Is(err, storage.ErrRevoked) {
			return errors.Join(errors.New("something of a revoked grant is not revoked"), err)
		}
	}
	return nil
}

// raceDisable disables a user while a request is approved and redeemed.
func raceDisable(t *testing.T, f *fixture) {
	t.Helper()
	d, u := f.pending(t), f.user(t)
	g := f.grant(u, d.Client)
	results := atOnce(3, func(i int) error {
		switch i {
		case 0:
			return f.ApproveDevice(f.ctx, d.Code, g, f.now, nil)
		case 1:
			return f.DisableUser(f.ctx, u.ID, f.now)
		default:
			_, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, f.first())
			return err
		}
	})
	noError(t, results[1])
	_, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, f.first())
	if err == nil {
		t.Fatalf("redeemed for a disabled user; before: %v", results)
	}
	_, _, err = f.Grant(f.ctx, g.ID)
	if results[0] != nil {
		wantError(t, results[0], storage.ErrRevoked)
		wantError(t, err, storage.ErrNotFound)
	} else {
		wantError(t, err, storage.ErrRevoked)
	}
}
