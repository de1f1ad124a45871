package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const grantColumns = `g.id, g.user_id, g.client_id, g.client_uid, g.scopes, g.audience, g.authorization_details, g.authenticated_at, g.methods, g.claims, g.sid, g.created_at, g.last_used_at, g.revoked_at`

const (
	// A user who was disabled meanwhile grants nothing, whatever was read before.
	insertGrant = `INSERT INTO grants (id, user_id, client_id, client_uid, scopes, audience, authorization_details, authenticated_at, methods, created_at, last_used_at, revoked_at, collect_at, claims, sid)
SELECT ?1, u.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15 FROM users u WHERE u.id = ?2 AND u.disabled_at IS NULL`

	selectGrant = `SELECT ` + grantColumns + `, ` + userColumns + ` FROM grants g JOIN users u ON u.id = g.user_id WHERE g.id = ?`

	// All of one client and user: there are few.
	selectLiveGrants = `SELECT g.id, g.created_at, g.last_used_at FROM grants g
WHERE g.user_id = ? AND g.client_uid = ? AND g.revoked_at IS NULL ORDER BY g.created_at`

	revokeGrant        = `UPDATE grants SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?`
	touchGrant         = `UPDATE grants SET last_used_at = ? WHERE id = ?`
	revokeClientGrants = `UPDATE grants SET revoked_at = ? WHERE client_uid = ? AND revoked_at IS NULL`
)

// grantKept is how long a grant is kept after nothing of it can be used any more. An access token lives far shorter, so
// that "there is no such grant" never means "not revoked".
const grantKept = 31 * 24 * time.Hour

// grantInto lists where grantColumns go.
func grantInto(g *storage.Grant) []any {
	return []any{
		&g.ID, &g.UserID, &g.Client.ID, &g.Client.UID, listInto{&g.Scopes}, listInto{&g.Audience}, jsonInto{&g.AuthorizationDetails},
		timeInto{&g.AuthenticatedAt}, listInto{&g.Methods}, jsonInto{&g.Claims}, &g.SID, timeInto{&g.CreatedAt}, timeInto{&g.LastUsedAt}, timeInto{&g.RevokedAt},
	}
}

// ended reports whether nothing of g may be used: it or its user was ended.
func ended(g *storage.Grant, u *storage.User) bool {
	return !g.RevokedAt.IsZero() || !u.DisabledAt.IsZero()
}

// addGrant writes g, created now unless it says otherwise, to be kept until collect unless a redemption prolongs it.
func (t *tx) addGrant(g storage.Grant, now, collect time.Time) error {
	scopes, err := encodeList(g.Scopes)
	if err != nil {
		return err
	}
	audience, err := encodeList(g.Audience)
	if err != nil {
		return err
	}
	methods, err := encodeList(g.Methods)
	if err != nil {
		return err
	}
	if g.CreatedAt.IsZero() {
		g.CreatedAt = now
	}
	n, err := t.exec(insertGrant, g.ID, g.UserID, g.Client.ID, g.Client.UID, scopes, audience, rawJSON(g.AuthorizationDetails), micros(g.AuthenticatedAt), methods,
		g.CreatedAt.UnixMicro(), micros(g.LastUsedAt), micros(g.RevokedAt), collect.UnixMicro(), rawJSON(g.Claims), g.SID)
	if err == nil && n == 0 {
		return t.requireUser(g.UserID)
	}
	return conflict(err)
}

// redeemable is how long after it was made a grant may still be redeemed for the first time: codes and device codes live shorter.
const redeemable = 15 * time.Minute

// makeRoom ends what has to go for one more grant of a user and client.
func (t *tx) makeRoom(g *storage.Grant, now time.Time, room *storage.Room) error {
	if room == nil || room.Most <= 0 {
		return nil
	}
	room.Ended = nil
	var live []storage.Grant
	err := t.queryRows(selectLiveGrants, []any{g.UserID, g.Client.UID}, into(&live, func(g *storage.Grant) []any {
		return []any{&g.ID, timeInto{&g.CreatedAt}, timeInto{&g.LastUsedAt}}
	}))
	excess := len(live) - (room.Most - 1)
	if err != nil || excess <= 0 {
		return err
	}
	lost := func(g storage.Grant) bool { return g.LastUsedAt.IsZero() && now.Sub(g.CreatedAt) > redeemable }
	used := func(g storage.Grant) time.Time {
		if g.LastUsedAt.IsZero() {
			return g.CreatedAt
		}
		return g.LastUsedAt
	}
	slices.SortStableFunc(live, func(a, b storage.Grant) int {
		if lost(a) != lost(b) {
			if lost(a) {
				return -1
			}
			return 1
		}
		return cmp.Or(used(a).Compare(used(b)), cmp.Compare(a.ID, b.ID))
	})
	for _, g := range live[:excess] {
		if _, err := t.exec(revokeGrant, now.UnixMicro(), g.ID); err != nil {
			return err
		}
		room.Ended = append(room.Ended, g.ID)
	}
	return nil
}

// Grant reads a grant and its user in one snapshot.
func (db *DB) Grant(ctx context.Context, id string) (storage.Grant, storage.User, error) {
	var (
		g storage.Grant
		u storage.User
	)
	if err := db.read(ctx, selectGrant, []any{id}, append(grantInto(&g), userInto(&u)...)...); err != nil {
		return storage.Grant{}, storage.User{}, orNotFound(err)
	}
	if ended(&g, &u) {
		return g, u, storage.ErrRevoked
	}
	return g, u, nil
}

// RevokeGrant ends a grant; the time of the first call stays.
func (db *DB) RevokeGrant(ctx context.Context, id string, now time.Time) error {
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(revokeGrant, now.UnixMicro(), id)
		if err == nil && n == 0 {
			return storage.ErrNotFound
		}
		return err
	})
}

// RevokeClientGrants ends all that a client has of anybody.
func (db *DB) RevokeClientGrants(ctx context.Context, clientUID string, now time.Time) (n int64, err error) {
	err = db.write(ctx, func(t *tx) error {
		n, err = t.exec(revokeClientGrants, now.UnixMicro(), clientUID)
		if err == nil {
			_, err = t.exec(deleteClientConsents, clientUID)
		}
		return err
	})
	return n, err
}
