package oauthserver

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// volumeClaim is the volume with a server's SQLite file.
func volumeClaim(s *v1alpha1.OAuthServer) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	size := resource.MustParse("1Gi")
	spec := corev1ac.PersistentVolumeClaimSpec().WithAccessModes(corev1.ReadWriteOnce)
	if st := s.Spec.Storage; st != nil && st.SQLite != nil {
		if st.SQLite.Size != nil {
			size = *st.SQLite.Size
		}
		if st.SQLite.StorageClassName != nil {
			spec.WithStorageClassName(*st.SQLite.StorageClassName)
		}
	}
	spec.WithResources(corev1ac.VolumeResourceRequirements().WithRequests(corev1.ResourceList{corev1.ResourceStorage: size}))
	return corev1ac.PersistentVolumeClaim(workloadName(s.Name), s.Namespace).
		WithLabels(labels(s)).WithOwnerReferences(owner(s)).WithSpec(spec)
}
