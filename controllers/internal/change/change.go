// Package change holds the predicates that tell a change of what a manifest declares from a change of its status, so that
// a status that is written wakes nobody whom it does not concern.
package change

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// Declared lets through objects that come and go, and changes of their spec, labels and annotations and of whether they
// are being deleted.
func Declared() predicate.Predicate {
	return predicate.Or(
		predicate.GenerationChangedPredicate{},
		predicate.LabelChangedPredicate{},
		predicate.AnnotationChangedPredicate{},
		predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		}},
	)
}

// DeclaredOrAccepted is Declared, and changes of whether the object is accepted: what others may build on.
func DeclaredOrAccepted() predicate.Predicate {
	return predicate.Or(Declared(), predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return accepted(e.ObjectOld) != accepted(e.ObjectNew)
	}})
}

func accepted(o client.Object) bool {
	var conditions []metav1.Condition
	switch x := o.(type) {
	case *v1alpha1.OAuthServer:
		conditions = x.Status.Conditions
	case *v1alpha1.OAuthResource:
		conditions = x.Status.Conditions
	case *v1alpha1.OAuthGrantPolicy:
		conditions = x.Status.Conditions
	}
	return meta.IsStatusConditionTrue(conditions, string(v1alpha1.ConditionAccepted))
}

// ServerMatters lets through changes of an OAuthServer that may change what becomes of what belongs to it: what is
// declared, and whether there is any replica, but not its counts.
func ServerMatters() predicate.Predicate {
	return predicate.Or(Declared(), predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return (replicas(e.ObjectOld) == 0) != (replicas(e.ObjectNew) == 0) },
	})
}

// ReplicasMoved lets through changes of how many replicas an OAuthServer has.
func ReplicasMoved() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool { return replicas(e.ObjectOld) != replicas(e.ObjectNew) },
	}
}

func replicas(o client.Object) int32 {
	s, ok := o.(*v1alpha1.OAuthServer)
	if !ok {
		return 0
	}
	return s.Status.Replicas
}
