package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	upsertRevokedToken = `INSERT INTO revoked_tokens (jti, expires_at) VALUES (?, ?)
ON CONFLICT (jti) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)`

	selectRevokedToken = `SELECT 1 FROM revoked_tokens WHERE jti = ?`
)

// RevokeToken remembers a token id.
func (db *DB) RevokeToken(ctx context.Context, jti string, expiresAt time.Time) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(upsertRevokedToken, jti, expiresAt.UnixMicro())
		return err
	})
}

// TokenRevoked looks a token id up.
func (db *DB) TokenRevoked(ctx context.Context, jti string) (bool, error) {
	var found int
	err := db.read(ctx, selectRevokedToken, []any{jti}, &found)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
