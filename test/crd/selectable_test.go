package crd_test

import (
	"context"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

func TestConvention06FieldSelectors(t *testing.T) {
	c, ctx := newClient(t), context.Background()
	ns := newNamespace(t, c)
	for name, spec := range map[string]string{
		"a": `{type: Service, serverRef: {name: main}, clientID: first}`,
		"b": `{type: Device, serverRef: {name: other}}`,
		"c": `{type: Device}`,
	} {
		if err := c.Create(ctx, manifest(t, "OAuthClient", ns, name, spec)); err != nil {
			t.Fatal(err)
		}
	}
	b := &v1alpha1.OAuthClient{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "b"}, b); err != nil {
		t.Fatal(err)
	}
	b.Status.ClientID = ns + ".b"
	if err := c.Status().Update(ctx, b); err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string][]string{
		"spec.serverRef.name=main":     {"a"},
		"spec.serverRef.name=other":    {"b"},
		"spec.serverRef.name!=main":    {"b", "c"},
		"spec.clientID=first":          {"a"},
		"spec.type=Device":             {"b", "c"},
		"status.clientID=" + ns + ".b": {"b"},
	} {
		t.Run(selector, func(t *testing.T) {
			list := &v1alpha1.OAuthClientList{}
			if err := c.List(ctx, list, client.InNamespace(ns), &client.ListOptions{Raw: &metav1.ListOptions{FieldSelector: selector}}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range list.Items {
				got = append(got, i.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("selected %v, want %v", got, want)
			}
		})
	}
	for kind, selector := range map[string]string{
		"oauthservers": "spec.issuer", "oauthgrantpolicies": "spec.serverRef.name",
		"oauthresources": "spec.identifier", "oauthidentityproviders": "spec.serverRef.name",
	} {
		if _, stderr, err := kubectl(t, "", "get", kind, "-n", ns, "--field-selector", selector+"=main"); err != nil {
			t.Errorf("kubectl get %s --field-selector %s=main: %v\n%s", kind, selector, err, stderr)
		}
	}
}
