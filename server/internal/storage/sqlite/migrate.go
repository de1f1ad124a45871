package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a file as ours in its header ("GrKp").
const applicationID = 0x47724b70

// claim refuses a database of another application and marks an empty one as ours. It runs before anything is written, so
// that a wrong path damages nothing.
func claim(ctx context.Context, db *sql.DB) error {
	var id, objects int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&objects); err != nil {
		return err
	}
	switch {
	case id == applicationID:
		return nil
	case id != 0 || objects != 0:
		return fmt.Errorf("%w: it belongs to another application; point the server at another path", ErrNotOurs)
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	return err
}

// useLog turns on the write-ahead log; the file remembers it. A file system that cannot share memory between connections
// leaves the mode as it was.
func useLog(ctx context.Context, db *sql.DB) error {
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return fmt.Errorf("turn on the write-ahead log: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("the file system has no write-ahead log for SQLite (the journal stays %q); use a local disk or a block volume", mode)
	}
	return nil
}

// migrate brings the schema to the version that this binary knows. It never goes back: a newer schema is refused.
func migrate(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have > want {
		return fmt.Errorf("%w: version %d, and this release knows %d; run the newer release, or restore a backup made before it", ErrNewerSchema, have, want)
	}
	if have == want {
		return nil
	}
	results, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate the schema from version %d to %d: %w", have, want, err)
	}
	log.Info("database schema migrated", "from", have, "to", want, "steps", len(results))
	return nil
}
