package dev

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

// helperEnv makes the test binary a `grantkeeper dev` that can be killed: data folder, addresses and manifests, by line.
const helperEnv = "DEV_TEST_HELPER"

func TestMain(m *testing.M) {
	if v := os.Getenv(helperEnv); v != "" {
		f := strings.Split(v, "\n")
		err := Run(context.Background(), Options{Data: f[0], Listen: f[1], Operations: f[2], Manifests: f[3], Assets: f[4], Out: os.Stdout, Err: os.Stderr})
		_, _ = io.WriteString(os.Stderr, err.Error())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// samples is a copy of what `make demo` applies.
func samples(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "..", "config", "samples"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestClusterMode(t *testing.T) {
	assets, err := testenv.Assets()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Data: filepath.Join(t.TempDir(), "a folder"), Listen: freeAddress(t), Operations: freeAddress(t), Manifests: samples(t), Assets: assets}
	secret := killedHard(t, o)

	r := begin(t, o)
	r.up()
	out, progress := r.out.String(), r.err.String()
	for _, want := range []string{"ready  OAuthServer oauth-system/main", "ready  OAuthClient partners/reports", "ready  OAuthClient partners/cli"} {
		if !strings.Contains(progress, want) {
			t.Errorf("progress has no %q: %s", want, progress)
		}
	}
	kubectl := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(o.Data, "kubeconfig"))
		b, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("kubectl %v: %v\n%s", args, err, b)
		}
		return string(b)
	}

	t.Run("what was made before it was killed is still there", func(t *testing.T) {
		if now := kubectl("get", "secret", "-n", "partners", "reports-oauth", "-o", "jsonpath={.data.client-secret}"); now != secret {
			t.Error("the client secret is another one")
		}
	})
	t.Run("the lines to paste work", func(t *testing.T) {
		if got := paste(t, out, "Look at the objects"); !strings.Contains(got, "oauthclient.grantkeeper.dev/reports") {
			t.Errorf("kubectl get oauth: %s", got)
		}
		if got := paste(t, out, "A token for a program (partners/reports"); !strings.Contains(got, `"access_token":"`) {
			t.Errorf("client credentials: %s", got)
		}
		// All but the last line, which waits for somebody to approve; asked once instead.
		lines := strings.Split(block(t, out, "A device login (partners/cli)"), "\n")
		got := bash(t, strings.Join(lines[:len(lines)-1], "\n")+"\npoll")
		if !strings.Contains(got, "open http://"+o.Listen+"/device?user_code=") || !strings.Contains(got, "authorization_pending") {
			t.Errorf("device login: %s", got)
		}
	})
	t.Run("a manifest that is edited is applied again", func(t *testing.T) {
		write(t, o.Manifests, "60-more.yaml", "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata: {name: more, namespace: partners}\nspec: {type: Service, serverRef: {name: main, namespace: oauth-system}, scopes: [orders.read]}\n")
		r.await("the edit", func() bool { return strings.Contains(r.err.String(), "applied "+o.Manifests) })
		kubectl("wait", "--for=condition=Ready", "--timeout=60s", "-n", "partners", "oauthclient/more")
	})
	t.Run("the Secret of a deleted client goes with it", func(t *testing.T) {
		kubectl("delete", "oauthclient", "-n", "partners", "more")
		kubectl("wait", "--for=delete", "--timeout=60s", "-n", "partners", "secret/more-oauth")
	})
	t.Run("the password is nowhere on disk", func(t *testing.T) {
		_, rest, _ := strings.Cut(out, "password    ")
		nowhere(t, o.Data, strings.Fields(rest)[0])
	})
	t.Run("Ctrl-C ends everything within 5 s", func(t *testing.T) {
		pids := []int{pidOf(t, o, "etcd"), pidOf(t, o, "kube-apiserver")}
		took, err := r.end()
		if err != nil || took > 5*time.Second {
			t.Errorf("it ended with %v after %v", err, took)
		}
		for _, pid := range pids {
			if alive(pid) {
				t.Errorf("process %d is still there", pid)
			}
		}
	})
}

// killedHard runs dev in a process of its own until it is up, and kills that. It returns a client's secret, as it is in the
// Secret.
func killedHard(t *testing.T, o Options) string {
	t.Helper()
	out := &terminal{}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+strings.Join([]string{o.Data, o.Listen, o.Operations, o.Manifests, o.Assets}, "\n"))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }() // it says that a signal ended it, as it should
	deadline := time.After(2 * time.Minute)
	for !strings.Contains(out.String(), "Ctrl-C ends everything") {
		select {
		case <-exited:
			t.Fatalf("it ended: %s", out)
		case <-deadline:
			_ = cmd.Process.Kill()
			t.Fatalf("not up in time: %s", out)
		case <-time.After(20 * time.Millisecond):
		}
	}
	b, err := exec.CommandContext(t.Context(), filepath.Join(o.Assets, "kubectl"), "--kubeconfig", filepath.Join(o.Data, "kubeconfig"),
		"get", "secret", "-n", "partners", "reports-oauth", "-o", "jsonpath={.data.client-secret}").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-exited
	return string(b)
}

func pidOf(t *testing.T, o Options, name string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(o.Data, "run", name+".pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// block is the indented lines below a heading of the summary.
func block(t *testing.T, summary, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(summary, "\n"+heading)
	if !ok {
		t.Fatalf("no %q in: %s", heading, summary)
	}
	var lines []string
	for _, l := range strings.Split(rest, "\n")[1:] {
		if l != "" && !strings.HasPrefix(l, "  ") {
			break
		}
		if l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// paste runs a block of the summary in a shell.
func paste(t *testing.T, summary, heading string) string {
	t.Helper()
	return bash(t, block(t, summary, heading))
}

func bash(t *testing.T, script string) string {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
	if err != nil {
		t.Errorf("%s\n%v: %s", script, err, b)
	}
	return string(b)
}
