package oauthserver

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// service is how a server is reached inside the cluster. The port metrics is for scrapers; no Ingress leads to it.
func service(s *v1alpha1.OAuthServer) *corev1ac.ServiceApplyConfiguration {
	port := func(name string, number int32) *corev1ac.ServicePortApplyConfiguration {
		return corev1ac.ServicePort().WithName(name).WithProtocol(corev1.ProtocolTCP).
			WithPort(number).WithTargetPort(intstr.FromString(name))
	}
	return corev1ac.Service(workloadName(s.Name), s.Namespace).
		WithLabels(labels(s)).WithOwnerReferences(owner(s)).
		WithSpec(corev1ac.ServiceSpec().
			WithType(corev1.ServiceTypeClusterIP).
			WithSelector(selector(s)).
			WithPorts(port("http", httpPort).WithAppProtocol("http"), port("metrics", operationsPort)))
}
