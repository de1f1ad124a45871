package crd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/config/crd"
)

// TestConvention14FixturesOfEveryReleaseRoundTrip: what somebody wrote for an earlier release means the same to this one. A folder of
// testdata/fixtures is a release, and is never edited after it; together the newest says something in every field.
func TestConvention14FixturesOfEveryReleaseRoundTrip(t *testing.T) {
	releases, err := filepath.Glob("testdata/fixtures/*")
	if err != nil || len(releases) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, release := range releases {
		t.Run(filepath.Base(release), func(t *testing.T) {
			c, ctx := newClient(t), context.Background()
			ns := newNamespace(t, c)
			for _, u := range fixtures(t, release) {
				t.Run(u.GetKind()+" "+u.GetName(), func(t *testing.T) {
					if lost := lacks(u.Object, typed(t, u), ""); len(lost) > 0 {
						t.Errorf("the types lose %v", lost)
					}
					u.SetNamespace(ns)
					stored := u.DeepCopy()
					if err := c.Create(ctx, stored); err != nil {
						t.Fatal(err)
					}
					if status, ok := u.Object["status"]; ok {
						stored.Object["status"] = status
						if err := c.Status().Update(ctx, stored); err != nil {
							t.Fatal(err)
						}
					}
					if err := c.Get(ctx, client.ObjectKeyFromObject(u), stored); err != nil {
						t.Fatal(err)
					}
					if lost := lacks(u.Object, stored.Object, ""); len(lost) > 0 {
						t.Errorf("the API server loses %v", lost)
					}
				})
			}
		})
	}
	t.Run("the newest has every field", func(t *testing.T) {
		crds, err := crd.CRDs()
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]bool{}
		for _, u := range fixtures(t, slices.Max(releases)) {
			fieldsOf(u.Object, u.GetKind(), said)
		}
		for _, d := range crds {
			schema := d.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
			for _, field := range declared(&schema, d.Spec.Names.Kind+".spec") {
				if !said[field] && !slices.Contains(unsaid, field) {
					t.Errorf("no fixture says %s", field)
				}
			}
		}
	})
}

// unsaid are fields that no fixture can have: a private key is always refused, and certificates would run out.
var unsaid = []string{
	"OAuthClient.spec.authentication.privateKeyJWT.jwks.keys.d", "OAuthIdentityProvider.spec.oidc.caBundle", "OAuthIdentityProvider.spec.ldap.caBundle",
	"OAuthIdentityProvider.spec.github.caBundle",
}

// fixtures reads the manifests of a release.
func fixtures(t *testing.T, release string) []*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(release + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []*unstructured.Unstructured
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(b), "\n---\n") {
			u := &unstructured.Unstructured{}
			if err := yaml.UnmarshalStrict([]byte(document), &u.Object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			raw, err := json.Marshal(u.Object)
			if err != nil {
				t.Fatal(err)
			}
			if err := u.UnmarshalJSON(raw); err != nil { // numbers as the API has them
				t.Fatal(err)
			}
			out = append(out, u)
		}
	}
	return out
}

// typed is an object as our own types write it.
func typed(t *testing.T, u *unstructured.Unstructured) map[string]any {
	t.Helper()
	obj := map[string]any{
		"OAuthClient": &v1alpha1.OAuthClient{}, "OAuthGrantPolicy": &v1alpha1.OAuthGrantPolicy{}, "OAuthIdentityProvider": &v1alpha1.OAuthIdentityProvider{},
		"OAuthResource": &v1alpha1.OAuthResource{}, "OAuthServer": &v1alpha1.OAuthServer{},
	}[u.GetKind()]
	raw, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(obj); err != nil {
		t.Fatal(err)
	}
	raw, err = json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	var out unstructured.Unstructured
	if err := out.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return out.Object
}

// lacks lists what want has and got has not, or has otherwise. What our types leave out because it is the zero value is there.
func lacks(want, got any, path string) []string {
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		var out []string
		for k, v := range want {
			if have[k] == nil && reflect.ValueOf(v).IsZero() {
				continue
			}
			out = append(out, lacks(v, have[k], path+"."+k)...)
		}
		return out
	case []any:
		have, _ := got.([]any)
		if len(have) != len(want) {
			return []string{path}
		}
		var out []string
		for i := range want {
			out = append(out, lacks(want[i], have[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
		return out
	}
	if !reflect.DeepEqual(want, got) && !sameDuration(want, got) {
		return []string{fmt.Sprintf("%s: %v is %v", path, want, got)}
	}
	return nil
}

// sameDuration reports whether two texts are one duration: our types write 720h as 720h0m0s.
func sameDuration(a, b any) bool {
	x, _ := a.(string)
	y, _ := b.(string)
	d, err := time.ParseDuration(x)
	e, erre := time.ParseDuration(y)
	return err == nil && erre == nil && d == e
}

// fieldsOf notes every field that an object says something in, lists passed over.
func fieldsOf(v any, path string, said map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			said[path+"."+k] = true
			fieldsOf(e, path+"."+k, said)
		}
	case []any:
		for _, e := range v {
			fieldsOf(e, path, said)
		}
	}
}

// declared lists the fields of a schema.
func declared(s *apiextensionsv1.JSONSchemaProps, path string) []string {
	if s.Items != nil {
		return declared(s.Items.Schema, path)
	}
	var out []string
	for name := range s.Properties {
		p := s.Properties[name]
		if name == "matchExpressions" || name == "matchLabels" {
			continue // those of Kubernetes
		}
		out = append(append(out, path+"."+name), declared(&p, path+"."+name)...)
	}
	slices.Sort(out)
	return out
}
