package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func TestOpenRefuses(t *testing.T) {
	tests := map[string]struct {
		// prepare returns the path to open.
		prepare func(t *testing.T, folder string) string
		want    error
		says    string
	}{
		"a path that is missing": {
			prepare: func(*testing.T, string) string { return "" },
			says:    "no path",
		},
		"a folder that does not exist": {
			prepare: func(_ *testing.T, folder string) string { return filepath.Join(folder, "missing", "x.db") },
			want:    fs.ErrNotExist,
			says:    "the folder does not exist; make it",
		},
		"a folder that cannot be written": {
			prepare: func(t *testing.T, folder string) string {
				if os.Geteuid() == 0 {
					t.Skip("root writes everywhere")
				}
				noError(t, os.Chmod(folder, 0o500))
				return filepath.Join(folder, "x.db")
			},
			want: fs.ErrPermission,
			says: "needs write access",
		},
		"a folder in place of the file": {
			prepare: func(_ *testing.T, folder string) string {
				path := filepath.Join(folder, "x.db")
				noError(t, os.Mkdir(path, 0o700))
				return path
			},
			says: "cannot be opened",
		},
		"a file that is no database": {
			prepare: func(t *testing.T, folder string) string {
				path := filepath.Join(folder, "x.db")
				noError(t, os.WriteFile(path, []byte(strings.Repeat("someone's thesis\n", 100)), 0o644))
				return path
			},
			want: ErrNotOurs,
			says: "point the server at another path",
		},
		"a database of another application": {
			prepare: func(t *testing.T, folder string) string {
				path := filepath.Join(folder, "x.db")
				execute(t, path, "CREATE TABLE photos (id INTEGER PRIMARY KEY)")
				return path
			},
			want: ErrNotOurs,
			says: "another application",
		},
		"a schema that is newer than this release": {
			prepare: func(t *testing.T, folder string) string {
				path := filepath.Join(folder, "x.db")
				db, err := Open(t.Context(), Config{Path: path})
				noError(t, err)
				noError(t, db.Close())
				execute(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
				return path
			},
			want: ErrNewerSchema,
			says: "run the newer release",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := test.prepare(t, t.TempDir())
			before, _ := os.ReadFile(path)
			db, err := Open(t.Context(), Config{Path: path})
			if err == nil {
				_ = db.Close()
				t.Fatal("opened")
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %q does not say %q", err, test.says)
			}
			after, _ := os.ReadFile(path)
			if errors.Is(err, ErrNotOurs) && !bytes.Equal(after, before) {
				t.Error("a file of someone else was changed")
			}
		})
	}
}

// execute runs a statement on a file behind the engine's back.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	noError(t, err)
	_, err = db.Exec(statement)
	noError(t, errors.Join(err, db.Close()))
}

func TestOneWriter(t *testing.T) {
	path := newPath(t)
	db := openTest(t, path)
	refused := func(t *testing.T, path string) {
		t.Helper()
		_, err := Open(t.Context(), Config{Path: path})
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on", os.Getpid())) || !strings.Contains(err.Error(), "end the other server") {
			t.Fatalf("error is %v", err)
		}
	}
	t.Run("a second engine in the same process is refused", func(t *testing.T) { refused(t, path) })
	t.Run("so is one that comes by a symbolic link", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link.db")
		noError(t, os.Symlink(path, link))
		refused(t, link)
	})
	t.Run("so is another process, and told who has it", func(t *testing.T) {
		out, err := child(t, "opener", path).Output()
		if err == nil || !strings.Contains(string(out), fmt.Sprintf("%s by process %d", ErrInUse, os.Getpid())) {
			t.Fatalf("%v: %s", err, out)
		}
	})
	t.Run("the refused ones did no harm", func(t *testing.T) { noError(t, db.Ping(t.Context())) })
	t.Run("the file is free again after Close", func(t *testing.T) {
		path := newPath(t)
		first, err := Open(t.Context(), Config{Path: path})
		noError(t, err)
		noError(t, first.Close())
		if out, err := child(t, "opener", path).Output(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	})
}

// child is this test binary in another role.
func child(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	noError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	return cmd
}

