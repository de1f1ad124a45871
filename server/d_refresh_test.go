package server

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

func TestRefresh(t *testing.T) {
	w := newWorld(t)

	t.Run("C08 a credential of another kind is no refresh token, device code or anything else", func(t *testing.T) {
		tokens := w.login(cliID)
		started := w.device(cliID)
		for name, a := range map[string]answer{
			"a device code as refresh token":   w.refresh(cliID, started.text("device_code")),
			"a user code as refresh token":     w.refresh(cliID, started.text("user_code")),
			"an access token as refresh token": w.refresh(cliID, tokens.text("access_token")),
			"an ID token as refresh token":     w.refresh(cliID, tokens.text("id_token")),
			"a refresh token as device code":   w.poll(cliID, tokens.text("refresh_token")),
			"a user code as device code":       w.poll(cliID, started.text("user_code")),
			"the body with another prefix":     w.poll(cliID, "gkd_"+tokens.text("refresh_token")[4:]),
		} {
			if a.status != 400 || a.text("error") != "invalid_grant" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 200, "")
	})
	t.Run("D01 each use returns a new refresh token and the old one is dead once the successor is used", func(t *testing.T) {
		first := w.login(cliID).text("refresh_token")
		second := w.refresh(cliID, first).text("refresh_token")
		if second == "" || second == first {
			t.Fatalf("%q after %q", second, first)
		}
		third := w.refresh(cliID, second).text("refresh_token")
		if third == "" || third == second {
			t.Fatalf("%q after %q", third, second)
		}
		want(t, w.refresh(cliID, first), 400, "invalid_grant")
	})
	t.Run("D02 an old token after its successor was used ends the whole family", func(t *testing.T) {
		tokens := w.login(cliID)
		second := w.refresh(cliID, tokens.text("refresh_token"))
		third := w.refresh(cliID, second.text("refresh_token"))
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
		want(t, w.refresh(cliID, third.text("refresh_token")), 400, "invalid_grant")
		for _, a := range []answer{tokens, second, third} {
			if w.active(a.text("access_token")) {
				t.Error("an access token of the family is still active")
			}
		}
	})
	t.Run("D02 an old token after the grace ends the whole family", func(t *testing.T) {
		first := w.login(cliID).text("refresh_token")
		second := w.refresh(cliID, first)
		if again := w.refresh(cliID, first); again.text("refresh_token") != second.text("refresh_token") {
			t.Errorf("within the grace the answer must carry the same successor: %s", again.body)
		}
		w.pass(grant.RetryGrace + time.Second)
		want(t, w.refresh(cliID, first), 400, "invalid_grant")
		want(t, w.refresh(cliID, second.text("refresh_token")), 400, "invalid_grant")
	})
	t.Run("D05 a refresh token of another client is invalid_grant and unharmed", func(t *testing.T) {
		token := w.login(cliID).text("refresh_token")
		want(t, w.refresh(toolID, token), 400, "invalid_grant")
		want(t, w.refresh(otherID, token), 401, "invalid_client")
		want(t, w.refresh(otherID, token, "client_secret", secret), 400, "invalid_grant")
		want(t, w.refresh(cliID, token), 200, "")
	})
	t.Run("D06 a wider scope is invalid_scope and a narrower request does not shrink the grant", func(t *testing.T) {
		first := w.login(cliID, "scope", "openid orders.read").text("refresh_token")
		want(t, w.refresh(cliID, first, "scope", "openid email"), 400, "invalid_scope")
		narrow := w.refresh(cliID, first, "scope", "orders.read")
		if narrow.text("scope") != "orders.read" || narrow.text("id_token") != "" {
			t.Errorf("narrowed: %s", narrow.body)
		}
		if whole := w.refresh(cliID, narrow.text("refresh_token")); whole.text("scope") != "openid orders.read" {
			t.Errorf("afterwards: %s", whole.body)
		}
	})
	t.Run("D09 idle expiry", func(t *testing.T) {
		token := w.login(cliID).text("refresh_token")
		w.pass(167 * time.Hour)
		token = w.refresh(cliID, token).text("refresh_token")
		w.pass(169 * time.Hour)
		want(t, w.refresh(cliID, token), 400, "invalid_grant")
	})
	t.Run("D09 absolute expiry is not reset by rotation", func(t *testing.T) {
		token := w.login(cliID).text("refresh_token")
		for range 5 {
			w.pass(140 * time.Hour)
			a := w.refresh(cliID, token)
			want(t, a, 200, "")
			token = a.text("refresh_token")
		}
		w.pass(30 * time.Hour) // 730 h in all
		want(t, w.refresh(cliID, token), 400, "invalid_grant")
	})
	t.Run("D09 a client without the refresh grant never gets a refresh token", func(t *testing.T) {
		w.edit("tool", func(c *registration.Client) { c.GrantTypes = []string{deviceCode} })
		if a := w.login(toolID); a.text("refresh_token") != "" {
			t.Error(a.body)
		}
		w.edit("tool", func(c *registration.Client) { c.GrantTypes = []string{deviceCode, "refresh_token"} })
	})
}

