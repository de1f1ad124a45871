// Package discovery publishes the server's metadata (RFC 8414, OpenID Connect Discovery 1.0). It names nothing that the
// server does not do.
package discovery

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Endpoint is the metadata document. All well-known forms answer with the same one.
type Endpoint struct {
	Registry *registry.Registry
	// GrantTypes and AuthMethods are those that the server was wired with.
	GrantTypes  []string
	AuthMethods []string

	made atomic.Pointer[document]
}

type document struct {
	of   *registry.Snapshot
	body []byte
}

type metadata struct {
	Issuer                      string   `json:"issuer"`
	TokenEndpoint               string   `json:"token_endpoint"`
	DeviceAuthorizationEndpoint string   `json:"device_authorization_endpoint"`
	RevocationEndpoint          string   `json:"revocation_endpoint"`
	IntrospectionEndpoint       string   `json:"introspection_endpoint"`
	UserinfoEndpoint            string   `json:"userinfo_endpoint"`
	JWKSURI                     string   `json:"jwks_uri"`
	ScopesSupported             []string `json:"scopes_supported"`
	ResponseTypesSupported      []string `json:"response_types_supported"`
	GrantTypesSupported         []string `json:"grant_types_supported"`
	SubjectTypesSupported       []string `json:"subject_types_supported"`
	IDTokenAlgorithms           []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods            []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods       []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods    []string `json:"introspection_endpoint_auth_methods_supported"`
	ClaimsSupported             []string `json:"claims_supported"`
}

// ServeHTTP answers a GET. The document is made once per snapshot.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s := e.Registry.Current()
	if !s.Complete() {
		wire.Error(w, oauth.Unavailable())
		return
	}
	d := e.made.Load()
	if d == nil || d.of != s {
		body, err := json.Marshal(e.metadata(s))
		if err != nil {
			wire.Error(w, oauth.ServerError().WithCause(err))
			return
		}
		d = &document{of: s, body: body}
		e.made.Store(d)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*") // public, and without credentials
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	_, _ = w.Write(d.body)
}

func (e *Endpoint) metadata(s *registry.Snapshot) metadata {
	issuer := s.Server().Issuer
	confidential := make([]string, 0, len(e.AuthMethods))
	for _, m := range e.AuthMethods {
		if m != "none" {
			confidential = append(confidential, m)
		}
	}
	return metadata{
		Issuer:                      issuer,
		TokenEndpoint:               issuer + "/v1/token",
		DeviceAuthorizationEndpoint: issuer + "/v1/device_authorization",
		RevocationEndpoint:          issuer + "/v1/revoke",
		IntrospectionEndpoint:       issuer + "/v1/introspect",
		UserinfoEndpoint:            issuer + "/v1/userinfo",
		JWKSURI:                     issuer + "/v1/jwks",
		ScopesSupported: append([]string{
			oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeGroups, oauth.ScopeOfflineAccess}, s.AllScopes()...),
		ResponseTypesSupported:   []string{}, // required by RFC 8414 section 2; there is no authorization endpoint yet
		GrantTypesSupported:      e.GrantTypes,
		SubjectTypesSupported:    []string{"public"},
		IDTokenAlgorithms:        []string{"RS256"},
		TokenAuthMethods:         e.AuthMethods,
		RevocationAuthMethods:    e.AuthMethods,
		IntrospectionAuthMethods: confidential,
		ClaimsSupported:          []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "amr", "name", "preferred_username", "email", "email_verified", "groups"},
	}
}
