package kustomize

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const client = "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata: {name: reports}\nspec: {type: Service}\n"

func TestBuildRendersAnOverlayOfABase(t *testing.T) {
	dir := folder(t, map[string]string{
		"base/kustomization.yaml":             "resources: [client.yaml]\n",
		"base/client.yaml":                    client,
		"overlays/prod/kustomization.yaml":    "resources: [../../base]\nnamespace: partners\nnamePrefix: acme-\npatches:\n- target: {kind: OAuthClient}\n  patch: |-\n    - {op: add, path: /spec/scopes, value: [\"https://api.example/orders\"]}\n",
		"overlays/staging/kustomization.yaml": "resources: [../../base]\n",
	})
	text, err := Build(filepath.Join(dir, "overlays", "prod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: acme-reports", "namespace: partners", "https://api.example/orders", "path: ../../base/client.yaml"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if Root(filepath.Join(dir, "base")) == "" || Root(dir) != "" {
		t.Error("a kustomization was found where there is none, or not where there is one")
	}
}

// TestNothingIsFetchedOrRun: whatever a kustomization names, neither a request nor a program leaves this process.
func TestNothingIsFetchedOrRun(t *testing.T) {
	var asked atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })}}
	server.Start()
	defer server.Close()
	// In place of every program that kustomize might run: one that leaves a trace.
	bin := t.TempDir()
	trace := filepath.Join(bin, "ran")
	for _, name := range []string{"git", "helm"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho \"$@\" >> "+trace+"\nexit 1\n"), 0o755); err != nil { //nolint:gosec // It has to run.
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	for what, kustomization := range map[string]string{
		"a file":                    "resources: [" + server.URL + "/client.yaml]",
		"a file in capitals":        "resources: [" + strings.Replace(server.URL, "http", "HTTP", 1) + "/client.yaml]",
		"a base":                    "bases: [" + server.URL + "/org/repo]",
		"a component":               "components: [" + server.URL + "/org/repo]",
		"a repository on GitHub":    "resources: [github.com/org/repo]",
		"GitHub in capitals":        "resources: [GitHub.com/org/repo]",
		"GitHub by its other name":  "resources: [www.github.com/org/repo]",
		"a repository by ssh":       "resources: ['git@127.0.0.1:org/repo.git']",
		"a repository by a user":    "resources: ['anna@127.0.0.1:org/repo.git']",
		"a repository by scheme":    "resources: ['ssh://127.0.0.1/org/repo']",
		"a repository on this disk": "resources: ['file:///tmp/repo']",
		"the forced protocol":       "resources: ['git::" + server.URL + "/org/repo']",
		"a patch":                   "resources: [client.yaml]\npatches: [{path: '" + server.URL + "/patch.yaml'}]",
		"an old patch":              "resources: [client.yaml]\npatchesStrategicMerge: ['" + server.URL + "/patch.yaml']",
		"a replacement":             "resources: [client.yaml]\nreplacements: [{path: '" + server.URL + "/r.yaml'}]",
		"a schema":                  "resources: [client.yaml]\nopenapi: {path: '" + server.URL + "/o.json'}",
		"a kind":                    "resources: [client.yaml]\ncrds: ['" + server.URL + "/crd.yaml']",
		"a configuration":           "resources: [client.yaml]\nconfigurations: ['" + server.URL + "/c.yaml']",
		"a Secret's file":           "secretGenerator: [{name: a, files: ['" + server.URL + "/f']}]",
		"a Secret's file by a key":  "secretGenerator: [{name: a, files: ['k=" + server.URL + "/f']}]",
		"a ConfigMap's variables":   "configMapGenerator: [{name: a, envs: ['" + server.URL + "/f']}]",
		"a chart":                   "helmCharts: [{name: a, repo: '" + server.URL + "'}]",
		"a program":                 "generators: [g.yaml]",
		"a transformer":             "transformers: [g.yaml]",
		"in a base of its own":      "resources: [deeper]",
		"a field in capitals":       "RESOURCES: [" + server.URL + "/client.yaml]",
		"a field in odd letters":    "reſources: [" + server.URL + "/client.yaml]",
		"a program in capitals":     "Generators: [g.yaml]",
		"a path in capitals":        "resources: [client.yaml]\npatches: [{Path: '" + server.URL + "/patch.yaml'}]",
		"a base in capitals":        "resources: [loud]",
	} {
		t.Run(what, func(t *testing.T) {
			dir := folder(t, map[string]string{
				"kustomization.yaml": kustomization, "client.yaml": client,
				"g.yaml":                    "apiVersion: v1\nkind: X\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: git}'}}",
				"deeper/kustomization.yaml": "resources: ['" + server.URL + "/client.yaml']",
				"loud/kustomization.yaml":   "Resources: ['" + server.URL + "/client.yaml']",
			})
			_, err := Build(dir)
			if err == nil || !strings.Contains(err.Error(), "kustomize build "+dir+" | grantkeeper check -") {
				t.Errorf("got %v, want to be told what to do", err)
			}
		})
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests were made", n)
	}
	if ran, err := os.ReadFile(trace); err == nil {
		t.Errorf("programs ran: %s", ran)
	}
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	for what, files := range map[string]map[string]string{
		"a file that is not there": {"kustomization.yaml": "resources: [client.yaml]"},
		"a field that is not":      {"kustomization.yaml": "resource: [client.yaml]"},
		"a text that is no YAML":   {"kustomization.yaml": "resources: [client.yaml"},
		"a file above the root":    {"kustomization.yaml": "resources: [a]", "a/kustomization.yaml": "resources: [../../client.yaml]"},
	} {
		t.Run(what, func(t *testing.T) {
			if _, err := Build(folder(t, files)); err == nil {
				t.Error("it was built")
			}
		})
	}
}