func TestD07WhatEndsARefreshToken(t *testing.T) {
	tests := map[string]func(w *world){
		"the user is disabled": func(w *world) {
			if err := w.server.storage.DisableUser(w.t.Context(), w.user.ID, w.now()); err != nil {
				w.t.Fatal(err)
			}
		},
		"the account is disabled at its provider": func(w *world) {
			w.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
				Accounts: []registration.LocalAccount{{Username: "ada", PasswordHash: passwordHash, Disabled: true}},
			}}, func(s *registry.Snapshot) bool { return s.IdentityProviders()[0].Local.Accounts[0].Disabled })
		},
		"the client is made again under the same name": func(w *world) {
			w.edit("cli", func(c *registration.Client) { c.UID = "another-uid" })
		},
	}
	for name, end := range tests {
		t.Run("D07 "+name, func(t *testing.T) {
			w := newWorld(t)
			tokens := w.login(cliID)
			end(w)
			want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
			if w.active(tokens.text("access_token")) {
				t.Error("the access token is still active")
			}
		})
	}
	t.Run("D07 the client is suspended", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.login(cliID)
		w.edit("cli", func(c *registration.Client) { c.Suspended = true })
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 401, "invalid_client")
		w.edit("cli", func(c *registration.Client) { c.Suspended = false })
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 200, "")
	})
	t.Run("D07 the audience is gone", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.login(cliID, "scope", "openid orders.read")
		w.edit("cli", func(c *registration.Client) { c.Scopes = []string{"openid"} })
		a := w.refresh(cliID, tokens.text("refresh_token"))
		if a.text("scope") != "openid" || claims(t, a.text("access_token"))["aud"] == ordersAPI {
			t.Error(a.body)
		}
	})
}

