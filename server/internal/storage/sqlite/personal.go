package sqlite

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	selectAllSessions = `SELECT ` + sessionColumns + ` FROM sessions s WHERE s.user_id = ? ORDER BY s.created_at DESC`

	deleteUser = `DELETE FROM users WHERE id = ?`

	eraseTokens = `DELETE FROM refresh_tokens WHERE family IN (
    SELECT f.id FROM grants g JOIN refresh_families f ON f.grant_id = g.id WHERE g.user_id = ?)`
	eraseFamilies = `DELETE FROM refresh_families WHERE grant_id IN (SELECT id FROM grants WHERE user_id = ?)`
	eraseCodes    = `DELETE FROM codes WHERE grant_id IN (SELECT id FROM grants WHERE user_id = ?)`
	eraseDevices  = `DELETE FROM device_requests WHERE grant_id IN (SELECT id FROM grants WHERE user_id = ?)`
	eraseGrants   = `DELETE FROM grants WHERE user_id = ?`
	erasePasskeys = `DELETE FROM passkeys WHERE user_id = ?`
)

// eraseStatements remove all that refers to a user; what is referred to goes last.
func eraseStatements() []string {
	return []string{
		eraseTokens, eraseFamilies, eraseCodes, eraseDevices, eraseGrants, deleteUserConsents, deleteUserSessions, erasePasskeys, deleteTOTP,
		deleteRecoveryCodes,
	}
}

// Everything reads it all in one snapshot.
func (db *DB) Everything(ctx context.Context, userID string) (all storage.Everything, err error) {
	err = db.snapshot(ctx, func(s *snapshot) error { return s.everything(ctx, userID, &all) })
	if err != nil {
		return storage.Everything{}, err
	}
	return all, nil
}

func (s *snapshot) everything(ctx context.Context, userID string, all *storage.Everything) error {
	key := []any{userID}
	if err := s.row(ctx, selectUser, key, userInto(&all.User)...); err != nil {
		return orNotFound(err)
	}
	all.User.Kept = nil
	if err := s.rows(ctx, selectAllSessions, key, into(&all.Sessions, sessionInto)); err != nil {
		return err
	}
	nameless(all.Sessions)
	apps, err := s.apps(ctx, userID, "", math.MaxInt)
	if err != nil {
		return err
	}
	all.Apps = apps
	if err := s.rows(ctx, selectPasskeys, key, into(&all.Passkeys, passkeyInto)); err != nil {
		return err
	}
	var totp storage.TOTP
	err = s.row(ctx, selectTOTP, key, totpInto(&totp)...)
	if err != nil && !errors.Is(orNotFound(err), storage.ErrNotFound) {
		return err
	}
	all.TOTPSince = totp.CreatedAt
	return s.row(ctx, countRecoveryCodes, key, &all.RecoveryCodes)
}

// EraseUser removes the account and all that refers to it.
func (db *DB) EraseUser(ctx context.Context, userID string, now time.Time, tell func(storage.ClientRef) bool) error {
	return db.write(ctx, func(t *tx) error {
		if err := t.tellClients(selectUserClients, userID, "", now, tell); err != nil {
			return err
		}
		for _, q := range eraseStatements() {
			if _, err := t.exec(q, userID); err != nil {
				return err
			}
		}
		n, err := t.exec(deleteUser, userID)
		if err == nil && n == 0 {
			err = storage.ErrNotFound
		}
		return err
	})
}
