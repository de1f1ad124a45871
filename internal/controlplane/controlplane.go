package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
)

// Config says where things are. All fields are needed.
type Config struct {
	// Assets is the folder with etcd, kube-apiserver and kubectl.
	Assets string
	// DataDir is where data, logs and the kubeconfig are kept. The caller makes sure that nobody else uses it meanwhile.
	DataDir string
	// Log is told of every step.
	Log *slog.Logger
}

// ControlPlane is a running etcd and kube-apiserver.
type ControlPlane struct {
	// REST reaches the API server as a member of system:masters.
	REST *rest.Config
	// Kubeconfig is the path of a kubeconfig with the same rights; stable for a data folder.
	Kubeconfig string
	// Kubectl is the path of a kubectl of the API server's version.
	Kubectl string

	etcd, api *process
}

const (
	// startTimeout bounds the start of one process; a cold, small and busy machine needs half a minute.
	startTimeout = 3 * time.Minute
	// stopTimeout is what a process has to end by itself before it is killed. Both lose nothing by being killed.
	stopTimeout = 2 * time.Second
	// minFree is how much room etcd wants at its start, in bytes: its log is allocated ahead of use.
	minFree = 300 << 20
)

// Start starts both processes and waits until the API server is ready. What a killed run before left behind is ended
// first. If it fails, or ctx ends meanwhile, nothing stays behind. Errors say what to do about them.
func Start(ctx context.Context, c Config) (*ControlPlane, error) {
	if err := checkAssets(c.Assets); err != nil {
		return nil, err
	}
	for _, dir := range []string{c.DataDir, c.path("log"), c.path("run"), c.path("pki"), c.path("etcd")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, Explain(err, c.DataDir)
		}
	}
	if free, ok := freeSpace(c.DataDir); ok && free < minFree {
		return nil, fmt.Errorf("only %d MiB free where %s is, and etcd needs %d MiB; free some space, or choose another folder with --data", free>>20, c.DataDir, minFree>>20)
	}
	if err := endLeftOvers(ctx, c); err != nil {
		return nil, err
	}
	cp := &ControlPlane{Kubeconfig: c.path("kubeconfig"), Kubectl: filepath.Join(c.Assets, "kubectl")}
	if err := cp.start(ctx, c); err != nil {
		return nil, Explain(errors.Join(err, cp.Stop()), c.DataDir)
	}
	return cp, nil
}

func (c Config) path(elem ...string) string {
	return filepath.Join(append([]string{c.DataDir}, elem...)...)
}

// checkAssets makes sure that there is something to start.
func checkAssets(dir string) error {
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return fmt.Errorf("there is no %s in %q; `make demo` builds what is needed, and so does hack/control-plane, which prints the folder for --assets", name, dir)
		}
	}
	return nil
}

func (cp *ControlPlane) start(ctx context.Context, c Config) error {
	keys, err := makePKI(c.path("pki"), time.Now())
	if err != nil {
		return err
	}
	etcdPort, err := freePort(c.path("run", "etcd.port"))
	if err != nil {
		return err
	}
	began := time.Now()
	cp.etcd, err = spawn(c, "etcd", etcdArgs(c, keys, etcdPort))
	if err != nil {
		return err
	}
	if err := cp.etcd.await(ctx, startTimeout, func(ctx context.Context) error { return keys.dial(ctx, etcdPort) }); err != nil {
		return err
	}
	c.Log.Info("etcd is up", "after", time.Since(began).Round(time.Millisecond))

	apiPort, err := freePort(c.path("run", "kube-apiserver.port"))
	if err != nil {
		return err
	}
	cp.REST = keys.restConfig(apiPort)
	if err := writeKubeconfig(cp.Kubeconfig, cp.REST); err != nil {
		return err
	}
	began = time.Now()
	cp.api, err = spawn(c, "kube-apiserver", apiServerArgs(c, keys, etcdPort, apiPort))
	if err != nil {
		return err
	}
	if err := cp.api.await(ctx, startTimeout, readyz(cp.REST)); err != nil {
		return err
	}
	c.Log.Info("kube-apiserver is ready", "after", time.Since(began).Round(time.Millisecond), "url", cp.REST.Host)
	return nil
}

// Stop ends both processes, the API server first, and waits until they are gone. It may be called more than once.
func (cp *ControlPlane) Stop() error {
	var errs []error
	for _, p := range []*process{cp.api, cp.etcd} {
		if p != nil {
			errs = append(errs, p.stop(stopTimeout))
		}
	}
	return errors.Join(errs...)
}

// Wait blocks until ctx ends, which gives nil, or until one of the processes ends by itself, which gives an error that
// quotes the end of its log.
func (cp *ControlPlane) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-cp.etcd.done:
		return cp.etcd.died()
	case <-cp.api.done:
		return cp.api.died()
	}
}

// etcdArgs are etcd's flags. It takes nobody but holders of a certificate made for this run: on a shared machine loopback
// is no protection, and etcd holds the signing keys in the clear.
func etcdArgs(c Config, k *pki, port int) []string {
	client := "https://" + address(port)
	return []string{
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=https://127.0.0.1:0",
		"--cert-file=" + k.etcdServer.cert, "--key-file=" + k.etcdServer.key,
		"--trusted-ca-file=" + k.etcdCA, "--client-cert-auth",
		"--peer-cert-file=" + k.etcdServer.cert, "--peer-key-file=" + k.etcdServer.key,
		"--peer-trusted-ca-file=" + k.etcdCA, "--peer-client-cert-auth",
		"--log-level=warn",
	}
}

func apiServerArgs(c Config, k *pki, etcdPort, port int) []string {
	return []string{
		"--etcd-servers=https://" + address(etcdPort),
		"--etcd-cafile=" + k.etcdCA, "--etcd-certfile=" + k.etcdClient.cert, "--etcd-keyfile=" + k.etcdClient.key,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		// There is no one who would reach it through the Service "kubernetes", and loopback is no valid endpoint.
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + c.path("pki"),
		"--tls-cert-file=" + k.apiServer.cert, "--tls-private-key-file=" + k.apiServer.key,
		"--client-ca-file=" + k.clusterCA, "--anonymous-auth=false",
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + k.serviceAccounts, "--service-account-signing-key-file=" + k.serviceAccounts,
		// It would wait for ServiceAccounts that only a controller manager makes.
		"--disable-admission-plugins=ServiceAccount",
		"--profiling=false",
	}
}

// freePort returns a port that nobody listens on: the one that file remembers if it can be had, so that addresses stay
// the same from one run to the next.
func freePort(file string) (int, error) {
	if b, err := os.ReadFile(file); err == nil {
		if port, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && port > 1023 && canListen(port) {
			return port, nil
		}
	}
	free, err := freeport.Address()
	if err != nil {
		return 0, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
	}
	_, text, _ := net.SplitHostPort(free) // it was put together by the standard library
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0, err
	}
	return port, os.WriteFile(file, []byte(strconv.Itoa(port)+"\n"), 0o600)
}

func canListen(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
