package dev

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestSummary(t *testing.T) {
	// The verifier and the challenge of RFC 7636, appendix B.
	native, err := newNative("http://127.0.0.1:9080", "desktop", "http://127.0.0.1/callback", []string{"openid", "orders.read"}, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	if err != nil || !strings.Contains(native.Link, "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&") {
		t.Fatal(native, err)
	}
	native.Namespace, native.Name = "tools", "desktop"
	for name, s := range map[string]summary{
		"cluster": {
			Issuer: "http://127.0.0.1:9080", DeclaredIssuer: "https://login.example.com", Operations: "127.0.0.1:9081",
			User: "demo", Password: "abcde-fghjk-mnpqr",
			Kubeconfig: "/home/an user/dev/kubeconfig", Kubectl: "/opt/kube/kubectl",
			Service: &exampleService{Namespace: "partners", Name: "batch", Secret: "batch-oauth"},
			Device:  &exampleDevice{Namespace: "tools", Name: "cli", ClientID: "cli"},
			Native:  native,
			Edit:    "config/samples", Logs: "/home/an user/dev/log", Data: "/home/an user/dev",
		},
		"files": {
			Issuer: "http://127.0.0.1:9080", Operations: "127.0.0.1:9081",
			User: "demo", Password: "abcde-fghjk-mnpqr", Files: true,
			Service: &exampleService{Namespace: "partners", Name: "batch", Secret: "/data/secrets/partners/batch-oauth"},
			Device:  &exampleDevice{Namespace: "tools", Name: "cli", ClientID: "cli"},
			Native:  native,
			Edit:    "/srv/manifests", Logs: "/data/log", Data: "/data",
		},
		"bare": {Issuer: "http://127.0.0.1:9080", Operations: "127.0.0.1:9081", Files: true, Edit: "/srv/manifests", Logs: "/data/log", Data: "/data"},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := s.write(&got); err != nil {
				t.Fatal(err)
			}
			golden(t, "summary-"+name+".txt", got.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; run the test with -update if that is meant: %s", path, diff)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"/plain/path": "/plain/path", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "~/x": "'~/x'",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) is %s, want %s", in, got, want)
		}
	}
}
