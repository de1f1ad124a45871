package crd_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/test/badinput"
)

// TestBadInput applies every wrong manifest of the document with the real kubectl: what it prints is what people read.
func TestBadInput(t *testing.T) {
	c := newClient(t)
	cases := badinput.Of(badinput.Apply)
	if len(cases) < 14 {
		t.Errorf("only %d manifests are refused on apply", len(cases))
	}
	for _, bad := range cases {
		t.Run(bad.What, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t, c)
			if bad.Before != "" {
				if _, stderr, err := kubectl(t, bad.Before, "apply", "-n", ns, "-f", "-"); err != nil {
					t.Fatalf("the manifest before: %v\n%s", err, stderr)
				}
			}
			_, stderr, err := kubectl(t, bad.Manifest, "apply", "-n", ns, "-f", "-")
			if err == nil {
				t.Fatalf("accepted:\n%s", bad.Manifest)
			}
			if !strings.Contains(stderr, bad.Field) || !strings.Contains(stderr, bad.Message) {
				t.Errorf("kubectl says\n%swant %s: %s", stderr, bad.Field, bad.Message)
			}
			if bad.Before == "" {
				// The API server's own word, field by field.
				obj := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(bad.Manifest), &obj.Object); err != nil {
					t.Fatal(err)
				}
				obj.SetNamespace(ns)
				message := bad.Message
				expectRefusal(t, c.Create(context.Background(), obj), bad.Field, message)
			}
		})
	}
}

// TestBadInputDocument holds docs/bad-input.md against the table.
func TestBadInputDocument(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range badinput.Cases() {
		if seen[c.What] {
			t.Errorf("%q is there twice", c.What)
		}
		seen[c.What] = true
		if c.By == badinput.Status && c.Reason == "" {
			t.Errorf("%q has no reason", c.What)
		}
		if !bytes.Contains([]byte(c.Manifest), []byte("apiVersion: grantkeeper.dev/v1alpha1")) {
			t.Errorf("%q is no manifest of the group", c.What)
		}
	}
	golden(t, "../../docs/bad-input.md", badinput.Markdown(badinput.Cases()))
}
