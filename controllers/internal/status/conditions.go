package status

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// maxMessage bounds the message of a condition in bytes; the API server takes 32768, people read far less.
const maxMessage = 4096

// Conditions are the conditions of one object during one reconciliation. Steps mark them; the frame alone turns them
// into Ready, Reconciling and Stalled and writes them.
type Conditions struct {
	generation int64
	now        time.Time
	list       []metav1.Condition
	hold       *verdict
	soon       time.Time
}

// verdict is a reason with its message.
type verdict struct {
	reason  v1alpha1.ConditionReason
	message string
}

// NewConditions starts from those that an object has. Transitions are dated now, which is cut to whole seconds, as the
// API stores them.
func NewConditions(have []metav1.Condition, generation int64, now time.Time) *Conditions {
	return &Conditions{generation: generation, now: now.Truncate(time.Second), list: slices.Clone(have)}
}

// True marks a condition as met.
func (c *Conditions) True(t v1alpha1.ConditionType, reason v1alpha1.ConditionReason, format string, args ...any) {
	c.mark(t, metav1.ConditionTrue, reason, fmt.Sprintf(format, args...))
}

// False marks a condition as not met. The reason decides what happens next; see NextOf.
func (c *Conditions) False(t v1alpha1.ConditionType, reason v1alpha1.ConditionReason, format string, args ...any) {
	c.mark(t, metav1.ConditionFalse, reason, fmt.Sprintf(format, args...))
}

// Hold keeps Ready false for a reason of its own although every condition is met, as for a suspended client.
func (c *Conditions) Hold(reason v1alpha1.ConditionReason, format string, args ...any) {
	c.hold = &verdict{reason, fmt.Sprintf(format, args...)}
}

// Soon says that a replica is expected to serve the object by then: as long as nothing else is missing, the status is not
// written before, so that what is applied costs one write of its status and not two.
func (c *Conditions) Soon(by time.Time) { c.soon = by }

// unsettled says until when the status may wait; zero when it is to be written now. What is not written yet claims nothing
// that is not so: a new generation is not observed, and what was served before still is.
func (c *Conditions) unsettled(order []v1alpha1.ConditionType, now time.Time) time.Time {
	first := unmet(c, order)
	if first == nil || first.reason != v1alpha1.ReasonNotServed || !now.Before(c.soon) {
		return time.Time{}
	}
	return c.soon
}

// IsTrue reports whether a condition is met.
func (c *Conditions) IsTrue(t v1alpha1.ConditionType) bool {
	return meta.IsStatusConditionTrue(c.list, string(t))
}

// Get returns a condition, nil when the object does not have it.
func (c *Conditions) Get(t v1alpha1.ConditionType) *metav1.Condition {
	return meta.FindStatusCondition(c.list, string(t))
}

func (c *Conditions) mark(t v1alpha1.ConditionType, s metav1.ConditionStatus, reason v1alpha1.ConditionReason, message string) {
	if len(message) > maxMessage {
		message = message[:maxMessage-3] + "..."
	}
	meta.SetStatusCondition(&c.list, metav1.Condition{
		Type: string(t), Status: s, Reason: string(reason), Message: message,
		ObservedGeneration: c.generation, LastTransitionTime: metav1.NewTime(c.now),
	})
}

func (c *Conditions) remove(t v1alpha1.ConditionType) { meta.RemoveStatusCondition(&c.list, string(t)) }

// sorted lists the conditions as people read them: Ready, then those that lead to it in order, then Reconciling and
// Stalled. Others, which are not ours, are left out, so that the apply does not take them over.
func (c *Conditions) sorted(order []v1alpha1.ConditionType) []metav1.Condition {
	all := append([]v1alpha1.ConditionType{v1alpha1.ConditionReady}, order...)
	all = append(all, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled)
	out := make([]metav1.Condition, 0, len(all))
	for _, t := range all {
		if got := c.Get(t); got != nil {
			out = append(out, *got)
		}
	}
	return out
}
