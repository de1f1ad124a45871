package scale

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

const (
	system    = "grantkeeper-system" // the operator's namespace
	platform  = "oauth-system"       // the server's
	operator  = "system:serviceaccount:" + system + ":grantkeeper-operator"
	authority = "system:serviceaccount:" + platform + ":oauth-main"
	issuerAt  = "http://"
)

// auditPolicy has every write logged, with who made it on what, and nothing else.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch, delete, deletecollection]
  - level: None
`

// plane is the control plane and the processes under measurement.
type plane struct {
	env    *envtest.Environment
	admin  *rest.Config
	client client.Client
	// secrets watches Secrets.
	secrets client.WithWatch
	dir     string
	bin     string
	audit   *audit

	operator, server *process
	address          string // where the server listens
	operations       string
}

// start brings up everything, with as many namespaces and policies as asked for but without clients.
func start(tb testing.TB, s sizes) *plane {
	tb.Helper()
	p := &plane{dir: tb.TempDir()}
	p.bin = filepath.Join(p.dir, "bin")
	p.controlPlane(tb, s)
	build(tb, p.bin)
	p.address, p.operations = address(tb), address(tb)
	p.rights(tb)
	p.platform(tb, s)
	p.operator = p.startOperator(tb)
	p.server = p.startServer(tb)
	return p
}

func (p *plane) controlPlane(tb testing.TB, s sizes) {
	tb.Helper()
	env, err := testenv.New()
	if err != nil {
		tb.Fatal(err)
	}
	policy, log := filepath.Join(p.dir, "audit.yaml"), filepath.Join(p.dir, "audit.log")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		tb.Fatal(err)
	}
	env.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).Set("audit-log-path", log).Set("audit-log-maxsize", "4000")
	if os.Getenv(profileEnv) != "" {
		env.ControlPlane.GetAPIServer().Configure().Set("profiling", "true")
	}
	if s.durable {
		// As in production: the test environment would have etcd leave out what makes a write survive.
		env.ControlPlane.Etcd.Configure().Set("unsafe-no-fsync", "false")
	}
	tb.Cleanup(func() {
		if err := env.Stop(); err != nil {
			tb.Errorf("stop the control plane: %v", err)
		}
	})
	if p.admin, err = env.Start(); err != nil {
		tb.Fatal(err)
	}
	p.admin = rest.CopyConfig(p.admin)
	p.admin.QPS = -1
	p.env, p.audit = env, &audit{path: log}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			tb.Fatal(err)
		}
	}
	if p.client, err = client.New(p.admin, client.Options{Scheme: scheme}); err != nil {
		tb.Fatal(err)
	}
	if p.secrets, err = client.NewWithWatch(p.admin, client.Options{Scheme: scheme}); err != nil {
		tb.Fatal(err)
	}
}

// build makes the programs as `make build` does.
func build(tb testing.TB, bin string) {
	tb.Helper()
	args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", bin + "/"}
	if overlay := os.Getenv("SCALE_OVERLAY"); overlay != "" {
		args = append(args, "-overlay", overlay) // for a profile
	}
	cmd := exec.CommandContext(tb.Context(), "go", append(args, "./cmd/operator", "./cmd/server")...)
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build: %v\n%s", err, out)
	}
}

func root() string { return filepath.Join("..", "..", "..") }

func address(tb testing.TB) string {
	tb.Helper()
	a, err := freeport.Address()
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// rights gives the operator what config/rbac gives it. The operator gives the server what it needs.
func (p *plane) rights(tb testing.TB) {
	tb.Helper()
	p.create(tb, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}})
	p.create(tb, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: platform}})
	for _, file := range []string{"role.yaml", "role_binding.yaml", "leader_election_role.yaml"} {
		content, err := os.ReadFile(filepath.Join(root(), "config", "rbac", file))
		if err != nil {
			tb.Fatal(err)
		}
		for _, document := range bytes.Split(content, []byte("\n---\n")) {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(document, object); err != nil {
				tb.Fatalf("%s: %v", file, err)
			}
			if object.GetKind() != "" {
				p.create(tb, object)
			}
		}
	}
}

func (p *plane) create(tb testing.TB, o client.Object) {
	tb.Helper()
	if err := p.client.Create(tb.Context(), o); err != nil {
		tb.Fatal(err)
	}
}

// kubeconfig makes an identity of its own for a process, as its ServiceAccount would be in a pod.
func (p *plane) kubeconfig(tb testing.TB, user string) string {
	tb.Helper()
	namespace := strings.Split(user, ":")[2]
	who, err := p.env.AddUser(envtest.User{Name: user, Groups: []string{
		"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated",
	}}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	content, err := who.KubeConfig()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(p.dir, strings.ReplaceAll(user, ":", "-")+".kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// deployed are the environment variables that the shipped Deployment gives the operator.
func deployed(tb testing.TB) []string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(root(), "config", "manager", "operator.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	var d struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Env []corev1.EnvVar `json:"env"`
					} `json:"containers"`
				} `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	if err := utilyaml.Unmarshal(content, &d); err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, e := range d.Spec.Template.Spec.Containers[0].Env {
		if e.ValueFrom == nil {
			out = append(out, e.Name+"="+e.Value)
		} else if e.ValueFrom.FieldRef.FieldPath == "metadata.namespace" {
			out = append(out, e.Name+"="+system)
		}
	}
	return out
}

