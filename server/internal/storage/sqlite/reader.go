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

// snapshot is several reads of one moment.
type snapshot struct {
	db *DB
	tx *sql.Tx
}

// snapshot runs f on what was committed last. f's error is returned as it is.
func (db *DB) snapshot(ctx context.Context, f func(*snapshot) error) error {
	tx, err := db.reader.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return db.advised(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return f(&snapshot{db: db, tx: tx})
}

// advised adds advice to an error of SQLite and leaves others as they are.
func (db *DB) advised(err error) error {
	if code(err) != 0 {
		return advise(db.path, err)
	}
	return err
}

// row reads one row; sql.ErrNoRows when there is none.
func (s *snapshot) row(ctx context.Context, q string, args []any, dest ...any) error {
	stmt, ok := s.db.reader.stmts[q]
	if !ok {
		return fmt.Errorf("statement is not listed: %s", q)
	}
	return s.db.advised(s.tx.StmtContext(ctx, stmt).QueryRowContext(ctx, args...).Scan(dest...)) //nolint:sqlclosecheck // the transaction closes it
}

// rows reads all rows into what each says; each is called once a row.
func (s *snapshot) rows(ctx context.Context, q string, args []any, each func() []any) error {
	stmt, ok := s.db.reader.stmts[q]
	if !ok {
		return fmt.Errorf("statement is not listed: %s", q)
	}
	rows, err := s.tx.StmtContext(ctx, stmt).QueryContext(ctx, args...) //nolint:sqlclosecheck // the transaction closes it
	return s.db.advised(scanAll(rows, err, each))
}

// scanAll reads rows to their end and closes them. err is that of the query.
func scanAll(rows *sql.Rows, err error, each func() []any) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells all there is to tell
	for rows.Next() {
		if err := rows.Scan(each()...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// into is for rows: it appends a zero value to list and says where its columns go.
func into[T any](list *[]T, columns func(*T) []any) func() []any {
	return func() []any {
		*list = append(*list, *new(T))
		return columns(&(*list)[len(*list)-1])
	}
}

// readRows reads all rows of one statement, which is one snapshot.
func (db *DB) readRows(ctx context.Context, q string, args []any, each func() []any) error {
	stmt, ok := db.reader.stmts[q]
	if !ok {
		return fmt.Errorf("statement is not listed: %s", q)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	return db.advised(scanAll(rows, err, each))
}

// read reads one row; sql.ErrNoRows when there is none.
func (db *DB) read(ctx context.Context, q string, args []any, dest ...any) error {
	stmt, ok := db.reader.stmts[q]
	if !ok {
		return fmt.Errorf("statement is not listed: %s", q)
	}
	return db.advised(stmt.QueryRowContext(ctx, args...).Scan(dest...))
}
