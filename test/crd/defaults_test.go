package crd_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// TestConvention02Convention12Defaults: what the smallest manifest of each kind is shown back as (convention 12), and which conditions it has
// before any controller has seen it (convention 2).
func TestConvention02Convention12Defaults(t *testing.T) {
	c := newClient(t)
	for kind, want := range map[string]struct {
		spec, shown string
		conditions  []string
	}{
		"OAuthServer": {
			spec: `{issuer: https://login.example.com}`,
			shown: `
issuer: https://login.example.com
storage: {sqlite: {size: 1Gi}}
signingKeys: {rotateEvery: 720h}
device: {codeTTL: 15m, interval: 5s}
compatibility: {jsonRequestBodies: false}
backChannelLogout: {allowPrivateAddresses: false}`,
			conditions: []string{"Ready", "Accepted", "KeysReady", "Deployed"},
		},
		"OAuthClient": {
			spec:       `{type: Service}`,
			shown:      `{type: Service, consent: Remember, suspended: false, deletionPolicy: Revoke}`,
			conditions: []string{"Ready", "Accepted", "SecretReady", "Programmed"},
		},
		"OAuthGrantPolicy": {
			spec:       `{clients: {}, allow: {}}`,
			shown:      `{clients: {}, allow: {skipConsent: false, withoutPKCE: false}, priority: 0}`,
			conditions: []string{"Ready", "Accepted", "Programmed"},
		},
		"OAuthResource": {
			spec:       `{identifier: "urn:a:b"}`,
			shown:      `{identifier: "urn:a:b"}`,
			conditions: []string{"Ready", "Accepted", "Programmed"},
		},
		"OAuthIdentityProvider": {
			spec:       `{local: {accountsSecretRef: {name: accounts}}}`,
			shown:      `{local: {accountsSecretRef: {name: accounts}, secondFactor: Optional}, order: 0}`,
			conditions: []string{"Ready", "Accepted", "SecretReady", "Programmed"},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			obj := manifest(t, kind, newNamespace(t, c), "sample", want.spec)
			if err := c.Create(context.Background(), obj); err != nil {
				t.Fatal(err)
			}
			read := &unstructured.Unstructured{}
			read.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
			if err := c.Get(context.Background(), client.ObjectKeyFromObject(obj), read); err != nil {
				t.Fatal(err)
			}
			var shown map[string]any
			if err := yaml.Unmarshal([]byte(want.shown), &shown); err != nil {
				t.Fatal(err)
			}
			got, _, err := unstructured.NestedMap(read.Object, "spec")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(toJSON(t, shown), toJSON(t, got)); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			checkPending(t, read, want.conditions)
			checkPending(t, obj, want.conditions)
		})
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkPending checks that an object has exactly these conditions, all unknown because no controller has looked yet.
func checkPending(t *testing.T, obj *unstructured.Unstructured, types []string) {
	t.Helper()
	conditions, _, err := unstructured.NestedSlice(obj.Object, "status", "conditions")
	if err != nil {
		t.Fatal(err)
	}
	want := make([]any, len(types))
	for i, ty := range types {
		want[i] = map[string]any{
			"type": ty, "status": "Unknown", "reason": string(v1alpha1.ReasonPending), "message": "Waiting for the operator",
			"lastTransitionTime": "1970-01-01T00:00:00Z",
		}
	}
	if diff := cmp.Diff(want, conditions); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}
