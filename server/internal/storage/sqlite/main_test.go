package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// childEnv makes the test binary a child process: its value says which.
const childEnv = "GRANTKEEPER_SQLITE_CHILD"

// TestMain also serves as the processes that tests start, kill and race with.
func TestMain(m *testing.M) {
	switch role := os.Getenv(childEnv); role {
	case "":
		goleak.VerifyTestMain(m)
	case "victim":
		fmt.Println("error", victim(context.Background(), os.Args[1], os.Args[2]))
		os.Exit(1)
	case "opener":
		db, err := Open(context.Background(), Config{Path: os.Args[1]})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		_ = db.Close()
	default:
		fmt.Println("unknown role", role)
		os.Exit(2)
	}
}

// openTest opens a database that is closed when the test ends.
func openTest(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// newPath is where a test keeps its database.
func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "grantkeeper.db")
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}
