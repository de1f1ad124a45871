package oauthserver

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

func TestAdviceAboutTheAddressesOfCallers(t *testing.T) {
	for name, c := range map[string]struct {
		expose *v1alpha1.ServerExposure
		want   bool
	}{
		"not exposed":                          {nil, false},
		"behind an Ingress that nobody trusts": {&v1alpha1.ServerExposure{Ingress: &v1alpha1.IngressExposure{}}, true},
		"behind an Ingress that is declared":   {&v1alpha1.ServerExposure{Ingress: &v1alpha1.IngressExposure{}, TrustedProxies: []string{"10.0.0.0/8"}}, false},
		"behind something else":                {&v1alpha1.ServerExposure{TrustedProxies: []string{"10.0.0.0/8"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := advice(&v1alpha1.OAuthServer{Spec: v1alpha1.OAuthServerSpec{Expose: c.expose}}); (got != "") != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
