package server

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/credentials"
)

// The addresses in the Secret of a client are those of the server.
func TestSecretsNameTheEndpoints(t *testing.T) {
	w := newWorld(t)
	metadata := w.send("GET", "/.well-known/openid-configuration", "", "")
	data, err := credentials.Target{Preset: credentials.Grafana, Templates: map[string]string{"jwks": "{{ .JWKSURI }}"}}.Render(credentials.Input{Issuer: metadata.text("issuer")})
	if err != nil {
		t.Fatal(err)
	}
	for key, name := range map[string]string{
		"GF_AUTH_GENERIC_OAUTH_AUTH_URL":  "authorization_endpoint",
		"GF_AUTH_GENERIC_OAUTH_TOKEN_URL": "token_endpoint",
		"GF_AUTH_GENERIC_OAUTH_API_URL":   "userinfo_endpoint",
		"jwks":                            "jwks_uri",
	} {
		if got, want := string(data[key]), metadata.text(name); got != want || want == "" {
			t.Errorf("%s is %q, and %s is %q", key, got, name, want)
		}
	}
}
