package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const userColumns = `u.id, u.provider, u.subject, u.username, u.name, u.email, u.email_verified, u.member_of, u.profile, u.kept, u.checked_at, u.created_at, u.updated_at, u.disabled_at`

const (
	// The condition keeps a disabled account as it was; then no row is returned.
	upsertUser = `INSERT INTO users AS u (id, provider, subject, username, name, email, email_verified, member_of, profile, kept, checked_at, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (provider, subject) DO UPDATE SET username = excluded.username, name = excluded.name, email = excluded.email,
    email_verified = excluded.email_verified, member_of = excluded.member_of, profile = excluded.profile, kept = coalesce(excluded.kept, u.kept),
    checked_at = excluded.checked_at, updated_at = excluded.updated_at
WHERE u.disabled_at IS NULL
RETURNING id, provider, subject, username, name, email, email_verified, member_of, profile, kept, checked_at, created_at, updated_at, disabled_at`

	selectUser         = `SELECT ` + userColumns + ` FROM users u WHERE u.id = ?`
	selectUserDisabled = `SELECT u.disabled_at FROM users u WHERE u.id = ?`
	disableUser        = `UPDATE users SET disabled_at = coalesce(disabled_at, ?) WHERE id = ?`
	revokeUserGrants   = `UPDATE grants SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL`
	endUserSessions    = `UPDATE sessions SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL`

	updateClaims = `UPDATE users SET username = ?2, name = ?3, email = ?4, email_verified = ?5, member_of = ?6, profile = ?7, kept = ?8,
    checked_at = ?9, updated_at = coalesce(?10, updated_at)
WHERE id = ?1 AND disabled_at IS NULL`
)

// userInto lists where userColumns go.
func userInto(u *storage.User) []any {
	return []any{
		&u.ID, &u.Provider, &u.Subject, &u.Username, &u.Name, &u.Email, &u.EmailVerified, listInto{&u.Groups},
		valueInto[registration.Profile]{&u.Profile}, bytesInto{&u.Kept}, timeInto{&u.CheckedAt},
		timeInto{&u.CreatedAt}, timeInto{&u.UpdatedAt}, timeInto{&u.DisabledAt},
	}
}

// encodeClaims is how what a provider says of a user is kept: from username to kept.
func encodeClaims(u *storage.User) ([]any, error) {
	groups, err := encodeList(u.Groups)
	if err != nil {
		return nil, err
	}
	profile, err := json.Marshal(u.Profile)
	if err != nil {
		return nil, fmt.Errorf("encode a profile: %w", err)
	}
	return []any{u.Username, u.Name, u.Email, u.EmailVerified, groups, string(profile), u.Kept}, nil
}

// timeOr is t, or what otherwise says when t is zero.
func timeOr(t time.Time, otherwise func() time.Time) time.Time {
	if t.IsZero() {
		return otherwise()
	}
	return t
}

// SignedIn is one upsert. storage.ErrConflict when the ID of a new account is taken.
func (db *DB) SignedIn(ctx context.Context, u storage.User) (storage.User, error) {
	claims, err := encodeClaims(&u)
	if err != nil {
		return storage.User{}, err
	}
	updated := timeOr(u.UpdatedAt, db.clock)
	created, checked := timeOr(u.CreatedAt, func() time.Time { return updated }), timeOr(u.CheckedAt, func() time.Time { return updated })
	args := append([]any{u.ID, u.Provider, u.Subject}, claims...)
	args = append(args, checked.UnixMicro(), created.UnixMicro(), updated.UnixMicro())
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
		_, err3 := t.exec(deleteUserConsents, id)
		return cmp.Or(err1, err2, err3)
	})
}

// CheckedUser is one update.
func (db *DB) CheckedUser(ctx context.Context, u storage.User) error {
	claims, err := encodeClaims(&u)
	if err != nil {
		return err
	}
	args := append([]any{u.ID}, claims...)
	args = append(args, micros(u.CheckedAt), micros(u.UpdatedAt))
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(updateClaims, args...)
		if err == nil && n == 0 {
			return t.requireUser(u.ID)
		}
		return err
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

// requirePerson is requireUser where a user who is gone is as good as disabled: storage.ErrRevoked.
func (t *tx) requirePerson(id string) error {
	err := t.requireUser(id)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.ErrRevoked
	}
	return err
}

// orNotFound turns the absence of a row into storage.ErrNotFound.
func orNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return storage.ErrNotFound
	}
	return err
}
