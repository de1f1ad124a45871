package crd_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// install applies config/rbac; its namespace is made first.
func install(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"apply", "--server-side", "-f", "../../config/manager/namespace.yaml"}, {"apply", "--server-side", "-k", "../../config/rbac"}} {
		if _, stderr, err := kubectl(t, "", args...); err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr)
		}
	}
}

// TestPeople: what the roles for people let them do in a namespace that they are bound in (K8).
func TestPeople(t *testing.T) {
	install(t)
	c, ctx := newClient(t), context.Background()
	ns := newNamespace(t, c)
	read, write := []string{"get", "list", "watch"}, []string{"create", "update", "patch", "delete"}
	platform := []string{"oauthservers", "oauthgrantpolicies", "oauthresources", "oauthidentityproviders"}
	for role, may := range map[string]map[string][]string{
		"grantkeeper-view": {"oauthclients": read, "oauthservers": read, "oauthgrantpolicies": read, "oauthresources": read, "oauthidentityproviders": read},
		"grantkeeper-edit": {"oauthclients": write},
		"grantkeeper-platform": {
			"oauthclients": slices.Concat(read, write), "oauthservers": slices.Concat(read, write), "oauthgrantpolicies": slices.Concat(read, write),
			"oauthresources": slices.Concat(read, write), "oauthidentityproviders": slices.Concat(read, write),
		},
	} {
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: ns + role}},
		}
		if err := c.Create(ctx, binding); err != nil {
			t.Fatal(err)
		}
		eventually(t, role+" is in force", func() bool {
			return allowed(t, c, ns+role, ns, may["oauthclients"][0], "oauthclients")
		})
		for _, resource := range append([]string{"oauthclients", "secrets", "oauthclients/status"}, platform...) {
			for _, verb := range slices.Concat(read, write) {
				want := slices.Contains(may[resource], verb)
				if got := allowed(t, c, ns+role, ns, verb, resource); got != want {
					t.Errorf("%s: %s %s is allowed: %t, want %t", role, verb, resource, got, want)
				}
			}
		}
	}
}

// eventually waits for what the API server's authorizer learns by watching roles, a moment after they are written.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return done(), nil
	})
	if err != nil {
		t.Fatalf("not true: %s", what)
	}
}

func allowed(t *testing.T, c client.Client, user, namespace, verb, resource string) bool {
	t.Helper()
	group := "grantkeeper.dev"
	if resource == "secrets" {
		group = ""
	}
	resource, sub, _ := strings.Cut(resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: sub},
	}}
	if err := c.Create(context.Background(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

// TestAggregation: the cluster's own roles take in the right ones; the controller that does it is not part of envtest.
func TestAggregation(t *testing.T) {
	b, err := os.ReadFile("../../config/rbac/user_roles.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "rbac.authorization.k8s.io/aggregate-to-"
	want := map[string][]string{"grantkeeper-view": {"admin", "edit", "view"}, "grantkeeper-edit": {"admin", "edit"}, "grantkeeper-platform": nil}
	for doc := range strings.SplitSeq(string(b), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict([]byte(doc), &role); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, label := range slices.Sorted(maps.Keys(role.Labels)) {
			got = append(got, strings.TrimPrefix(label, prefix))
		}
		if w, ok := want[role.Name]; !ok || !slices.Equal(got, w) {
			t.Errorf("%s is aggregated to %v, want %v", role.Name, got, w)
		}
		delete(want, role.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// TestOperatorMayGiveServersTheirRole: the API server lets nobody hand out what they do not have themselves. What the
// role of a server holds must be in the operator's, and nothing more gets through.
func TestOperatorMayGiveServersTheirRole(t *testing.T) {
	install(t)
	admin, ctx := newClient(t), context.Background()
	ns := newNamespace(t, admin)
	config := rest.CopyConfig(env.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:grantkeeper-system:grantkeeper-operator",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:grantkeeper-system", "system:authenticated"},
	}
	operator, err := client.New(config, client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	var made atomic.Int64
	role := func(rules ...rbacv1.PolicyRule) *rbacv1.Role {
		// Named, labelled and owned as what the operator makes, so that nothing but the rules is judged.
		return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{
			Namespace: ns, Name: fmt.Sprintf("oauth-%d", made.Add(1)), Labels: map[string]string{"grantkeeper.dev/managed-by": "grantkeeper-operator"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "OAuthServer", Name: "main", UID: "1"}},
		}, Rules: rules}
	}
	server := role(
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list", "watch"}},
		rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "patch"}},
	)
	eventually(t, "the operator may make the role of a server", func() bool {
		err := operator.Create(ctx, server)
		if err != nil && !apierrors.IsForbidden(err) {
			t.Fatal(err)
		}
		return err == nil
	})
	for what, rule := range map[string]rbacv1.PolicyRule{
		"everything":     {APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}},
		"run commands":   {APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: []string{"create"}},
		"edit policies":  {APIGroups: []string{"grantkeeper.dev"}, Resources: []string{"oauthgrantpolicies"}, Verbs: []string{"update"}},
		"mint SA tokens": {APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, Verbs: []string{"create"}},
	} {
		if err := operator.Create(ctx, role(rule)); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "not currently held") {
			t.Errorf("the operator could hand out the right to %s: %v", what, err)
		}
	}
}
