package server

import (
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func TestB16Origins(t *testing.T) {
	w := newWorld(t)
	const allow, credentials = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"
	from := func(origin string) option { return withHeader("Origin", origin) }
	preflight := func(path, origin, method string) answer {
		return w.send("OPTIONS", path, "", "", from(origin), withHeader("Access-Control-Request-Method", method), withHeader("Access-Control-Request-Headers", "authorization"))
	}
	endpoints := map[string]string{"/v1/token": "POST", "/v1/par": "POST", "/v1/revoke": "POST", "/v1/userinfo": "GET"}

	t.Run("B16 a preflight from an origin of a browser client is let through", func(t *testing.T) {
		for path, method := range endpoints {
			a := preflight(path, spaOrigin, method)
			if a.status != 204 || a.header.Get(allow) != spaOrigin || a.header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, DPoP" || a.header.Get("Vary") == "" {
				t.Errorf("%s: %d %v", path, a.status, a.header)
			}
		}
	})
	t.Run("B16 a preflight from anywhere else is no method of the endpoint", func(t *testing.T) {
		for path, method := range endpoints {
			for _, origin := range []string{"https://evil.example", "null", "*", "https://SPA.example.com", "https://spa.example.com/", "https://spa.example.com:443", "http://spa.example.com", "https://app.example.com"} {
				if a := preflight(path, origin, method); a.status != 405 || a.header.Get(allow) != "" {
					t.Errorf("%s from %s: %d %v", path, origin, a.status, a.header)
				}
			}
			if a := preflight(path, spaOrigin, "DELETE"); a.status != 405 || a.header.Get(allow) != "" {
				t.Errorf("%s for DELETE: %d", path, a.status)
			}
			if a := w.send("OPTIONS", path, "", ""); a.status != 405 || a.header.Get("Allow") == "" {
				t.Errorf("%s without an origin: %d", path, a.status)
			}
		}
	})
	t.Run("B16 other endpoints have no preflight", func(t *testing.T) {
		for _, path := range []string{"/v1/introspect", "/v1/device_authorization", "/login"} {
			if a := preflight(path, spaOrigin, "POST"); a.status != 405 || a.header.Get(allow) != "" {
				t.Errorf("%s: %d %v", path, a.status, a.header)
			}
		}
	})
	t.Run("B16 a page can read what is for its own client, errors too, and never with credentials", func(t *testing.T) {
		tokens := w.post("/v1/token", redemption(spaID, w.code(spaID)), from(spaOrigin))
		bearer := withHeader("Authorization", "Bearer "+tokens.text("access_token"))
		for name, a := range map[string]answer{
			"a token":             tokens,
			"a refusal":           w.post("/v1/token", redemption(spaID, "x"), from(spaOrigin)),
			"userinfo":            w.send("GET", "/v1/userinfo", "", "", bearer, from(spaOrigin)),
			"a pushed request":    w.push(spaID, from(spaOrigin)),
			"a refused push":      w.post("/v1/par", []string{"client_id", spaID}, from(spaOrigin)),
			"a revocation":        w.post("/v1/revoke", []string{"client_id", spaID, "token", tokens.text("refresh_token")}, from(spaOrigin)),
			"userinfo afterwards": w.send("GET", "/v1/userinfo", "", "", bearer, from(spaOrigin)),
		} {
			if a.header.Get(allow) != spaOrigin || a.header.Get(credentials) != "" || a.header.Get("Vary") != "Origin" {
				t.Errorf("%s: %d %v", name, a.status, a.header)
			}
		}
	})
	t.Run("B16 a page can read nothing that is for another client", func(t *testing.T) {
		tokens := w.redeem(webID, w.code(webID))
		spa := w.redeem(spaID, w.code(spaID))
		for name, a := range map[string]answer{
			"a token of another client":     w.post("/v1/token", redemption(webID, w.code(webID)), from(spaOrigin)),
			"userinfo of another's token":   w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+tokens.text("access_token")), from(spaOrigin)),
			"a token, from another origin":  w.post("/v1/token", redemption(spaID, w.code(spaID)), from("https://evil.example")),
			"a token, from null":            w.post("/v1/token", redemption(spaID, w.code(spaID)), from("null")),
			"userinfo, from another origin": w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+spa.text("access_token")), from("https://evil.example")),
			"a refusal of another client":   w.post("/v1/token", redemption(webID, "x"), from(spaOrigin)),
			"a pushed request of another":   w.push(webID, withBasic(webID, secret), from(spaOrigin)),
			"introspection":                 w.post("/v1/introspect", []string{"token", "x"}, withBasic(gatewayID, secret), from(spaOrigin)),
		} {
			if a.header.Get(allow) != "" {
				t.Errorf("%s: %d %v", name, a.status, a.header)
			}
		}
	})
	t.Run("B16 a page of any browser client can read an error that came before the client was known, and no other page can", func(t *testing.T) {
		garbage := withHeader("Authorization", "Bearer x")
		form, wrong := "application/x-www-form-urlencoded", withBasic(serviceID, "wrong")
		for name, c := range map[string]struct {
			send   func(origin option) answer
			status int
			code   string
		}{
			"a client that nobody knows": {func(o option) answer { return w.post("/v1/token", redemption("apps.nobody", "x"), o) }, 401, "invalid_client"},
			"a wrong secret": {func(o option) answer {
				return w.post("/v1/token", []string{"grant_type", "client_credentials"}, wrong, o)
			}, 401, "invalid_client"},
			"a body of another type": {func(o option) answer { return w.send("POST", "/v1/token", "text/plain", "x", o) }, 400, "invalid_request"},
			"a repeated parameter":   {func(o option) answer { return w.send("POST", "/v1/token", form, "code=a&code=b", o) }, 400, "invalid_request"},
			"a body that is too large": {func(o option) answer {
				return w.send("POST", "/v1/token", form, "code="+strings.Repeat("x", 65<<10), o)
			}, 413, "invalid_request"},
			"a pushed request of nobody's": {func(o option) answer { return w.push("apps.nobody", o) }, 401, "invalid_client"},
			"a revocation of nobody's": {func(o option) answer {
				return w.post("/v1/revoke", []string{"client_id", "apps.nobody", "token", "x"}, o)
			}, 401, "invalid_client"},
			"a revocation that cannot be read":  {func(o option) answer { return w.send("POST", "/v1/revoke", "text/plain", "x", o) }, 400, "invalid_request"},
			"userinfo without a token":          {func(o option) answer { return w.send("GET", "/v1/userinfo", "", "", o) }, 401, ""},
			"userinfo for what is no token":     {func(o option) answer { return w.send("GET", "/v1/userinfo", "", "", garbage, o) }, 401, "invalid_token"},
			"userinfo for a token in two ways":  {func(o option) answer { return w.post("/v1/userinfo", []string{"access_token", "x"}, garbage, o) }, 400, "invalid_request"},
			"userinfo for a form with no sense": {func(o option) answer { return w.send("POST", "/v1/userinfo", form, "a=1&a=2", o) }, 400, "invalid_request"},
		} {
			a := c.send(from(spaOrigin))
			if a.status != c.status || a.text("error") != c.code {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			if a.header.Get(allow) != spaOrigin || a.header.Get(credentials) != "" || a.header.Get("Vary") != "Origin" || a.header.Get("Access-Control-Expose-Headers") == "" {
				t.Errorf("%s: %v", name, a.header)
			}
			for _, origin := range []string{"null", "*", "https://evil.example", "https://SPA.example.com", "https://app.example.com"} {
				if a := c.send(from(origin)); a.status != c.status || a.header.Get(allow) != "" {
					t.Errorf("%s, from %s: %d %v", name, origin, a.status, a.header)
				}
			}
		}
	})
	t.Run("B16 metadata and keys are for every page, without credentials", func(t *testing.T) {
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/v1/jwks"} {
			if a := w.send("GET", path, "", "", from("https://evil.example")); a.header.Get(allow) != "*" || a.header.Get(credentials) != "" {
				t.Errorf("%s: %v", path, a.header)
			}
		}
	})
	t.Run("B16 an origin ends with the client's registration", func(t *testing.T) {
		w.edit("spa", func(c *registration.Client) { c.AllowedOrigins = []string{"https://app.example.com"} })
		if a := preflight("/v1/token", spaOrigin, "POST"); a.status != 405 {
			t.Errorf("%d %v", a.status, a.header)
		}
		if a := w.send("POST", "/v1/token", "text/plain", "x", from(spaOrigin)); a.status != 400 || a.header.Get(allow) != "" {
			t.Errorf("an error: %d %v", a.status, a.header)
		}
		if a := w.post("/v1/token", redemption(spaID, w.code(spaID)), from(spaOrigin)); a.header.Get(allow) != "" || a.status != 200 {
			t.Errorf("%d %v", a.status, a.header)
		}
	})
}
