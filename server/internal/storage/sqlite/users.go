package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const userColumns = `u.id, u.provider, u.subject, u.username, u.name, u.email, u.email_verified, u.member_of, u.created_at, u.updated_at, u.disabled_at`

const (
	// The condition keeps a disabled account as it was; then no row is returned.
	upsertUser = `INSERT INTO users AS u (id, provider, subject, username, name, email, email_verified, member_of, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (provider, subject) DO UPDATE SET username = excluded.username, name = excluded.name, email = excluded.email,
    email_verified = excluded.email_verified, member_of = excluded.member_of, updated_at = excluded.updated_at
WHERE u.disabled_at IS NULL
RETURNING id, provider, subject, username, name, email, email_verified, member_of, created_at, updated_at, disabled_at`

	selectUser         = `SELECT ` + userColumns + ` FROM users u WHERE u.id = ?`
	selectUserDisabled = `SELECT u.disabled_at FROM users u WHERE u.id = ?`
	disableUser        = `UPDATE users SET disabled_at = coalesce(disabled_at, ?) WHERE id = ?`
	revokeUserGrants   = `UPDATE grants SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL`
	endUserSessions    = `UPDATE sessions SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL`
)

// userInto lists where userColumns go.
func userInto(u *storage.User) []any {
	return []any{
		&u.ID, &u.Provider, &u.Subject, &u.Username, &u.Name, &u.Email, &u.EmailVerified, listInto{&u.Groups},
		timeInto{&u.CreatedAt}, timeInto{&u.UpdatedAt}, timeInto{&u.DisabledAt},
	}
}

// SignedIn is one upsert. storage.ErrConflict when the ID of a new account is taken.
func (db *DB) SignedIn(ctx context.Context, u storage.User) (storage.User, error) {
	groups, err := encodeList(u.Groups)
	if err != nil {
		return storage.User{}, err
	}
	now := db.clock()
	created, updated := u.CreatedAt, u.UpdatedAt
	if updated.IsZero() {
		updated = now
	}
	if created.IsZero() {
		created = updated
	}
	args := []any{
		u.ID, u.Provider, u.Subject, u.Username, u.Name, u.Email, u.EmailVerified, groups, created.UnixMicro(), updated.UnixMicro(),
	}
	var stored storage.User
	err = db.write(ctx, func(t *tx) error {
		err := t.execReturning(upsertUser, args, userInto(&stored)...)
		if errors.Is(err, sql.ErrNoRows) {
			return storage.ErrRevoked
		}
		return conflict(err)
	})
	if err != nil {
		return storage.User{}, err
	}
	return stored, nil
}

// User reads an account, a disabled one too.
func (db *DB) User(ctx context.Context, id string) (storage.User, error) {
	var u storage.User
	err := db.read(ctx, selectUser, []any{id}, userInto(&u)...)
	if err != nil {
		return storage.User{}, orNotFound(err)
	}
	return u, nil
}

// DisableUser ends the account with all that hangs on it. Doing it again changes nothing.
func (db *DB) DisableUser(ctx context.Context, id string, now time.Time) error {
	at := now.UnixMicro()
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(disableUser, at, id)
		if err == nil && n == 0 {
			err = storage.ErrNotFound
		}
		if err != nil {
			return err
		}
		_, err1 := t.exec(revokeUserGrants, at, id)
		_, err2 := t.exec(endUserSessions, at, id)
		return cmp.Or(err1, err2)
	})
}

// requireUser explains why nothing could be written for the user: storage.ErrRevoked when disabled.
func (t *tx) requireUser(id string) error {
	var disabled time.Time
	err := t.query(selectUserDisabled, []any{id}, timeInto{&disabled})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("user %q: %w", id, storage.ErrNotFound)
	case err != nil:
		return err
	case !disabled.IsZero():
		return storage.ErrRevoked
	}
	return nil
}

// orNotFound turns the absence of a row into storage.ErrNotFound.
func orNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return storage.ErrNotFound
	}
	return err
}