func TestD07WhenAnAPIIsGone(t *testing.T) {
	withdraw := func(w *world) *registration.Resource {
		orders, _ := w.server.registry.Current().Resource(ordersAPI)
		w.remove(orders)
		w.await(func(s *registry.Snapshot) bool { _, ok := s.Resource(ordersAPI); return !ok })
		return orders
	}
	t.Run("D07 its scopes are in no token any more", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.login(cliID, "scope", "openid orders.read")
		withdraw(w)
		a := w.refresh(cliID, tokens.text("refresh_token"))
		if a.status != 200 || a.text("scope") != "openid" {
			t.Errorf("%d %s", a.status, a.body)
		}
		want(t, w.refresh(cliID, a.text("refresh_token"), "scope", "orders.read"), 400, "invalid_scope")
		cc := []string{"grant_type", "client_credentials"}
		if a := w.post("/v1/token", cc, withBasic(serviceID, secret)); a.text("scope") != "ledger.read" {
			t.Errorf("a client's own token: %d %s", a.status, a.body)
		}
		want(t, w.post("/v1/token", append(cc, "scope", "orders.read"), withBasic(serviceID, secret)), 400, "invalid_scope")
		want(t, w.post("/v1/token", cc, withBasic(gatewayID, secret)), 400, "invalid_scope")
	})
	t.Run("D07 a grant for it alone ends, and goes on when it is back", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.login(cliID, "scope", "orders.read")
		orders := withdraw(w)
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
		w.put(orders, func(s *registry.Snapshot) bool { _, ok := s.Resource(ordersAPI); return ok })
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 200, "")
	})
	t.Run("D07 another API that takes over the name of a scope gets no token of what was granted before", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.login(cliID, "scope", "openid orders.read")
		other := *withdraw(w)
		other.Name, other.Identifier = "elsewhere", "https://elsewhere.example.com"
		w.put(&other, func(s *registry.Snapshot) bool { _, ok := s.Resource(other.Identifier); return ok })
		a := w.refresh(cliID, tokens.text("refresh_token"))
		if a.text("scope") != "openid" || claims(t, a.text("access_token"))["aud"] == other.Identifier {
			t.Errorf("%s for %v", a.text("scope"), claims(t, a.text("access_token"))["aud"])
		}
		want(t, w.refresh(cliID, a.text("refresh_token"), "resource", other.Identifier), 400, "invalid_target")
	})
}

func TestD07WhenAResourceIsGone(t *testing.T) {
	w := newWorld(t)
	both, one := w.login(cliID, "scope", "openid orders.read"), w.login(cliID, "scope", "orders.read")
	orders, _ := w.server.registry.Current().Resource(ordersAPI)
	w.remove(orders)
	w.await(func(s *registry.Snapshot) bool { _, ok := s.Resource(ordersAPI); return !ok })
	t.Run("D07 its scope is gone from the next token, which is not for the issuer instead", func(t *testing.T) {
		a := w.refresh(cliID, both.text("refresh_token"))
		if a.text("scope") != "openid" {
			t.Error(a.body)
		}
	})
	t.Run("D07 a grant of which nothing is left is invalid_grant", func(t *testing.T) {
		want(t, w.refresh(cliID, one.text("refresh_token")), 400, "invalid_grant")
	})
	t.Run("B14 a scope of it is invalid_scope, asked for or not", func(t *testing.T) {
		cc := []string{"grant_type", "client_credentials"}
		want(t, w.post("/v1/token", append(cc, "scope", "orders.read"), withBasic(gatewayID, secret)), 400, "invalid_scope")
		want(t, w.post("/v1/token", cc, withBasic(gatewayID, secret)), 400, "invalid_scope")
		if a := w.post("/v1/token", cc, withBasic(serviceID, secret)); a.text("scope") != "ledger.read" || claims(t, a.text("access_token"))["aud"] != ledgerAPI {
			t.Error(a.body)
		}
	})
}

func TestARefreshFamilyWhoseKeyIsGone(t *testing.T) {
	w := newWorld(t)
	token := w.login(cliID).text("refresh_token")
	fresh := keys(t)
	fresh.Derivation[0].ID = "another"
	w.put(fresh, func(s *registry.Snapshot) bool { return s.Keys().Derivation[0].ID == "another" })
	want(t, w.refresh(cliID, token), 400, "invalid_grant")
}

func TestD11WhenTheAccountChangesAtItsProvider(t *testing.T) {
	w := newWorld(t)
	tokens := w.login(cliID, "scope", "openid email groups")
	if got := claims(t, tokens.text("id_token")); got["email"] != "ada@example.com" || got["groups"] == nil {
		t.Fatalf("at first: %v", got)
	}
	w.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
		Accounts: []registration.LocalAccount{{Username: "ada", PasswordHash: passwordHash, Email: "lovelace@example.com"}},
	}}, func(s *registry.Snapshot) bool {
		return s.IdentityProviders()[0].Local.Accounts[0].Email == "lovelace@example.com"
	})
	check := func(t *testing.T, got map[string]any) {
		t.Helper()
		if got["groups"] != nil || got["email"] != "lovelace@example.com" || got["email_verified"] != false {
			t.Errorf("got %v", got)
		}
	}
	t.Run("D11 userinfo drops the group at once, also for a token issued before", func(t *testing.T) {
		check(t, w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+tokens.text("access_token"))).json)
	})
	t.Run("D11 the next refresh drops the group", func(t *testing.T) {
		check(t, claims(t, w.refresh(cliID, tokens.text("refresh_token")).text("id_token")))
	})
	t.Run("D11 so does a device code that was approved before", func(t *testing.T) {
		check(t, claims(t, w.login(cliID, "scope", "openid email groups").text("id_token")))
	})
}

