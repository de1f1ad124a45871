package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	insertLogout = `INSERT INTO logout_deliveries (id, client_id, client_uid, user_id, sid, due_at, attempts, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?6)`

	selectLogoutDue = `SELECT 1 FROM logout_deliveries WHERE due_at <= ? LIMIT 1`

	claimLogouts = `UPDATE logout_deliveries SET due_at = ?2
WHERE id IN (SELECT id FROM logout_deliveries WHERE due_at <= ?1 ORDER BY due_at LIMIT ?3)
RETURNING id, client_id, client_uid, user_id, sid, due_at, attempts, created_at`

	retryLogout  = `UPDATE logout_deliveries SET due_at = ?2, attempts = attempts + 1 WHERE id = ?1`
	deleteLogout = `DELETE FROM logout_deliveries WHERE id = ?`
)

// logoutInto lists where the columns of a delivery go.
func logoutInto(d *storage.LogoutDelivery) []any {
	return []any{
		&d.ID, &d.Client.ID, &d.Client.UID, &d.UserID, &d.SID, timeInto{&d.DueAt}, &d.Attempts, timeInto{&d.CreatedAt},
	}
}

// ClaimLogouts is one update. It is asked often and mostly in vain, which costs a read.
func (db *DB) ClaimLogouts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]storage.LogoutDelivery, error) {
	var due int
	err := db.read(ctx, selectLogoutDue, []any{now.UnixMicro()}, &due)
	if errors.Is(orNotFound(err), storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var claimed []storage.LogoutDelivery
	err = db.write(ctx, func(t *tx) error {
		return t.execReturningRows(claimLogouts, []any{now.UnixMicro(), now.Add(lease).UnixMicro(), max(limit, 0)}, into(&claimed, logoutInto))
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// RetryLogout is one update.
func (db *DB) RetryLogout(ctx context.Context, id string, due time.Time) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(retryLogout, id, due.UnixMicro())
		return err
	})
}

// LogoutDone removes it.
func (db *DB) LogoutDone(ctx context.Context, id string) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec(deleteLogout, id)
		return err
	})
}
