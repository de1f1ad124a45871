package server

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// The rows of the profile tests are named after the modules of the OpenID Foundation's conformance suite and do what those do:
// https://gitlab.com/openid/conformance-suite, package net.openid.conformance.openid. Where the suite asks for a picture of a page,
// they look at the page.

// profile is a world with the suite's clients in it: confidential ones, which use no PKCE and are exempted by policy.
type profile struct {
	*world
	// mode is the response_mode that every request asks for; empty for none.
	mode     string
	provider *oidc.Provider
	// second is the suite's second client.
	second string
}

// everybody is the account of the tests with every standard claim that an account can have.
func everybody() registration.LocalAccount {
	return registration.LocalAccount{
		Username: "ada", PasswordHash: passwordHash, Name: "Ada", Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff"},
		Profile: registration.Profile{
			GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "King", Nickname: "AAL", Profile: "https://ada.example.com", Picture: "https://ada.example.com/me.png",
			Website: "https://ada.example.com/notes", Gender: "female", Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en-GB",
			PhoneNumber: "+44 20 7946 0000", PhoneNumberVerified: true,
			Address: &registration.Address{Formatted: "12 St James's Square\nLondon", StreetAddress: "12 St James's Square", Locality: "London", PostalCode: "SW1Y", Country: "UK"},
		},
	}
}

func newProfile(t *testing.T, mode string) *profile {
	t.Helper()
	p := &profile{world: newWorld(t), mode: mode, second: "apps.second"}
	p.withoutPKCE(true)
	p.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
		Accounts: []registration.LocalAccount{everybody()},
	}}, func(s *registry.Snapshot) bool {
		return s.IdentityProviders()[0].Local.Accounts[0].Profile.Nickname != ""
	})
	web, _ := p.server.registry.Current().Client(webID)
	p.put(redirected(client("second", "Web", web.GrantTypes, web.Scopes, web.Authentication.Methods...), webCallback), func(s *registry.Snapshot) bool {
		_, ok := s.Client(p.second)
		return ok
	})
	provider, err := oidc.NewProvider(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	p.provider = provider
	return p
}