func TestFiles(t *testing.T) {
	t.Run("nobody else can read what is kept", func(t *testing.T) {
		path := newPath(t)
		db := openTest(t, path)
		noError(t, db.Ping(t.Context()))
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			info, err := os.Stat(path + suffix)
			noError(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%q has mode %v", suffix, info.Mode())
			}
		}
	})
	t.Run("a file that was opened up is closed again", func(t *testing.T) {
		path := newPath(t)
		db, err := Open(t.Context(), Config{Path: path})
		noError(t, err)
		noError(t, db.Close())
		noError(t, os.Chmod(path, 0o666))
		openTest(t, path)
		info, err := os.Stat(path)
		noError(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode is %v", info.Mode())
		}
	})
	t.Run("a path may hold what a URL would misread", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a b?mode=ro%41#&.db")
		noError(t, openTest(t, path).Ping(t.Context()))
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an empty file is a new database", func(t *testing.T) {
		path := newPath(t)
		noError(t, os.WriteFile(path, nil, 0o600))
		noError(t, openTest(t, path).Ping(t.Context()))
	})
	t.Run("a clean end leaves one file, and it can be opened again", func(t *testing.T) {
		path := newPath(t)
		db, err := Open(t.Context(), Config{Path: path})
		noError(t, err)
		token := seedFamily(t, db, 1)
		noError(t, db.Close())
		for _, suffix := range []string{"-wal", "-shm"} {
			if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", suffix, err)
			}
		}
		again := openTest(t, path)
		_, err = again.Rotate(t.Context(), token, benchClient, time.Now(), time.Minute, benchNext, nil)
		noError(t, err)
	})
	t.Run("closing twice is no error, and then nothing is served", func(t *testing.T) {
		db, err := Open(t.Context(), Config{Path: newPath(t)})
		noError(t, err)
		noError(t, db.Close())
		noError(t, db.Close())
		if err := db.Ping(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("error is %v", err)
		}
	})
}

// TestSettings reads back what durability rests on: a typo in a connection string would otherwise go unnoticed.
func TestSettings(t *testing.T) {
	db := openTest(t, newPath(t))
	pragma := func(q *sql.Row) (value string) {
		t.Helper()
		noError(t, q.Scan(&value))
		return value
	}
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "temp_store": "2", "busy_timeout": "2500", "query_only": "0",
	} {
		err := db.write(t.Context(), func(x *tx) error {
			if got := pragma(x.w.conn.QueryRowContext(t.Context(), "PRAGMA "+name)); got != want {
				return fmt.Errorf("the writer's %s is %s", name, got)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{"query_only": "1", "temp_store": "2", "busy_timeout": "2500"} {
		if got := pragma(db.reader.pool.QueryRow("PRAGMA " + name)); got != want {
			t.Errorf("a reader's %s is %s", name, got)
		}
	}
	if _, err := db.reader.pool.Exec("DELETE FROM users"); err == nil {
		t.Error("a reader wrote")
	}
}

// TestRestart is D04: what was consumed or revoked stays so when the server starts again, whatever the clock says.
func TestRestart(t *testing.T) {
	path := newPath(t)
	first, err := Open(t.Context(), Config{Path: path})
	noError(t, err)
	now := time.Now()
	noError(t, plant(t.Context(), first, "rotated"))
	_, err = first.Rotate(t.Context(), familyToken("rotated", 0), benchClient, now, time.Minute, benchNext, nil)
	noError(t, err)
	noError(t, plant(t.Context(), first, "revoked"))
	noError(t, first.RevokeGrant(t.Context(), "grevoked", now))
	noError(t, plantCode(t.Context(), first, "rotated"))
	noError(t, exchangeCode(t.Context(), first, "rotated"))
	noError(t, first.Close())

	second := openTest(t, path)
	for name, want := range map[string]error{"revoked": storage.ErrRevoked, "rotated": storage.ErrReplayed} {
		_, err := second.Rotate(t.Context(), familyToken(name, 0), benchClient, now.Add(-time.Hour), time.Minute, benchNext, nil)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := second.Rotate(t.Context(), familyToken("rotated", 1), benchClient, now, time.Minute, benchNext, nil); !errors.Is(err, storage.ErrRevoked) {
		t.Errorf("the successor: %v", err)
	}
	if err := exchangeCode(t.Context(), second, "rotated"); !errors.Is(err, storage.ErrReplayed) {
		t.Errorf("the authorization code: %v", err)
	}
}
