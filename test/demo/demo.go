package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

// startTimeout is how long the command may take until it is up, and endTimeout how long until it has ended.
const (
	startTimeout = 2 * time.Minute
	endTimeout   = 10 * time.Second
)

// Options say how the command is started. The zero value is `make demo`.
type Options struct {
	// Files is the folder of files mode; cluster mode when empty.
	Files string
	// Manifests is applied in place of config/samples.
	Manifests string
	// Host is where the issuer is, a name of loopback; 127.0.0.1 when empty. Passkeys belong to a name: they take localhost.
	Host string
	// Data is the data folder; a temporary one, removed with the demo, when empty.
	Data string
	// Witness remembers what must be found nowhere; one of the demo's own when nil.
	Witness *Witness
}

// Demo is the running command, and what it printed.
type Demo struct {
	// Issuer is the issuer identifier.
	Issuer string
	// Operations is the address of health and metrics, as a URL.
	Operations string
	// User and Password are the account to sign in with.
	User, Password string
	// Kubeconfig is the path that is printed; empty in files mode.
	Kubeconfig string
	// Data is the data folder.
	Data string
	// Took is how long the start took, from the start of the process to its last line.
	Took time.Duration
	// Ended is how long the last stop took, from Ctrl-C to the end of the process.
	Ended time.Duration
	// Witness remembers what must be found nowhere.
	Witness *Witness

	options  Options
	listen   [2]string
	kubectl  string
	assets   string
	ownsData bool

	cmd         *exec.Cmd
	interrupt   context.CancelFunc
	done        chan struct{}
	exit        error
	out, errOut *terminal
}

