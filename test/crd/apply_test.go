package crd_test

import (
	"context"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	ac "github.com/grantkeeper/grantkeeper/api/applyconfiguration/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// TestConvention07TwoOwners: server-side apply by two owners to one object, without conflict, because lists have keys (convention 7).
func TestConvention07TwoOwners(t *testing.T) {
	c, ctx := newClient(t), context.Background()
	ns := newNamespace(t, c)
	apply := func(owner string, o *ac.OAuthClientApplyConfiguration) error {
		return c.Apply(ctx, o, client.FieldOwner(owner))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(apply("team", ac.OAuthClient("app", ns).WithSpec(ac.OAuthClientSpec().
		WithType(v1alpha1.ClientTypeNative).WithScopes("orders.read").WithRedirectURIs("https://a.example/cb"))))
	must(apply("platform", ac.OAuthClient("app", ns).WithLabels(map[string]string{"tier": "partner"}).WithSpec(ac.OAuthClientSpec().
		WithScopes("openid").WithRedirectURIs("https://b.example/cb").WithSuspended(true))))

	got := &v1alpha1.OAuthClient{}
	read := func() { t.Helper(); must(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "app"}, got)) }
	read()
	if !slices.Equal(got.Spec.Scopes, []string{"orders.read", "openid"}) || len(got.Spec.RedirectURIs) != 2 || !got.Spec.Suspended || got.Labels["tier"] != "partner" {
		t.Errorf("two owners made %+v", got.Spec)
	}

	// What one owner leaves out the next time goes, and nothing else does.
	must(apply("platform", ac.OAuthClient("app", ns)))
	read()
	if !slices.Equal(got.Spec.Scopes, []string{"orders.read"}) || got.Spec.Suspended || len(got.Labels) != 0 {
		t.Errorf("after one owner let go: %+v", got.Spec)
	}

	// What they do disagree about is a conflict, not a race.
	if err := apply("platform", ac.OAuthClient("app", ns).WithSpec(ac.OAuthClientSpec().WithType(v1alpha1.ClientTypeService))); !apierrors.IsConflict(err) {
		t.Errorf("a value that another owner has set differently: %v, want a conflict", err)
	}
}

// TestTwoOwnersOfConditions: one owner's conditions leave another's, and the defaulted ones, as they are.
func TestTwoOwnersOfConditions(t *testing.T) {
	c, ctx := newClient(t), context.Background()
	ns := newNamespace(t, c)
	if err := c.Create(ctx, manifest(t, "OAuthClient", ns, "app", `{type: Service}`)); err != nil {
		t.Fatal(err)
	}
	for owner, condition := range map[string]v1alpha1.ConditionType{"one": v1alpha1.ConditionAccepted, "two": v1alpha1.ConditionSecretReady} {
		status := ac.OAuthClientStatus().WithConditions(metav1ac.Condition().
			WithType(string(condition)).WithStatus(metav1.ConditionTrue).WithReason(string(v1alpha1.ReasonAccepted)).
			WithMessage("Accepted").WithObservedGeneration(1).WithLastTransitionTime(metav1.Now()))
		if err := c.Status().Apply(ctx, ac.OAuthClient("app", ns).WithStatus(status), client.FieldOwner(owner)); err != nil {
			t.Fatalf("%s: %v", owner, err)
		}
	}
	got := &v1alpha1.OAuthClient{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "app"}, got); err != nil {
		t.Fatal(err)
	}
	statuses := map[string]metav1.ConditionStatus{}
	for _, cond := range got.Status.Conditions {
		statuses[cond.Type] = cond.Status
	}
	for condition, want := range map[string]metav1.ConditionStatus{"Ready": "Unknown", "Accepted": "True", "SecretReady": "True", "Programmed": "Unknown"} {
		if statuses[condition] != want {
			t.Errorf("%s is %q, want %q", condition, statuses[condition], want)
		}
	}
}
