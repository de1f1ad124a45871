package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"modernc.org/sqlite"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// busyTimeout is how long a statement waits for another program that has the file locked, such as a backup. It is short
// because whoever asked is waiting for an answer.
const busyTimeout = 2500 * time.Millisecond

// Config says which file and how. Only Path is required.
type Config struct {
	// Path of the database. It is made when it is missing; its folder is not. Files with the suffixes -wal, -shm and
	// .lock live beside it.
	Path string
	// Clock is asked only where a caller gives no time; nil means time.Now.
	Clock func() time.Time
	// Logger hears of migrations and of failing commits; nil means nobody.
	Logger *slog.Logger
	// Readers is how many reads run at once; 0 means 4.
	Readers int
}

// DB is the engine. Its methods are safe for concurrent use, Close excepted.
type DB struct {
	path   string
	clock  func() time.Time
	lock   *os.File
	writer *writer
	reader *reader
}

var _ storage.Storage = (*DB)(nil)

// Open takes the lock, migrates the schema and starts the writer. Its errors wrap ErrInUse, ErrNotOurs and ErrNewerSchema,
// name the file and say what to do. ctx bounds opening only.
func Open(ctx context.Context, cfg Config) (_ *DB, err error) {
	if cfg.Path == "" {
		return nil, errors.New("no path of a database is given")
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Readers <= 0 {
		cfg.Readers = 4
	}
	path, err := resolve(cfg.Path)
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, clock: cfg.Clock}
	defer func() {
		if err != nil {
			_ = db.Close() // the first error is the one to tell
		}
	}()
	if db.lock, err = lock(path); err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, err
	}
	if db.writer, err = openWriter(ctx, path, cfg.Logger); err != nil {
		return nil, advise(path, err)
	}
	if err := restrict(path); err != nil {
		cfg.Logger.Warn("database may be readable by others", "path", path, "error", err)
	}
	if db.reader, err = openReader(ctx, path, cfg.Readers); err != nil {
		return nil, advise(path, err)
	}
	db.writer.start()
	return db, nil
}

// Ping commits a row and reads it back through the pool.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.write(ctx, func(t *tx) error {
		_, err := t.exec(updatePulse, db.clock().UnixMicro())
		return err
	}); err != nil {
		return err
	}
	var at time.Time
	return db.read(ctx, selectPulse, nil, timeInto{&at})
}

// Close waits for the commit under way, checkpoints and gives up the lock.
func (db *DB) Close() error {
	var errs []error
	// Readers go first: the last connection to close removes the write-ahead log, and only the writer may write.
	if db.reader != nil {
		errs = append(errs, db.reader.close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
		db.lock = nil
	}
	return errors.Join(errs...)
}

// Stats is what the writer did since Open, for metrics.
type Stats struct {
	// Writes counts requests that were committed or decided; Commits the transactions that they shared; Failures the
	// transactions that could not be committed.
	Writes, Commits, Failures uint64
}

// Stats reads the counters.
func (db *DB) Stats() Stats {
	return Stats{Writes: db.writer.writes.Load(), Commits: db.writer.commits.Load(), Failures: db.writer.failures.Load()}
}

// resolve makes path absolute and follows links, so that two names of one file share a lock.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if target, err := filepath.EvalSymlinks(abs); err == nil {
		return target, nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", folderError(abs, err)
	}
	return filepath.Join(folder, filepath.Base(abs)), nil
}

// create makes an empty file that only we can read; SQLite gives its -wal and -shm the same permissions.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return folderError(path, err)
	}
	return f.Close()
}

// restrict takes the files away from others, should someone have opened them up. A volume's owner group, which Kubernetes
// sets with fsGroup, goes as well: one process reads them.
func restrict(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(path+suffix, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// folderError explains why nothing can be made beside path.
func folderError(path string, err error) error {
	folder := filepath.Dir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: the folder does not exist; make it or mount a volume there: %w", folder, err)
	}
	return fmt.Errorf("%s: cannot write in this folder; the server's user needs write access (in Kubernetes: securityContext.fsGroup): %w", folder, err)
}

// connect makes a pool over path. Every connection gets the same settings; writable ones carry the durability. The journal's
// mode is not among them: it is kept in the file, which may be someone else's.
func connect(path string, writable bool) (*sql.DB, error) {
	q := url.Values{}
	q.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	q.Set("_foreign_keys", "on")
	q.Set("_dqs", "false")
	q.Set("_defensive", "true")
	q.Set("_error_rc", "true")
	// A read-only root file system has no room for temporary files.
	q.Add("_pragma", "temp_store(memory)")
	if writable {
		q.Set("mode", "rw")
		q.Set("_synchronous", "FULL")
		q.Add("_pragma", "cache_size(-8000)")
		// After a burst the log shrinks again.
		q.Add("_pragma", "journal_size_limit(67108864)")
	} else {
		q.Set("mode", "ro")
		q.Set("_query_only", "on")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	c, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}
