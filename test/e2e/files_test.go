package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// samples is a copy of the samples that a test may edit.
func samples(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(demo.Root(), "config", "samples"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// save replaces a file as editors do: a new one in its place.
func save(t *testing.T, path, text string) {
	t.Helper()
	part := path + "~"
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, path); err != nil {
		t.Fatal(err)
	}
}

// `grantkeeper dev --files`: the samples again, without an API server.
func TestFilesMode(t *testing.T) {
	dir := samples(t)
	clients := filepath.Join(dir, "50-oauthclients.yaml")
	b, err := os.ReadFile(clients)
	if err != nil {
		t.Fatal(err)
	}
	original := string(b)
	d := demo.Start(t, demo.Options{Files: dir})
	began := time.Now()
	read := func(key string) string {
		b, err := os.ReadFile(filepath.Join(d.Data, "secrets", "partners", "reports-oauth", key))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	c := credentials{read("client-id"), read("client-secret")}
	d.Witness.SeeClientSecret(c.secret)
	first := gets(t, d, c)
	took := d.Took + time.Since(began)
	t.Logf("first token %v after the start of the process", took.Round(time.Millisecond))
	if took > demo.Patience(3*time.Second) {
		t.Errorf("the first token came after %v", took)
	}
	if claims := verify(t, d, first.AccessToken); claims.Subject != "client:partners/reports" || claims.Scope != "orders.read" {
		t.Errorf("%+v", claims)
	}

	scope := func(want string) func() error {
		return func() error {
			a, err := post(t.Context(), d, "/v1/token", &c, clientCredentials)
			if err == nil && a.Scope != want {
				err = errors.New(a.Body)
			}
			return err
		}
	}
	t.Run("an edit takes effect as it is saved", func(t *testing.T) {
		save(t, clients, strings.Replace(original, "scopes: [orders.read]", "scopes: [orders.read, orders.write]", 1))
		took := demo.Eventually(t, cutOff, "the new scope", scope("orders.read orders.write"))
		t.Logf("an edit took effect after %v", took.Round(time.Millisecond))
	})
	t.Run("a broken edit keeps what was there, and says where it is broken", func(t *testing.T) {
		save(t, clients, strings.Replace(original, "type: Service", "type: Servce", 1))
		d.AwaitProgress(t, "50-oauthclients.yaml:")
		d.AwaitProgress(t, "Servce")
		if err := scope("orders.read orders.write")(); err != nil {
			t.Error(err)
		}
	})
	t.Run("an edit that the policy refuses keeps what was accepted, and says why", func(t *testing.T) {
		save(t, clients, strings.Replace(original, "type: Service", "type: Web\n  redirectURIs: [\"https://evil.example/cb\"]", 1))
		d.AwaitProgress(t, "refused as it is now, served as it was accepted before: PolicyRefused")
		if err := scope("orders.read orders.write")(); err != nil {
			t.Error(err)
		}
	})
	t.Run("the blocks work when pasted", func(t *testing.T) {
		if n := len(d.Blocks()); n != 3 {
			t.Errorf("%d blocks: %s", n, d.Out())
		}
		pastesToken(t, d, "bash")
		pastesDeviceLogin(t, d, "bash")
		pastesCodeLogin(t, d, "bash")
	})
	tokens := deviceLogin(t, d, "partner-cli")
	t.Run("a second start keeps secrets and grants", func(t *testing.T) {
		save(t, clients, original)
		if err := d.Restart(); err != nil {
			t.Fatal(err)
		}
		if err := scope("orders.read")(); err != nil {
			t.Error(err)
		}
		if a := refresh(t, d, "partner-cli", tokens.RefreshToken); a.Status != 200 {
			t.Errorf("refresh: %d %s", a.Status, a.Body)
		}
	})
	t.Run("a client that is taken out is refused", func(t *testing.T) {
		save(t, clients, original[strings.Index(original, "---"):])
		refused(t, d, cutOff, c)
	})
	if err := d.Leaks(); err != nil {
		t.Error(err)
	}
}
