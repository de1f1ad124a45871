package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	gateway := withBasic(gatewayID, secret)
	tokens := w.login(cliID)
	ask := func(token string, o ...option) answer {
		return w.post("/v1/introspect", []string{"token", token}, o...)
	}

	t.Run("H01 no or public client authentication is 401", func(t *testing.T) {
		want(t, ask(tokens.text("access_token")), 401, "invalid_client")
		want(t, w.post("/v1/introspect", []string{"token", tokens.text("access_token"), "client_id", cliID}), 401, "invalid_client")
		want(t, w.post("/v1/introspect", []string{"token", tokens.text("access_token"), "client_id", toolID}), 401, "invalid_client")
		if a := w.send("GET", "/v1/introspect", "", "", gateway); a.status != 405 || a.header.Get("Allow") != "POST" {
			t.Errorf("GET: %d", a.status)
		}
		want(t, ask(strings.Repeat("a", 65<<10), gateway), 413, "invalid_request")
		want(t, ask("", gateway), 400, "invalid_request")
	})
	t.Run("H02 anything that is not a good token is inactive and nothing else", func(t *testing.T) {
		code := w.device(cliID)
		expired := w.login(cliID).text("access_token")
		w.pass(11 * time.Minute)
		garbage, _ := oauth.NewCredential(oauth.PrefixRefreshToken, w.server.deps.Random)
		for name, token := range map[string]string{
			"expired": expired, "garbage": "x", "an ID token": tokens.text("id_token"), "a device code": code.text("device_code"),
			"an unknown refresh token": garbage, "a refresh token of another client": tokens.text("refresh_token"),
			"a JWT of somebody else": "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", "10,000 dots": strings.Repeat(".", 10000),
		} {
			if a := ask(token, gateway); a.status != 200 || a.body != `{"active":false}` {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		w.pass(-11 * time.Minute)
	})
	t.Run("H03 a caller outside the token's audience learns nothing", func(t *testing.T) {
		if a := ask(tokens.text("access_token"), withBasic(serviceID, secret)); a.body != `{"active":false}` {
			t.Error(a.body)
		}
		a := ask(tokens.text("access_token"), gateway)
		if a.json["active"] != true || a.text("sub") != w.user.ID || a.text("client_id") != cliID || a.text("username") != "ada" || a.text("iss") != w.url {
			t.Errorf("the resource server: %s", a.body)
		}
		own := w.post("/v1/token", []string{"grant_type", "client_credentials", "scope", "ledger.read"}, withBasic(serviceID, secret)).text("access_token")
		if a := ask(own, withBasic(serviceID, secret)); a.json["active"] != true {
			t.Errorf("the client that it was issued to: %s", a.body)
		}
		if a := ask(own, gateway); a.body != `{"active":false}` {
			t.Errorf("a resource server of another API: %s", a.body)
		}
	})
	t.Run("H06 garbage is refused by its form, without a query", func(t *testing.T) {
		restore := w.breakStorage() // a query would now be a 503
		defer restore()
		for i := range 1000 {
			token := fmt.Sprintf("gkr_%049d", i)
			if a := ask(token, gateway); a.body != `{"active":false}` {
				t.Fatal(a.body)
			}
		}
	})
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	revoke := func(pairs ...string) answer { return w.post("/v1/revoke", pairs) }
	t.Run("H05 what is revoked is inactive at once", func(t *testing.T) {
		tokens := w.login(cliID)
		if !w.active(tokens.text("access_token")) {
			t.Fatal("not active before")
		}
		want(t, revoke("client_id", cliID, "token", tokens.text("refresh_token")), 200, "")
		if w.active(tokens.text("access_token")) {
			t.Error("still active")
		}
	})
	t.Run("H07 a valid, an unknown and an expired token are 200", func(t *testing.T) {
		tokens := w.login(cliID)
		want(t, revoke("client_id", cliID, "token", "unknown"), 200, "")
		want(t, revoke("client_id", cliID, "token", tokens.text("id_token")), 200, "")
		want(t, revoke("client_id", cliID, "token", tokens.text("refresh_token"), "token_type_hint", "access_token"), 200, "")
		want(t, revoke("client_id", cliID, "token", tokens.text("refresh_token")), 200, "")
		want(t, revoke("client_id", cliID), 400, "invalid_request")
	})
	t.Run("H07 a token of another client is 400 and unharmed", func(t *testing.T) {
		tokens := w.login(cliID)
		want(t, revoke("client_id", toolID, "token", tokens.text("refresh_token")), 400, "invalid_grant")
		want(t, revoke("client_id", toolID, "token", tokens.text("access_token")), 400, "invalid_grant")
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 200, "")
	})
	t.Run("H07 a refresh token takes the whole grant with it", func(t *testing.T) {
		first := w.login(cliID)
		second := w.refresh(cliID, first.text("refresh_token"))
		want(t, revoke("client_id", cliID, "token", second.text("refresh_token")), 200, "")
		for _, a := range []answer{first, second} {
			if w.active(a.text("access_token")) {
				t.Error("an access token is still active")
			}
		}
	})
	t.Run("H08 revoking a JWT access token revokes its grant, also after it expired", func(t *testing.T) {
		for _, wait := range []time.Duration{0, 11 * time.Minute} {
			tokens := w.login(cliID)
			w.pass(wait)
			want(t, revoke("client_id", cliID, "token", tokens.text("access_token")), 200, "")
			want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
			if w.active(tokens.text("access_token")) {
				t.Error("still active")
			}
		}
	})
	t.Run("an access token that a client has for itself is revoked alone", func(t *testing.T) {
		get := func() string {
			return w.post("/v1/token", []string{"grant_type", "client_credentials", "scope", "orders.read"}, withBasic(serviceID, secret)).text("access_token")
		}
		a, b := get(), get()
		want(t, w.post("/v1/revoke", []string{"token", a}, withBasic(serviceID, secret)), 200, "")
		if w.active(a) || !w.active(b) {
			t.Errorf("revoked: %v, the other: %v", w.active(a), w.active(b))
		}
	})
	t.Run("an optional secret that is wrong is refused, a right one and none are fine", func(t *testing.T) {
		tokens := w.login(toolID)
		want(t, revoke("client_id", toolID, "client_secret", "wrong", "token", tokens.text("access_token")), 401, "invalid_client")
		if !w.active(tokens.text("access_token")) {
			t.Error("revoked by a request that was refused")
		}
		want(t, revoke("client_id", toolID, "client_secret", secret, "token", tokens.text("access_token")), 200, "")
		other := w.login(toolID)
		want(t, revoke("client_id", toolID, "client_secret", "", "token", other.text("access_token")), 200, "")
		if w.active(tokens.text("access_token")) || w.active(other.text("access_token")) {
			t.Error("still active")
		}
	})
}

