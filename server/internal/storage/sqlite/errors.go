package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// What Open refuses. Each is wrapped in an error that names the file and says what to do.
var (
	// ErrInUse: another process, or another engine in this one, has the file.
	ErrInUse = errors.New("database is in use")
	// ErrNewerSchema: the file was written by a newer release.
	ErrNewerSchema = errors.New("database has a newer schema")
	// ErrNotOurs: the file is no SQLite database, or one of another application.
	ErrNotOurs = errors.New("not a Grantkeeper database")
	// ErrClosed: the engine was closed.
	ErrClosed = errors.New("storage is closed")
)

// code is the primary result code of SQLite in err, 0 when err is not SQLite's.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// isDuplicate reports whether err says that a unique value is taken.
func isDuplicate(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// conflict turns a taken unique value into storage.ErrConflict.
func conflict(err error) error {
	if isDuplicate(err) {
		return storage.ErrConflict
	}
	return err
}

// advise adds to an error of SQLite what an operator can do about it.
func advise(path string, err error) error {
	if err == nil {
		return nil
	}
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%s: the disk is full, make room on its volume; nothing was lost and writes resume by themselves: %w", path, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%s: cannot be written; the server's user needs to own it, and its volume must be mounted writable: %w", path, err)
	case sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%s: cannot be opened; check that its folder exists and that the server's user may write there: %w", path, err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w: the file is something else; point the server at another path or move the file away: %w", path, ErrNotOurs, err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%s: is damaged; stop the server and restore a backup: %w", path, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%s: another program keeps it locked; end what has it open: %w", path, err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%s: reading or writing failed; check its volume: %w", path, err)
	default:
		return fmt.Errorf("%s: %w", path, err)
	}
}
