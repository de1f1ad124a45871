package controllers_test

import (
	"context"
	"fmt"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/pipelines"
)

// statusWatch follows all objects of all kinds and checks each status by the rules of kstatus.
type statusWatch struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
	mu     sync.Mutex
	wrong  []string
}

func watchStatuses(c client.WithWatch) *statusWatch {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &statusWatch{cancel: cancel}
	for _, list := range []client.ObjectList{
		&v1alpha1.OAuthServerList{}, &v1alpha1.OAuthClientList{}, &v1alpha1.OAuthGrantPolicyList{},
		&v1alpha1.OAuthResourceList{}, &v1alpha1.OAuthIdentityProviderList{},
	} {
		w, err := c.Watch(ctx, list)
		Expect(err).NotTo(HaveOccurred())
		s.wait.Go(func() {
			defer w.Stop()
			for e := range w.ResultChan() {
				if obj, ok := e.Object.(client.Object); ok && e.Type != watch.Deleted {
					s.check(obj)
				}
			}
		})
	}
	return s
}

func (s *statusWatch) check(obj client.Object) {
	for _, problem := range kstatusProblems(obj) {
		s.mu.Lock()
		s.wrong = append(s.wrong, fmt.Sprintf("%T %s/%s: %s", obj, obj.GetNamespace(), obj.GetName(), problem))
		s.mu.Unlock()
	}
}

func (s *statusWatch) stop() []string {
	s.cancel()
	s.wait.Wait()
	return s.wrong
}

// kstatusProblems checks one object: what Flux, Argo CD and kubectl wait would make of it must be right at each moment.
func kstatusProblems(obj client.Object) []string {
	conditions := conditionsOf(obj)
	return append(ruleProblems(obj, conditions), pipelines.Problems(context.Background(), obj, observedBy(obj), conditions)...)
}

// observedBy is the generation that a status speaks of.
func observedBy(obj client.Object) int64 {
	switch x := obj.(type) {
	case *v1alpha1.OAuthServer:
		return x.Status.ObservedGeneration
	case *v1alpha1.OAuthClient:
		return x.Status.ObservedGeneration
	case *v1alpha1.OAuthGrantPolicy:
		return x.Status.ObservedGeneration
	case *v1alpha1.OAuthResource:
		return x.Status.ObservedGeneration
	case *v1alpha1.OAuthIdentityProvider:
		return x.Status.ObservedGeneration
	}
	return 0
}

// ruleProblems checks the rules that no library has.
func ruleProblems(obj client.Object, conditions []metav1.Condition) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	ready := meta.FindStatusCondition(conditions, "Ready")
	if ready == nil {
		return []string{"there is no condition Ready"}
	}
	reconciling, stalled := meta.FindStatusCondition(conditions, "Reconciling"), meta.FindStatusCondition(conditions, "Stalled")
	for _, c := range []*metav1.Condition{reconciling, stalled} {
		if c != nil && c.Status != metav1.ConditionTrue {
			bad("%s is there and not True", c.Type)
		}
		if c != nil && c.Message == "" {
			bad("%s has no message", c.Type)
		}
	}
	if reconciling != nil && stalled != nil {
		bad("Reconciling and Stalled at once")
	}
	switch ready.Status {
	case metav1.ConditionTrue:
		if stalled != nil {
			bad("Ready and Stalled at once")
		}
		if reconciling != nil && reconciling.Reason != string(v1alpha1.ReasonError) {
			bad("Ready and Reconciling at once: %s", reconciling.Reason)
		}
	case metav1.ConditionFalse:
		if reconciling == nil && stalled == nil {
			bad("Ready is False (%s), and neither Reconciling nor Stalled says what is next", ready.Reason)
		}
	case metav1.ConditionUnknown:
		if ready.Reason != string(v1alpha1.ReasonPending) {
			bad("Ready is Unknown for the reason %s", ready.Reason)
		}
	}
	for _, c := range conditions {
		if c.ObservedGeneration > obj.GetGeneration() {
			bad("%s observed a generation that does not exist", c.Type)
		}
	}
	if len(obj.GetFinalizers()) > 0 && obj.GetDeletionTimestamp().IsZero() {
		for _, f := range obj.GetFinalizers() {
			if f != testFinalizer {
				bad("finalizer %s", f)
			}
		}
	}
	return out
}

// testFinalizer is somebody else's.
const testFinalizer = "example.com/hold"
