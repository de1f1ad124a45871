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
	// AnnotationCreatedAt, on a client's Secret, is when the secret in it was made, in RFC 3339.
	AnnotationCreatedAt = "grantkeeper.dev/secret-created-at"
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
