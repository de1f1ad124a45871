package dev

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder of manifests has the Secrets that a cluster has.
func TestSecretsOfAFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "platform.yaml", platformManifests)
	secret := func(more string) string { return strings.TrimRight(batchClient, "\n") + "\n" + more }
	write(t, dir, "batch.yaml", secret("  secret: {preset: OAuth2Proxy, template: {env: 'ID={{ .ClientID }}'}}\n"))
	r := begin(t, Options{Files: dir})
	r.up()
	read := func(name, key string) string {
		b, err := os.ReadFile(filepath.Join(r.options.Data, "secrets", "apps", name, key))
		if err != nil {
			return ""
		}
		return string(b)
	}
	was, cookie := read("batch-oauth", "client-secret"), read("batch-oauth", "cookie-secret")
	if len(was) != 48 || len(cookie) != 43 || read("batch-oauth", "env") != "ID=apps.batch" || read("batch-oauth", "type") != "" {
		t.Fatalf("%d characters of secret, %d of cookie secret, env %q", len(was), len(cookie), read("batch-oauth", "env"))
	}
	t.Run("another preset keeps the secret", func(t *testing.T) {
		write(t, dir, "batch.yaml", secret("  secret: {preset: Env}\n"))
		r.await("the keys of the preset", func() bool { return read("batch-oauth", "OIDC_CLIENT_SECRET") == was })
		r.await("the others to go", func() bool {
			return read("batch-oauth", "client-secret") == "" && read("batch-oauth", "cookie-secret") == ""
		})
		if status, _ := r.token("apps.batch", was); status != 200 {
			t.Errorf("a token: %d", status)
		}
	})
	t.Run("a secret of the team's own may come late", func(t *testing.T) {
		const brought = "AbCdEfGhIjKlMnOpQrStUvWxYz-012345"
		write(t, dir, "late.yaml", strings.Replace(batchClient, "name: batch", "name: late", 1)+"  authentication: {clientSecret: {secretRef: {name: vault}}}\n")
		r.await("the finding", func() bool {
			return strings.Contains(r.err.String(), "secretRef.name vault: there is no Secret of this name")
		})
		write(t, dir, "vault.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: vault, namespace: apps, labels: {grantkeeper.dev/referenced: \"true\"}}\nstringData: {client-secret: "+brought+"}\n")
		r.await("a token", func() bool { status, _ := r.token("apps.late", brought); return status == 200 })
		if read("late-oauth", "client-secret") != brought {
			t.Error("it is not beside the other credentials")
		}
	})
}
