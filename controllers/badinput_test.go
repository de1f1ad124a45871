package controllers_test

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/badinput"
)

// apply creates what a manifest of the document says, in the namespace where its kind belongs.
func (w *world) apply(ctx context.Context, manifest string) client.Object {
	GinkgoHelper()
	u := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal([]byte(manifest), &u.Object)).To(Succeed())
	u.SetNamespace(w.platform)
	var obj client.Object
	switch u.GetKind() {
	case "OAuthClient":
		u.SetNamespace(w.apps)
		if ref, found, _ := unstructured.NestedMap(u.Object, "spec", "serverRef"); !found {
			Expect(unstructured.SetNestedMap(u.Object, map[string]any{"name": "main", "namespace": w.platform}, "spec", "serverRef")).To(Succeed())
		} else {
			ref["namespace"] = w.platform
			Expect(unstructured.SetNestedMap(u.Object, ref, "spec", "serverRef")).To(Succeed())
		}
		obj = &v1alpha1.OAuthClient{}
	case "OAuthResource":
		obj = &v1alpha1.OAuthResource{}
	case "OAuthGrantPolicy":
		obj = &v1alpha1.OAuthGrantPolicy{}
	case "OAuthIdentityProvider":
		obj = &v1alpha1.OAuthIdentityProvider{}
	case "OAuthServer":
		obj = &v1alpha1.OAuthServer{}
	default:
		Fail("kind " + u.GetKind())
	}
	Expect(admin.Create(ctx, u)).To(Succeed())
	obj.SetNamespace(u.GetNamespace())
	obj.SetName(u.GetName())
	return obj
}

var _ = Describe("A wrong manifest that the API server takes", func() {
	for _, c := range badinput.Of(badinput.Status) {
		It("says what is wrong and what to do: "+c.What, func(ctx context.Context) {
			w := newWorld(ctx)
			Expect(admin.Delete(ctx, w.policy("apps"))).To(Succeed())
			w.startReplica("main-0")
			for _, manifest := range badinput.World() {
				ready(ctx, w.apply(ctx, manifest))
			}
			if c.Before != "" {
				ready(ctx, w.apply(ctx, c.Before))
			}
			obj := w.apply(ctx, c.Manifest)
			message := eventually(ctx, obj, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ConditionReason(c.Reason))
			// The document has the namespaces of the samples.
			message = strings.NewReplacer(w.platform, "oauth-system", w.apps, "partners").Replace(message)
			Expect(message).To(Equal(c.Message))
		})
	}
})
