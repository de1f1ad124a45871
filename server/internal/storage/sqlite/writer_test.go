package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// held keeps the writer inside a job until release, while others line up behind it.
func held(t *testing.T, db *DB) (release func()) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- db.write(context.Background(), func(*tx) error {
			close(entered)
			<-leave
			return nil
		})
	}()
	<-entered
	return func() {
		close(leave)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// revokes is a job that leaves a trace.
func revokes(jti string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec(upsertRevokedToken, jti, 1)
		return err
	}
}

func isRevoked(t *testing.T, db *DB, jti string) bool {
	t.Helper()
	found, err := db.TokenRevoked(t.Context(), jti)
	noError(t, err)
	return found
}

func TestGroupCommit(t *testing.T) {
	t.Run("those who come together share one commit", func(t *testing.T) {
		db := openTest(t, newPath(t))
		before := db.Stats()
		for _, err := range together(db, slices.Repeat([]func(*tx) error{revokes("x")}, 32)...) {
			noError(t, err)
		}
		after := db.Stats()
		if after.Commits-before.Commits != 1 || after.Writes-before.Writes != 32 {
			t.Errorf("from %+v to %+v", before, after)
		}
	})
	t.Run("a batch has a limit", func(t *testing.T) {
		db := openTest(t, newPath(t))
		db.writer.limit = 4
		before := db.Stats()
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() { _ = db.write(context.Background(), revokes("x")) })
		}
		wg.Wait()
		after := db.Stats()
		if after.Writes-before.Writes != 32 || after.Commits-before.Commits < 8 {
			t.Errorf("%d writes in %d commits", after.Writes-before.Writes, after.Commits-before.Commits)
		}
	})
	t.Run("one that fails leaves no trace and hurts nobody", func(t *testing.T) {
		db := openTest(t, newPath(t))
		mine := errors.New("mine")
		results := together(db,
			revokes("before"),
			func(x *tx) error { return errors.Join(revokes("failed")(x), mine) },
			func(x *tx) error { _ = revokes("panicked")(x); panic("mine too") },
			func(x *tx) error { return revokeTwice(x) },
			revokes("after"),
		)
		if results[0] != nil || results[4] != nil || !errors.Is(results[1], mine) || !strings.Contains(results[2].Error(), "mine too") || results[3] == nil {
			t.Fatalf("results are %v", results)
		}
		for jti, want := range map[string]bool{"before": true, "after": true, "failed": false, "panicked": false, "twice": false} {
			if isRevoked(t, db, jti) != want {
				t.Errorf("%s: written is %v", jti, !want)
			}
		}
	})
	t.Run("when the commit fails, everyone in it is told so and nothing was written", func(t *testing.T) {
		db := openTest(t, newPath(t))
		results := together(db, revokes("one"), spoil, revokes("two"))
		for i, err := range results {
			if err == nil {
				t.Errorf("job %d was told that it succeeded", i)
			}
		}
		for _, jti := range []string{"one", "two"} {
			if isRevoked(t, db, jti) {
				t.Errorf("%s was written", jti)
			}
		}
		noError(t, db.write(t.Context(), revokes("later")))
		if !isRevoked(t, db, "later") || db.Stats().Failures != 1 {
			t.Errorf("later: %v, stats %+v", isRevoked(t, db, "later"), db.Stats())
		}
	})
	t.Run("when the transaction ends under a job, the batch fails as a whole", func(t *testing.T) {
		db := openTest(t, newPath(t))
		results := together(db, revokes("one"), abort, revokes("two"))
		for i, want := range []bool{true, true, false} {
			if told := results[i] != nil && !errors.Is(results[i], errNotTaken); told != want {
				t.Errorf("job %d: %v", i, results[i])
			}
		}
		for _, jti := range []string{"one", "aborted", "two"} {
			if isRevoked(t, db, jti) {
				t.Errorf("%s was written", jti)
			}
		}
		noError(t, db.Ping(t.Context()))
	})
	t.Run("a connection that is stuck in a transaction is replaced", func(t *testing.T) {
		db := openTest(t, newPath(t))
		noError(t, db.writer.control(beginBatch)) // nobody writes meanwhile
		noError(t, db.write(t.Context(), revokes("x")))
		if !isRevoked(t, db, "x") {
			t.Error("not written")
		}
	})
}

// together runs jobs in one batch, in order, and returns their results. It stands in for the writer, which has nothing else
// to do in these tests.
func together(db *DB, functions ...func(*tx) error) []error {
	jobs := make([]*job, len(functions))
	for i, f := range functions {
		jobs[i] = &job{run: f, done: make(chan struct{})}
	}
	db.writer.batch(jobs[0], func(have int) *job {
		if have == len(jobs) {
			return nil
		}
		return jobs[have]
	})
	results := make([]error, len(jobs))
	for i, j := range jobs {
		select {
		case <-j.done:
			results[i] = j.err
		default:
			// A batch that broke off does not take the rest; they go on waiting for the next.
			results[i] = errNotTaken
		}
	}
	return results
}

var errNotTaken = errors.New("not taken")

func revokeTwice(x *tx) error {
	if err := revokes("twice")(x); err != nil {
		return err
	}
	_, err := x.exec(insertFamily, "f", "no such grant", "k", "", 1)
	return err
}

// spoil makes the commit fail: a reference that is checked only then.
func spoil(x *tx) error {
	if _, err := x.w.conn.ExecContext(context.Background(), "PRAGMA defer_foreign_keys = on"); err != nil {
		return err
	}
	_, err := x.exec(insertFamily, "f", "no such grant", "k", "", 1)
	return err
}

// abort ends the transaction as SQLite itself does when the disk is full.
func abort(x *tx) error {
	if _, err := x.exec(upsertRevokedToken, "aborted", 1); err != nil {
		return err
	}
	if err := x.w.control(abandonBatch); err != nil {
		return err
	}
	return errors.New("the disk is full")
}

func TestCancellation(t *testing.T) {
	db := openTest(t, newPath(t))
	release := held(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- db.write(ctx, revokes("waiting")) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	release()
	noError(t, db.Ping(t.Context()))
	if isRevoked(t, db, "waiting") {
		t.Error("one that had given up was run")
	}
}
