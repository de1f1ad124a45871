package server

import (
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rows counts the rows of every table in the file, as another program sees it.
func (w *world) rows() map[string]int {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(filepath.Dir(w.folder), "data.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // nothing was written
	names, err := db.QueryContext(w.t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = names.Close() }() // its error is looked at below
	out := map[string]int{}
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			w.t.Fatal(err)
		}
		var n int
		if err := db.QueryRowContext(w.t.Context(), `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		out[name] = n
	}
	if err := names.Err(); err != nil || len(out) < 10 {
		w.t.Fatalf("%d tables, %v", len(out), err)
	}
	return out
}

// TestAbandonedLogins begins a thousand logins that nobody ends: a quarter is left at the redirect, a quarter at the sign-in page, and
// half after a wrong password.
func TestAbandonedLogins(t *testing.T) {
	w := newWorld(t)
	before := w.rows()
	for i := range 1000 {
		from := withHeader("X-Forwarded-For", fmt.Sprintf("2001:db8:%x::1", i)) // or the tries would be throttled
		b := w.tab(t)
		b.go1(http.MethodGet, w.url+authorization("state", strconv.Itoa(i)), "", from)
		if b.page.status != http.StatusSeeOther {
			t.Fatalf("%d %s", b.page.status, b.page.body)
		}
		if i%4 == 0 {
			continue
		}
		b.follow()
		b.see("Sign in")
		if i%2 == 0 {
			continue
		}
		action, form := b.form()
		form.Set("username", fmt.Sprintf("somebody%d", i))
		form.Set("password", "wrong")
		b.go1(http.MethodPost, w.url+action, form.Encode(), from)
		if b.follow(); b.left != nil || !strings.Contains(b.page.body, `name="password"`) {
			t.Fatalf("sent to %v: %d %s", b.left, b.page.status, b.page.body)
		}
	}
	t.Run("A37 1,000 abandoned logins leave no row but the counters of tries", func(t *testing.T) {
		after := w.rows()
		if after["counters"] == before["counters"] {
			t.Error("nothing counted 500 wrong passwords")
		}
		after["counters"] = before["counters"]
		if !maps.Equal(after, before) {
			t.Errorf("before %v, after %v", before, after)
		}
	})
	t.Run("A37 the counters go with the next cleaning after they are over", func(t *testing.T) {
		w.pass(time.Hour)
		w.server.collect(t.Context())
		if after := w.rows(); !maps.Equal(after, before) {
			t.Errorf("before %v, after %v", before, after)
		}
	})
}
