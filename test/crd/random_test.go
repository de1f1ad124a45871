package crd_test

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// rulesOf compiles the rules of a kind as the API server does.
func rulesOf(t *testing.T, kind string) (*cel.Validator, *structuralschema.Structural) {
	t.Helper()
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range crds {
		if d.Spec.Names.Kind != kind {
			continue
		}
		internal := &apiextensions.CustomResourceValidation{}
		if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(d.Spec.Versions[0].Schema, internal, nil); err != nil {
			t.Fatal(err)
		}
		s, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
		if err != nil {
			t.Fatal(err)
		}
		return cel.NewValidator(s, true, celconfig.PerCallLimit), s
	}
	t.Fatalf("no kind %s", kind)
	return nil, nil
}

// TestRandomAddresses: no address, however odd, is taken by the API server's rules and refused by a later check. The pieces
// are those that parsers have disagreed about (A02, A03).
func TestRandomAddresses(t *testing.T) {
	pieces := []string{
		"https://", "http://", "https:", "//", "/", ":", "@", "?", "#", "*", "\\", "%", "%2f", "%2e", "%00", "%c3%a4", "..", ".", ";", "&", "=", "'", "(", "[", "]",
		"[::1]", "127.0.0.1", "localhost", "10.0.0.1", "0x7f", "1", "080", "443", "80", "65535", "65536", "a", "A", "-", "_", "~", "+", "a.example", "xn--a",
		"com.example.app:", "urn:", "javascript:", " ", "\t", "\n", "\x00", "\u00e4", "\u202e",
	}
	address := rapid.Custom(func(r *rapid.T) string {
		start := rapid.SampledFrom([]string{"", "https://", "http://127.0.0.1", "http://[::1]", "http://localhost", "https://a.example", "com.example.app:/", "urn:"}).Draw(r, "start")
		return start + strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 5).Draw(r, "pieces"), "")
	})
	for what, c := range map[string]struct {
		kind  string
		spec  func(string) map[string]any
		check func(string) error
	}{
		"redirect URI": {"OAuthClient", func(s string) map[string]any {
			return map[string]any{"type": "Native", "redirectURIs": []any{s}}
		}, registration.CheckRedirectURI},
		"homepage": {"OAuthClient", func(s string) map[string]any {
			return map[string]any{"type": "Device", "display": map[string]any{"homepage": s}}
		}, registration.CheckWebURI},
		"issuer": {"OAuthServer", func(s string) map[string]any {
			return map[string]any{"issuer": s}
		}, registration.CheckIssuer},
		"identifier": {"OAuthResource", func(s string) map[string]any {
			return map[string]any{"identifier": s}
		}, registration.CheckResourceIdentifier},
		"redirect host": {"OAuthGrantPolicy", func(s string) map[string]any {
			return map[string]any{"clients": map[string]any{}, "allow": map[string]any{"redirectHosts": []any{s}}}
		}, registration.CheckRedirectHost},
		"address after the sign-out": {"OAuthClient", func(s string) map[string]any {
			return map[string]any{"type": "Device", "postLogoutRedirectURIs": []any{s}}
		}, func(s string) error { return registration.CheckRedirectFor(registration.TypeDevice, s) }},
		"origin": {"OAuthClient", func(s string) map[string]any {
			return map[string]any{"type": "Browser", "redirectURIs": []any{"https://a.example"}, "allowedOrigins": []any{s}}
		}, registration.CheckOrigin},
		"back channel": {"OAuthClient", func(s string) map[string]any {
			return map[string]any{"type": "Device", "backChannelLogout": map[string]any{"uri": s}}
		}, registration.CheckServiceURI},
		"key set": {"OAuthClient", func(s string) map[string]any {
			return map[string]any{"type": "Service", "authentication": map[string]any{"privateKeyJWT": map[string]any{"jwksURI": s}}}
		}, registration.CheckServiceURI},
		"choices": {"OAuthResource", func(s string) map[string]any {
			return map[string]any{"identifier": "urn:a:b", "choices": map[string]any{"type": "a", "title": "A", "source": map[string]any{"url": s}}}
		}, registration.CheckServiceURI},
		"upstream issuer": {"OAuthIdentityProvider", func(s string) map[string]any {
			return map[string]any{"oidc": map[string]any{"clientID": "a", "issuer": s}}
		}, registration.CheckServiceBase},
		"directory": {"OAuthIdentityProvider", func(s string) map[string]any {
			return map[string]any{"ldap": map[string]any{"url": strings.Replace(s, "http", "ldap", 1), "users": map[string]any{"baseDN": "dc=a"}}}
		}, func(s string) error { return registration.CheckLDAPURL(strings.Replace(s, "http", "ldap", 1), false) }},
	} {
		t.Run(what, func(t *testing.T) {
			validator, schema := rulesOf(t, c.kind)
			accepted := 0
			rapid.Check(t, func(r *rapid.T) {
				s := address.Draw(r, "address")
				if s == "" {
					return // minLength, not a rule
				}
				object := map[string]any{"metadata": map[string]any{"name": "sample"}, "spec": c.spec(s)}
				if errs, _ := validator.Validate(context.Background(), nil, schema, object, nil, celconfig.RuntimeCELCostBudget); len(errs) > 0 {
					return
				}
				accepted++
				if err := c.check(s); err != nil {
					r.Errorf("%q is accepted by the API server and refused later: %v", s, err)
				}
			})
			t.Logf("%d accepted", accepted)
		})
	}
}
