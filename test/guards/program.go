package guards

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// binaries builds the programs that run in clusters, once.
var binaries = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "grantkeeper", "test", "guards")
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/operator", "./cmd/server")
	cmd.Dir = demo.Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

// Program is a running process and what it logged.
type Program struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error

	mu  sync.Mutex
	log bytes.Buffer
}

// Write takes the process's output.
func (p *Program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// Logged is what it wrote so far.
func (p *Program) Logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// stop ends it as the kubelet does, and fails when it ended in any other way than by itself.
func (p *Program) stop() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended early: %w\n%s", p.cmd.Path, p.err, p.Logged())
	default:
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(demo.Patience(30 * time.Second)):
		return errors.Join(fmt.Errorf("%s does not end", p.cmd.Path), p.cmd.Process.Kill())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", p.cmd.Path, p.err, p.Logged())
	}
	return nil
}

// run starts the program of a Deployment, with its arguments and a few instead of them, as its ServiceAccount and with nothing
// else of this process's environment.
func (k *Cluster) run(ctx context.Context, deployment client.ObjectKey, name string, instead ...string) (*Program, error) {
	dir, err := binaries()
	if err != nil {
		return nil, err
	}
	var d appsv1.Deployment
	if err := k.Admin.Get(ctx, deployment, &d); err != nil {
		return nil, err
	}
	spec := d.Spec.Template.Spec
	kubeconfig, err := k.accountFile(ctx, d.Namespace, spec.ServiceAccountName)
	if err != nil {
		return nil, err
	}
	values := strings.NewReplacer("$(POD_NAMESPACE)", d.Namespace, "$(POD_NAME)", d.Name+"-0", "$(POD_UID)", "")
	var args []string
	for _, a := range append(spec.Containers[0].Args, instead...) {
		args = append(args, values.Replace(a))
	}
	p := &Program{cmd: exec.Command(filepath.Join(dir, name), args...), done: make(chan struct{})}
	p.cmd.Env = []string{"KUBECONFIG=" + kubeconfig}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	k.stops = append(k.stops, p.stop)
	return p, nil
}

// RunOperator starts the operator as config/ has it run.
func (k *Cluster) RunOperator(ctx context.Context) (*Program, error) {
	return k.run(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: operatorAccount}, "operator",
		"--metrics=0", "--health=0", "--leader-election-namespace="+operatorNamespace)
}

// runServer starts a replica as the operator has it run, listening at an address of this machine.
func (k *Cluster) runServer(ctx context.Context, namespace, server, listen string) (*Program, error) {
	return k.run(ctx, client.ObjectKey{Namespace: namespace, Name: "oauth-" + server}, "server",
		"--sqlite="+filepath.Join(k.dir, namespace+"-"+server+".db"), "--listen="+listen, "--operations=127.0.0.1:0")
}
