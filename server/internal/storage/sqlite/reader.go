package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// reader is the pool of read-only connections. Every statement it runs is one snapshot of what was committed last.
type reader struct {
	pool  *sql.DB
	stmts map[string]*sql.Stmt
}

// openReader opens the pool; the writer must have opened the file before.
func openReader(ctx context.Context, path string, size int) (_ *reader, err error) {
	r := &reader{stmts: make(map[string]*sql.Stmt)}
	if r.pool, err = connect(path, false); err != nil {
		return nil, err
	}
	r.pool.SetMaxOpenConns(size)
	r.pool.SetMaxIdleConns(size)
	for _, q := range readStatements() {
		if r.stmts[q], err = r.pool.PrepareContext(ctx, q); err != nil { //nolint:sqlclosecheck // kept for the life of the pool; close closes it
			_ = r.close()
			return nil, fmt.Errorf("prepare %q: %w", q, err)
		}
	}
	return r, nil
}

func (r *reader) close() error {
	for _, stmt := range r.stmts {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
	return r.pool.Close()
}

// read reads one row; sql.ErrNoRows when there is none.
func (db *DB) read(ctx context.Context, q string, args []any, dest ...any) error {
	stmt, ok := db.reader.stmts[q]
	if !ok {
		return fmt.Errorf("statement is not listed: %s", q)
	}
	err := stmt.QueryRowContext(ctx, args...).Scan(dest...)
	if code(err) != 0 {
		return advise(db.path, err)
	}
	return err
}
