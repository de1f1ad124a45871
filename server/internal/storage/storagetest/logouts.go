package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// queued makes so many deliveries for a new user.
func (f *fixture) queued(t *testing.T, n int, now time.Time) storage.User {
	t.Helper()
	u := f.user(t)
	s := f.session(u.ID)
	noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
	for range n {
		f.join(t, u.ID, s.SID, "openid")
	}
	noError(t, f.EndUserSession(f.ctx, u.ID, s.SID, now, everyone))
	return u
}

func testLogouts(t *testing.T, f *fixture) {
	claim := func(t *testing.T, now time.Time, limit int) []storage.LogoutDelivery {
		t.Helper()
		batch, err := f.ClaimLogouts(f.ctx, now, time.Minute, limit)
		noError(t, err)
		return batch
	}
	t.Run("a delivery says who is to be told of what, and is taken once a lease", func(t *testing.T) {
		u := f.queued(t, 1, f.now)
		wantEqual(t, len(claim(t, f.now.Add(-time.Second), 10)), 0)
		batch := claim(t, f.now, 10)
		wantEqual(t, len(batch), 1)
		d := batch[0]
		if d.ID == "" || d.SID == "" || d.Client.UID == "" || d.Client.ID == "" {
			t.Fatalf("delivery is %+v", d)
		}
		wantEqual(t, d, storage.LogoutDelivery{
			ID: d.ID, Client: d.Client, UserID: u.ID, SID: d.SID, DueAt: f.now.Add(time.Minute), CreatedAt: f.now,
		})
		wantEqual(t, len(claim(t, f.now.Add(59*time.Second), 10)), 0)
		wantEqual(t, len(claim(t, f.now.Add(time.Minute), 10)), 1)
		noError(t, f.LogoutDone(f.ctx, d.ID))
	})
	t.Run("one that was not heard is due again when it is said, counting", func(t *testing.T) {
		f.queued(t, 1, f.now)
		d := claim(t, f.now, 10)[0]
		for i := range 3 {
			due := f.now.Add(time.Duration(i+1) * time.Hour)
			noError(t, f.RetryLogout(f.ctx, d.ID, due))
			wantEqual(t, len(claim(t, due.Add(-time.Microsecond), 10)), 0)
			d = claim(t, due, 10)[0]
			wantEqual(t, d.Attempts, i+1)
		}
		noError(t, f.LogoutDone(f.ctx, d.ID))
		wantEqual(t, len(claim(t, f.now.Add(24*time.Hour), 10)), 0)
	})
	t.Run("what is gone is no error", func(t *testing.T) {
		noError(t, f.LogoutDone(f.ctx, "none"))
		noError(t, f.RetryLogout(f.ctx, "none", f.now))
	})
	t.Run("no more than the limit are taken, those that wait longest first", func(t *testing.T) {
		late, early := f.queued(t, 2, f.now.Add(time.Second)), f.queued(t, 2, f.now)
		var users []string
		for range 4 {
			batch := claim(t, f.now.Add(2*time.Second), 1)
			wantEqual(t, len(batch), 1)
			users = append(users, batch[0].UserID)
			noError(t, f.LogoutDone(f.ctx, batch[0].ID))
		}
		wantEqual(t, users, []string{early.ID, early.ID, late.ID, late.ID})
	})
	t.Run("many that work at once take each delivery once", func(t *testing.T) {
		f.queued(t, 40, f.now)
		var all []string
		for _, got := range atOnce(16, func(int) []string {
			batch, err := f.ClaimLogouts(f.ctx, f.now, time.Minute, 5)
			if err != nil {
				return []string{err.Error()}
			}
			ids := make([]string, 0, len(batch))
			for _, d := range batch {
				ids = append(ids, d.ID)
			}
			return ids
		}) {
			all = append(all, got...)
		}
		slices.Sort(all)
		wantEqual(t, len(all), 40)
		wantEqual(t, len(slices.Compact(all)), 40)
	})
}
