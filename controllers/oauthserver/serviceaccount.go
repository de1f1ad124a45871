package oauthserver

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// serviceAccount is the identity of a server's replicas. No token of it is mounted but the projected one that the
// Deployment asks for.
func serviceAccount(s *v1alpha1.OAuthServer) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(workloadName(s.Name), s.Namespace).
		WithLabels(labels(s)).WithOwnerReferences(owner(s)).
		WithAutomountServiceAccountToken(false)
}
