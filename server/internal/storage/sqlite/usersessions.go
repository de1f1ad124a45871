package sqlite

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	selectUserSessions = `SELECT ` + sessionColumns + ` FROM sessions s
WHERE s.user_id = ? AND s.expires_at > ? AND s.ended_at IS NULL ORDER BY s.created_at DESC LIMIT ?`

	deleteNamedSession = `DELETE FROM sessions WHERE user_id = ?1 AND sid = ?2 AND sid <> '' AND expires_at > ?3 AND ended_at IS NULL`
	deleteUserSessions = `DELETE FROM sessions WHERE user_id = ?`

	// A scope has no quotation mark (RFC 6749 section 3.3), so that one in quotes is found in a list exactly when it is in it.
	openidGrants = ` AND instr(g.scopes, '"openid"') > 0`
	notOffline   = ` AND instr(g.scopes, '"offline_access"') = 0`

	selectSessionClients = `SELECT g.client_id, g.client_uid FROM grants g WHERE g.user_id = ?1 AND g.sid = ?2 AND g.sid <> ''` + openidGrants
	selectUserClients    = `SELECT g.client_id, g.client_uid FROM grants g WHERE g.user_id = ?1 AND g.sid <> ''` + openidGrants

	revokeSessionGrants  = `UPDATE grants AS g SET revoked_at = ?3 WHERE g.user_id = ?1 AND g.sid = ?2 AND g.sid <> '' AND g.revoked_at IS NULL` + openidGrants + notOffline
	revokeSessionsGrants = `UPDATE grants AS g SET revoked_at = ?2 WHERE g.user_id = ?1 AND g.sid <> '' AND g.revoked_at IS NULL` + openidGrants + notOffline
)

// UserSessions lists the live ones.
func (db *DB) UserSessions(ctx context.Context, userID string, now time.Time, limit int) ([]storage.Session, error) {
	var sessions []storage.Session
	err := db.readRows(ctx, selectUserSessions, []any{userID, now.UnixMicro(), max(limit, 0)}, into(&sessions, sessionInto))
	return nameless(sessions), err
}

// nameless takes the hashes of the cookies away: whoever reads a list needs none.
func nameless(sessions []storage.Session) []storage.Session {
	for i := range sessions {
		sessions[i].ID = storage.Hash{}
	}
	return sessions
}

// EndUserSession ends one session, or all of them, with what hangs on it.
func (db *DB) EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(storage.ClientRef) bool) error {
	return db.write(ctx, func(t *tx) error {
		if sid == "" {
			return t.endSessions(userID, now, tell)
		}
		n, err := t.exec(deleteNamedSession, userID, sid, now.UnixMicro())
		if err == nil && n == 0 {
			err = storage.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := t.tellClients(selectSessionClients, userID, sid, now, tell); err != nil {
			return err
		}
		_, err = t.exec(revokeSessionGrants, userID, sid, now.UnixMicro())
		return err
	})
}

// endSessions ends all of a user's.
func (t *tx) endSessions(userID string, now time.Time, tell func(storage.ClientRef) bool) error {
	if _, err := t.exec(deleteUserSessions, userID); err != nil {
		return err
	}
	if err := t.tellClients(selectUserClients, userID, "", now, tell); err != nil {
		return err
	}
	_, err := t.exec(revokeSessionsGrants, userID, now.UnixMicro())
	return err
}

// tellClients makes a delivery for each client that the statement finds and tell wants told.
func (t *tx) tellClients(q, userID, sid string, now time.Time, tell func(storage.ClientRef) bool) error {
	if tell == nil {
		return nil
	}
	args := []any{userID}
	if sid != "" {
		args = append(args, sid)
	}
	var clients []storage.ClientRef
	if err := t.queryRows(q, args, into(&clients, func(c *storage.ClientRef) []any { return []any{&c.ID, &c.UID} })); err != nil {
		return err
	}
	told := map[string]bool{}
	for _, c := range clients {
		if told[c.UID] {
			continue
		}
		told[c.UID] = true
		if !tell(c) {
			continue
		}
		if _, err := t.exec(insertLogout, rand.Text(), c.ID, c.UID, userID, sid, now.UnixMicro()); err != nil {
			return err
		}
	}
	return nil
}
