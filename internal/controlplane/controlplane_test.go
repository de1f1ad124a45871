package controlplane

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

// helperEnv makes the test binary start a control plane in the folder it names, print its processes and sit there.
const helperEnv = "CONTROLPLANE_TEST_HELPER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		helper(dir)
	}
	os.Exit(m.Run())
}

func helper(dir string) {
	cp, err := Start(context.Background(), Config{Assets: os.Getenv("KUBEBUILDER_ASSETS"), DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(cp.etcd.cmd.Process.Pid, cp.api.cmd.Process.Pid)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
	os.Exit(0)
}

func config(t *testing.T, dir string) Config {
	t.Helper()
	assets, err := testenv.Assets()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Assets: assets, DataDir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func start(t *testing.T, c Config) (*ControlPlane, kubernetes.Interface) {
	t.Helper()
	cp, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cp.Stop() })
	set, err := kubernetes.NewForConfig(cp.REST)
	if err != nil {
		t.Fatal(err)
	}
	return cp, set
}

func gone(pid int) bool {
	_, _, ok := commandOf(pid)
	return !ok
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look, deadline := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func TestASecondStartKeepsTheData(t *testing.T) {
	c := config(t, t.TempDir())
	cp, set := start(t, c)
	if _, err := set.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	if err := InstallCRDs(t.Context(), cp.REST, crds); err != nil {
		t.Fatal(err)
	}
	pids := []int{cp.etcd.cmd.Process.Pid, cp.api.cmd.Process.Pid}
	began := time.Now()
	if err := cp.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	if err := cp.Stop(); err != nil {
		t.Errorf("a second Stop: %v", err)
	}

	host := cp.REST.Host
	cp, set = start(t, c)
	if cp.REST.Host != host {
		t.Errorf("the address changed from %s to %s", host, cp.REST.Host)
	}
	if _, err := set.CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	if err := InstallCRDs(t.Context(), cp.REST, crds); err != nil {
		t.Errorf("installing the CRDs again: %v", err)
	}
	info, err := os.Stat(cp.Kubeconfig)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("kubeconfig: %v, %v", info.Mode(), err)
	}
	out, err := exec.CommandContext(t.Context(), cp.Kubectl, "--kubeconfig", cp.Kubeconfig, "get", "oauth", "-A").CombinedOutput()
	if err != nil {
		t.Errorf("kubectl get oauth: %v\n%s", err, out)
	}
	if err := cp.Stop(); err != nil {
		t.Error(err)
	}
}

func TestWaitTellsOfADeath(t *testing.T) {
	cp, _ := start(t, config(t, t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cp.Wait(ctx); err != nil {
		t.Errorf("a cancelled Wait: %v", err)
	}
	if err := cp.etcd.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cp.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "etcd ended by itself (signal: killed)") {
		t.Errorf("after etcd was killed: %v", err)
	}
	if err := cp.Stop(); err != nil {
		t.Error(err)
	}
}

func TestKilledHardNothingIsLeftAfterTheNextStart(t *testing.T) {
	c := config(t, t.TempDir())
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+c.DataDir, "KUBEBUILDER_ASSETS="+c.Assets)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close() // ends the helper if the test does first
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var etcd, api int
	if _, err := fmt.Sscan(line, &etcd, &api); err != nil {
		t.Fatalf("the helper said %q", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if diesWithUs {
		eventually(t, "the kernel ends the children", func() bool { return gone(etcd) && gone(api) })
	}
	start(t, c)
	if !gone(etcd) || !gone(api) {
		t.Error("processes of the killed run are still there")
	}
}

func TestLeftOversAreEndedOnlyWhenTheyAreCertainlyOurs(t *testing.T) {
	c := config(t, t.TempDir())
	for _, dir := range []string{"run", "log", "etcd"} {
		if err := os.MkdirAll(c.path(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// etcd as it is on systems where the kernel does not end it with us.
	etcd := func(data string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), filepath.Join(c.Assets, "etcd"), "--data-dir="+data, "--listen-client-urls=http://127.0.0.1:0", "--advertise-client-urls=http://127.0.0.1:0", "--listen-peer-urls=http://127.0.0.1:0")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	note := func(name string, pid int) {
		if err := os.WriteFile(c.path("run", name+".pid"), []byte(strconv.Itoa(pid)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ours, foreign := etcd(c.path("etcd")), etcd(filepath.Join(t.TempDir(), "etcd"))
	defer func() { _ = foreign.Process.Kill(); _ = foreign.Wait() }()

	note("etcd", foreign.Process.Pid)
	if err := endLeftOvers(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if gone(foreign.Process.Pid) {
		t.Error("an etcd of somebody else was ended")
	}
	note("etcd", ours.Process.Pid)
	note("kube-apiserver", os.Getpid())
	reaped := make(chan struct{})
	go func() { _ = ours.Wait(); close(reaped) }() // it says that a signal ended it, as it should
	if err := endLeftOvers(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	<-reaped
	if !gone(ours.Process.Pid) {
		t.Error("our etcd is still there")
	}
	if left, _ := filepath.Glob(c.path("run", "*.pid")); len(left) > 0 {
		t.Errorf("pid files are left: %v", left)
	}
}

func TestStartThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	t.Run("binaries are missing", func(t *testing.T) {
		dir := t.TempDir()
		_, err := Start(t.Context(), Config{Assets: dir, DataDir: filepath.Join(dir, "data"), Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "make demo") || !strings.Contains(err.Error(), "no etcd") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("kube-apiserver does not start", func(t *testing.T) {
		c := config(t, t.TempDir())
		assets := t.TempDir()
		for _, name := range []string{"etcd", "kubectl"} {
			if err := os.Symlink(filepath.Join(c.Assets, name), filepath.Join(assets, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(assets, "kube-apiserver"), []byte("#!/bin/sh\necho no such luck >&2\nexit 3\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		c.Assets = assets
		_, err := Start(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), "kube-apiserver ended by itself (exit status 3)") || !strings.Contains(err.Error(), "no such luck") {
			t.Errorf("got %v", err)
		}
		if left, _ := filepath.Glob(c.path("run", "*.pid")); len(left) > 0 {
			t.Errorf("pid files are left: %v", left)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		c := config(t, t.TempDir())
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := Start(ctx, c); err == nil {
			t.Error("a start that was interrupted succeeded")
		}
		if left, _ := filepath.Glob(c.path("run", "*.pid")); len(left) > 0 {
			t.Errorf("pid files are left: %v", left)
		}
	})
	t.Run("a full disk", func(t *testing.T) {
		err := Explain(&os.PathError{Op: "write", Path: "/data/x", Err: syscall.ENOSPC}, "/data")
		if want := "the disk with /data is full; free some space, or choose another folder with --data: write /data/x: no space left on device"; err.Error() != want {
			t.Errorf("got %v", err)
		}
	})
}
