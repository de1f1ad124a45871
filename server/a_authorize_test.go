package server

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// authorization is the path of an authorization request of the web client, with changes: pairs of name and value, "" removes.
func authorization(pairs ...string) string {
	v := url.Values{
		"client_id": {webID}, "redirect_uri": {webCallback}, "response_type": {"code"}, "scope": {"openid email orders.read"}, "state": {"s t+/ä&=%"},
		"nonce": {"nonce-1"}, "code_challenge": {s256(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return "/v1/authorize?" + v.Encode()
}

// answered is what the browser brought to the client's address; it fails unless the address is the one that is expected.
func (b *tab) answered(callback string) url.Values {
	b.t.Helper()
	if b.left == nil {
		b.t.Fatalf("the browser is still at %s: %d %s", b.at, b.page.status, b.page.body)
	}
	address, _, _ := strings.Cut(b.left.String(), "?")
	if address != callback {
		b.t.Fatalf("the browser was sent to %s", b.left)
	}
	q := b.left.Query()
	if got := q["iss"]; len(got) != 1 || got[0] != b.w.url {
		b.t.Errorf("A18 iss is %q", got)
	}
	return q
}

func TestAuthorize(t *testing.T) {
	w := newWorld(t)
	t.Run("C12 from the request to the tokens", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization())
		b.through()
		q := b.answered(webCallback)
		if q.Get("state") != "s t+/ä&=%" || q.Get("error") != "" {
			t.Fatalf("A19 got %v", q)
		}
		a := w.redeem(webID, q.Get("code"))
		want(t, a, 200, "")
		got := claims(t, a.text("id_token"))
		if got["nonce"] != "nonce-1" || got["sub"] != w.user.ID || got["email"] != "ada@example.com" || got["sid"] == nil || got["acr"] != "1fa" || a.text("scope") != "openid email orders.read" {
			t.Errorf("%v, %s", got, a.body)
		}
		t.Run("A16 an ID token of the same user as hint goes, another one is login_required", func(t *testing.T) {
			b.open(authorization("prompt", "none", "id_token_hint", a.text("id_token")))
			if q := b.answered(webCallback); q.Get("code") == "" {
				t.Errorf("got %v", q)
			}
			b.open(authorization("prompt", "none", "id_token_hint", a.text("id_token")+"x"))
			if q := b.answered(webCallback); q.Get("error") != "login_required" {
				t.Errorf("got %v", q)
			}
		})
	})
	t.Run("A01 A02 A05 what is addressed badly is a page, and never a redirect", func(t *testing.T) {
		for name, path := range map[string]string{
			"no client": authorization("client_id", ""), "an unknown client": authorization("client_id", "apps.nobody"), "the client twice": authorization() + "&client_id=" + webID,
			"no address": authorization("redirect_uri", ""), "another address": authorization("redirect_uri", "https://evil.example/cb"), "the address twice": authorization() + "&redirect_uri=" + url.QueryEscape(webCallback),
			"another loopback host": authorization("redirect_uri", "http://localhost:8080/cb"),
		} {
			a := w.send("GET", path, "", "")
			if a.status != 400 || a.header.Get("Location") != "" || a.header.Get("Refresh") != "" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: %d %v", name, a.status, a.header)
			}
		}
	})
	t.Run("A04 loopback port", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization("redirect_uri", "http://127.0.0.1:49152/cb"))
		b.through()
		q := b.answered("http://127.0.0.1:49152/cb")
		want(t, w.redeem(webID, q.Get("code"), "redirect_uri", "http://127.0.0.1:49152/cb"), 200, "")
	})
	t.Run("A14 what else is wrong is told after the sign-in", func(t *testing.T) {
		for code, path := range map[string]string{
			"invalid_request":               authorization("code_challenge", "", "code_challenge_method", ""),
			"unsupported_response_type":     authorization("response_type", "token"),
			"invalid_scope":                 authorization("scope", "openid nothing"),
			"invalid_target":                authorization("resource", "https://elsewhere.example.com"),
			"request_not_supported":         authorization("request", "eyJ"),
			"request_uri_not_supported":     authorization("request_uri", "https://169.254.169.254/"),
			"invalid_authorization_details": authorization("authorization_details", "[]"),
		} {
			b := w.tab(t)
			b.open(path)
			if b.left != nil || !strings.Contains(b.page.body, `name="password"`) {
				t.Fatalf("%s: sent to %v without a sign-in", code, b.left)
			}
			b.signIn()
			if q := b.answered(webCallback); q.Get("error") != code || q.Get("state") != "s t+/ä&=%" || q.Get("code") != "" {
				t.Errorf("%s: got %v", code, q)
			}
		}
	})
	t.Run("A07 a repeated parameter", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization() + "&state=x")
		b.signIn()
		if q := b.answered(webCallback); q.Get("error") != "invalid_request" || q["state"] != nil {
			t.Errorf("got %v", q)
		}
	})
	t.Run("A15 prompt=none where nobody is signed in, and where somebody has to be asked", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization("prompt", "none"))
		if q := b.answered(webCallback); q.Get("error") != "login_required" {
			t.Errorf("got %v", q)
		}
		b.open("/login")
		b.signIn()
		b.open(authorization("prompt", "none", "scope", "openid profile groups ledger.read"))
		if q := b.answered(webCallback); q.Get("error") != "consent_required" {
			t.Errorf("got %v", q)
		}
	})
	t.Run("A20 every redirect is 303 after a form", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization())
		b.signIn()
		if slices.ContainsFunc(b.hops, func(status int) bool { return status != 303 }) {
			t.Errorf("got %v", b.hops)
		}
	})
	t.Run("A22 no other origin's page can read anything here", func(t *testing.T) {
		a := w.send("GET", authorization(), "", "", withHeader("Origin", spaOrigin))
		p := w.send("OPTIONS", authorization(), "", "", withHeader("Origin", spaOrigin), withHeader("Access-Control-Request-Method", "GET"))
		if a.header.Get("Access-Control-Allow-Origin") != "" || p.header.Get("Access-Control-Allow-Origin") != "" || p.status != 405 {
			t.Errorf("%v, %d %v", a.header, p.status, p.header)
		}
	})
	t.Run("A38 long queries and many parameters", func(t *testing.T) {
		want(t, w.send("GET", authorization("nonce", strings.Repeat("a", 9<<10)), "", ""), 414, "invalid_request")
		want(t, w.send("GET", authorization()+strings.Repeat("&a=b", 65), "", ""), 400, "invalid_request")
		if a := w.send("POST", "/v1/authorize", formType, strings.TrimPrefix(authorization("nonce", strings.Repeat("a", 9<<10)), "/v1/authorize?")); a.status != 400 && a.status != 413 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("a request by POST, answered by a form", func(t *testing.T) {
		b := w.tab(t)
		b.go1("POST", w.url+"/v1/authorize", strings.TrimPrefix(authorization("response_mode", "form_post"), "/v1/authorize?"), withHeader("Origin", "https://app.example.com"), withHeader("Sec-Fetch-Site", "cross-site"))
		b.follow()
		b.through()
		action, fields := b.form()
		if action != webCallback || fields.Get("state") != "s t+/ä&=%" || fields.Get("iss") != w.url {
			t.Errorf("%s %v", action, fields)
		}
		want(t, w.redeem(webID, fields.Get("code")), 200, "")
	})
	t.Run("A28 a client that was suspended while somebody was asked", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization("scope", "openid phone"))
		w.edit("web", func(c *registration.Client) { c.Suspended = true })
		defer w.edit("web", func(c *registration.Client) { c.Suspended = false })
		b.through()
		if b.left != nil || b.page.status != 400 {
			t.Errorf("%v, %d", b.left, b.page.status)
		}
	})
	t.Run("A35 a provider that the policy does not allow", func(t *testing.T) {
		w.allowProviders("corp")
		defer w.allowProviders()
		b := w.tab(t)
		b.open(authorization("prompt", "none"))
		if b.left != nil && b.left.Query().Get("code") != "" {
			t.Error("a code")
		}
		b = w.tab(t)
		b.open("/login")
		b.signIn()
		b.open(authorization())
		if b.left != nil && b.left.Query().Get("code") != "" {
			t.Error("a code for a user of another provider")
		}
	})
	t.Run("a claim by name goes with the request, and one whose scope was refused does not", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization("scope", "openid", "claims", `{"userinfo":{"name":{"essential":true}},"id_token":{"email":null}}`))
		b.through()
		a := w.redeem(webID, b.answered(webCallback).Get("code"))
		userinfo := w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+a.text("access_token"))).json
		if userinfo["name"] != "Ada" || userinfo["email"] != nil || claims(t, a.text("id_token"))["email"] != "ada@example.com" {
			t.Errorf("%v, %v", userinfo, claims(t, a.text("id_token")))
		}
	})
}
