package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// letIn writes a grant of a user and client, made at a time, and says which ones it ended.
func (f *fixture) letIn(t *testing.T, u storage.User, client storage.ClientRef, at time.Time, most int) (storage.Grant, []string) {
	t.Helper()
	g := f.grant(u, client)
	g.CreatedAt = at
	c := f.code(g)
	c.CreatedAt, c.ExpiresAt = at, at.Add(time.Minute)
	room := &storage.Room{Most: most}
	noError(t, f.CreateCode(f.ctx, c, g, nil, room))
	_, _, err := f.RedeemCode(f.ctx, c.Code, client, at, codeGrace, f.firstOfCode(), nil)
	noError(t, err)
	return g, room.Ended
}

// live lists the ids of the live grants of a user and client, the latest first.
func (f *fixture) live(t *testing.T, u storage.User, client storage.ClientRef) []string {
	t.Helper()
	app, err := f.App(f.ctx, u.ID, client.UID)
	noError(t, err)
	var ids []string
	for _, g := range app.Grants {
		ids = append(ids, g.ID)
	}
	return ids
}

func testRooms(t *testing.T, f *fixture) {
	t.Run("without a limit every grant stays", func(t *testing.T) {
		u, client := f.user(t), f.client()
		for i := range 5 {
			_, ended := f.letIn(t, u, client, f.now.Add(time.Duration(i)*time.Minute), 0)
			wantEqual(t, len(ended), 0)
		}
		wantEqual(t, len(f.live(t, u, client)), 5)
	})
	t.Run("one more than the limit ends the one that was not used for longest, with its tokens", func(t *testing.T) {
		u, client := f.user(t), f.client()
		var first storage.Redemption
		g := f.grant(u, client)
		c := f.code(g)
		noError(t, f.CreateCode(f.ctx, c, g, nil, &storage.Room{Most: 2}))
		first, err := f.exchange(c, f.now)
		noError(t, err)
		second, ended := f.letIn(t, u, client, f.now.Add(time.Minute), 2)
		wantEqual(t, len(ended), 0)
		// The older one is used meanwhile.
		later := f.now.Add(2 * time.Minute)
		rotated, err := f.Rotate(f.ctx, first.Token.Token, client, later, grace, nextAt(later), nil)
		noError(t, err)
		third, ended := f.letIn(t, u, client, f.now.Add(3*time.Minute), 2)
		wantEqual(t, ended, []string{second.ID})
		wantEqual(t, f.live(t, u, client), []string{third.ID, g.ID})
		_, _, err = f.Grant(f.ctx, second.ID)
		wantError(t, err, storage.ErrRevoked)
		_, ended = f.letIn(t, u, client, f.now.Add(4*time.Minute), 2)
		wantEqual(t, ended, []string{g.ID})
		_, err = f.Rotate(f.ctx, rotated.Token.Token, client, later, grace, nextAt(later), nil)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("a grant that nothing can redeem any more goes first", func(t *testing.T) {
		u, client := f.user(t), f.client()
		used, _ := f.letIn(t, u, client, f.now, 2)
		abandoned := f.grant(u, client)
		abandoned.CreatedAt = f.now.Add(time.Hour)
		noError(t, f.CreateCode(f.ctx, f.code(abandoned), abandoned, nil, &storage.Room{Most: 2}))
		_, ended := f.letIn(t, u, client, f.now.Add(2*time.Hour), 2)
		wantEqual(t, ended, []string{abandoned.ID})
		wantEqual(t, slices.Contains(f.live(t, u, client), used.ID), true)
	})
	t.Run("a lower limit ends as many as it takes, with the next grant", func(t *testing.T) {
		u, client := f.user(t), f.client()
		var ids []string
		for i := range 4 {
			g, _ := f.letIn(t, u, client, f.now.Add(time.Duration(i)*time.Minute), 4)
			ids = append(ids, g.ID)
		}
		last, ended := f.letIn(t, u, client, f.now.Add(time.Hour), 1)
		wantEqual(t, ended, ids)
		wantEqual(t, f.live(t, u, client), []string{last.ID})
	})
	t.Run("K05 others are left alone: other users, other clients, and the client of that name before", func(t *testing.T) {
		u, other, client := f.user(t), f.user(t), f.client()
		recreated := storage.ClientRef{ID: client.ID, UID: client.UID + "-2"}
		for _, g := range []struct {
			u storage.User
			c storage.ClientRef
		}{{u, client}, {other, client}, {u, f.client()}, {u, recreated}} {
			_, ended := f.letIn(t, g.u, g.c, f.now, 1)
			wantEqual(t, len(ended), 0)
			wantEqual(t, len(f.live(t, g.u, g.c)), 1)
		}
	})
	t.Run("a device makes room too", func(t *testing.T) {
		u, client := f.user(t), f.client()
		before, _ := f.letIn(t, u, client, f.now, 1)
		d := f.request(client)
		noError(t, f.CreateDevice(f.ctx, d, 10))
		g := f.grant(u, client)
		room := &storage.Room{Most: 1}
		noError(t, f.ApproveDevice(f.ctx, d.Code, g, f.now, room))
		wantEqual(t, room.Ended, []string{before.ID})
		wantError(t, f.ApproveDevice(f.ctx, d.Code, f.grant(u, client), f.now, &storage.Room{Most: 1}), storage.ErrConsumed)
		wantEqual(t, f.live(t, u, client), []string{g.ID})
	})
	t.Run("a code that is not written ends nothing", func(t *testing.T) {
		u, client := f.user(t), f.client()
		g := f.grant(u, client)
		c := f.code(g)
		noError(t, f.CreateCode(f.ctx, c, g, nil, &storage.Room{Most: 1}))
		again := f.grant(u, client)
		second := f.code(again)
		second.Request = c.Request
		wantError(t, f.CreateCode(f.ctx, second, again, nil, &storage.Room{Most: 1}), storage.ErrConsumed)
		clash := f.code(g)
		wantError(t, f.CreateCode(f.ctx, clash, g, nil, &storage.Room{Most: 1}), storage.ErrConflict)
		wantEqual(t, f.live(t, u, client), []string{g.ID})
	})
	t.Run("64 grants at once leave as many as may be", func(t *testing.T) {
		for range Rounds(2, 10, 100) {
			raceForRoom(t, f)
		}
	})
}

func raceForRoom(t *testing.T, f *fixture) {
	t.Helper()
	const many, most = 64, 3
	u, client := f.user(t), f.client()
	grants, rooms := make([]storage.Grant, many), make([]storage.Room, many)
	for i := range grants {
		grants[i] = f.grant(u, client)
		grants[i].CreatedAt = f.now.Add(time.Duration(i) * time.Microsecond)
		rooms[i].Most = most
	}
	results := atOnce(many, func(i int) error { return f.CreateCode(f.ctx, f.code(grants[i]), grants[i], nil, &rooms[i]) })
	tally(t, results, map[error]int{nil: many})
	left := f.live(t, u, client)
	wantEqual(t, len(left), most)
	ended := map[string]int{}
	for _, r := range rooms {
		for _, id := range r.Ended {
			ended[id]++
		}
	}
	wantEqual(t, len(ended), many-most) // each was told once
	for id, times := range ended {
		if times != 1 || slices.Contains(left, id) {
			t.Errorf("grant %s ended %d times and is live: %v", id, times, slices.Contains(left, id))
		}
	}
}
