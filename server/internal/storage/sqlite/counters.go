package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	// A window that is over begins again with this event. One that is not keeps its end, except that it never ends later
	// than a window from now: after the clock went back, no one is locked out for longer.
	upsertCounter = `INSERT INTO counters AS c (key, count, ends_at) VALUES (?1, 1, ?2 + ?3)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN c.ends_at >= ?2 THEN c.count + 1 ELSE 1 END,
    ends_at = CASE WHEN c.ends_at >= ?2 THEN min(c.ends_at, ?2 + ?3) ELSE ?2 + ?3 END
RETURNING count, ends_at`

	selectCounter = `SELECT count, ends_at FROM counters WHERE key = ? AND ends_at >= ?`
)

// Count is one upsert.
func (db *DB) Count(ctx context.Context, key string, now time.Time, window time.Duration) (int64, time.Time, error) {
	var (
		count int64
		ends  time.Time
	)
	err := db.write(ctx, func(t *tx) error {
		return t.execReturning(upsertCounter, []any{key, now.UnixMicro(), window.Microseconds()}, &count, timeInto{&ends})
	})
	if err != nil {
		return 0, time.Time{}, err
	}
	return count, ends, nil
}

// Counted reads a counter; zero and the zero time when no window is open.
func (db *DB) Counted(ctx context.Context, key string, now time.Time) (int64, time.Time, error) {
	var (
		count int64
		ends  time.Time
	)
	err := db.read(ctx, selectCounter, []any{key, now.UnixMicro()}, &count, timeInto{&ends})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	return count, ends, err
}
