package server

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// TestBasicOP does what the plan oidcc-basic-certification-test-plan does, TestFormPostOP what
// oidcc-formpost-basic-certification-test-plan does: the same with response_mode=form_post.
func TestBasicOP(t *testing.T) { runBasic(t, "") }

func TestFormPostOP(t *testing.T) { runBasic(t, "form_post") }

func runBasic(t *testing.T, mode string) {
	p := newProfile(t, mode)
	for name, row := range basicRows() {
		t.Run(name, func(t *testing.T) { row(t, p, p.tab(t)) })
	}
}

type profileRow func(t *testing.T, p *profile, b *tab)

func basicRows() map[string]profileRow {
	rows := map[string]profileRow{
		"oidcc-server":                                         func(t *testing.T, p *profile, b *tab) { p.userinfo(t, p.flow(b, p.asked())) },
		"oidcc-response-type-missing":                          func(t *testing.T, p *profile, b *tab) { p.refused(b, "invalid_request", "response_type", "") },
		"oidcc-idtoken-signature":                              idTokenSignature,
		"oidcc-idtoken-unsigned":                               idTokenUnsigned,
		"oidcc-userinfo-get":                                   func(t *testing.T, p *profile, b *tab) { p.userinfo(t, p.flow(b, p.asked())) },
		"oidcc-userinfo-post-header":                           userinfoPostHeader,
		"oidcc-userinfo-post-body":                             userinfoPostBody,
		"oidcc-scope-profile":                                  scopes("profile"),
		"oidcc-scope-email":                                    scopes("email"),
		"oidcc-scope-address":                                  scopes("address"),
		"oidcc-scope-phone":                                    scopes("phone"),
		"oidcc-scope-all":                                      scopes("profile", "email", "address", "phone"),
		"oidcc-display-page":                                   accepted("display", "page"),
		"oidcc-display-popup":                                  accepted("display", "popup"),
		"oidcc-claims-locales":                                 accepted("claims_locales", "se"),
		"oidcc-codereuse":                                      func(t *testing.T, p *profile, b *tab) { codeReuse(t, p, b, 0) },
		"oidcc-codereuse-30seconds":                            func(t *testing.T, p *profile, b *tab) { codeReuse(t, p, b, 30*time.Second) },
		"oidcc-prompt-login":                                   promptLogin,
		"oidcc-prompt-none-logged-in":                          promptNoneLoggedIn,
		"oidcc-max-age-1":                                      maxAge1,
		"oidcc-max-age-10000":                                  maxAge10000,
		"oidcc-id-token-hint":                                  idTokenHint,
		"oidcc-login-hint":                                     loginHint,
		"oidcc-ui-locales":                                     uiLocales,
		"oidcc-claims-essential":                               claimsEssential,
		"oidcc-refresh-token":                                  refreshToken,
		"oidcc-ensure-post-request-succeeds":                   postRequest,
		"oidcc-ensure-registered-redirect-uri":                 registeredRedirectURI,
		"oidcc-ensure-request-with-unknown-parameter-succeeds": accepted("extra", "foobar"),
		"oidcc-ensure-request-with-acr-values-succeeds":        acrValues,
		"oidcc-ensure-request-with-valid-pkce-succeeds":        validPKCE,
		"oidcc-ensure-request-object-with-redirect-uri":        requestObjectWithRedirectURI,
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": func(t *testing.T, p *profile, b *tab) {
			p.refused(b, "request_not_supported", "request", unsigned(p.asked()))
		},
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": func(t *testing.T, p *profile, b *tab) {
			p.refused(b, "request_uri_not_supported", "request_uri", "https://rp.example.com/request.jwt")
		},
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": func(t *testing.T, p *profile, b *tab) {
			if got := p.flow(b, p.asked("nonce", "")); got.claims["nonce"] != nil {
				t.Errorf("a nonce that nobody sent: %v", got.claims)
			}
		},
		"oidcc-ensure-other-scope-order-succeeds": func(t *testing.T, p *profile, b *tab) {
			has(t, p.userinfo(t, p.flow(b, p.asked("scope", "email openid"))), "email")
		},
		"oidcc-prompt-none-not-logged-in": func(t *testing.T, p *profile, b *tab) {
			request := p.asked("prompt", "none")
			b.goTo(request)
			if got := p.callback(b, request); got.Get("error") != "login_required" {
				t.Errorf("got %v", got)
			}
		},
		"oidcc-server-client-secret-post": func(t *testing.T, p *profile, b *tab) {
			request := p.asked()
			b.goTo(request)
			b.through()
			code := p.callback(b, request).Get("code")
			p.verified(t, p.post("/v1/token", []string{"grant_type", "authorization_code", "code", code, "redirect_uri", webCallback, "client_id", webID, "client_secret", secret}), request)
		},
	}
	return rows
}

