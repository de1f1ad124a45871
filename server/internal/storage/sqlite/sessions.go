package sqlite

import (
	"context"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Rows of the first schema say nothing of when they were made.
const sessionColumns = `s.id, s.sid, s.user_id, s.authenticated_at, s.methods, s.origin_address, s.origin_user_agent, coalesce(s.created_at, s.authenticated_at), s.expires_at`

// sessionInto lists where sessionColumns go.
func sessionInto(s *storage.Session) []any {
	return []any{
		hashInto{&s.ID}, &s.SID, &s.UserID, timeInto{&s.AuthenticatedAt}, listInto{&s.Methods}, &s.Origin.Address, &s.Origin.UserAgent,
		timeInto{&s.CreatedAt}, timeInto{&s.ExpiresAt},
	}
}

const (
	// A user who was disabled meanwhile gets no session, whatever was read before.
	insertSession = `INSERT INTO sessions (id, user_id, authenticated_at, methods, expires_at, sid, origin_address, origin_user_agent, created_at)
SELECT ?1, u.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM users u WHERE u.id = ?2 AND u.disabled_at IS NULL`

	deleteSession = `DELETE FROM sessions WHERE id = ?`

	selectSession = `SELECT ` + sessionColumns + `, s.ended_at, ` + userColumns + `
FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?`
)

// CreateSession writes s and ends the one it replaces.
func (db *DB) CreateSession(ctx context.Context, s storage.Session, replaces storage.Hash) error {
	methods, err := encodeList(s.Methods)
	if err != nil {
		return err
	}
	created := timeOr(s.CreatedAt, db.clock)
	return db.write(ctx, func(t *tx) error {
		if replaces != (storage.Hash{}) {
			if _, err := t.exec(deleteSession, replaces[:]); err != nil {
				return err
			}
		}
		n, err := t.exec(insertSession, s.ID[:], s.UserID, s.AuthenticatedAt.UnixMicro(), methods, s.ExpiresAt.UnixMicro(),
			s.SID, s.Origin.Address, s.Origin.UserAgent, created.UnixMicro())
		if err == nil && n == 0 {
			return t.requireUser(s.UserID)
		}
		return conflict(err)
	})
}

// Session reads a session and its user in one snapshot.
func (db *DB) Session(ctx context.Context, id storage.Hash, now time.Time) (storage.Session, storage.User, error) {
	var (
		s     storage.Session
		u     storage.User
		ended time.Time
	)
	dest := append(sessionInto(&s), timeInto{&ended})
	err := db.read(ctx, selectSession, []any{id[:]}, append(dest, userInto(&u)...)...)
	switch {
	case err != nil:
		err = orNotFound(err)
	case !ended.IsZero() || !u.DisabledAt.IsZero():
		err = storage.ErrRevoked
	case !now.Before(s.ExpiresAt):
		err = storage.ErrExpired
	}
	if err != nil {
		return storage.Session{}, storage.User{}, err
	}
	return s, u, nil
}

// EndSession removes a session, if it is there.
func (db *DB) EndSession(ctx context.Context, id storage.Hash) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(deleteSession, id[:])
		return err
	})
}
