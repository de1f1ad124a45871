package guards

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// sample is one object of each kind, in a namespace.
func sample(namespace string) map[string]client.Object {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "sample"}
	return map[string]client.Object{
		"oauthclients": &v1alpha1.OAuthClient{ObjectMeta: meta, Spec: v1alpha1.OAuthClientSpec{Type: v1alpha1.ClientTypeService}},
		"oauthservers": &v1alpha1.OAuthServer{ObjectMeta: meta, Spec: v1alpha1.OAuthServerSpec{Issuer: "https://sample.example.com"}},
		"oauthgrantpolicies": &v1alpha1.OAuthGrantPolicy{ObjectMeta: meta, Spec: v1alpha1.OAuthGrantPolicySpec{
			Allow: v1alpha1.PolicyAllow{GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantTypeClientCredentials}},
		}},
		"oauthresources": &v1alpha1.OAuthResource{ObjectMeta: meta, Spec: v1alpha1.OAuthResourceSpec{
			Identifier: "https://api.example.com", Title: "API", Scopes: []v1alpha1.ResourceScope{{Name: "read", Title: "Read"}},
		}},
		"oauthidentityproviders": &v1alpha1.OAuthIdentityProvider{ObjectMeta: meta, Spec: v1alpha1.OAuthIdentityProviderSpec{
			DisplayName: "Sample", Local: &v1alpha1.LocalProvider{AccountsSecretRef: v1alpha1.SecretReference{Name: "accounts"}},
		}},
	}
}

// TestK08Roles: what people with the cluster's own roles, and with that of the platform, may do in a namespace, by real
// requests.
func TestK08Roles(t *testing.T) {
	world.Aggregate(t, "view", "edit", "admin")
	people := world.Namespace(t, "people", nil)
	write := func(kinds ...string) []string { return kinds }
	platformKinds := []string{"oauthservers", "oauthgrantpolicies", "oauthresources", "oauthidentityproviders"}
	for role, writes := range map[string][]string{
		"view":                 nil,
		"edit":                 write("oauthclients"),
		"admin":                write("oauthclients"),
		"grantkeeper-view":     nil,
		"grantkeeper-platform": write(append(platformKinds, "oauthclients")...),
	} {
		t.Run(role, func(t *testing.T) {
			user := "user-" + role
			world.Bind(t, people, user, role)
			c := world.As(t, user)
			inTime(t, "the role is in force", func() error { return c.List(t.Context(), &v1alpha1.OAuthClientList{}, client.InNamespace(people)) })
			for kind, o := range sample(people) {
				err := c.Create(t.Context(), o.DeepCopyObject().(client.Object), client.DryRunAll)
				if may := slices.Contains(writes, kind); may && err != nil || !may && !apierrors.IsForbidden(err) {
					t.Errorf("create %s: want allowed %t, got %v", kind, may, err)
				}
				if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), o); !apierrors.IsNotFound(err) {
					t.Errorf("%s cannot be read: %v", kind, err)
				}
			}
			// Nobody writes a status, or reads another namespace; only who may read Secrets anyway reads them.
			o := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: people, Name: "sample", ResourceVersion: "1"}}
			if err := c.Status().Update(t.Context(), o); !apierrors.IsForbidden(err) {
				t.Errorf("it may write a status: %v", err)
			}
			if err := c.List(t.Context(), &v1alpha1.OAuthClientList{}, client.InNamespace(apps)); !apierrors.IsForbidden(err) {
				t.Errorf("it may read another namespace: %v", err)
			}
			err := c.List(t.Context(), &corev1.SecretList{}, client.InNamespace(people))
			if reads := role == "edit" || role == "admin"; reads == apierrors.IsForbidden(err) {
				t.Errorf("Secrets: %v", err)
			}
		})
	}
}

// TestK08ViewShowsNothingSecret: who may only look sees neither a secret nor a hash of one, in whatever is there of a client that
// is served, events and all.
func TestK08ViewShowsNothingSecret(t *testing.T) {
	world.Aggregate(t, "view")
	for _, namespace := range []string{platform, apps} {
		world.Bind(t, namespace, "viewer", "view")
	}
	viewer := world.As(t, "viewer")
	inTime(t, "the role is in force", func() error { return viewer.List(t.Context(), &v1alpha1.OAuthClientList{}, client.InNamespace(apps)) })
	var secrets []string
	for _, namespace := range []string{platform, apps} {
		var list corev1.SecretList
		if err := world.Admin.List(t.Context(), &list, client.InNamespace(namespace), client.MatchingLabels(managed)); err != nil {
			t.Fatal(err)
		}
		for _, s := range list.Items {
			for _, v := range secretValues(t, &s) {
				if len(v) >= 20 {
					secrets = append(secrets, v)
				}
			}
		}
		if err := viewer.List(t.Context(), &list, client.InNamespace(namespace)); !apierrors.IsForbidden(err) {
			t.Errorf("view may read Secrets: %v", err)
		}
	}
	if len(secrets) < 3 {
		t.Fatalf("only %d secrets to look for", len(secrets))
	}
	for _, namespace := range []string{platform, apps} {
		for _, list := range []client.ObjectList{
			&v1alpha1.OAuthClientList{}, &v1alpha1.OAuthServerList{}, &v1alpha1.OAuthGrantPolicyList{}, &v1alpha1.OAuthResourceList{},
			&v1alpha1.OAuthIdentityProviderList{}, &corev1.EventList{}, &corev1.ServiceAccountList{}, &corev1.ConfigMapList{},
		} {
			if err := viewer.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(list)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range secrets {
				if strings.Contains(string(b), s) {
					t.Errorf("%T of %s shows a secret", list, namespace)
				}
			}
		}
	}
}

// secretValues are the values that are secret of a Secret: those of a client's, keys and hashes of a document's.
func secretValues(t *testing.T, s *corev1.Secret) []string {
	t.Helper()
	if v, ok := s.Data["client-secret"]; ok {
		return []string{string(v)}
	}
	var out []string
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch x := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(x)) {
				walk(k, x[k])
			}
		case []any:
			for _, e := range x {
				walk(key, e)
			}
		case string:
			// In JSON Web Keys: d, k and p are private. In registrations: hashes.
			if slices.Contains([]string{"d", "k", "p", "q", "sha256", "key", "private", "privateKey"}, key) {
				out = append(out, x)
			}
		}
	}
	if s.Data["document.json"] == nil {
		return nil // of another test
	}
	var document any
	if err := json.Unmarshal(s.Data["document.json"], &document); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	walk("", document)
	return out
}

// TestConvention20AggregatedRoles: the controller that aggregates takes them in by their labels, and nothing of the platform's
// gets into what app teams have.
func TestConvention20AggregatedRoles(t *testing.T) {
	var all rbacv1.ClusterRoleList
	if err := world.Admin.List(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"grantkeeper-view": "admin,edit,view", "grantkeeper-edit": "admin,edit", "grantkeeper-platform": "", "grantkeeper-operator": ""}
	for _, role := range all.Items {
		if !strings.HasPrefix(role.Name, "grantkeeper-") {
			continue
		}
		var into []string
		for label, v := range role.Labels {
			if to, ok := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); ok && v == "true" {
				into = append(into, to)
			}
		}
		if w, ok := want[role.Name]; !ok || sorted(into) != w {
			t.Errorf("%s is aggregated to %q, want %q", role.Name, sorted(into), w)
		}
		delete(want, role.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