// asked is an authorization request of the suite's first client, with changes: pairs of name and value, "" removes.
func (p *profile) asked(pairs ...string) url.Values {
	v := url.Values{
		"client_id": {webID}, "redirect_uri": {webCallback}, "response_type": {"code"}, "scope": {"openid"},
		"state": {rand.Text()}, "nonce": {rand.Text()},
	}
	if p.mode != "" {
		v.Set("response_mode", p.mode)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

// goTo opens the authorization endpoint with a request; nobody signs in or allows anything yet.
func (b *tab) goTo(request url.Values) { b.open("/v1/authorize?" + request.Encode()) }

// callback is what the client is sent, in the way that was asked for. It fails unless state and issuer are right, and nothing is
// there that the standards do not know.
func (p *profile) callback(b *tab, request url.Values) url.Values {
	b.t.Helper()
	var got url.Values
	if request.Get("response_mode") == "form_post" {
		action, fields := b.form()
		if action != request.Get("redirect_uri") || b.left != nil || b.page.header.Get("Cache-Control") == "" {
			b.t.Fatalf("the form leads to %q, the browser to %v", action, b.left)
		}
		got = fields
	} else {
		got = b.answered(request.Get("redirect_uri"))
	}
	known := []string{"code", "state", "iss"}
	if got.Get("error") != "" {
		known = []string{"error", "error_description", "error_uri", "state", "iss"}
	}
	for name, values := range got {
		if !slices.Contains(known, name) || len(values) != 1 {
			b.t.Errorf("%s=%q in the response", name, values)
		}
	}
	if got.Get("state") != request.Get("state") || got.Get("iss") != p.url {
		b.t.Errorf("state %q, iss %q", got.Get("state"), got.Get("iss"))
	}
	return got
}

// tokens is what a code is exchanged for.
type tokens struct {
	answer
	// claims are those of the ID token, which was verified as a client has to (OpenID Connect Core section 3.1.3.7).
	claims map[string]any
}

// flow is the whole of it: request, sign-in, consent, code, tokens.
func (p *profile) flow(b *tab, request url.Values) tokens {
	b.t.Helper()
	b.goTo(request)
	b.through()
	return p.exchange(b, request)
}

// exchange takes the code that the client was sent to the token endpoint, by client_secret_basic.
func (p *profile) exchange(b *tab, request url.Values) tokens {
	b.t.Helper()
	got := p.callback(b, request)
	if got.Get("code") == "" {
		b.t.Fatalf("no code: %v", got)
	}
	form := []string{"grant_type", "authorization_code", "code", got.Get("code"), "redirect_uri", request.Get("redirect_uri")}
	return p.verified(b.t, p.post("/v1/token", form, withBasic(request.Get("client_id"), secret)), request)
}

// verified checks a token response (sections 3.1.3.3 and 3.1.3.7).
func (p *profile) verified(t testing.TB, a answer, request url.Values) tokens {
	t.Helper()
	if a.status != 200 || a.text("access_token") == "" || !strings.EqualFold(a.text("token_type"), "Bearer") || a.header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Fatalf("token response: %d %v %s", a.status, a.header, a.body)
	}
	if seconds, ok := a.json["expires_in"].(float64); !ok || seconds <= 0 {
		t.Errorf("expires_in is %v", a.json["expires_in"])
	}
	id, err := p.provider.VerifierContext(t.Context(), &oidc.Config{ClientID: request.Get("client_id"), Now: p.now}).Verify(t.Context(), a.text("id_token"))
	if err != nil {
		t.Fatalf("ID token: %v", err)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(a.text("access_token")); err != nil {
			t.Errorf("at_hash: %v", err)
		}
	}
	out := tokens{answer: a}
	if err := id.Claims(&out.claims); err != nil {
		t.Fatal(err)
	}
	if id.Nonce != request.Get("nonce") || len(id.Subject) == 0 || len(id.Subject) > 255 || p.now().Sub(id.IssuedAt).Abs() > time.Minute {
		t.Errorf("ID token: %v", out.claims)
	}
	if azp, ok := out.claims["azp"]; ok && azp != request.Get("client_id") {
		t.Errorf("azp is %v", azp)
	}
	return out
}

// authTime is when the person signed in; zero when the ID token does not say.
func (t tokens) authTime() time.Time {
	seconds, ok := t.claims["auth_time"].(float64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// userinfo asks for what the access token is good for, as RFC 6750 section 2.1 has it.
func (p *profile) userinfo(t testing.TB, got tokens) map[string]any {
	t.Helper()
	return p.told(t, p.send(http.MethodGet, "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+got.text("access_token"))), got)
}

// told checks a userinfo response (section 5.3.2), and that every standard claim has the type of section 5.1.
func (p *profile) told(t testing.TB, a answer, got tokens) map[string]any {
	t.Helper()
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.text("sub") == "" || a.json["sub"] != got.claims["sub"] {
		t.Fatalf("userinfo: %d %s", a.status, a.body)
	}
	for name, value := range a.json {
		var right bool
		switch name {
		case "email_verified", "phone_number_verified":
			_, right = value.(bool)
		case "updated_at":
			_, right = value.(float64)
		case "address":
			var members map[string]any
			if members, right = value.(map[string]any); right {
				for _, m := range members {
					text, ok := m.(string)
					right = right && ok && text != ""
				}
			}
		case "groups":
			_, right = value.([]any)
		default:
			text, ok := value.(string)
			right = ok && text != ""
		}
		if !right {
			t.Errorf("%s is %v (%T)", name, value, value)
		}
	}
	return a.json
}

// has checks that all claims of the scopes are there, and that those of the other scopes are not.
func has(t testing.TB, userinfo map[string]any, scopes ...string) {
	t.Helper()
	for _, scope := range oauth.UserScopes() {
		for _, claim := range oauth.ClaimsOfScope(scope) {
			if _, ok := userinfo[claim]; ok != slices.Contains(scopes, scope) {
				b, _ := json.Marshal(userinfo) // of what was JSON
				t.Errorf("%s with the scopes %q: %s", claim, scopes, b)
			}
		}
	}
}
