package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/grantkeeper/grantkeeper/config/crd"
)

// startTimeout is how long etcd or kube-apiserver may take to start: generous, because test packages run side by side on
// small machines.
const startTimeout = 2 * time.Minute

// buildTimeout is how long building the binaries may take, which happens once per machine.
const buildTimeout = 30 * time.Minute

// Assets returns the folder with etcd, kube-apiserver and kubectl: KUBEBUILDER_ASSETS when set, else what
// hack/control-plane builds and caches. The error carries what the script said.
func Assets() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("testenv: cannot tell where the repository is")
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "control-plane"))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("testenv: hack/control-plane: %w\n%s", err, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}

// New returns an environment that is ready to Start, with the kinds of this project to be installed. The caller starts it
// and stops it; a Ginkgo suite does that in BeforeSuite and AfterSuite.
func New() (*envtest.Environment, error) {
	assets, err := Assets()
	if err != nil {
		return nil, err
	}
	crds, err := crd.CRDs()
	if err != nil {
		return nil, err
	}
	env := &envtest.Environment{
		CRDs:                     crds,
		BinaryAssetsDirectory:    assets,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  startTimeout,
	}
	// Named outright, so that neither /usr/local/kubebuilder nor PATH is looked at, where another version may be.
	api := env.ControlPlane.GetAPIServer()
	api.Path = filepath.Join(assets, "kube-apiserver")
	env.ControlPlane.Etcd = &envtest.Etcd{Path: filepath.Join(assets, "etcd")}
	env.ControlPlane.KubectlPath = filepath.Join(assets, "kubectl")
	return env, nil
}

// Start starts an environment and stops it when the test ends, which it fails when either does not work. Ginkgo's
// GinkgoT() is a testing.TB as well.
func Start(tb testing.TB) (*envtest.Environment, *rest.Config) {
	tb.Helper()
	env, err := New()
	if err != nil {
		tb.Fatal(err)
	}
	cfg, err := env.Start()
	if err != nil {
		// What did start has to end, also when the rest did not.
		_ = env.Stop()
		tb.Fatalf("testenv: start the control plane: %v", err)
	}
	tb.Cleanup(func() {
		if err := env.Stop(); err != nil {
			tb.Errorf("testenv: stop the control plane: %v", err)
		}
	})
	return env, cfg
}

// Main runs a package's tests with one environment for all of them and returns the exit status for os.Exit: a
// TestMain's body. use is handed the environment, whose Config and KubeConfig are filled in, before the first test.
func Main(m *testing.M, use func(*envtest.Environment)) int {
	env, err := New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := env.Start(); err != nil {
		_ = env.Stop()
		fmt.Fprintf(os.Stderr, "testenv: start the control plane: %v\n", err)
		return 1
	}
	use(env)
	status := m.Run()
	if err := env.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "testenv: stop the control plane: %v\n", err)
		if status == 0 {
			status = 1
		}
	}
	return status
}
