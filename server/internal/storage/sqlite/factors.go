package sqlite

import (
	"context"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	selectTOTP = `SELECT user_id, secret, last_step, created_at FROM totps WHERE user_id = ?`

	// A user who was disabled meanwhile gets none, whatever was read before.
	upsertTOTP = `INSERT INTO totps (user_id, secret, last_step, created_at)
SELECT u.id, ?2, ?3, ?4 FROM users u WHERE u.id = ?1 AND u.disabled_at IS NULL
ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = excluded.last_step, created_at = excluded.created_at`

	useTOTP    = `UPDATE totps SET last_step = ?2 WHERE user_id = ?1 AND last_step < ?2`
	deleteTOTP = `DELETE FROM totps WHERE user_id = ?`

	deleteRecoveryCodes = `DELETE FROM recovery_codes WHERE user_id = ?`
	insertRecoveryCode  = `INSERT INTO recovery_codes (user_id, code, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	deleteRecoveryCode  = `DELETE FROM recovery_codes WHERE user_id = ? AND code = ?`
	countRecoveryCodes  = `SELECT count(*) FROM recovery_codes WHERE user_id = ?`
)

func totpInto(t *storage.TOTP) []any {
	return []any{&t.UserID, bytesInto{&t.Secret}, &t.LastStep, timeInto{&t.CreatedAt}}
}

// TOTP reads it.
func (db *DB) TOTP(ctx context.Context, userID string) (storage.TOTP, error) {
	var totp storage.TOTP
	if err := db.read(ctx, selectTOTP, []any{userID}, totpInto(&totp)...); err != nil {
		return storage.TOTP{}, orNotFound(err)
	}
	return totp, nil
}

// PutTOTP is one upsert.
func (db *DB) PutTOTP(ctx context.Context, totp storage.TOTP) error {
	created := timeOr(totp.CreatedAt, db.clock)
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(upsertTOTP, totp.UserID, totp.Secret, totp.LastStep, created.UnixMicro())
		if err == nil && n == 0 {
			return t.requirePerson(totp.UserID)
		}
		return err
	})
}

// UseTOTP is one conditional write.
func (db *DB) UseTOTP(ctx context.Context, userID string, step int64) error {
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(useTOTP, userID, step)
		if err != nil || n == 1 {
			return err
		}
		var totp storage.TOTP
		if err := t.query(selectTOTP, []any{userID}, totpInto(&totp)...); err != nil {
			return orNotFound(err)
		}
		return storage.ErrConsumed
	})
}

// RemoveTOTP removes it.
func (db *DB) RemoveTOTP(ctx context.Context, userID string) error {
	return db.removeOne(ctx, deleteTOTP, userID)
}

// PutRecoveryCodes replaces all of them in one transaction. One that is given twice counts once.
func (db *DB) PutRecoveryCodes(ctx context.Context, userID string, codes []storage.RecoveryCode, now time.Time) error {
	return db.write(ctx, func(t *tx) error {
		if err := t.requirePerson(userID); err != nil {
			return err
		}
		if _, err := t.exec(deleteRecoveryCodes, userID); err != nil {
			return err
		}
		for _, code := range codes {
			if _, err := t.exec(insertRecoveryCode, userID, code[:], now.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecoveryCode removes it: that is what makes it used.
func (db *DB) UseRecoveryCode(ctx context.Context, userID string, code storage.RecoveryCode, _ time.Time) error {
	return db.removeOne(ctx, deleteRecoveryCode, userID, code[:])
}

// RecoveryCodes counts what is left.
func (db *DB) RecoveryCodes(ctx context.Context, userID string) (n int, err error) {
	err = db.read(ctx, countRecoveryCodes, []any{userID}, &n)
	return n, err
}
