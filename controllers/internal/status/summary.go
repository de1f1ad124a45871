package status

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// Summarize derives Ready, Reconciling and Stalled from the conditions that lead to Ready, in their order, and from the
// error that ended the steps, if any. It follows kstatus: Ready is the first that is not met; exactly one of Reconciling
// and Stalled is there while Ready is false, and none when all is well. observed is the generation the status spoke of
// before.
//
// A condition that stays is never removed in between: it would come back with a new transition time, that would be a new status to
// write, and its event the next reconciliation.
func Summarize(c *Conditions, order []v1alpha1.ConditionType, observed int64, err error) {
	if err != nil {
		c.remove(v1alpha1.ConditionStalled)
		summarizeError(c, order, observed, err)
		return
	}
	first := unmet(c, order)
	if first == nil {
		c.remove(v1alpha1.ConditionReconciling)
		c.remove(v1alpha1.ConditionStalled)
		c.True(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "Everything is in place and served.")
		return
	}
	c.False(v1alpha1.ConditionReady, first.reason, "%s", first.message)
	is, not := v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled
	if NextOf(first.reason) == Stalled {
		is, not = not, is
	}
	c.remove(not)
	c.True(is, first.reason, "%s", first.message)
}

// summarizeError is the summary of an attempt that failed and is repeated. What was ready for this generation stays so:
// that the operator cannot reach the API server, say, takes nothing away from those that are served.
func summarizeError(c *Conditions, order []v1alpha1.ConditionType, observed int64, err error) {
	message := shown(err)
	c.True(v1alpha1.ConditionReconciling, v1alpha1.ReasonError, "%s", message)
	if observed == c.generation && c.IsTrue(v1alpha1.ConditionReady) && unmet(c, order) == nil {
		return
	}
	c.False(v1alpha1.ConditionReady, v1alpha1.ReasonError, "%s", message)
}

// unmet is the first condition that is not true, or what holds Ready back, or nil.
func unmet(c *Conditions, order []v1alpha1.ConditionType) *verdict {
	for _, t := range order {
		got := c.Get(t)
		switch {
		case got == nil:
			return &verdict{v1alpha1.ReasonPending, string(t) + " is not known yet."}
		case got.Status != metav1.ConditionTrue:
			return &verdict{v1alpha1.ConditionReason(got.Reason), got.Message}
		}
	}
	return c.hold
}
