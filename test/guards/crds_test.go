package guards

import (
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/config/crd"
)

const (
	versionAnnotation  = "grantkeeper.dev/version"
	deletionAnnotation = "grantkeeper.dev/allow-deletion"
)

// definition is a CRD as it is in the cluster.
func definition(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	if err := world.Admin.Get(t.Context(), client.ObjectKey{Name: name}, o); err != nil {
		t.Fatal(err)
	}
	return o
}

func annotate(o *unstructured.Unstructured, key, value string) {
	a := o.GetAnnotations()
	if a == nil {
		a = map[string]string{}
	}
	delete(a, key)
	if value != "" {
		a[key] = value
	}
	o.SetAnnotations(a)
}

// TestConvention11VersionOfTheKinds: every CRD says of which release it is, and all say the same.
func TestConvention11VersionOfTheKinds(t *testing.T) {
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range crds {
		if v := c.Annotations[versionAnnotation]; v == "" || v != crds[0].Annotations[versionAnnotation] {
			t.Errorf("%s says %q; run hack/generate", c.Name, v)
		}
	}
}

// TestConvention11CRDDowngrade: kinds go forward only.
func TestConvention11CRDDowngrade(t *testing.T) {
	const name = "oauthresources.grantkeeper.dev"
	set := func(version string) error {
		o := definition(t, name)
		annotate(o, versionAnnotation, version)
		return world.Admin.Update(t.Context(), o)
	}
	before := definition(t, name).GetAnnotations()[versionAnnotation]
	inForce(t, func() error { return world.Admin.Delete(t.Context(), definition(t, name), client.DryRunAll) })
	if err := set("v1.20.3"); err != nil {
		t.Fatal(err)
	}
	for version, says := range map[string]string{
		"v1.20.2":    "is of v1.20.3, and what would replace it is of v1.20.2",
		"v1.3.30":    "is of v1.20.3",
		"v0.99.0":    "Apply the CRDs of v1.20.3 or newer",
		"":           "has no annotation grantkeeper.dev/version",
		"latest":     "says grantkeeper.dev/version: latest",
		"v1.20.3-rc": "delete ValidatingAdmissionPolicyBinding grantkeeper-crd-upgrades first",
		"v1.20":      "as new, whole",
	} {
		if err := set(version); !Refused(err, name, says) {
			t.Errorf("%q: want a refusal with %q, got %v", version, says, err)
		}
	}
	for _, version := range []string{"v1.20.3", "v1.20.4", "v1.100.0", "v2.0.0"} {
		if err := set(version); err != nil {
			t.Errorf("%s is refused: %v", version, err)
		}
	}
	t.Run("an older bundle", func(t *testing.T) {
		if _, err := world.Kubectl("", "apply", "--server-side", "--force-conflicts", "-k", "../../config/crd"); !refusedByKubectl(err, "v2.0.0") {
			t.Errorf("want a refusal, got %v", err)
		}
	})
	t.Run("on purpose", func(t *testing.T) {
		const binding = "grantkeeper-crd-upgrades"
		if _, err := world.Kubectl("", "delete", "validatingadmissionpolicybinding", binding); err != nil {
			t.Fatal(err)
		}
		inTime(t, "the older version is taken", func() error { return set(before) })
		if err := world.Install("config/admission"); err != nil {
			t.Fatal(err)
		}
		inForce(t, func() error { return world.Admin.Delete(t.Context(), definition(t, name), client.DryRunAll) })
	})
}

// TestConvention11CRDDeletion: it takes a word of its own to delete every client of the cluster.
func TestConvention11CRDDeletion(t *testing.T) {
	for _, kind := range []string{"oauthclients", "oauthservers", "oauthgrantpolicies", "oauthresources", "oauthidentityproviders"} {
		name := kind + ".grantkeeper.dev"
		inForce(t, func() error { return world.Admin.Delete(t.Context(), definition(t, name), client.DryRunAll) })
		err := world.Admin.Delete(t.Context(), definition(t, name), client.DryRunAll)
		if !Refused(err, "kubectl annotate crd "+name+" "+deletionAnnotation+"=true") {
			t.Errorf("want a refusal that says how, got %v", err)
		}
	}
	o := definition(t, "oauthresources.grantkeeper.dev")
	annotate(o, deletionAnnotation, "true")
	if err := world.Admin.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := world.Admin.Delete(t.Context(), o, client.DryRunAll); err != nil {
		t.Errorf("it is refused although it was asked for: %v", err)
	}
	annotate(o, deletionAnnotation, "")
	if err := world.Admin.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Run("other kinds are not concerned", func(t *testing.T) {
		other := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced", "names": map[string]any{"plural": "things", "kind": "Thing"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}}}},
		}}}
		other.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
		other.SetName("things.example.com")
		if err := world.Admin.Create(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		if err := world.Admin.Delete(t.Context(), other, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			t.Error(err)
		}
	})
}
