package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// verifier is the code_verifier of the tests.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func s256(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// code is an authorization code of a client, as the pages make one once the user has consented.
func (w *world) code(id string, change ...func(*storage.Code, *storage.Grant)) string {
	w.t.Helper()
	client, ok := w.server.registry.Current().Client(id)
	if !ok {
		w.t.Fatalf("no client %s", id)
	}
	value, err := oauth.NewCredential(oauth.PrefixCode, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	hash, _ := oauth.ParseCredential(oauth.PrefixCode, value)
	ref := storage.ClientRef{ID: client.ClientID, UID: client.UID}
	g := storage.Grant{
		ID: hex.EncodeToString(raw[:16]), UserID: w.user.ID, Client: ref, Scopes: []string{"openid", "email", "offline_access", "orders.read"}, Audience: []string{ordersAPI},
		SID: "sid-1", AuthenticatedAt: w.now().Add(-time.Minute), Methods: []string{"pwd"}, CreatedAt: w.now(),
	}
	c := storage.Code{
		Code: hash, Request: raw, GrantID: g.ID, Client: ref, RedirectURI: client.RedirectURIs[0], Challenge: s256(verifier), Nonce: "nonce-1",
		ACR: oauth.ACRSingleFactor, CreatedAt: w.now(), ExpiresAt: w.now().Add(grant.CodeTTL),
	}
	for _, f := range change {
		f(&c, &g)
	}
	if err := w.server.storage.CreateCode(w.t.Context(), c, g, nil, nil); err != nil {
		w.t.Fatal(err)
	}
	return value
}

// redemption is the form that redeems a code in the right way, with changes: pairs of name and value, "" removes.
func redemption(id, code string, pairs ...string) []string {
	p := map[string]string{"grant_type": "authorization_code", "client_id": id, "code": code, "code_verifier": verifier, "redirect_uri": spaCallback}
	if id == webID {
		p["client_secret"], p["redirect_uri"] = secret, webCallback
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	var out []string
	for name, value := range p {
		if value != "" {
			out = append(out, name, value)
		}
	}
	return out
}

func (w *world) redeem(id, code string, pairs ...string) answer {
	w.t.Helper()
	return w.post("/v1/token", redemption(id, code, pairs...))
}

func TestAuthorizationCode(t *testing.T) {
	w := newWorld(t)

	t.Run("C01 a code yields tokens once, and what is no code yields none", func(t *testing.T) {
		code := w.code(webID)
		for _, n := range []int{0, 1, 4, len(code) / 2, len(code) - 1} {
			if a := w.redeem(webID, code[:n]); a.status != 400 || (n > 0 && a.text("error") != "invalid_grant") {
				t.Errorf("cut to %d: %d %s", n, a.status, a.body)
			}
		}
		flipped := []byte(code)
		flipped[20] ^= 1
		want(t, w.redeem(webID, string(flipped)), 400, "invalid_grant")
		unknown, _ := oauth.NewCredential(oauth.PrefixCode, rand.Reader)
		want(t, w.redeem(webID, unknown), 400, "invalid_grant")
		a := w.redeem(webID, code)
		want(t, a, 200, "")
		if a.text("access_token") == "" || a.text("refresh_token") == "" || a.text("id_token") == "" || a.text("scope") != "openid email offline_access orders.read" {
			t.Error(a.body)
		}
		want(t, w.refresh(webID, a.text("refresh_token"), "client_secret", secret), 200, "")
	})
	t.Run("C01 after 60 s it is no good", func(t *testing.T) {
		code := w.code(webID)
		w.pass(grant.CodeTTL)
		want(t, w.redeem(webID, code), 400, "invalid_grant")
	})
	t.Run("C02 another client's code is refused, logged, and still good for its own", func(t *testing.T) {
		code := w.code(webID)
		want(t, w.redeem(spaID, code, "redirect_uri", webCallback), 400, "invalid_grant")
		if !strings.Contains(w.log.String(), storage.ErrForeign.Error()) {
			t.Error("the log does not say that it was of another client")
		}
		want(t, w.redeem(webID, code), 200, "")
	})
	t.Run("C03 the wrong verifier burns a code", func(t *testing.T) {
		for name, v := range map[string]string{
			"missing": "", "wrong": strings.Repeat("a", 43), "too short": verifier[:42], "too long": verifier + strings.Repeat("a", 86),
			"the challenge itself": s256(verifier), "with another character": verifier[:42] + "=",
		} {
			code := w.code(webID)
			want(t, w.redeem(webID, code, "code_verifier", v), 400, "invalid_grant")
			if a := w.redeem(webID, code); a.status != 400 || a.text("error") != "invalid_grant" {
				t.Errorf("%s: the code is still good: %s", name, a.body)
			}
		}
	})
	t.Run("C03 a verifier of 128 characters is fine", func(t *testing.T) {
		long := strings.Repeat("a~", 64)
		code := w.code(webID, func(c *storage.Code, _ *storage.Grant) { c.Challenge = s256(long) })
		want(t, w.redeem(webID, code, "code_verifier", long), 200, "")
	})
	t.Run("C03 a request that is not the client's burns nothing", func(t *testing.T) {
		code := w.code(webID)
		want(t, w.redeem(webID, code, "client_secret", "wrong", "code_verifier", "wrong"), 401, "invalid_client")
		want(t, w.redeem(webID, code), 200, "")
	})
	t.Run("C05 another redirect_uri is refused", func(t *testing.T) {
		for _, uri := range []string{webCallback + "/", loopbackCallback, "https://app.example.com/CB", "https://evil.example/cb"} {
			want(t, w.redeem(webID, w.code(webID), "redirect_uri", uri), 400, "invalid_grant")
		}
		want(t, w.redeem(webID, w.code(webID), "redirect_uri", ""), 200, "")
		port := w.code(webID, func(c *storage.Code, _ *storage.Grant) { c.RedirectURI = "http://127.0.0.1:49152/cb" })
		want(t, w.redeem(webID, port, "redirect_uri", "http://127.0.0.1:49152/cb"), 200, "")
		other := w.code(webID, func(c *storage.Code, _ *storage.Grant) { c.RedirectURI = "http://127.0.0.1:49152/cb" })
		want(t, w.redeem(webID, other, "redirect_uri", "http://127.0.0.1:49153/cb"), 400, "invalid_grant")
	})
	t.Run("C06 a second redemption is refused and ends the grant's tokens", func(t *testing.T) {
		code := w.code(webID)
		tokens := w.redeem(webID, code)
		w.pass(2 * time.Second)
		want(t, w.redeem(webID, code), 400, "invalid_grant")
		if w.active(tokens.text("access_token")) {
			t.Error("the access token is still active")
		}
		want(t, w.refresh(webID, tokens.text("refresh_token"), "client_secret", secret), 400, "invalid_grant")
		if !strings.Contains(w.log.String(), `"msg":"token.replayed"`) {
			t.Error("no event says that a code was replayed")
		}
	})
	t.Run("C07 a replay within 2 s from the same authenticated client ends nothing", func(t *testing.T) {
		code := w.code(webID)
		tokens := w.redeem(webID, code)
		want(t, w.redeem(webID, code), 400, "invalid_grant")
		if !w.active(tokens.text("access_token")) {
			t.Error("the access token is dead")
		}
		want(t, w.refresh(webID, tokens.text("refresh_token"), "client_secret", secret), 200, "")
	})
	t.Run("C07 a replay of a public client, who may be anyone, ends the grant at once", func(t *testing.T) {
		code := w.code(spaID)
		tokens := w.redeem(spaID, code)
		want(t, tokens, 200, "")
		want(t, w.redeem(spaID, code), 400, "invalid_grant")
		if w.active(tokens.text("access_token")) {
			t.Error("the access token is still active")
		}
	})
	t.Run("C08 a code is nothing else, and nothing else is a code", func(t *testing.T) {
		code := w.code(webID)
		started := w.device(cliID)
		tokens := w.login(cliID)
		for name, a := range map[string]answer{
			"a code as refresh token":            w.refresh(webID, code, "client_secret", secret),
			"a code as device code":              w.poll(cliID, code),
			"a code with the prefix of another":  w.poll(cliID, "gkd_"+code[4:]),
			"a device code as code":              w.redeem(webID, started.text("device_code")),
			"a user code as code":                w.redeem(webID, started.text("user_code")),
			"a refresh token as code":            w.redeem(webID, tokens.text("refresh_token")),
			"a refresh token with code's prefix": w.redeem(webID, "gkc_"+tokens.text("refresh_token")[4:]),
		} {
			if a.status != 400 || a.text("error") != "invalid_grant" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if w.active(code) {
			t.Error("a code is active at introspection")
		}
		want(t, w.redeem(webID, code), 200, "")
	})
	t.Run("C10 what is not the bearer's fault does not consume a code", func(t *testing.T) {
		code := w.code(webID)
		restore := w.breakStorage()
		a := w.redeem(webID, code)
		restore()
		if a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
		want(t, w.redeem(webID, code, "scope", "openid email profile"), 400, "invalid_scope")
		want(t, w.redeem(webID, code, "resource", ledgerAPI), 400, "invalid_target")
		want(t, w.redeem(webID, code, "resource", "https://elsewhere.example.com"), 400, "invalid_target")
		want(t, w.redeem(webID, code), 200, "")
	})
	t.Run("B14 resource narrows the audience, and the next refresh may have the whole", func(t *testing.T) {
		both := func(_ *storage.Code, g *storage.Grant) {
			g.Scopes, g.Audience = []string{"openid", "orders.read", "ledger.read"}, []string{ordersAPI, ledgerAPI}
			g.AuthorizationDetails = json.RawMessage(`[{"type":"project","locations":["` + ordersAPI + `"],"identifiers":["p1"]},{"type":"book","locations":["` + ledgerAPI + `"]}]`)
		}
		a := w.redeem(webID, w.code(webID, both), "resource", ordersAPI)
		if a.text("scope") != "openid orders.read" || claims(t, a.text("access_token"))["aud"] != ordersAPI {
			t.Error(a.body)
		}
		if details, _ := json.Marshal(claims(t, a.text("access_token"))["authorization_details"]); strings.Contains(string(details), "book") || !strings.Contains(string(details), "p1") {
			t.Errorf("the token says %s", details)
		}
		if got, ok := a.json["authorization_details"].([]any); !ok || len(got) != 1 {
			t.Errorf("the response says %s", a.body)
		}
		b := w.refresh(webID, a.text("refresh_token"), "client_secret", secret)
		if got, ok := b.json["authorization_details"].([]any); !ok || len(got) != 2 || b.text("scope") != "openid orders.read ledger.read" {
			t.Error(b.body)
		}
	})
	t.Run("C12 the ID token", func(t *testing.T) {
		a := w.redeem(webID, w.code(webID, func(c *storage.Code, _ *storage.Grant) {
			c.Claims, c.ACR = json.RawMessage(`{"name":{"essential":true},"groups":{}}`), oauth.ACRMultiFactor
		}))
		got := claims(t, a.text("id_token"))
		sum := sha256.Sum256([]byte(a.text("access_token")))
		for name, value := range map[string]any{
			"iss": w.url, "aud": webID, "sub": w.user.ID, "nonce": "nonce-1", "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "sid": "sid-1",
			"acr": "mfa", "email": "ada@example.com", "email_verified": true, "name": "Ada",
		} {
			if got[name] != value {
				t.Errorf("%s is %v, want %v", name, got[name], value)
			}
		}
		if at, _ := got["auth_time"].(float64); at == 0 || got["groups"] == nil || got["amr"] == nil {
			t.Errorf("got %v", got)
		}
		if access := claims(t, a.text("access_token")); access["acr"] != "mfa" {
			t.Errorf("the access token says %v", access)
		}
		if header := decodeHeader(t, a.text("id_token")); header["alg"] != "RS256" || !strings.Contains(w.send("GET", "/v1/jwks", "", "").body, `"kid":"`+header["kid"]+`"`) {
			t.Errorf("signed by %v", header)
		}
		b := claims(t, w.redeem(webID, w.code(webID, func(c *storage.Code, _ *storage.Grant) { c.Nonce = "" })).text("id_token"))
		if _, ok := b["nonce"]; ok {
			t.Error("a nonce that nobody sent")
		}
		refreshed := claims(t, w.refresh(webID, a.text("refresh_token"), "client_secret", secret).text("id_token"))
		if _, ok := refreshed["nonce"]; ok || refreshed["auth_time"] != got["auth_time"] || refreshed["sub"] != got["sub"] {
			t.Errorf("after a refresh: %v", refreshed)
		}
	})
	t.Run("C12 a client that is registered for ES256 gets it", func(t *testing.T) {
		w.edit("web", func(c *registration.Client) { c.IDTokenAlgorithm = "ES256" })
		defer w.edit("web", func(c *registration.Client) { c.IDTokenAlgorithm = "" })
		if header := decodeHeader(t, w.redeem(webID, w.code(webID)).text("id_token")); header["alg"] != "ES256" || header["kid"] != "ec" {
			t.Errorf("signed by %v", header)
		}
	})
	t.Run("a claim that is asked for by name is no way around the scopes of the client", func(t *testing.T) {
		a := w.redeem(spaID, w.code(spaID, func(c *storage.Code, g *storage.Grant) {
			c.Claims = json.RawMessage(`{"phone_number":{},"name":{}}`)
			g.Claims = c.Claims
		}))
		userinfo := w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+a.text("access_token"))).json
		for _, got := range []map[string]any{claims(t, a.text("id_token")), userinfo} {
			if got["phone_number"] != nil || got["name"] != "Ada" {
				t.Errorf("got %v", got)
			}
		}
	})
	t.Run("D09 a client without the refresh grant gets no refresh token", func(t *testing.T) {
		w.edit("web", func(c *registration.Client) { c.GrantTypes = []string{oauth.GrantTypeAuthorizationCode} })
		defer w.edit("web", func(c *registration.Client) {
			c.GrantTypes = []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}
		})
		if a := w.redeem(webID, w.code(webID)); a.status != 200 || a.text("refresh_token") != "" {
			t.Error(a.body)
		}
	})
	t.Run("the parameters that are missing are named", func(t *testing.T) {
		want(t, w.redeem(webID, ""), 400, "invalid_request")
		want(t, w.post("/v1/token?code=x", redemption(webID, w.code(webID))), 400, "invalid_request")
	})
}

