package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endLeftOvers ends the processes of a run that was killed before it could, found by their pid files. A process is
// only touched when it is certainly ours: the binary's name is right and our data folder is among its arguments. A pid
// that belongs to somebody else by now is left alone and its file forgotten.
func endLeftOvers(ctx context.Context, c Config) error {
	for _, name := range []string{"kube-apiserver", "etcd"} {
		file := c.path("run", name+".pid")
		b, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && c.isOurs(pid, name) {
			c.Log.Info("ending what a run before left behind", "process", name, "pid", pid)
			if err := end(ctx, pid, func() bool { return c.isOurs(pid, name) }); err != nil {
				return fmt.Errorf("a %s of a run before is still there (process %d) and cannot be ended: %w; end it with: kill -9 %d", name, pid, err, pid)
			}
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// isOurs reports whether a process is the named binary working in our data folder.
func (c Config) isOurs(pid int, name string) bool {
	exe, args, ok := commandOf(pid)
	if !ok || pid <= 1 || filepath.Base(exe) != name {
		return false
	}
	return slices.ContainsFunc(args, func(arg string) bool {
		_, value, _ := strings.Cut(arg, "=")
		return strings.HasPrefix(value, c.DataDir+string(filepath.Separator))
	})
}

// end kills a process that is not our child and waits until it is gone.
func end(ctx context.Context, pid int, there func() bool) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("it does not end"))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for there() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// Explain says what to do about an error of the file system below dir; other errors are returned as they are.
func Explain(err error, dir string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "no space left on device"):
		return fmt.Errorf("the disk with %s is full; free some space, or choose another folder with --data: %w", dir, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s cannot be written; choose another folder with --data: %w", dir, err)
	}
	return err
}