// refused sends a request with one change, signs in, and wants the error.
func (p *profile) refused(b *tab, code, name, value string) {
	b.t.Helper()
	request := p.asked(name, value)
	b.goTo(request)
	b.through()
	if got := p.callback(b, request); got.Get("error") != code || got.Get("code") != "" {
		b.t.Errorf("got %v, want %s", got, code)
	}
}

// accepted goes through with one more parameter.
func accepted(name, value string) profileRow {
	return func(t *testing.T, p *profile, b *tab) { p.userinfo(t, p.flow(b, p.asked(name, value))) }
}

func scopes(names ...string) profileRow {
	return func(t *testing.T, p *profile, b *tab) {
		got := p.flow(b, p.asked("scope", strings.Join(append([]string{"openid"}, names...), " ")))
		has(t, p.userinfo(t, got), names...)
	}
}

// unsigned is a request object with alg none (section 6.1).
func unsigned(request url.Values) string {
	var members []string
	for name := range request {
		members = append(members, `"`+name+`":"`+request.Get(name)+`"`)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte("{"+strings.Join(members, ",")+"}")) + "."
}

func idTokenSignature(t *testing.T, p *profile, b *tab) {
	header := decodeHeader(t, p.flow(b, p.asked()).text("id_token")) // verified on the way
	if header["alg"] != "RS256" || header["kid"] == "" {
		t.Errorf("got %v", header)
	}
}

// idTokenUnsigned: the suite skips it where the metadata does not offer none.
func idTokenUnsigned(t *testing.T, p *profile, _ *tab) {
	for _, alg := range p.send(http.MethodGet, "/.well-known/openid-configuration", "", "").json["id_token_signing_alg_values_supported"].([]any) {
		if alg == "none" {
			t.Error("none is offered")
		}
	}
}

func userinfoPostHeader(t *testing.T, p *profile, b *tab) {
	got := p.flow(b, p.asked())
	p.told(t, p.send(http.MethodPost, "/v1/userinfo", formType, "", withHeader("Authorization", "Bearer "+got.text("access_token"))), got)
}

func userinfoPostBody(t *testing.T, p *profile, b *tab) {
	got := p.flow(b, p.asked())
	p.told(t, p.post("/v1/userinfo", []string{"access_token", got.text("access_token")}), got)
}

// twice goes through a second time in the same browser, a while later, and returns what that gave; signsIn says whether the person has to sign in again.
func (p *profile) twice(t *testing.T, b *tab, wait time.Duration, signsIn bool, second url.Values) tokens {
	t.Helper()
	first := p.flow(b, p.asked())
	p.pass(wait)
	if second == nil {
		second = p.asked("prompt", "none", "id_token_hint", first.text("id_token"))
	}
	b.goTo(second)
	if asked := b.left == nil && strings.Contains(b.page.body, `name="password"`); asked != signsIn {
		t.Errorf("a sign-in page the second time: %v, want %v", asked, signsIn)
	}
	b.through()
	after := p.exchange(b, second)
	if after.claims["sub"] != first.claims["sub"] || after.authTime().IsZero() {
		t.Errorf("%v, then %v", first.claims, after.claims)
	}
	if signsIn != after.authTime().After(first.authTime()) || !signsIn && !after.authTime().Equal(first.authTime()) {
		t.Errorf("auth_time %v, then %v", first.authTime(), after.authTime())
	}
	return after
}

func promptLogin(t *testing.T, p *profile, b *tab) {
	p.twice(t, b, 2*time.Second, true, p.asked("prompt", "login"))
}

func maxAge1(t *testing.T, p *profile, b *tab) {
	after := p.twice(t, b, 2*time.Second, true, p.asked("max_age", "1"))
	if age := p.now().Sub(after.authTime()); age > time.Minute {
		t.Errorf("the sign-in is %v old", age)
	}
}

func promptNoneLoggedIn(t *testing.T, p *profile, b *tab) {
	p.twice(t, b, time.Second, false, p.asked("prompt", "none"))
}

func maxAge10000(t *testing.T, p *profile, b *tab) {
	p.twice(t, b, time.Second, false, p.asked("max_age", "10000"))
}

func idTokenHint(t *testing.T, p *profile, b *tab) { p.twice(t, b, time.Second, false, nil) }

func loginHint(t *testing.T, p *profile, b *tab) {
	request := p.asked("login_hint", "ada@example.com")
	b.goTo(request)
	if _, fields := b.form(); fields.Get("username") != "ada@example.com" {
		t.Errorf("the sign-in page has %v", fields)
	}
	b.through()
	p.exchange(b, request)
}

