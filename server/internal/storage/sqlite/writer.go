package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"
)

// maxBatch bounds how many requests share a commit, and with it how long the first of them waits for the others.
const maxBatch = 128

// The statements of the group commit itself.
const (
	beginBatch   = "BEGIN IMMEDIATE"
	commitBatch  = "COMMIT"
	abandonBatch = "ROLLBACK"
	saveJob      = "SAVEPOINT job"
	keepJob      = "RELEASE job"
	undoJob      = "ROLLBACK TO job"
)

// job is one request to write.
type job struct {
	run  func(*tx) error
	err  error
	done chan struct{}
}

// writer is the only one to write. Jobs are handed over without a buffer, so that a caller who gives up while waiting has
// certainly not been served, and one who was taken is certainly answered.
type writer struct {
	path  string
	log   *slog.Logger
	pool  *sql.DB // of one connection
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	jobs  chan *job
	quit  chan struct{}
	ended chan struct{}
	// limit is maxBatch; the benchmark compares with 1.
	limit int

	writes, commits, failures atomic.Uint64
}

// openWriter opens the writable connection and migrates. The caller starts the goroutine.
func openWriter(ctx context.Context, path string, log *slog.Logger) (_ *writer, err error) {
	w := &writer{path: path, log: log, jobs: make(chan *job), quit: make(chan struct{}), limit: maxBatch}
	if w.pool, err = connect(path, true); err != nil {
		return nil, err
	}
	w.pool.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			_ = w.close()
		}
	}()
	if err := claim(ctx, w.pool); err != nil {
		return nil, err
	}
	if err := useLog(ctx, w.pool); err != nil {
		return nil, err
	}
	if err := migrate(ctx, w.pool, log); err != nil {
		return nil, err
	}
	return w, w.attach(ctx)
}

// attach takes the connection and prepares every statement that writes, so that a mistake in one shows at start.
func (w *writer) attach(ctx context.Context) error {
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn, w.stmts = conn, make(map[string]*sql.Stmt)
	control := []string{beginBatch, commitBatch, abandonBatch, saveJob, keepJob, undoJob}
	for _, q := range append(control, writeStatements()...) {
		stmt, err := conn.PrepareContext(ctx, q) //nolint:sqlclosecheck // kept for the life of the connection; detach and close close it
		if err != nil {
			w.detach()
			return fmt.Errorf("prepare %q: %w", q, err)
		}
		w.stmts[q] = stmt
	}
	return nil
}

// detach throws the connection away, and with it whatever transaction it was left in.
func (w *writer) detach() {
	if w.conn == nil {
		return
	}
	for _, stmt := range w.stmts {
		_ = stmt.Close()
	}
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	w.conn, w.stmts = nil, nil
}

// start runs the writer until close.
func (w *writer) start() {
	w.ended = make(chan struct{})
	go func() {
		defer close(w.ended)
		for {
			select {
			case j := <-w.jobs:
				w.batch(j, w.next)
			case <-w.quit:
				return
			}
		}
	}()
}

// close ends the goroutine after the batch under way, then the connection. Closing the last connection checkpoints.
func (w *writer) close() error {
	select {
	case <-w.quit:
		return nil
	default:
	}
	close(w.quit)
	if w.ended != nil {
		<-w.ended
	}
	for _, stmt := range w.stmts {
		_ = stmt.Close()
	}
	var err error
	if w.conn != nil {
		err = w.conn.Close()
	}
	return errors.Join(err, w.pool.Close())
}

