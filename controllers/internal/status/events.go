package status

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// Event is one thing that happened to an object.
type Event struct {
	// Warning is true for what somebody should look at.
	Warning bool
	// Reason is fixed and documented.
	Reason string
	// Note names objects, fields and values of manifests, and nothing secret.
	Note string
}

// Recorder takes events; the manager's does.
type Recorder interface {
	// Eventf records one event about an object; note is a format for args.
	Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any)
}

// maxNote bounds the note of an event in bytes; the API server refuses more than 1024.
const maxNote = 1000

func (e Event) record(r Recorder, about runtime.Object) {
	kind, note := corev1.EventTypeNormal, e.Note
	if e.Warning {
		kind = corev1.EventTypeWarning
	}
	if len(note) > maxNote {
		note = note[:maxNote-3] + "..."
	}
	r.Eventf(about, nil, kind, e.Reason, "Reconcile", "%s", note)
}

// transitions are the events that follow from what changed between two sets of conditions. Only a change makes one, so
// that no loop does.
func transitions(before, after *Conditions, order []v1alpha1.ConditionType) []Event {
	var out []Event
	for _, t := range order {
		was, is := before.Get(t), after.Get(t)
		if is == nil || was != nil && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message {
			continue
		}
		switch reason := v1alpha1.ConditionReason(is.Reason); {
		case t == v1alpha1.ConditionAccepted && reason == v1alpha1.ReasonAccepted:
			switch {
			case was == nil || was.Reason != is.Reason:
				out = append(out, Event{Reason: "Accepted", Note: is.Message})
			default:
				out = append(out, Event{Reason: "Updated", Note: is.Message})
			}
		case is.Status == "False" && NextOf(reason) == Stalled:
			out = append(out, Event{Warning: true, Reason: is.Reason, Note: is.Message})
		}
	}
	return out
}
