package oauthserver

import (
	"net/url"

	networkingv1 "k8s.io/api/networking/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// ingress leads to the server from outside: the issuer's host and path, and for an issuer with a path the metadata
// documents, whose place is at the root of the host (RFC 8414 section 3.1). It is nil when the manifest wants none.
func ingress(s *v1alpha1.OAuthServer) *networkingv1ac.IngressApplyConfiguration {
	if s.Spec.Expose == nil || s.Spec.Expose.Ingress == nil {
		return nil
	}
	want := s.Spec.Expose.Ingress
	issuer, err := url.Parse(s.Spec.Issuer)
	if err != nil || issuer.Hostname() == "" {
		return nil // Such a server is not accepted.
	}
	backend := networkingv1ac.IngressBackend().WithService(networkingv1ac.IngressServiceBackend().
		WithName(workloadName(s.Name)).WithPort(networkingv1ac.ServiceBackendPort().WithName("http")))
	http := networkingv1ac.HTTPIngressRuleValue()
	for _, p := range paths(issuer.Path) {
		http.WithPaths(networkingv1ac.HTTPIngressPath().
			WithPath(p).WithPathType(networkingv1.PathTypePrefix).WithBackend(backend))
	}
	spec := networkingv1ac.IngressSpec().WithRules(networkingv1ac.IngressRule().WithHost(issuer.Hostname()).WithHTTP(http))
	if want.ClassName != nil {
		spec.WithIngressClassName(*want.ClassName)
	}
	if want.TLSSecretName != "" {
		spec.WithTLS(networkingv1ac.IngressTLS().WithHosts(issuer.Hostname()).WithSecretName(want.TLSSecretName))
	}
	return networkingv1ac.Ingress(workloadName(s.Name), s.Namespace).
		WithLabels(labels(s)).WithAnnotations(want.Annotations).WithOwnerReferences(owner(s)).WithSpec(spec)
}

func paths(issuer string) []string {
	if issuer == "" {
		return []string{"/"}
	}
	return []string{
		issuer,
		"/.well-known/oauth-authorization-server" + issuer,
		"/.well-known/openid-configuration" + issuer,
	}
}
