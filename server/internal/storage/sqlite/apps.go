package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	// The next client after one: both halves are one seek, however many grants a client has.
	selectNextApp = `SELECT min(uid) FROM (
    SELECT min(client_uid) AS uid FROM consents WHERE user_id = ?1 AND client_uid > ?2
    UNION ALL SELECT min(client_uid) FROM grants WHERE user_id = ?1 AND client_uid > ?2 AND revoked_at IS NULL)`

	selectAppGrants = `SELECT ` + grantColumns + ` FROM grants g
WHERE g.user_id = ? AND g.client_uid = ? AND g.revoked_at IS NULL ORDER BY g.created_at DESC LIMIT 50`

	selectAppTimes = `SELECT min(created_at), max(last_used_at) FROM grants WHERE user_id = ? AND client_uid = ? AND revoked_at IS NULL`
)

// Apps walks from client to client in one snapshot.
func (db *DB) Apps(ctx context.Context, userID, after string, limit int) (apps []storage.App, err error) {
	err = db.snapshot(ctx, func(s *snapshot) error {
		apps, err = s.apps(ctx, userID, after, limit)
		return err
	})
	return apps, err
}

// App reads one in one snapshot.
func (db *DB) App(ctx context.Context, userID, clientUID string) (app storage.App, err error) {
	err = db.snapshot(ctx, func(s *snapshot) error {
		app, err = s.app(ctx, userID, clientUID)
		return err
	})
	return app, err
}

// apps reads those after one, at most limit of them; a negative limit is none.
func (s *snapshot) apps(ctx context.Context, userID, after string, limit int) ([]storage.App, error) {
	var apps []storage.App
	for len(apps) < limit {
		var next string
		if err := s.row(ctx, selectNextApp, []any{userID, after}, textInto{&next}); err != nil {
			return nil, err
		}
		if next == "" {
			break
		}
		app, err := s.app(ctx, userID, next)
		if err != nil {
			return nil, err
		}
		apps, after = append(apps, app), next
	}
	return apps, nil
}

// app reads one. storage.ErrNotFound when there is neither a consent nor a live grant.
func (s *snapshot) app(ctx context.Context, userID, clientUID string) (storage.App, error) {
	key := []any{userID, clientUID}
	var (
		app     storage.App
		consent storage.Consent
		first   time.Time
	)
	consented := s.row(ctx, selectConsent, key, consentInto(&consent)...)
	if consented != nil && !errors.Is(orNotFound(consented), storage.ErrNotFound) {
		return storage.App{}, consented
	}
	if err := s.rows(ctx, selectAppGrants, key, into(&app.Grants, grantInto)); err != nil {
		return storage.App{}, err
	}
	if consented != nil && len(app.Grants) == 0 {
		return storage.App{}, storage.ErrNotFound
	}
	if err := s.row(ctx, selectAppTimes, key, timeInto{&first}, timeInto{&app.LastUsedAt}); err != nil {
		return storage.App{}, err
	}
	app.FirstAt = first
	if consented == nil {
		app.Consent, app.Client = &consent, consent.Client
		if first.IsZero() || consent.CreatedAt.Before(first) {
			app.FirstAt = consent.CreatedAt
		}
	}
	if len(app.Grants) > 0 {
		app.Client = app.Grants[0].Client
	}
	return app, nil
}
