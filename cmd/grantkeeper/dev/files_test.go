package dev

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFilesMode(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "platform.yaml", platformManifests)
	write(t, dir, "batch.yaml", batchClient)
	began := time.Now()
	r := begin(t, Options{Files: dir})
	r.up()
	id, secret := r.secretOf("apps", "batch-oauth")
	if status, answer := r.token(id, secret); status != 200 || answer != "orders.read" {
		t.Fatalf("first token: %d %s", status, answer)
	}
	// Measured: 0.2 s on an idle machine. The bound is the issue's; a machine that is busy with other tests gets more.
	t.Logf("first token after %v", time.Since(began).Round(time.Millisecond))
	if out := r.out.String(); !strings.Contains(out, "the manifest says https://login.example.com") || !strings.Contains(out, "sign in as  demo") {
		t.Errorf("the summary: %s", out)
	}
	has := func(text string) func() bool { return func() bool { return strings.Contains(r.err.String(), text) } }

	t.Run("an edit takes effect as it is saved", func(t *testing.T) {
		write(t, dir, "batch.yaml", strings.Replace(batchClient, "[orders.read]", "[orders.read, orders.write]", 1))
		r.await("the new scope", func() bool { _, answer := r.token(id, secret); return answer == "orders.read orders.write" })
	})
	t.Run("a broken edit keeps what was there and says where it is broken", func(t *testing.T) {
		write(t, dir, "batch.yaml", strings.Replace(batchClient, "scopes:", "scops:", 1))
		r.await("the problem", has(filepath.Join(dir, "batch.yaml")+`:7: OAuthClient apps/batch: unknown field "spec.scops"`))
		if status, answer := r.token(id, secret); status != 200 || answer != "orders.read orders.write" {
			t.Errorf("after the broken edit: %d %s", status, answer)
		}
	})
	t.Run("an edit that the policy refuses keeps what was accepted and says why", func(t *testing.T) {
		write(t, dir, "batch.yaml", strings.Replace(batchClient, "[orders.read]", "[orders.delete]", 1))
		r.await("the refusal", has("refused as it is now, served as it was accepted before: PolicyRefused"))
		if status, answer := r.token(id, secret); status != 200 || answer != "orders.read orders.write" {
			t.Errorf("after the refused edit: %d %s", status, answer)
		}
	})
	t.Run("a new file in a new folder is a new client", func(t *testing.T) {
		write(t, filepath.Join(dir, "more", "deep"), "two.yaml", strings.Replace(batchClient, "name: batch", "name: two", 1))
		r.await("the second client", has("apps/two    apps.two"))
		id2, secret2 := r.secretOf("apps", "two-oauth")
		r.await("its token", func() bool { status, _ := r.token(id2, secret2); return status == 200 })
	})
	t.Run("a client of a ServiceAccount is refused, because there is no cluster", func(t *testing.T) {
		write(t, dir, "pod.yaml", strings.Replace(batchClient, "name: batch", "name: pod", 1)+"  authentication: {kubernetesServiceAccount: {name: pod}}\n")
		r.await("the refusal", has("kubernetesServiceAccount: needs a cluster, whose keys verify the tokens, and files mode has none"))
	})
	t.Run("a file that is taken away ends its client", func(t *testing.T) {
		if err := os.Remove(filepath.Join(dir, "batch.yaml")); err != nil {
			t.Fatal(err)
		}
		r.await("the client to be unknown", func() bool { status, answer := r.token(id, secret); return status == 401 && answer == "invalid_client" })
	})
	t.Run("keys, secrets and documents are for their owner alone", func(t *testing.T) {
		onlyOwner(t, r.options.Data)
	})
	t.Run("the password is nowhere on disk", func(t *testing.T) {
		_, rest, _ := strings.Cut(r.out.String(), "password    ")
		nowhere(t, r.options.Data, strings.Fields(rest)[0])
	})
	t.Run("Ctrl-C ends it soon, without an error, and says where the data is", func(t *testing.T) {
		took, err := r.end()
		if err != nil || took > 5*time.Second {
			t.Errorf("it ended with %v after %v", err, took)
		}
		if out := r.out.String(); !strings.Contains(out, "Data kept in "+r.options.Data+"; start again with grantkeeper dev --files "+dir+" --data "+r.options.Data+" --listen "+r.options.Listen+" --operations "+r.options.Operations+", forget it with --fresh.") {
			t.Errorf("it said %q", out)
		}
	})
	t.Run("a second start keeps secrets and keys; --fresh does not", func(t *testing.T) {
		write(t, dir, "batch.yaml", batchClient)
		o := r.options
		again := begin(t, o)
		again.up()
		if status, _ := again.token(id, secret); status != 200 {
			t.Errorf("the secret of the run before: %d", status)
		}
		if _, err := again.end(); err != nil {
			t.Errorf("the second run ended with %v", err)
		}
		o.Fresh = true
		fresh := begin(t, o)
		fresh.up()
		if status, _ := fresh.token(id, secret); status != 401 {
			t.Errorf("the secret of the run before, after --fresh: %d", status)
		}
	})
}