// Start starts a demo that ends with the test, which fails when it does not end as it should.
func Start(t testing.TB, o Options) *Demo {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Parallel is how many tests of a package run at a time, unless -parallel says otherwise: they wait more than they work.
const Parallel = "8"

// Main runs a package's tests with one demo for all of them, which use is handed before the first: a TestMain's body. After
// the last one it looks for what the tests saw where nothing of it may be, and ends the demo. It returns the exit status for
// os.Exit.
func Main(m *testing.M, o Options, use func(*Demo)) int {
	d, err := New(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := flag.Set("test.parallel", Parallel); err != nil { // which the command line overrides: it is parsed by m.Run
		fmt.Fprintln(os.Stderr, err)
	}
	log.SetLogger(logr.Discard()) // of controller-runtime's client, which complains otherwise
	use(d)
	status := m.Run()
	if err := errors.Join(d.Leaks(), d.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(status, 1)
	}
	return status
}

// New starts a demo and waits until it is up. The caller closes it.
func New(o Options) (*Demo, error) {
	d := &Demo{options: o, Data: o.Data, Witness: o.Witness}
	if d.Witness == nil {
		d.Witness = NewWitness()
	}
	var err error
	if o.Files == "" {
		if d.assets, err = testenv.Assets(); err != nil {
			return nil, err
		}
		d.kubectl = filepath.Join(d.assets, "kubectl")
	}
	for i := range d.listen {
		if d.listen[i], err = FreeAddress(); err != nil {
			return nil, err
		}
	}
	if _, port, _ := strings.Cut(d.listen[0], ":"); o.Host != "" {
		d.listen[0] = net.JoinHostPort(o.Host, port)
	}
	if d.Data == "" {
		d.ownsData = true
		if d.Data, err = os.MkdirTemp("", "grantkeeper-demo-"); err != nil {
			return nil, err
		}
	}
	if err := d.start(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// FreeAddress is an address of loopback that nobody listens on.
func FreeAddress() (string, error) {
	return freeport.Address()
}

// Args are the arguments that the demo is started with.
func (d *Demo) Args() []string {
	args := []string{"dev", "--data", d.Data, "--listen", d.listen[0], "--operations", d.listen[1]}
	if d.options.Files != "" {
		return append(args, "--files", d.options.Files)
	}
	args = append(args, "--assets", d.assets)
	if d.options.Manifests != "" {
		args = append(args, "--manifests", d.options.Manifests)
	}
	return args
}

func (d *Demo) start(more ...string) error {
	ctx, cancel := context.WithCancel(context.Background())
	cmd, err := Command(ctx, append(d.Args(), more...)...)
	if err != nil {
		cancel()
		return err
	}
	out, errOut := newTerminal(lastLine), newTerminal("")
	cmd.Stdout, cmd.Stderr = out, errOut
	began := time.Now()
	if err := cmd.Start(); err != nil {
		cancel()
		return err
	}
	d.cmd, d.interrupt, d.out, d.errOut, d.done = cmd, cancel, out, errOut, make(chan struct{})
	go func() {
		d.exit = cmd.Wait()
		close(d.done)
	}()
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-out.seen:
	case <-d.done:
		return fmt.Errorf("%v ended (%w) before it was up: %s%s", cmd.Args, d.exit, errOut, out)
	case <-timeout.C:
		return fmt.Errorf("%v is not up after %v: %s%s", cmd.Args, startTimeout, errOut, out)
	}
	d.Took = time.Since(began)
	return d.read(out.String())
}

// Stop is Ctrl-C. It returns an error unless the command ends in time with exit status 0, says so, and nothing that it
// started is left. It may be called more than once.
func (d *Demo) Stop() error {
	if d.cmd == nil {
		return nil
	}
	children := children(d.Data)
	began := time.Now()
	d.interrupt()
	<-d.done // at the latest when it is killed: see Command
	d.Ended = time.Since(began)
	d.cmd = nil
	var errs []error
	// Wait says that we interrupted it when there is nothing worse to say.
	if d.exit != nil && !errors.Is(d.exit, context.Canceled) {
		errs = append(errs, fmt.Errorf("it ended with %w: %s", d.exit, d.errOut))
	}
	if d.Ended > Patience(endTimeout) {
		errs = append(errs, fmt.Errorf("it took %v to end", d.Ended))
	}
	if !strings.Contains(d.out.String(), "Everything that was started here has ended.") {
		errs = append(errs, errors.New("it does not say that it has ended"))
	}
	for pid, command := range children {
		if alive(pid) {
			errs = append(errs, fmt.Errorf("process %d is still there: %s", pid, command))
		}
	}
	for _, address := range d.listen {
		if c, err := net.Dial("tcp", address); err == nil {
			errs = append(errs, c.Close(), fmt.Errorf("somebody still listens on %s", address))
		}
	}
	return errors.Join(errs...)
}

// Restart stops the demo and starts it again on the same data and addresses, with additional flags. Its password is another
// one then.
func (d *Demo) Restart(flags ...string) error {
	if err := d.Stop(); err != nil {
		return err
	}
	return d.start(flags...)
}

// Close stops the demo and removes its data folder, if that is its own.
func (d *Demo) Close() error {
	err := d.Stop()
	if d.ownsData {
		err = errors.Join(err, os.RemoveAll(d.Data))
	}
	return err
}

// PID is the command's process.
func (d *Demo) PID() int { return d.cmd.Process.Pid }

// Out is what the command printed for people, and Progress what it printed meanwhile.
func (d *Demo) Out() string { return d.out.String() }

// Progress is what the command printed on standard error.
func (d *Demo) Progress() string { return d.errOut.String() }

// AwaitProgress waits until the command has printed a text on standard error.
func (d *Demo) AwaitProgress(t testing.TB, text string) {
	t.Helper()
	Eventually(t, time.Minute, "the command prints "+text, func() error {
		if !strings.Contains(d.Progress(), text) {
			return errors.New(d.Progress())
		}
		return nil
	})
}

// terminal collects what is printed, and tells when a text was.
type terminal struct {
	mu   sync.Mutex
	b    strings.Builder
	text string
	seen chan struct{}
}

func newTerminal(text string) *terminal {
	return &terminal{text: text, seen: make(chan struct{})}
}

var _ io.Writer = (*terminal)(nil)

func (o *terminal) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.b.Write(p)
	if o.text != "" && strings.Contains(o.b.String(), o.text) {
		o.text = ""
		close(o.seen)
	}
	return n, err
}

func (o *terminal) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