// batch runs j and what next gives until it gives nil in one transaction, commits, and answers all of them.
func (w *writer) batch(j *job, next func(have int) *job) {
	batch := make([]*job, 0, 16)
	err := w.begin()
	for ; j != nil; j = next(len(batch)) {
		batch = append(batch, j)
		if err == nil {
			err = w.one(j)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = w.control(commitBatch)
	}
	if err != nil {
		w.fail(batch, err)
		return
	}
	w.commits.Add(1)
	w.writes.Add(uint64(len(batch)))
	for _, j := range batch {
		if code(j.err) != 0 {
			j.err = advise(w.path, j.err)
		}
		close(j.done)
	}
}

// next is another job that waits or has arrived meanwhile, nil when it is time to commit. Those who were just answered need a moment on the
// processor to come back with their next request; yielding it once saves them a commit of their own.
func (w *writer) next(have int) *job {
	if have >= w.limit {
		return nil
	}
	for range 2 {
		select {
		case j := <-w.jobs:
			return j
		default:
			runtime.Gosched()
		}
	}
	return nil
}

// one runs a job in a savepoint. What it returns is fatal to the whole batch; the job's own error is in the job.
func (w *writer) one(j *job) error {
	t := &tx{w: w}
	j.err = t.call(j.run)
	if !t.saved {
		return nil
	}
	if j.err == nil {
		return w.control(keepJob)
	}
	// SQLite ends the transaction by itself on some errors (a full disk). Then the savepoint is gone, this fails, and so
	// does everyone in the batch; to go on would be to commit the rest outside any transaction.
	if err := w.control(undoJob); err != nil {
		return fmt.Errorf("%w (the transaction ended: %w)", j.err, err)
	}
	return w.control(keepJob)
}

// fail answers a batch that was not committed. No one in it is told anything else, whatever they had decided.
func (w *writer) fail(batch []*job, err error) {
	w.failures.Add(1)
	_ = w.control(abandonBatch) // there may be no transaction any more; begin notices if there still is
	err = advise(w.path, err)
	w.log.Error("database commit failed", "requests", len(batch), "error", err)
	for _, j := range batch {
		j.err = err
		close(j.done)
	}
}

// begin starts the transaction. A connection that cannot, for it is stuck in an old one, is replaced once.
func (w *writer) begin() error {
	if w.conn != nil {
		err := w.control(beginBatch)
		if code(err) != sqlite3.SQLITE_ERROR {
			return err
		}
		w.detach()
	}
	if err := w.attach(context.Background()); err != nil {
		return err
	}
	return w.control(beginBatch)
}

// control runs one of the statements of the group commit.
func (w *writer) control(q string) error {
	if w.conn == nil {
		return errors.New("no connection")
	}
	_, err := w.stmts[q].ExecContext(context.Background())
	return err
}

// tx is what a job may do. It lives on the writer's goroutine and takes no context: once under way, a job is finished.
type tx struct {
	w     *writer
	saved bool
}

// call runs f; a panic in a caller's function fails that job alone.
func (t *tx) call(f func(*tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic inside a transaction: %v", p)
		}
	}()
	return f(t)
}

// exec runs a statement that writes and says how many rows it changed. The first one sets the savepoint.
func (t *tx) exec(q string, args ...any) (int64, error) {
	stmt, err := t.writing(q) //nolint:sqlclosecheck // the writer's own, kept for the life of its connection
	if err != nil {
		return 0, err
	}
	r, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// execReturning runs a statement that writes and returns one row; sql.ErrNoRows when it changed none.
func (t *tx) execReturning(q string, args []any, dest ...any) error {
	stmt, err := t.writing(q) //nolint:sqlclosecheck // the writer's own, kept for the life of its connection
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(context.Background(), args...).Scan(dest...)
}

// query reads one row inside the transaction; sql.ErrNoRows when there is none.
func (t *tx) query(q string, args []any, dest ...any) error {
	stmt, ok := t.w.stmts[q]
	if !ok {
		return fmt.Errorf("statement is not listed: %s", q)
	}
	return stmt.QueryRowContext(context.Background(), args...).Scan(dest...)
}

// queryRows reads all rows inside the transaction, before anything else is done.
func (t *tx) queryRows(q string, args []any, each func() []any) error {
	stmt, ok := t.w.stmts[q]
	if !ok {
		return fmt.Errorf("statement is not listed: %s", q)
	}
	rows, err := stmt.QueryContext(context.Background(), args...)
	return scanAll(rows, err, each)
}

// execReturningRows runs a statement that writes and reads all rows that it returns.
func (t *tx) execReturningRows(q string, args []any, each func() []any) error {
	stmt, err := t.writing(q) //nolint:sqlclosecheck // the writer's own, kept for the life of its connection
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(context.Background(), args...)
	return scanAll(rows, err, each)
}

// writing finds a statement and sets the savepoint before the first.
func (t *tx) writing(q string) (*sql.Stmt, error) {
	stmt, ok := t.w.stmts[q]
	if !ok {
		return nil, fmt.Errorf("statement is not listed: %s", q)
	}
	if !t.saved {
		if err := t.w.control(saveJob); err != nil {
			return nil, err
		}
		t.saved = true
	}
	return stmt, nil
}

// write hands f to the writer and waits until what it did is on disk. An error of f undoes what f did and is returned as it
// is; to keep what was done together with a refusal, f leaves the refusal in a variable and returns nil.
//
// When ctx ends before the writer takes f, f is not run. Afterwards it is finished and the true outcome returned.
func (db *DB) write(ctx context.Context, f func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{run: f, done: make(chan struct{})}
	select {
	case db.writer.jobs <- j:
		<-j.done
		return j.err
	case <-ctx.Done():
		return ctx.Err()
	case <-db.writer.quit:
		return ErrClosed
	}
}
