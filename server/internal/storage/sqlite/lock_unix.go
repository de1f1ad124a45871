//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// lock takes the lock file beside the database at path. The kernel gives it up when the process ends, however it ends.
//
// It is a file of its own because closing any descriptor of the database would drop the POSIX locks that SQLite holds on it.
func lock(path string) (*os.File, error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, folderError(path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: the file system refuses locks; SQLite needs a local disk or a block volume: %w", name, err)
		}
		return nil, fmt.Errorf("%s: %w by %s; SQLite serves one replica: end the other server, or use PostgreSQL for several replicas", path, ErrInUse, holder(f))
	}
	host, _ := os.Hostname() // only for the message above
	// What is written here is a courtesy to whoever is refused; the lock holds without it, also on a full disk.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "process %d on %s\n", os.Getpid(), host)
	}
	return f, nil
}

// holder reads who has the lock.
func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 512))
	if who := strings.TrimSpace(string(b)); err == nil && who != "" {
		return who
	}
	return "another process"
}
