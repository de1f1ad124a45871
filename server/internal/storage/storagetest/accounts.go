package storagetest

import (
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func testUsers(t *testing.T, f *fixture) {
	t.Run("a first sign-in makes the account with the id given", func(t *testing.T) {
		u := f.user(t)
		got, err := f.User(f.ctx, u.ID)
		noError(t, err)
		wantEqual(t, got, u)
		wantEqual(t, u.Groups, []string{"staff", "a \"quoted\" one"})
		wantEqual(t, u.CreatedAt, f.now)
	})
	t.Run("a later sign-in keeps the id and takes the claims of now", func(t *testing.T) {
		u := f.user(t)
		later := f.now.Add(time.Hour)
		again := storage.User{
			ID: f.id("user"), Provider: u.Provider, Subject: u.Subject, Username: "new", Name: "New Name", Email: "new@example.com", CheckedAt: later, CreatedAt: later, UpdatedAt: later,
		}
		got, err := f.SignedIn(f.ctx, again)
		noError(t, err)
		want := again
		want.ID, want.CreatedAt, want.Kept = u.ID, u.CreatedAt, u.Kept
		wantEqual(t, got, want)
		stored, err := f.User(f.ctx, u.ID)
		noError(t, err)
		wantEqual(t, stored, want)
	})
	t.Run("D11 what a provider wants kept is replaced by what it says later, and stays when it says nothing", func(t *testing.T) {
		u := f.user(t)
		for _, next := range []struct{ given, want string }{{"next", "next"}, {"", "next"}, {"", "next"}, {"last", "last"}} {
			again := u
			again.ID, again.Kept = f.id("user"), nil
			if next.given != "" {
				again.Kept = []byte(next.given)
			}
			got, err := f.SignedIn(f.ctx, again)
			noError(t, err)
			wantEqual(t, string(got.Kept), next.want)
			stored, err := f.User(f.ctx, u.ID)
			noError(t, err)
			wantEqual(t, stored, got)
		}
		fresh := f.account()
		fresh.Kept = nil
		got, err := f.SignedIn(f.ctx, fresh)
		noError(t, err)
		wantEqual(t, got.Kept, []byte(nil))
		u.Kept = nil
		noError(t, f.CheckedUser(f.ctx, u)) // an answer without a sign-in says it all
		stored, err := f.User(f.ctx, u.ID)
		noError(t, err)
		wantEqual(t, stored.Kept, []byte(nil))
	})
	t.Run("the same e-mail address at another provider is another account", func(t *testing.T) {
		u := f.user(t)
		other := u
		other.ID, other.Provider = f.id("user"), "another provider"
		got, err := f.SignedIn(f.ctx, other)
		noError(t, err)
		wantEqual(t, got.ID, other.ID)
	})
	t.Run("an id is never given to a second account", func(t *testing.T) {
		u := f.user(t)
		other := u
		other.Subject = f.id("subject")
		_, err := f.SignedIn(f.ctx, other)
		wantError(t, err, storage.ErrConflict)
	})
	t.Run("times that are not given are those of the engine's clock", func(t *testing.T) {
		got, err := f.SignedIn(f.ctx, storage.User{ID: f.id("user"), Provider: "p", Subject: f.id("subject")})
		noError(t, err)
		if got.CreatedAt.IsZero() || !got.UpdatedAt.Equal(got.CreatedAt) || !got.CheckedAt.Equal(got.CreatedAt) {
			t.Fatalf("created %v, updated %v, checked %v", got.CreatedAt, got.UpdatedAt, got.CheckedAt)
		}
	})
	t.Run("an unknown account is not found", func(t *testing.T) {
		_, err := f.User(f.ctx, "nobody")
		wantError(t, err, storage.ErrNotFound)
		wantError(t, f.DisableUser(f.ctx, "nobody", f.now), storage.ErrNotFound)
	})
	t.Run("D07 a disabled account signs in no more, and its grants, tokens and sessions have ended", func(t *testing.T) {
		token, g := f.family(t)
		s := storage.Session{ID: f.hash(), UserID: g.UserID, AuthenticatedAt: f.now, ExpiresAt: f.now.Add(time.Hour)}
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		before, err := f.User(f.ctx, g.UserID)
		noError(t, err)
		noError(t, f.DisableUser(f.ctx, g.UserID, f.now.Add(time.Second)))

		_, err = f.SignedIn(f.ctx, before)
		wantError(t, err, storage.ErrRevoked)
		_, _, err = f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
		_, _, err = f.RefreshToken(f.ctx, token.Token)
		wantError(t, err, storage.ErrRevoked)
		_, err = f.rotate(token.Token, g.Client, f.now.Add(time.Second))
		wantError(t, err, storage.ErrRevoked)
		_, _, err = f.Session(f.ctx, s.ID, f.now)
		wantError(t, err, storage.ErrRevoked)
		got, err := f.User(f.ctx, g.UserID)
		noError(t, err)
		before.DisabledAt = f.now.Add(time.Second)
		wantEqual(t, got, before)
	})
	t.Run("disabling again changes nothing", func(t *testing.T) {
		u := f.user(t)
		noError(t, f.DisableUser(f.ctx, u.ID, f.now))
		noError(t, f.DisableUser(f.ctx, u.ID, f.now.Add(time.Hour)))
		got, err := f.User(f.ctx, u.ID)
		noError(t, err)
		wantEqual(t, got.DisabledAt, f.now)
	})
}

func testSessions(t *testing.T, f *fixture) {
	session := func(t *testing.T) storage.Session {
		t.Helper()
		s := f.session(f.user(t).ID)
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		return s
	}
	t.Run("a session of somebody of whom it is not known when they were authenticated stays one", func(t *testing.T) {
		s := f.session(f.user(t).ID)
		s.AuthenticatedAt = time.Time{}
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		got, _, err := f.Session(f.ctx, s.ID, f.now)
		noError(t, err)
		if !got.AuthenticatedAt.IsZero() || !got.SignedInAt().Equal(s.CreatedAt) {
			t.Errorf("authenticated at %v, signed in at %v", got.AuthenticatedAt, got.SignedInAt())
		}
	})
	t.Run("a session is found with its user", func(t *testing.T) {
		s := session(t)
		got, u, err := f.Session(f.ctx, s.ID, f.now)
		noError(t, err)
		wantEqual(t, got, s)
		wantEqual(t, u.ID, s.UserID)
		wantEqual(t, u.Groups, []string{"staff", "a \"quoted\" one"})
	})
	t.Run("a session ends at its expiry", func(t *testing.T) {
		s := session(t)
		_, _, err := f.Session(f.ctx, s.ID, s.ExpiresAt.Add(-time.Microsecond))
		noError(t, err)
		_, _, err = f.Session(f.ctx, s.ID, s.ExpiresAt)
		wantError(t, err, storage.ErrExpired)
	})
	t.Run("a new session ends the one it replaces and no other", func(t *testing.T) {
		old, other := session(t), session(t)
		s := old
		s.ID = f.hash()
		noError(t, f.CreateSession(f.ctx, s, old.ID))
		_, _, err := f.Session(f.ctx, old.ID, f.now)
		wantError(t, err, storage.ErrNotFound)
		_, _, err = f.Session(f.ctx, s.ID, f.now)
		noError(t, err)
		_, _, err = f.Session(f.ctx, other.ID, f.now)
		noError(t, err)
	})
	t.Run("a session that could not be made leaves the one it would replace", func(t *testing.T) {
		old, taken := session(t), session(t)
		s := taken
		wantError(t, f.CreateSession(f.ctx, s, old.ID), storage.ErrConflict)
		_, _, err := f.Session(f.ctx, old.ID, f.now)
		noError(t, err)
	})
	t.Run("a disabled user gets no session", func(t *testing.T) {
		u := f.user(t)
		noError(t, f.DisableUser(f.ctx, u.ID, f.now))
		s := storage.Session{ID: f.hash(), UserID: u.ID, AuthenticatedAt: f.now, ExpiresAt: f.now.Add(time.Hour)}
		wantError(t, f.CreateSession(f.ctx, s, storage.Hash{}), storage.ErrRevoked)
	})
	t.Run("a session that was ended is gone, and ending it again is no error", func(t *testing.T) {
		s := session(t)
		noError(t, f.EndSession(f.ctx, s.ID))
		noError(t, f.EndSession(f.ctx, s.ID))
		_, _, err := f.Session(f.ctx, s.ID, f.now)
		wantError(t, err, storage.ErrNotFound)
	})
}

func testGrants(t *testing.T, f *fixture) {
	t.Run("a grant is found as it was approved, with its user", func(t *testing.T) {
		d := f.pending(t)
		u := f.user(t)
		g := f.grant(u, d.Client)
		noError(t, f.ApproveDevice(f.ctx, d.Code, g, f.now, nil))
		got, user, err := f.Grant(f.ctx, g.ID)
		noError(t, err)
		wantEqual(t, got, g)
		wantEqual(t, user, u)
	})
	t.Run("a grant without details or audience has none", func(t *testing.T) {
		d := f.pending(t)
		g := storage.Grant{ID: f.id("grant"), UserID: f.user(t).ID, Client: d.Client, CreatedAt: f.now}
		noError(t, f.ApproveDevice(f.ctx, d.Code, g, f.now, nil))
		got, _, err := f.Grant(f.ctx, g.ID)
		noError(t, err)
		wantEqual(t, got, g)
	})
	t.Run("an unknown grant is not found", func(t *testing.T) {
		_, _, err := f.Grant(f.ctx, "none")
		wantError(t, err, storage.ErrNotFound)
		wantError(t, f.RevokeGrant(f.ctx, "none", f.now), storage.ErrNotFound)
	})
	t.Run("H07 revoking a grant ends its refresh tokens, and it comes back with the error", func(t *testing.T) {
		token, g := f.family(t)
		noError(t, f.RevokeGrant(f.ctx, g.ID, f.now.Add(time.Second)))
		got, u, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
		wantEqual(t, got.RevokedAt, f.now.Add(time.Second))
		wantEqual(t, u.ID, g.UserID)
		_, err = f.rotate(token.Token, g.Client, f.now.Add(time.Second))
		wantError(t, err, storage.ErrRevoked)
		r, got, err := f.RefreshToken(f.ctx, token.Token)
		wantError(t, err, storage.ErrRevoked)
		wantEqual(t, r, token)
		wantEqual(t, got.ID, g.ID)
	})
	t.Run("revoking again is no error and keeps the time of the first", func(t *testing.T) {
		_, g := f.family(t)
		noError(t, f.RevokeGrant(f.ctx, g.ID, f.now))
		noError(t, f.RevokeGrant(f.ctx, g.ID, f.now.Add(time.Hour)))
		got, _, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
		wantEqual(t, got.RevokedAt, f.now)
	})
	t.Run("a clock that goes back does not bring a revoked grant to life", func(t *testing.T) {
		token, g := f.family(t)
		noError(t, f.RevokeGrant(f.ctx, g.ID, f.now.Add(2*time.Hour)))
		_, err := f.rotate(token.Token, g.Client, f.now)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("the grants of a client end together, those of others stay, and the live ones are counted", func(t *testing.T) {
		client := f.client()
		var ids []string
		for range 3 {
			d := f.request(client)
			noError(t, f.CreateDevice(f.ctx, d, 10))
			g := f.grant(f.user(t), client)
			noError(t, f.ApproveDevice(f.ctx, d.Code, g, f.now, nil))
			ids = append(ids, g.ID)
		}
		_, other := f.family(t)
		noError(t, f.RevokeGrant(f.ctx, ids[0], f.now))
		n, err := f.RevokeClientGrants(f.ctx, client.UID, f.now)
		noError(t, err)
		wantEqual(t, n, 2)
		for _, id := range ids {
			_, _, err := f.Grant(f.ctx, id)
			wantError(t, err, storage.ErrRevoked)
		}
		_, _, err = f.Grant(f.ctx, other.ID)
		noError(t, err)
		n, err = f.RevokeClientGrants(f.ctx, client.UID, f.now)
		noError(t, err)
		wantEqual(t, n, 0)
	})
}
