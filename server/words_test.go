package server

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// The words of the protocol stand on both sides of the contract, since neither side may import the other's. They must
// agree: a scope that only one of them takes for OpenID Connect's would be registered and never granted, or the reverse.
func TestBothSidesSpeakOfTheSameScopesAndGrants(t *testing.T) {
	for _, s := range []string{"openid", "profile", "email", "address", "phone", "groups", "offline_access", "orders.read", "", "OpenID"} {
		if a, b := registration.IsIdentityScope(s), oauth.IsIdentityScope(s); a != b {
			t.Errorf("scope %q: registered as one of OpenID Connect %v, served as one %v", s, a, b)
		}
	}
	w := newWorld(t)
	served := map[string]bool{}
	for _, g := range w.send("GET", "/.well-known/openid-configuration", "", "").json["grant_types_supported"].([]any) {
		served[g.(string)] = true
		if err := registration.CheckGrantType(g.(string)); err != nil {
			t.Errorf("grant type %s is served and cannot be registered: %v", g, err)
		}
	}
	for _, g := range []string{registration.GrantTypeClientCredentials, registration.GrantTypeRefreshToken, registration.GrantTypeDeviceCode} {
		if !served[g] {
			t.Errorf("grant type %s can be registered and is not served", g)
		}
	}
}
