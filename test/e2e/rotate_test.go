package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// plugin runs the command as kubectl runs its plugins: under the name kubectl-oauth.
func plugin(ctx context.Context, t *testing.T, d *demo.Demo, args ...string) (string, error) {
	t.Helper()
	binary, err := demo.Binary()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubectl-oauth")
	if err := os.Symlink(binary, path); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+d.Kubeconfig)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestRotateCommand: a new secret on demand, with the old one working on, and at once for one that has leaked.
func TestRotateCommand(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-rotate")
	d.Apply(t, oauthClient(namespace, "app", service)+oauthClient(namespace, "cli", "type: Device")+
		oauthClient(namespace, "vault", service+"\nauthentication: {clientSecret: {secretRef: {name: theirs}}}"))
	d.Await(t, namespace, "app", "Ready")
	first := credentialsOf(t, d, namespace, "app-oauth")
	rotate := func(t *testing.T, args ...string) string {
		t.Helper()
		out, err := plugin(t.Context(), t, d, append([]string{"rotate", "app", "-n", namespace, "--wait"}, args...)...)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, want := range []string{"is the current one now, in Secret app-oauth.", "Every replica of the server takes the new secret."} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in: %s", want, out)
			}
		}
		return out
	}

	out := rotate(t)
	second := credentialsOf(t, d, namespace, "app-oauth")
	d.Witness.SeeClientSecret(second.secret)
	if second.secret == first.secret {
		t.Fatal("the Secret has the value that it had")
	}
	if ok, _ := regexp.MatchString(`(?m)^Client secret \S+ works until 20\d\d-\S+Z`, out); !ok {
		t.Errorf("it does not say how long the old one works: %s", out)
	}
	gets(t, d, first)
	gets(t, d, second)
	for _, c := range []credentials{first, second} {
		if strings.Contains(out, c.secret) {
			t.Error("it prints a secret")
		}
	}

	rotate(t, "--now")
	third := credentialsOf(t, d, namespace, "app-oauth")
	d.Witness.SeeClientSecret(third.secret)
	gets(t, d, third)
	demo.Eventually(t, cutOff, "the leaked secret is refused", func() error {
		a, err := post(t.Context(), d, "/v1/token", &second, clientCredentials)
		if err == nil && a.Error != "invalid_client" {
			err = errors.New(a.Body)
		}
		return err
	})

	rotate(t)
	gets(t, d, third) // what --now left is gone: this one works on

	for name, want := range map[string]string{
		"cli":   "has no client secret, so that there is nothing to rotate",
		"vault": "takes its secret from Secret theirs; change it there",
		"none":  "there is no OAuthClient none in namespace " + namespace + "; choose another namespace with -n",
	} {
		if out, err := plugin(t.Context(), t, d, "rotate", name, "-n", namespace); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
