package pipelines

import (
	"context"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	fluxconditions "github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// Verdicts are what the three kinds of pipelines make of one status.
type Verdicts struct {
	// KStatus is InProgress, Failed, Current or Terminating.
	KStatus status.Status
	// ArgoCD is the health that Argo CD shows.
	ArgoCD Health
}

// Read asks every pipeline about an object.
func Read(ctx context.Context, obj client.Object) (Verdicts, error) {
	u, err := untyped(obj)
	if err != nil {
		return Verdicts{}, err
	}
	result, err := status.Compute(u)
	if err != nil {
		return Verdicts{}, fmt.Errorf("kstatus: %w", err)
	}
	health, err := ArgoCD(ctx, u)
	if err != nil {
		return Verdicts{}, fmt.Errorf("the health check of Argo CD: %w", err)
	}
	return Verdicts{KStatus: result.Status, ArgoCD: health}, nil
}

// untyped is the object as the API server sends it.
func untyped(obj client.Object) (*unstructured.Unstructured, error) {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: m}
	if u.GetKind() == "" {
		u.SetAPIVersion(v1alpha1.GroupVersion.String())
		u.SetKind(fmt.Sprintf("%T", obj)[len("*v1alpha1."):])
	}
	return u, nil
}

// Problems lists what is wrong with a status at this moment: where the pipelines disagree with each other or with what is so, and
// what Flux's own checker has against it. conditions are those of obj.
func Problems(ctx context.Context, obj client.Object, observed int64, conditions []metav1.Condition) []string {
	v, err := Read(ctx, obj)
	if err != nil {
		return []string{err.Error()}
	}
	u, err := untyped(obj)
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	want := expected(obj, observed, conditions)
	if v != (Verdicts{KStatus: want.KStatus, ArgoCD: Health{want.ArgoCD.Status, v.ArgoCD.Message}}) {
		out = append(out, fmt.Sprintf("kstatus says %s and Argo CD %s; it is %s and %s", v.KStatus, v.ArgoCD.Status, want.KStatus, want.ArgoCD.Status))
	}
	if v.ArgoCD.Message == "" {
		out = append(out, "Argo CD has nothing to say about its health")
	}
	if observed == 0 {
		return out // nobody has looked at it yet
	}
	checkers := []*check.Checker{check.NewInProgressChecker(nil)}
	if settled(v.KStatus) {
		checkers = append(checkers, check.NewChecker(nil, &check.Conditions{NegativePolarity: []string{"Reconciling", "Stalled"}}))
	}
	for _, c := range checkers {
		c.DisableFetch = true
		fail, warn := c.Check(ctx, fluxconditions.UnstructuredGetter(u))
		for _, problem := range []error{fail, warn} {
			if problem != nil {
				out = append(out, "Flux's checker: "+problem.Error())
			}
		}
	}
	return out
}

func settled(s status.Status) bool { return s == status.CurrentStatus || s == status.FailedStatus }

// expected is what an object is, by its conditions alone.
func expected(obj client.Object, observed int64, conditions []metav1.Condition) Verdicts {
	is := func(t v1alpha1.ConditionType) bool { return meta.IsStatusConditionTrue(conditions, string(t)) }
	switch {
	case !obj.GetDeletionTimestamp().IsZero():
		return Verdicts{status.TerminatingStatus, Health{Status: "Progressing"}}
	case observed != obj.GetGeneration():
		return Verdicts{status.InProgressStatus, Health{Status: "Progressing"}}
	case is(v1alpha1.ConditionStalled):
		if meta.FindStatusCondition(conditions, string(v1alpha1.ConditionStalled)).Reason == string(v1alpha1.ReasonSuspended) {
			return Verdicts{status.FailedStatus, Health{Status: "Suspended"}}
		}
		return Verdicts{status.FailedStatus, Health{Status: "Degraded"}}
	case is(v1alpha1.ConditionReconciling):
		return Verdicts{status.InProgressStatus, Health{Status: "Progressing"}}
	case is(v1alpha1.ConditionReady):
		return Verdicts{status.CurrentStatus, Health{Status: "Healthy"}}
	}
	return Verdicts{status.InProgressStatus, Health{Status: "Progressing"}}
}
