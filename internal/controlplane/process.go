package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one child.
type process struct {
	name    string
	cmd     *exec.Cmd
	log     string // path
	pidFile string
	// done is closed when the process has ended; err is its exit after that.
	done chan struct{}
	err  error
}

// spawn starts a binary of the assets folder. It gets a process group of its own, so that Ctrl-C in the terminal reaches us
// alone and we decide the order of ending, and it is killed by the kernel, where that can be asked for, when we are
// killed ourselves.
func spawn(c Config, name string, args []string) (*process, error) {
	p := &process{name: name, log: c.path("log", name+".log"), pidFile: c.path("run", name+".pid"), done: make(chan struct{})}
	if err := rotate(p.log); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(filepath.Join(c.Assets, name), args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Dir = c.DataDir
	p.cmd.SysProcAttr = processAttributes()
	started := make(chan error)
	go func() {
		// The kernel's promise to kill the child when its parent dies is tied to the thread that started it. This goroutine
		// keeps that thread to itself for as long as the child lives.
		runtime.LockOSThread()
		defer log.Close() // the child writes to it, not we
		if err := p.cmd.Start(); err != nil {
			started <- fmt.Errorf("start %s: %w", name, err)
			return
		}
		started <- nil
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.pidFile, []byte(strconv.Itoa(p.cmd.Process.Pid)+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, p.stop(0))
	}
	return p, nil
}

// rotate keeps the log of the run before under another name, so that logs do not grow without bound.
func rotate(path string) error {
	if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// await polls until check gives no error; it ends early when the process does.
func (p *process) await(ctx context.Context, timeout time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%s is not up after %v", p.name, timeout))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		attempt, cancelAttempt := context.WithTimeout(ctx, 5*time.Second)
		err := check(attempt)
		cancelAttempt()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.died()
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return context.Canceled
			}
			return fmt.Errorf("%w: %w\n%s", context.Cause(ctx), err, p.tail())
		case <-tick.C:
		}
	}
}

// died describes an end that nobody asked for.
func (p *process) died() error {
	return fmt.Errorf("%s ended by itself (%v); the end of %s:\n%s", p.name, p.cmd.ProcessState, p.log, p.tail())
}

// tail is the last few lines of the process's log, indented.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	lines = lines[max(0, len(lines)-8):]
	for i, line := range lines {
		if len(line) > 400 {
			line = line[:400] + "..."
		}
		lines[i] = "  " + line
	}
	return strings.Join(lines, "\n")
}

// stop asks the process to end, kills it when it does not, and waits until it is gone.
func (p *process) stop(grace time.Duration) error {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(grace):
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
	if err := os.Remove(p.pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
