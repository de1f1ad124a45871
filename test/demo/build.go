package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// Patience is what a bound for an idle machine is multiplied with: under the race detector everything is several times
// slower.
func Patience(bound time.Duration) time.Duration {
	if raceDetector {
		return 5 * bound
	}
	return bound
}

// Root is the repository's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Binary builds cmd/grantkeeper, once per test binary, and returns its path. It stays in the cache folder, so that a
// build that changes nothing takes no time.
var Binary = sync.OnceValues(build)

func build() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	// One per test binary: packages are tested side by side, and one must not replace what another is about to start.
	path := filepath.Join(cache, "grantkeeper", "test", filepath.Base(os.Args[0]), "grantkeeper")
	args := []string{"build", "-o", path}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/grantkeeper")...)
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %v: %w\n%s", args, err, out)
	}
	return path, nil
}

// Command is the command with arguments, to be started where `make demo` starts it. It is interrupted, not killed, when ctx
// ends.
func Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path, err := Binary()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = Root()
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = Patience(10 * time.Second)
	return cmd, nil
}

// Fails runs the command, which is to end by itself and with an error, and returns what it printed.
func Fails(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience(30*time.Second))
	defer cancel()
	cmd, err := Command(ctx, args...)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if err == nil {
		return out.String(), fmt.Errorf("%v ends without an error; it printed: %s", args, &out)
	}
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || ctx.Err() != nil {
		return out.String(), fmt.Errorf("%v did not end with exit status 1: %w; it printed: %s", args, errors.Join(err, ctx.Err()), &out)
	}
	return out.String(), nil
}
