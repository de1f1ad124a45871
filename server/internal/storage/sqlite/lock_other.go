//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package sqlite

import (
	"errors"
	"os"
)

// lock refuses: without a lock that ends with the process, a second writer could not be told apart from a crashed one.
func lock(string) (*os.File, error) {
	return nil, errors.New("the SQLite engine needs flock(2), which this platform lacks; use PostgreSQL")
}