func TestD08WhenThePolicyLosesAScope(t *testing.T) {
	w := newWorld(t)
	tokens := w.login(cliID, "scope", "openid orders.read")
	policy, _ := w.server.registry.Current().Policy("all")
	tight := *policy
	tight.Allow.Scopes = slices.DeleteFunc(slices.Clone(policy.Allow.Scopes), func(s string) bool { return s == "orders.read" })
	cutOff := func(s *registry.Snapshot) bool { c, ok := s.Client(cliID); return ok && c.Refused != nil }
	w.put(&tight, cutOff)
	t.Run("D08 a client that asks for more than the policy allows is cut off whole", func(t *testing.T) {
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 401, "invalid_client")
	})
	t.Run("D08 once the client complies, the next refresh is without the scope", func(t *testing.T) {
		w.edit("cli", func(c *registration.Client) {
			c.Scopes = slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return s == "orders.read" })
		})
		a := w.refresh(cliID, tokens.text("refresh_token"))
		if a.text("scope") != "openid" {
			t.Error(a.body)
		}
	})
}

func TestD04RestartAndClock(t *testing.T) {
	w := newWorld(t)
	tokens := w.login(cliID)
	rotated := w.refresh(cliID, tokens.text("refresh_token"))
	revoked := w.login(cliID)
	want(t, w.post("/v1/revoke", []string{"client_id", cliID, "token", revoked.text("refresh_token")}), 200, "")
	w.refresh(cliID, rotated.text("refresh_token")) // from here on the first one is a replay
	w.stop()
	address := strings.TrimPrefix(w.url, "http://")
	keep := func(s *registration.Server) { s.Issuer = w.url }
	w.restart(filepath.Join(filepath.Dir(w.folder), "data.db"), address, keep)
	t.Run("D04 a revoked token stays revoked after a restart", func(t *testing.T) {
		want(t, w.refresh(cliID, revoked.text("refresh_token")), 400, "invalid_grant")
	})
	t.Run("D04 a rotated token stays rotated after a restart", func(t *testing.T) {
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
	})
	t.Run("D04 and after the clock jumped back", func(t *testing.T) {
		w.pass(-2 * time.Hour)
		want(t, w.refresh(cliID, revoked.text("refresh_token")), 400, "invalid_grant")
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
	})
}

// rounds is how often the races are run.
func rounds() int {
	if testing.Short() {
		return 5
	}
	return 200
}

func TestD03ParallelUsesOfOneRefreshToken(t *testing.T) {
	w := newWorld(t)
	t.Run("D03 64 parallel uses give the same successor and the family never forks", func(t *testing.T) {
		for range rounds() {
			token := w.login(cliID).text("refresh_token")
			successors := map[string]int{}
			for _, a := range parallel(t, func() (answer, error) {
				return w.try(http.MethodPost, "/v1/token", formType, form("grant_type", "refresh_token", "refresh_token", token, "client_id", cliID))
			}) {
				switch {
				case a.status == 200:
					successors[a.text("refresh_token")]++
				case a.status != 400 || a.text("error") != "invalid_grant":
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			if len(successors) != 1 {
				t.Fatalf("%d different successors", len(successors))
			}
		}
	})
}

// parallel makes 64 calls at once.
func parallel(t *testing.T, call func() (answer, error)) []answer {
	t.Helper()
	const n = 64
	out, errs := make([]answer, n), make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			out[i], errs[i] = call()
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
