// Package discovery publishes the server's metadata (RFC 8414, OpenID Connect Discovery 1.0). It names nothing that the
// server does not do.
package discovery

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
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
	// Routed reports whether the server answers at a path, relative to the issuer's. What depends on one that is not there is
	// left out.
	Routed func(path string) bool
	// Languages are those of the pages (BCP 47).
	Languages []string

	made atomic.Pointer[document]
}

type document struct {
	of   *registry.Snapshot
	body []byte
}

// metadata has the members of RFC 8414 section 2, OpenID Connect Discovery section 3, and those of the extensions that are named.
type metadata struct {
	Issuer                      string   `json:"issuer"`
	AuthorizationEndpoint       string   `json:"authorization_endpoint,omitempty"`
	TokenEndpoint               string   `json:"token_endpoint"`
	DeviceAuthorizationEndpoint string   `json:"device_authorization_endpoint"`
	RevocationEndpoint          string   `json:"revocation_endpoint"`
	IntrospectionEndpoint       string   `json:"introspection_endpoint"`
	UserinfoEndpoint            string   `json:"userinfo_endpoint"`
	EndSessionEndpoint          string   `json:"end_session_endpoint,omitempty"` // RP-Initiated Logout section 2.1
	JWKSURI                     string   `json:"jwks_uri"`
	ScopesSupported             []string `json:"scopes_supported"`
	ResponseTypesSupported      []string `json:"response_types_supported"`
	GrantTypesSupported         []string `json:"grant_types_supported"`
	SubjectTypesSupported       []string `json:"subject_types_supported"`
	IDTokenAlgorithms           []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods            []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms         []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods       []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgorithms    []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods    []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgorithms []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	ClaimsSupported             []string `json:"claims_supported"`
	ACRValuesSupported          []string `json:"acr_values_supported"`
	ProofAlgorithms             []string `json:"dpop_signing_alg_values_supported"` // RFC 9449 section 5.1
	*authorization
	*backChannel
}

// authorization is what is true of the authorization endpoint.
type authorization struct {
	ResponseModes    []string `json:"response_modes_supported"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`
	PromptValues     []string `json:"prompt_values_supported"`
	DisplayValues    []string `json:"display_values_supported"`
	UILocales        []string `json:"ui_locales_supported,omitempty"`
	ResponseIssuer   bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 section 3
	Claims           bool     `json:"claims_parameter_supported"`
	// Request and RequestURI are named although they are false: left out, the latter would mean true.
	Request    bool `json:"request_parameter_supported"`
	RequestURI bool `json:"request_uri_parameter_supported"`
	// PushedRequestEndpoint is that of RFC 9126 section 5. Whether a client has to push is said per client (section 6), by its policy.
	PushedRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"`
	RequirePushedRequests bool   `json:"require_pushed_authorization_requests"`
}

// backChannel is what is true of logout (Back-Channel Logout section 2.1).
type backChannel struct {
	Supported bool `json:"backchannel_logout_supported"`
	Session   bool `json:"backchannel_logout_session_supported"`
}

// The paths that may not be there.
const (
	authorizePath  = "/v1/authorize"
	pushedPath     = "/v1/par"
	endSessionPath = "/v1/logout"
)

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
	m := metadata{
		Issuer:                      issuer,
		TokenEndpoint:               issuer + "/v1/token",
		DeviceAuthorizationEndpoint: issuer + "/v1/device_authorization",
		RevocationEndpoint:          issuer + "/v1/revoke",
		IntrospectionEndpoint:       issuer + "/v1/introspect",
		UserinfoEndpoint:            issuer + "/v1/userinfo",
		JWKSURI:                     issuer + "/v1/jwks",
		ScopesSupported:             slices.Concat([]string{oauth.ScopeOpenID}, oauth.UserScopes(), []string{oauth.ScopeOfflineAccess}, s.AllScopes()),
		ResponseTypesSupported:      []string{}, // required by RFC 8414 section 2, also of a server without the endpoint
		GrantTypesSupported:         e.GrantTypes,
		SubjectTypesSupported:       []string{"public"},
		IDTokenAlgorithms:           []string{registration.AlgorithmRS256, registration.AlgorithmES256},
		TokenAuthMethods:            e.AuthMethods,
		TokenAuthAlgorithms:         registration.AssertionAlgorithms(),
		RevocationAuthMethods:       e.AuthMethods,
		RevocationAuthAlgorithms:    registration.AssertionAlgorithms(),
		IntrospectionAuthMethods:    confidential,
		IntrospectionAuthAlgorithms: registration.AssertionAlgorithms(),
		ClaimsSupported:             claims(),
		ACRValuesSupported:          oauth.ACRs(),
		ProofAlgorithms:             dpop.Algorithms(),
	}
	if e.Routed(authorizePath) {
		m.AuthorizationEndpoint, m.ResponseTypesSupported = issuer+authorizePath, []string{"code"}
		m.authorization = &authorization{
			ResponseModes: []string{"query", "form_post"}, ChallengeMethods: []string{"S256"},
			PromptValues: []string{"none", "login", "consent", "select_account"}, DisplayValues: []string{"page", "popup", "touch", "wap"},
			UILocales: e.Languages, ResponseIssuer: true, Claims: true,
		}
		if e.Routed(pushedPath) {
			m.PushedRequestEndpoint = issuer + pushedPath
		}
	}
	if e.Routed(endSessionPath) {
		m.EndSessionEndpoint = issuer + endSessionPath
		m.backChannel = &backChannel{Supported: true, Session: true}
	}
	return m
}

// claims lists those of the protocol, and those about users.
func claims() []string {
	out := []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"}
	for _, scope := range oauth.UserScopes() {
		out = append(out, oauth.ClaimsOfScope(scope)...)
	}
	return out
}