func (p *plane) startOperator(tb testing.TB) *process {
	tb.Helper()
	env := append(deployed(tb), "KUBECONFIG="+p.kubeconfig(tb, operator))
	return p.run(tb, "operator", env, "--server-image=server:bench", "--metrics=127.0.0.1:0", "--health=127.0.0.1:0",
		"--leader-election-namespace="+system)
}

func (p *plane) startServer(tb testing.TB) *process {
	tb.Helper()
	return p.run(tb, "server", []string{"KUBECONFIG=" + p.kubeconfig(tb, authority)}, "--namespace="+platform, "--server=main", "--replica=bench",
		"--sqlite="+filepath.Join(p.dir, "server.db"), "--listen="+p.address, "--operations="+p.operations, "--drain=0s")
}

// process is a program under measurement.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
}

func (p *plane) run(tb testing.TB, name string, env []string, args ...string) *process {
	tb.Helper()
	x := &process{name: name, cmd: exec.Command(filepath.Join(p.bin, name), args...), log: filepath.Join(p.dir, name+".log")}
	log, err := os.OpenFile(x.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	x.cmd.Stdout, x.cmd.Stderr = log, log
	x.cmd.Env = append([]string{"HOME=" + p.dir, "PATH=" + os.Getenv("PATH")}, env...)
	if os.Getenv(profileEnv) != "" {
		x.cmd.Env = append(x.cmd.Env, "GODEBUG=gctrace=1")
	}
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := x.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if x.cmd.ProcessState == nil {
			x.stop(tb)
		}
		if tb.Failed() {
			tb.Logf("the end of the %s's log:\n%s", name, tail(x.log))
		}
		_ = log.Close()
	})
	return x
}

// stop ends the process and waits for it.
func (x *process) stop(tb testing.TB) {
	tb.Helper()
	_ = x.cmd.Process.Signal(syscall.SIGTERM)
	if err := x.cmd.Wait(); err != nil {
		tb.Errorf("%s: %v", x.name, err)
	}
}

func tail(path string) string {
	b, _ := os.ReadFile(path)
	return string(b[max(0, len(b)-4000):])
}

// memory reads the resident memory of a process in MiB: now, and at most since its start.
func (x *process) memory(tb testing.TB) (now, peak float64) {
	tb.Helper()
	content, err := os.ReadFile(x.proc("status"))
	if err != nil {
		tb.Fatal(err)
	}
	value := func(key string) float64 {
		_, rest, _ := strings.Cut(string(content), key+":")
		fields := strings.Fields(rest)
		kib, err := strconv.Atoi(fields[0])
		if err != nil {
			tb.Fatal(err)
		}
		return float64(kib) / 1024
	}
	return value("VmRSS"), value("VmHWM")
}

// usage is the processor time that every part has used.
type usage map[string]time.Duration

// used reads the processor time of the operator, the server, and what the control plane runs as children of this process.
func (p *plane) used() usage {
	out := usage{}
	me := strconv.Itoa(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
		fields := strings.Fields(string(stat[shut+1:]))
		if fields[1] != me {
			continue
		}
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		kernel, _ := strconv.ParseInt(fields[12], 10, 64)
		out[string(stat[open+1:shut])] += time.Duration(user+kernel) * time.Second / 100
	}
	return out
}

func (u usage) since(before usage) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(u)) {
		if !strings.HasSuffix(name, ".test") { // the prober
			parts = append(parts, fmt.Sprintf("%s %v", name, (u[name]-before[name]).Round(10*time.Millisecond)))
		}
	}
	return strings.Join(parts, ", ")
}

func (x *process) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(x.cmd.Process.Pid), file)
}

// eventually looks until a condition holds and returns how long that took.
func eventually(tb testing.TB, what string, within time.Duration, holds func(context.Context) bool) time.Duration {
	tb.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(tb.Context(), within)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			tb.Fatalf("not within %v: %s", within, what)
		case <-look.C:
		}
	}
	return time.Since(began)
}
