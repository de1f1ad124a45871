package sqlite

import (
	"context"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const grantColumns = `g.id, g.user_id, g.client_id, g.client_uid, g.scopes, g.audience, g.authorization_details, g.authenticated_at, g.methods, g.claims, g.sid, g.created_at, g.last_used_at, g.revoked_at`

const (
	// A user who was disabled meanwhile grants nothing, whatever was read before.
	insertGrant = `INSERT INTO grants (id, user_id, client_id, client_uid, scopes, audience, authorization_details, authenticated_at, methods, created_at, last_used_at, revoked_at, collect_at, claims, sid)
SELECT ?1, u.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15 FROM users u WHERE u.id = ?2 AND u.disabled_at IS NULL`

	selectGrant = `SELECT ` + grantColumns + `, ` + userColumns + ` FROM grants g JOIN users u ON u.id = g.user_id WHERE g.id = ?`

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
