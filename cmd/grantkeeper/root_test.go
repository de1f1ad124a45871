package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExitStatus: what a pipeline acts on.
func TestExitStatus(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	client := write("client.yaml", "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata: {name: a}\nspec: {type: Service}\n")
	server := write("server.yaml", "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthServer\nmetadata: {name: a}\nspec: {issuer: https://a.example}\n")
	broken := write("broken.yaml", "a: [\n")
	for sentence, c := range map[string]struct {
		args   []string
		status int
		// says is what is printed to either stream.
		says string
	}{
		"everything is accepted":                 {[]string{"check", server}, 0, "1 other object accepted"},
		"something is refused":                   {[]string{"check", client}, 1, "error: some manifests are refused"},
		"something cannot be read":               {[]string{"check", broken}, 2, "error: some manifests could not be read"},
		"what cannot be read outweighs":          {[]string{"check", broken, client}, 2, "error: some manifests could not be read"},
		"nothing is named":                       {[]string{"check"}, 2, "name the folder with the manifests"},
		"a flag that does not exist":             {[]string{"check", "--nonsense", server}, 2, "--nonsense"},
		"a form that does not exist":             {[]string{"check", "-o", "xml", server}, 2, "must be table, json or github"},
		"a command that does not exist":          {[]string{"chekc"}, 1, "unknown command"},
		"a kubeconfig that does not exist":       {[]string{"rotate", "a", "--kubeconfig", filepath.Join(dir, "none")}, 1, "find the cluster"},
		"rotate without a name":                  {[]string{"rotate"}, 1, "accepts 1 arg"},
		"a context that the kubeconfig does not": {[]string{"rotate", "a", "--context", "none", "--kubeconfig", write("kubeconfig", "apiVersion: v1\nkind: Config\n")}, 1, "context was not found for specified context: none"},
	} {
		t.Run(sentence, func(t *testing.T) {
			var out bytes.Buffer
			if status := run(t.Context(), append([]string{"grantkeeper"}, c.args...), &out, &out); status != c.status {
				t.Errorf("status %d, want %d; it printed: %s", status, c.status, &out)
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("%q is missing in: %s", c.says, &out)
			}
		})
	}
}

// TestPlugin: kubectl finds kubectl-oauth on the path as its plugin (convention 21), and usage says what people typed.
func TestPlugin(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/local/bin/grantkeeper":   "grantkeeper check DIR...",
		"/usr/local/bin/kubectl-oauth": "kubectl oauth check DIR...",
		"kubectl-oauth.exe":            "kubectl oauth check DIR...",
	} {
		var out bytes.Buffer
		if status := run(t.Context(), []string{program, "check", "--help"}, &out, &out); status != 0 {
			t.Errorf("status %d", status)
		}
		if !strings.Contains(out.String(), "Usage:\n  "+want) {
			t.Errorf("%s: %q is missing in:\n%s", program, want, &out)
		}
	}
}