func decodeHeader(t *testing.T, jwt string) map[string]string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestC07ParallelRedemptions(t *testing.T) {
	w := newWorld(t)
	t.Run("C07 64 parallel redemptions of one code yield tokens once", func(t *testing.T) {
		for range rounds() {
			body := form(redemption(webID, w.code(webID))...)
			won := 0
			for _, a := range parallel(t, func() (answer, error) { return w.try(http.MethodPost, "/v1/token", formType, body) }) {
				switch {
				case a.status == 200:
					won++
				case a.status != 400 || a.text("error") != "invalid_grant":
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			if won != 1 {
				t.Fatalf("%d got tokens", won)
			}
		}
	})
}

func TestC11RestartAfterARedemption(t *testing.T) {
	w := newWorld(t)
	code, open := w.code(webID), w.code(webID)
	tokens := w.redeem(webID, code)
	w.stop()
	w.restart(filepath.Join(filepath.Dir(w.folder), "data.db"), strings.TrimPrefix(w.url, "http://"), func(s *registration.Server) { s.Issuer = w.url })
	w.pass(3 * time.Second)
	t.Run("C11 who did not get the answer gets no second one, and the first one's tokens end", func(t *testing.T) {
		want(t, w.redeem(webID, code), 400, "invalid_grant")
		want(t, w.refresh(webID, tokens.text("refresh_token"), "client_secret", secret), 400, "invalid_grant")
	})
	t.Run("C11 a code that was not redeemed survives", func(t *testing.T) {
		want(t, w.redeem(webID, open), 200, "")
	})
}