func TestH02TheRefreshTokenOfAnAccountThatIsLockedIsNotActive(t *testing.T) {
	w := newWorld(t)
	token := w.login(otherID, "client_secret", secret).text("refresh_token")
	ask := func() any {
		return w.post("/v1/introspect", []string{"token", token}, withBasic(otherID, secret)).json["active"]
	}
	if ask() != true {
		t.Fatal("not active before")
	}
	w.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
		Accounts: []registration.LocalAccount{{Username: "ada", PasswordHash: passwordHash, Disabled: true}},
	}}, func(s *registry.Snapshot) bool { return s.IdentityProviders()[0].Local.Accounts[0].Disabled })
	if ask() != false {
		t.Error("H02 it is active, though no refresh would succeed")
	}
}

func TestH09AfterRevokeAnswered200NothingSucceeds(t *testing.T) {
	w := newWorld(t)
	for range rounds() {
		tokens := w.login(cliID)
		token := tokens.text("refresh_token")
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			revoked time.Time
			wins    []time.Time // when a refresh that succeeded was sent
		)
		start := make(chan struct{})
		wg.Go(func() {
			<-start
			a, err := w.try(http.MethodPost, "/v1/revoke", formType, form("client_id", cliID, "token", token))
			if err != nil || a.status != 200 {
				t.Errorf("revoke: %v %v", a, err)
			}
			mu.Lock()
			defer mu.Unlock()
			revoked = time.Now()
		})
		for range 4 {
			wg.Go(func() {
				<-start
				for range 3 {
					sent := time.Now()
					a, err := w.try(http.MethodPost, "/v1/token", formType, form("grant_type", "refresh_token", "refresh_token", token, "client_id", cliID))
					if err != nil {
						t.Error(err)
						return
					}
					if a.status == 200 {
						mu.Lock()
						wins = append(wins, sent)
						mu.Unlock()
					}
				}
			})
		}
		close(start)
		wg.Wait()
		for _, sent := range wins {
			if sent.After(revoked) {
				t.Fatal("a refresh that was sent after the revocation was answered succeeded")
			}
		}
		want(t, w.refresh(cliID, token), 400, "invalid_grant")
		if w.active(tokens.text("access_token")) {
			t.Fatal("still active")
		}
	}
}
