package sqlite

import (
	"context"
	"errors"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const passkeyColumns = `p.id, p.user_id, p.name, p.credential, p.sign_count, p.created_at, p.last_used_at`

const (
	selectPasskeys = `SELECT ` + passkeyColumns + ` FROM passkeys p WHERE p.user_id = ? ORDER BY p.created_at`
	selectPasskey  = `SELECT ` + passkeyColumns + `, ` + userColumns + ` FROM passkeys p JOIN users u ON u.id = p.user_id WHERE p.id = ?`

	// The limit is part of the one write: two that arrive together cannot both see room.
	insertPasskey = `INSERT INTO passkeys (id, user_id, name, credential, sign_count, created_at, last_used_at)
SELECT ?1, u.id, ?3, ?4, ?5, ?6, ?7 FROM users u WHERE u.id = ?2 AND u.disabled_at IS NULL
  AND (SELECT count(*) FROM (SELECT 1 FROM passkeys WHERE user_id = ?2 LIMIT ?8)) < ?8`

	selectPasskeyTaken = `SELECT 1 FROM passkeys WHERE id = ?`

	usePasskey = `UPDATE passkeys SET credential = ?4, sign_count = ?5, last_used_at = ?6 WHERE id = ?1 AND user_id = ?2 AND sign_count = ?3`

	selectPasskeyOwned = `SELECT 1 FROM passkeys WHERE id = ? AND user_id = ?`
	deletePasskey      = `DELETE FROM passkeys WHERE id = ? AND user_id = ?`
)

// passkeyInto lists where passkeyColumns go.
func passkeyInto(p *storage.Passkey) []any {
	return []any{
		bytesInto{&p.ID}, &p.UserID, &p.Name, bytesInto{&p.Credential}, &p.SignCount, timeInto{&p.CreatedAt}, timeInto{&p.LastUsedAt},
	}
}

// Passkeys lists a user's own.
func (db *DB) Passkeys(ctx context.Context, userID string) ([]storage.Passkey, error) {
	var passkeys []storage.Passkey
	err := db.readRows(ctx, selectPasskeys, []any{userID}, into(&passkeys, passkeyInto))
	return passkeys, err
}

// Passkey reads one and its user in one snapshot.
func (db *DB) Passkey(ctx context.Context, id []byte) (storage.Passkey, storage.User, error) {
	var (
		p storage.Passkey
		u storage.User
	)
	err := db.read(ctx, selectPasskey, []any{id}, append(passkeyInto(&p), userInto(&u)...)...)
	if err == nil && !u.DisabledAt.IsZero() {
		err = storage.ErrRevoked
	}
	if err != nil {
		return storage.Passkey{}, storage.User{}, orNotFound(err)
	}
	return p, u, nil
}

// AddPasskey writes one; what stood in the way is asked afterwards.
func (db *DB) AddPasskey(ctx context.Context, p storage.Passkey, limit int) error {
	created := timeOr(p.CreatedAt, db.clock)
	return db.write(ctx, func(t *tx) error {
		var taken int
		if err := t.query(selectPasskeyTaken, []any{p.ID}, &taken); err == nil {
			return storage.ErrConflict
		} else if !errors.Is(orNotFound(err), storage.ErrNotFound) {
			return err
		}
		n, err := t.exec(insertPasskey, p.ID, p.UserID, p.Name, p.Credential, p.SignCount, created.UnixMicro(), micros(p.LastUsedAt), max(limit, 0))
		if err != nil || n == 1 {
			return conflict(err)
		}
		if err := t.requirePerson(p.UserID); err != nil {
			return err
		}
		return storage.ErrLimit
	})
}

// UsePasskey is one conditional write.
func (db *DB) UsePasskey(ctx context.Context, p storage.Passkey, seen uint32) error {
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(usePasskey, p.ID, p.UserID, seen, p.Credential, p.SignCount, micros(p.LastUsedAt))
		if err != nil || n == 1 {
			return err
		}
		var found int
		if err := t.query(selectPasskeyOwned, []any{p.ID, p.UserID}, &found); err != nil {
			return orNotFound(err)
		}
		return storage.ErrConsumed
	})
}

// RemovePasskey removes one of the user's own.
func (db *DB) RemovePasskey(ctx context.Context, userID string, id []byte) error {
	return db.removeOne(ctx, deletePasskey, id, userID)
}

// removeOne deletes a row; storage.ErrNotFound when there is none.
func (db *DB) removeOne(ctx context.Context, q string, args ...any) error {
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(q, args...)
		if err == nil && n == 0 {
			return storage.ErrNotFound
		}
		return err
	})
}
