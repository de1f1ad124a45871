package sqlite

import (
	"context"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Of two that arrive together one inserts the row. An expired row that is still there counts as a use: whoever calls takes
// nothing that is as old as that.
const insertReplay = `INSERT INTO replays (kind, key, expires_at) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO NOTHING`

// UseOnce is one conditional insert.
func (db *DB) UseOnce(ctx context.Context, kind string, key storage.Hash, expires time.Time) (first bool, err error) {
	err = db.write(ctx, func(t *tx) error {
		n, err := t.exec(insertReplay, kind, key[:], expires.UnixMicro())
		first = n == 1
		return err
	})
	return first && err == nil, err
}