func uiLocales(t *testing.T, p *profile, b *tab) {
	request := p.asked("ui_locales", "se de")
	b.goTo(request)
	if !strings.Contains(b.page.body, `<html lang="de"`) {
		t.Errorf("the page: %.100s", b.page.body)
	}
	b.through()
	p.exchange(b, request)
}

func acrValues(t *testing.T, p *profile, b *tab) {
	var offered []string
	for _, v := range p.send(http.MethodGet, "/.well-known/openid-configuration", "", "").json["acr_values_supported"].([]any) {
		offered = append(offered, v.(string))
	}
	got := p.flow(b, p.asked("acr_values", strings.Join(offered, " ")))
	if acr, _ := got.claims["acr"].(string); !slices.Contains(offered, acr) {
		t.Errorf("acr is %q", acr)
	}
}

func claimsEssential(t *testing.T, p *profile, b *tab) {
	got := p.flow(b, p.asked("claims", `{"userinfo":{"name":{"essential":true}}}`))
	if userinfo := p.userinfo(t, got); userinfo["name"] != "Ada" {
		t.Errorf("userinfo has %v", userinfo)
	}
}

func codeReuse(t *testing.T, p *profile, b *tab, wait time.Duration) {
	request := p.asked()
	b.goTo(request)
	b.through()
	form := []string{"grant_type", "authorization_code", "code", p.callback(b, request).Get("code"), "redirect_uri", webCallback}
	got := p.verified(t, p.post("/v1/token", form, withBasic(webID, secret)), request)
	p.userinfo(t, got)
	p.pass(wait)
	want(t, p.post("/v1/token", form, withBasic(webID, secret)), 400, "invalid_grant")
	if wait == 0 {
		return // a client that sends its request twice keeps its tokens
	}
	want(t, p.send(http.MethodGet, "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+got.text("access_token"))), 401, "invalid_token")
}

func registeredRedirectURI(t *testing.T, p *profile, b *tab) {
	b.goTo(p.asked("redirect_uri", "https://app.example.com/cb/"+strings.Repeat("x", 10)))
	if b.left != nil || b.page.status != 400 || len(b.hops) != 0 || !strings.HasPrefix(b.page.header.Get("Content-Type"), "text/html") {
		t.Errorf("%d, sent to %v", b.page.status, b.left)
	}
}

func postRequest(t *testing.T, p *profile, b *tab) {
	request := p.asked()
	b.go1(http.MethodPost, p.url+"/v1/authorize", request.Encode(), withHeader("Origin", "https://app.example.com"), withHeader("Sec-Fetch-Site", "cross-site"))
	b.follow()
	b.through()
	p.exchange(b, request)
}

func validPKCE(t *testing.T, p *profile, b *tab) {
	request := p.asked("code_challenge", s256(verifier), "code_challenge_method", "S256")
	b.goTo(request)
	b.through()
	form := []string{"grant_type", "authorization_code", "code", p.callback(b, request).Get("code"), "redirect_uri", webCallback, "code_verifier", verifier}
	p.verified(t, p.post("/v1/token", form, withBasic(webID, secret)), request)
}

// requestObjectWithRedirectURI: a server that does not read request objects sees a redirect URI that is not registered, and must
// send nobody there.
func requestObjectWithRedirectURI(t *testing.T, p *profile, b *tab) {
	b.goTo(p.asked("redirect_uri", "https://app.example.com/cb/wrong", "request", unsigned(p.asked())))
	if b.left != nil || b.page.status != 400 || len(b.hops) != 0 {
		t.Errorf("%d, sent to %v", b.page.status, b.left)
	}
}

func refreshToken(t *testing.T, p *profile, b *tab) {
	first := p.asked("scope", "openid offline_access", "prompt", "consent")
	got := p.flow(b, first)
	form := func(t tokens) []string {
		return []string{"grant_type", oauth.GrantTypeRefreshToken, "refresh_token", t.text("refresh_token")}
	}
	next := p.verified(t, p.post("/v1/token", form(got), withBasic(webID, secret)), p.asked("nonce", ""))
	for _, claim := range []string{"iss", "sub", "aud", "auth_time", "azp"} {
		if next.claims[claim] != got.claims[claim] {
			t.Errorf("%s was %v, is %v", claim, got.claims[claim], next.claims[claim])
		}
	}
	p.userinfo(t, next)
	other := p.flow(b, p.asked("client_id", p.second, "scope", "openid offline_access", "prompt", "consent"))
	want(t, p.post("/v1/token", form(other), withBasic(webID, secret)), 400, "invalid_grant")
	p.verified(t, p.post("/v1/token", form(other), withBasic(p.second, secret)), p.asked("nonce", "", "client_id", p.second))
}
