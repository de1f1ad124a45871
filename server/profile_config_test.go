package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// TestConfigOP does what the plan oidcc-config-certification-test-plan does (its one module is
// oidcc-discovery-endpoint-verification), and the discovery modules of the plans of logout, against an issuer with https.
func TestConfigOP(t *testing.T) {
	w := newWorld(t, func(s *registration.Server) { s.Issuer = "https" + strings.TrimPrefix(s.Issuer, "http") })
	issuer := w.url
	w.url = "http" + strings.TrimPrefix(issuer, "https") // a proxy in front ends TLS
	tls := withHeader("X-Forwarded-Proto", "https")
	a := w.send(http.MethodGet, "/.well-known/openid-configuration", "", "", tls)
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	text := func(member string) string { return a.text(member) }
	list := func(member string) []string {
		var out []string
		values, _ := a.json[member].([]any)
		for _, v := range values {
			out = append(out, v.(string))
		}
		return out
	}
	for name, row := range map[string]func(t *testing.T){
		"CheckDiscEndpointDiscoveryUrl, CheckDiscEndpointIssuer: byte by byte": func(t *testing.T) {
			if text("issuer") != issuer {
				t.Error(text("issuer"))
			}
		},
		"CheckDiscEndpointIssuerIsValidUrl: https, without query and fragment": func(t *testing.T) {
			if u, err := url.Parse(text("issuer")); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
				t.Error(text("issuer"))
			}
		},
		"everything that is REQUIRED is there, and what is recommended": func(t *testing.T) {
			for _, member := range []string{"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
				if text(member) == "" {
					t.Errorf("%s is missing", member)
				}
			}
			for _, member := range []string{"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported", "scopes_supported", "claims_supported"} {
				if len(list(member)) == 0 {
					t.Errorf("%s is missing", member)
				}
			}
		},
		"OIDCCCheckDiscEndpointResponseTypesSupported: code": func(t *testing.T) {
			if !slices.Contains(list("response_types_supported"), "code") {
				t.Error(list("response_types_supported"))
			}
		},
		"CheckDiscEndpointSubjectTypesSupported: public or pairwise alone": func(t *testing.T) {
			for _, s := range list("subject_types_supported") {
				if s != "public" && s != "pairwise" {
					t.Error(s)
				}
			}
		},
		"OIDCCCheckDiscEndpointIdTokenSigningAlgValuesSupported: RS256, and keys for all of them": func(t *testing.T) {
			algorithms := list("id_token_signing_alg_values_supported")
			if !slices.Contains(algorithms, "RS256") {
				t.Error(algorithms)
			}
			published := w.send(http.MethodGet, strings.TrimPrefix(text("jwks_uri"), issuer), "", "", tls).body
			for _, alg := range algorithms {
				if !strings.Contains(published, `"alg":"`+alg+`"`) {
					t.Errorf("no key for %s", alg)
				}
			}
		},
		"OIDCCCheckDiscEndpointGrantTypesSupported: those of the response types": func(t *testing.T) {
			if !slices.Contains(list("grant_types_supported"), "authorization_code") {
				t.Error(list("grant_types_supported"))
			}
		},
		"CheckDiscEndpointAllEndpointsAreHttps: and of this issuer": func(t *testing.T) {
			for member, v := range a.json {
				if strings.HasSuffix(member, "_endpoint") || strings.HasSuffix(member, "_uri") {
					if address, _ := v.(string); !strings.HasPrefix(address, issuer+"/") {
						t.Errorf("%s is %v", member, v)
					}
				}
			}
		},
		"CheckDiscEndpointScopesSupportedContainsOpenId, CheckDiscEndpointScopesSupportedSyntax": func(t *testing.T) {
			token := regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]+$`)
			for _, s := range list("scopes_supported") {
				if !token.MatchString(s) {
					t.Errorf("%q is no scope", s)
				}
			}
			if !slices.Contains(list("scopes_supported"), "openid") {
				t.Error(list("scopes_supported"))
			}
		},
		"OIDCCCheckDiscEndpointClaimsSupported: all that the scopes stand for": func(t *testing.T) {
			for _, claim := range []string{"sub", "name", "given_name", "email", "email_verified", "address", "phone_number", "acr", "auth_time", "nonce"} {
				if !slices.Contains(list("claims_supported"), claim) {
					t.Errorf("%s is missing", claim)
				}
			}
		},
		"CheckDiscEndpointLocalesSyntax, CheckDiscEndpointLocalesCanonicalCasing": func(t *testing.T) {
			tag := regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`)
			for _, l := range list("ui_locales_supported") {
				if !tag.MatchString(l) {
					t.Errorf("%q", l)
				}
			}
			if len(list("ui_locales_supported")) == 0 {
				t.Error("none")
			}
		},
		"CheckDiscEndpointRequestParameterSupported, ...RequestUriParameterSupported, ...ClaimsParameterSupported: said outright": func(t *testing.T) {
			if a.json["request_parameter_supported"] != false || a.json["request_uri_parameter_supported"] != false || a.json["claims_parameter_supported"] != true {
				t.Error(a.body)
			}
			for member := range a.json {
				if strings.HasPrefix(member, "request_object_") || strings.HasPrefix(member, "userinfo_signing_") {
					t.Errorf("%s of what there is not", member)
				}
			}
		},
		"EnsureServerConfigurationCodeChallengeMethodsSupportedIsAnArray: S256": func(t *testing.T) {
			if !slices.Equal(list("code_challenge_methods_supported"), []string{"S256"}) {
				t.Error(a.json["code_challenge_methods_supported"])
			}
		},
		"oidcc-formpost: the mode is offered": func(t *testing.T) {
			if !slices.Contains(list("response_modes_supported"), "form_post") {
				t.Error(list("response_modes_supported"))
			}
		},
		"no member is empty": func(t *testing.T) {
			for member, v := range a.json {
				if values, ok := v.([]any); v == nil || v == "" || ok && len(values) == 0 {
					t.Errorf("%s is %v", member, v)
				}
			}
		},
		"oidcc-rp-initiated-logout-discovery-endpoint-verification": func(t *testing.T) {
			if text("end_session_endpoint") != issuer+"/v1/logout" {
				t.Error(text("end_session_endpoint"))
			}
		},
		"oidcc-backchannel-logout-discovery-endpoint-verification": func(t *testing.T) {
			if a.json["backchannel_logout_supported"] != true || a.json["backchannel_logout_session_supported"] != true {
				t.Error(a.body)
			}
		},
		"ValidateServerJWKs, EnsureServerJwksDoesNotContainPrivateOrSymmetricKeys": func(t *testing.T) {
			checkKeys(t, w.send(http.MethodGet, strings.TrimPrefix(text("jwks_uri"), issuer), "", "", tls))
		},
	} {
		t.Run(name, row)
	}
}

// checkKeys: public keys alone, each with an id of its own, its use, and values of the right length without padding.
func checkKeys(t *testing.T, a answer) {
	t.Helper()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(a.body), &set); err != nil || a.status != 200 || len(set.Keys) == 0 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	length := func(k map[string]any, member string) int {
		s, _ := k[member].(string)
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Errorf("%s is %q", member, s)
		}
		return len(b)
	}
	ids := map[any]bool{}
	for _, k := range set.Keys {
		if k["kid"] == nil || ids[k["kid"]] || k["use"] != "sig" || k["alg"] == nil {
			t.Errorf("key %v", k)
		}
		ids[k["kid"]] = true
		switch k["kty"] {
		case "RSA":
			if length(k, "n") < 256 || length(k, "e") == 0 {
				t.Errorf("key %v", k)
			}
		case "EC":
			if k["crv"] != "P-256" || length(k, "x") != 32 || length(k, "y") != 32 {
				t.Errorf("key %v", k)
			}
		default:
			t.Errorf("kty %v", k["kty"])
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, there := k[private]; there {
				t.Errorf("%v is published", private)
			}
		}
	}
}
