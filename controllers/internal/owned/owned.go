package owned

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

const (
	// LabelManagedBy marks what the operator made. Its cache holds only Secrets and workloads that carry it.
	LabelManagedBy = "grantkeeper.dev/managed-by"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "grantkeeper-operator"
	// LabelClient, on the Secret of a client, is the name of the OAuthClient. A Secret that outlives its client has it and no
	// owner.
	LabelClient = "grantkeeper.dev/client"
	// AnnotationMetadata, on a Secret, lists the labels and annotations that a manifest asked for, as "label KEY" and "annotation
	// KEY" with commas between, so that those that it asks for no more are taken off.
	AnnotationMetadata = "grantkeeper.dev/metadata"
)

// The kinds that own objects.
const (
	KindServer = "OAuthServer"
	KindClient = "OAuthClient"
)

// Reference makes owner the controller of an object.
func Reference(owner client.Object, kind string) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: kind, Name: owner.GetName(), UID: owner.GetUID(),
		Controller: &yes, BlockOwnerDeletion: &yes,
	}
}

// ApplyReference is Reference for apply configurations.
func ApplyReference(owner client.Object, kind string) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind(kind).WithName(owner.GetName()).WithUID(owner.GetUID()).
		WithController(true).WithBlockOwnerDeletion(true)
}

// By reports whether the operator made the object for the owner with that UID.
func By(obj metav1.Object, owner types.UID) bool {
	ref := metav1.GetControllerOf(obj)
	return Managed(obj) && ref != nil && ref.UID == owner
}

// ClientOf is the name of the OAuthClient whose Secret obj is, empty for any other object: by its owner, or by its label where it
// has none.
func ClientOf(obj metav1.Object) string {
	if !Managed(obj) {
		return ""
	}
	if metav1.GetControllerOf(obj) != nil {
		return ControllerName(obj, KindClient)
	}
	return obj.GetLabels()[LabelClient]
}

// Managed reports whether an object carries the operator's label.
func Managed(obj metav1.Object) bool { return obj.GetLabels()[LabelManagedBy] == ManagedBy }

// ControllerName is the name of the object of that kind of ours that controls obj, empty when none does.
func ControllerName(obj metav1.Object, kind string) string {
	ref := metav1.GetControllerOf(obj)
	if ref == nil || ref.Kind != kind || ref.APIVersion != v1alpha1.GroupVersion.String() {
		return ""
	}
	return ref.Name
}
