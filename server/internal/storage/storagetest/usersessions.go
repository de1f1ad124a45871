package storagetest

import (
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func testUserSessions(t *testing.T, f *fixture) {
	signedIn := func(t *testing.T, userID string, age time.Duration) storage.Session {
		t.Helper()
		s := f.session(userID)
		s.CreatedAt = f.now.Add(-age)
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		return s
	}
	t.Run("a user's live sessions are listed without their hashes, the latest first, up to a limit", func(t *testing.T) {
		u := f.user(t)
		old, latest := signedIn(t, u.ID, time.Hour), signedIn(t, u.ID, 0)
		expired := f.session(u.ID)
		expired.ExpiresAt = f.now
		noError(t, f.CreateSession(f.ctx, expired, storage.Hash{}))
		signedIn(t, f.user(t).ID, 0)
		got, err := f.UserSessions(f.ctx, u.ID, f.now, 10)
		noError(t, err)
		old.ID, latest.ID = storage.Hash{}, storage.Hash{}
		wantEqual(t, got, []storage.Session{latest, old})
		got, err = f.UserSessions(f.ctx, u.ID, f.now, 1)
		noError(t, err)
		wantEqual(t, got, []storage.Session{latest})
	})
	t.Run("a session keeps its name when the cookie's value changes", func(t *testing.T) {
		s := signedIn(t, f.user(t).ID, 0)
		renewed := s
		renewed.ID = f.hash()
		noError(t, f.CreateSession(f.ctx, renewed, s.ID))
		got, _, err := f.Session(f.ctx, renewed.ID, f.now)
		noError(t, err)
		wantEqual(t, got.SID, s.SID)
		list, err := f.UserSessions(f.ctx, s.UserID, f.now, 10)
		noError(t, err)
		wantEqual(t, len(list), 1)
	})
	t.Run("a session that does not say when it was made was made now", func(t *testing.T) {
		s := f.session(f.user(t).ID)
		s.CreatedAt = time.Time{}
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		got, _, err := f.Session(f.ctx, s.ID, f.now)
		noError(t, err)
		wantEqual(t, got.CreatedAt.IsZero(), false)
	})
	t.Run("the sessions of a disabled user are not live", func(t *testing.T) {
		s := signedIn(t, f.user(t).ID, 0)
		noError(t, f.DisableUser(f.ctx, s.UserID, f.now))
		list, err := f.UserSessions(f.ctx, s.UserID, f.now, 10)
		noError(t, err)
		wantEqual(t, len(list), 0)
		wantError(t, f.EndUserSession(f.ctx, s.UserID, s.SID, f.now, nil), storage.ErrNotFound)
	})
	testEndedSessions(t, f)
}

// party is one client with a grant that was made in a session.
type party struct {
	client storage.ClientRef
	grant  storage.Grant
}

// join lets a new client be authorized in a session.
func (f *fixture) join(t *testing.T, userID, sid string, scopes ...string) party {
	t.Helper()
	g := f.grant(storage.User{ID: userID}, f.client())
	g.SID, g.Scopes = sid, scopes
	noError(t, f.CreateCode(f.ctx, f.code(g), g, nil, nil))
	return party{g.Client, g}
}

// alive reports whether a grant can be used.
func (f *fixture) alive(t *testing.T, g storage.Grant) bool {
	t.Helper()
	_, _, err := f.Grant(f.ctx, g.ID)
	if err != nil {
		wantError(t, err, storage.ErrRevoked)
	}
	return err == nil
}

// claimed takes all deliveries for a user away and returns what each client is told: its UID and the SID.
func (f *fixture) claimed(t *testing.T, userID string, now time.Time) map[string]string {
	t.Helper()
	told := map[string]string{}
	for {
		batch, err := f.ClaimLogouts(f.ctx, now, time.Hour, 10)
		noError(t, err)
		if len(batch) == 0 {
			return told
		}
		for _, d := range batch {
			noError(t, f.LogoutDone(f.ctx, d.ID))
			if d.UserID != userID {
				continue
			}
			if _, twice := told[d.Client.UID]; twice {
				t.Fatalf("%s is told twice", d.Client.ID)
			}
			told[d.Client.UID] = d.SID
		}
	}
}

func everyone(storage.ClientRef) bool { return true }

func testEndedSessions(t *testing.T, f *fixture) {
	t.Run("ending a session tells its clients, and ends their grants unless they may work offline", func(t *testing.T) {
		u := f.user(t)
		s, other := f.session(u.ID), f.session(u.ID)
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		noError(t, f.CreateSession(f.ctx, other, storage.Hash{}))
		online := f.join(t, u.ID, s.SID, "openid", "orders:read")
		offline := f.join(t, u.ID, s.SID, "openid", "offline_access")
		api := f.join(t, u.ID, s.SID, "orders:read")
		lookalike := f.join(t, u.ID, s.SID, "openid2", "myopenid")
		elsewhere := f.join(t, u.ID, other.SID, "openid")
		device := f.join(t, u.ID, "", "openid")
		silent := f.join(t, u.ID, s.SID, "openid")
		revoked := f.join(t, u.ID, s.SID, "openid")
		noError(t, f.RevokeGrant(f.ctx, revoked.grant.ID, f.now))

		var asked []string
		noError(t, f.EndUserSession(f.ctx, u.ID, s.SID, f.now, func(c storage.ClientRef) bool {
			asked = append(asked, c.ID)
			return c != silent.client
		}))
		wantEqual(t, len(asked), 4)
		wantEqual(t, f.claimed(t, u.ID, f.now), map[string]string{online.client.UID: s.SID, offline.client.UID: s.SID, revoked.client.UID: s.SID})
		for name, c := range map[string]struct {
			party
			alive bool
		}{
			"online": {online, false}, "offline": {offline, true}, "no openid": {api, true}, "looks like openid": {lookalike, true},
			"another session": {elsewhere, true}, "no session": {device, true}, "not told": {silent, false},
		} {
			if f.alive(t, c.grant) != c.alive {
				t.Errorf("%s: alive is %v", name, !c.alive)
			}
		}
		_, _, err := f.Session(f.ctx, s.ID, f.now)
		wantError(t, err, storage.ErrNotFound)
		_, _, err = f.Session(f.ctx, other.ID, f.now)
		noError(t, err)
		wantError(t, f.EndUserSession(f.ctx, u.ID, s.SID, f.now, everyone), storage.ErrNotFound)
		wantEqual(t, len(f.claimed(t, u.ID, f.now)), 0)
	})
	t.Run("a client with many grants of one session is told once", func(t *testing.T) {
		u := f.user(t)
		s := f.session(u.ID)
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		p := f.join(t, u.ID, s.SID, "openid")
		for range 3 {
			g := f.grant(u, p.client)
			g.SID = s.SID
			noError(t, f.CreateCode(f.ctx, f.code(g), g, nil, nil))
		}
		noError(t, f.EndUserSession(f.ctx, u.ID, s.SID, f.now, everyone))
		wantEqual(t, f.claimed(t, u.ID, f.now), map[string]string{p.client.UID: s.SID})
	})
	t.Run("H10 a session of somebody else, or one that has expired, is not found, and nothing ends", func(t *testing.T) {
		u, stranger := f.user(t), f.user(t)
		s := f.session(u.ID)
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		p := f.join(t, u.ID, s.SID, "openid")
		wantError(t, f.EndUserSession(f.ctx, stranger.ID, s.SID, f.now, everyone), storage.ErrNotFound)
		wantError(t, f.EndUserSession(f.ctx, u.ID, f.id("sid"), f.now, everyone), storage.ErrNotFound)
		wantError(t, f.EndUserSession(f.ctx, u.ID, s.SID, s.ExpiresAt, everyone), storage.ErrNotFound)
		_, _, err := f.Session(f.ctx, s.ID, f.now)
		noError(t, err)
		wantEqual(t, f.alive(t, p.grant), true)
		wantEqual(t, len(f.claimed(t, u.ID, f.now)), 0)
	})
	t.Run("without a name all sessions end, and each client is told once of all of them", func(t *testing.T) {
		u, stranger := f.user(t), f.user(t)
		first, second, foreign := f.session(u.ID), f.session(u.ID), f.session(stranger.ID)
		for _, s := range []storage.Session{first, second, foreign} {
			noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		}
		a := f.join(t, u.ID, first.SID, "openid")
		b := f.join(t, u.ID, second.SID, "openid", "offline_access")
		again := f.grant(u, a.client)
		again.SID = second.SID
		noError(t, f.CreateCode(f.ctx, f.code(again), again, nil, nil))
		gone := f.join(t, u.ID, f.id("sid"), "openid") // its session has long expired
		device := f.join(t, u.ID, "", "openid")
		c := f.join(t, stranger.ID, foreign.SID, "openid")
		noError(t, f.EndUserSession(f.ctx, u.ID, "", f.now, everyone))
		wantEqual(t, f.claimed(t, u.ID, f.now), map[string]string{a.client.UID: "", b.client.UID: "", gone.client.UID: ""})
		list, err := f.UserSessions(f.ctx, u.ID, f.now, 10)
		noError(t, err)
		wantEqual(t, len(list), 0)
		for i, g := range []storage.Grant{a.grant, again, gone.grant, b.grant, device.grant, c.grant} {
			if f.alive(t, g) != (i > 2) {
				t.Errorf("grant %d: alive is %v", i, i <= 2)
			}
		}
		_, _, err = f.Session(f.ctx, foreign.ID, f.now)
		noError(t, err)
		noError(t, f.EndUserSession(f.ctx, u.ID, "", f.now, nil))
	})
}