// onlyOwner checks the modes of everything below dir.
func onlyOwner(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// nowhere checks that no file below dir has a text in it.
func nowhere(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), text) {
			t.Errorf("%s has it", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFilesModeWaitsForAServer(t *testing.T) {
	dir := t.TempDir()
	r := begin(t, Options{Files: dir})
	r.await("the hint", func() bool {
		return strings.Contains(r.err.String(), "there is no OAuthServer among the manifests; add one")
	})
	write(t, dir, "platform.yaml", platformManifests)
	r.up()
}

func TestStartIsRefusedWithWhatToDo(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "platform.yaml", platformManifests)
	running := begin(t, Options{Files: dir})
	running.up()
	elsewhere := t.TempDir()
	write(t, elsewhere, "precious.txt", "x")
	full := "/dev/full/x"
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"the issuer's port is in use": {
			Options{Files: dir, Listen: running.options.Listen},
			fmt.Sprintf("(process %d); stop that, or choose another port with --listen", os.Getpid()),
		},
		"the operations port is in use":      {Options{Files: dir, Operations: running.options.Listen}, "or choose another port with --operations"},
		"the data folder is in use":          {Options{Files: dir, Data: running.options.Data}, fmt.Sprintf("is in use by another grantkeeper dev (process %d); stop that one with Ctrl-C, or choose another folder with --data", os.Getpid())},
		"the data folder is somebody else's": {Options{Files: dir, Data: elsewhere, Fresh: true}, "is not empty and was not made by grantkeeper dev; choose another folder with --data"},
		"the data folder cannot be made":     {Options{Files: dir, Data: full}, "not a directory"},
		"the manifests are not there":        {Options{Files: dir + "/none"}, "/none is not a folder; name one with manifests (--files)"},
		"an address that others reach":       {Options{Files: dir, Listen: "0.0.0.0:9080"}, "listens on loopback only"},
		"an address without a port":          {Options{Files: dir, Listen: "127.0.0.1"}, "want a host and a port, such as 127.0.0.1:9080"},
		"no manifests for the cluster":       {Options{Manifests: dir + "/none"}, "1 problem in"},
		"no binaries for the cluster":        {Options{Manifests: dir, Assets: dir}, "`make demo` builds what is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := begin(t, c.options)
			select {
			case err := <-r.done:
				r.done <- err
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q in it", err, c.want)
				}
			case <-time.After(time.Minute):
				t.Fatal("it does not end")
			}
		})
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "precious.txt")); err != nil {
		t.Error(err)
	}
}

func TestPortHolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // nothing was written
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if got := portHolder(port); got != "" && !strings.HasSuffix(got, fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("got %q", got)
	}
	if err := checkPort("--listen", l.Addr().String()); err == nil || strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) {
		t.Errorf("got %v", err)
	}
}
