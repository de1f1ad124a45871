package guards

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

// TestK04NamespacedRoleIsTheClusterRole: the Role for a watched namespace is written from the generated ClusterRole, without what
// is not in a namespace, so that a right that is added to one is not missing in the other.
func TestK04NamespacedRoleIsTheClusterRole(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(demo.Root(), "config", "rbac", "role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(b, &all); err != nil {
		t.Fatal(err)
	}
	role := rbacv1.Role{TypeMeta: metav1.TypeMeta{APIVersion: all.APIVersion, Kind: "Role"}, ObjectMeta: metav1.ObjectMeta{Name: all.Name}}
	var rest []rbacv1.PolicyRule
	for _, rule := range all.Rules {
		if len(rule.NonResourceURLs) > 0 || slices.Contains(rule.Resources, "namespaces") {
			rest = append(rest, rule)
		} else {
			role.Rules = append(role.Rules, rule)
		}
	}
	if b, err = os.ReadFile(filepath.Join(demo.Root(), "config", "namespaced", "cluster_role.yaml")); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n---\n")
	var cluster rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict([]byte(first), &cluster); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rest, cluster.Rules); diff != "" {
		t.Errorf("config/namespaced/cluster_role.yaml is not the rest of config/rbac/role.yaml:\n%s", diff)
	}
	out, err := yaml.Marshal(role)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join(demo.Root(), "config", "namespaced", "role", "role.yaml"),
		"# Written from config/rbac/role.yaml by: go test ./test/guards -run TestK04NamespacedRole -update\n"+string(out))
}

// TestK04NamespacedMode: with a Role in each watched namespace and no right to any Secret elsewhere, operator and server do all
// their work, and the API server refuses them nothing.
func TestK04NamespacedMode(t *testing.T) {
	k, err := NewCluster(platform, apps, "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := k.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := k.Install("config/namespaced"); err != nil {
		t.Fatal(err)
	}
	operator, err := k.RunOperator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	listen, server, err := k.populate(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, operator.Logged())
	}
	token(t, k, listen)

	// A client that goes takes its registration and its Secret along, and one elsewhere is never looked at.
	elsewhere := Object(t, fmt.Sprintf("apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata: {name: x, namespace: elsewhere}\nspec: {type: Service, serverRef: {name: main, namespace: %s}}", platform))
	reports := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: apps, Name: "reports"}}
	if err := errors.Join(k.Admin.Create(t.Context(), elsewhere), k.Admin.Delete(t.Context(), reports)); err != nil {
		t.Fatal(err)
	}
	demo.Eventually(t, soon, "its Secret is gone", func() error {
		err := k.Admin.Get(t.Context(), client.ObjectKey{Namespace: apps, Name: "reports-oauth"}, &corev1.Secret{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is there: %w", err)
	})
	asksForNothingElse(t, k, operator, operatorNamespace, operatorAccount)
	asksForNothingElse(t, k, server, platform, "oauth-main")

	self := k.AsAccount(t, operatorNamespace, operatorAccount)
	golden(t, "testdata/rights-namespaced-watched.txt", rights(t, self, apps))
	golden(t, "testdata/rights-namespaced-elsewhere.txt", rights(t, self, "elsewhere"))
	for _, namespace := range []string{"elsewhere", operatorNamespace, "kube-system", ""} {
		if err := self.List(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace)); !apierrors.IsForbidden(err) {
			t.Errorf("it may read the Secrets of %q: %v", namespace, err)
		}
	}
	for _, r := range k.requests(t, "operator", operatorNamespace, operatorAccount) {
		if r.ObjectRef.Resource == "secrets" && !slices.Contains([]string{platform, apps}, r.ObjectRef.Namespace) {
			t.Errorf("it asked: %s %s", r.Verb, r.URI)
		}
	}
}
