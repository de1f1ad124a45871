package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// withoutPKCE exempts confidential clients.
func (w *world) withoutPKCE(exempt bool) {
	w.t.Helper()
	old, _ := w.server.registry.Current().Policy("all")
	p := *old
	p.Allow.WithoutPKCE = exempt
	w.put(&p, func(s *registry.Snapshot) bool { got, _ := s.Policy("all"); return got.Allow.WithoutPKCE == exempt })
}

func TestC04WithoutAChallenge(t *testing.T) {
	w := newWorld(t)
	w.withoutPKCE(true)
	bare := func(c *storage.Code, _ *storage.Grant) { c.Challenge = "" }
	t.Run("C04 a verifier where none belongs is a challenge that was taken away", func(t *testing.T) {
		code := w.code(webID, bare)
		want(t, w.redeem(webID, code), 400, "invalid_request")
		want(t, w.redeem(webID, code, "code_verifier", ""), 400, "invalid_grant") // and the code is burned
	})
	t.Run("A11 a client that the policy exempts goes without, and names its redirect_uri", func(t *testing.T) {
		code := w.code(webID, bare)
		want(t, w.redeem(webID, code, "code_verifier", "", "redirect_uri", ""), 400, "invalid_request")
		want(t, w.redeem(webID, code, "code_verifier", ""), 200, "")
	})
	t.Run("C09 an exemption that was withdrawn since counts no more", func(t *testing.T) {
		code := w.code(webID, bare)
		w.withoutPKCE(false)
		want(t, w.redeem(webID, code, "code_verifier", ""), 400, "invalid_grant")
	})
}

func TestC09WhatEndsACode(t *testing.T) {
	local := func(accounts ...registration.LocalAccount) *registration.IdentityProvider {
		return &registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{Accounts: accounts}}
	}
	tests := map[string]struct {
		end    func(w *world)
		status int
		code   string
	}{
		"the user is disabled": {func(w *world) {
			if err := w.server.storage.DisableUser(w.t.Context(), w.user.ID, w.now()); err != nil {
				w.t.Fatal(err)
			}
		}, 400, "invalid_grant"},
		"the account is gone from its provider": {func(w *world) {
			w.put(local(), func(s *registry.Snapshot) bool { return len(s.IdentityProviders()[0].Local.Accounts) == 0 })
		}, 400, "invalid_grant"},
		"A35 its provider is not allowed to the client any more": {func(w *world) { w.allowProviders("corp") }, 400, "invalid_grant"},
		"its provider is gone": {func(w *world) {
			w.remove(local())
			w.await(func(s *registry.Snapshot) bool { return len(s.IdentityProviders()) == 0 })
		}, 400, "invalid_grant"},
		"the client is suspended":              {func(w *world) { w.edit("web", func(c *registration.Client) { c.Suspended = true }) }, 401, "invalid_client"},
		"the client was made again":            {func(w *world) { w.edit("web", func(c *registration.Client) { c.UID = "another" }) }, 400, "invalid_grant"},
		"the client lost the grant type":       {func(w *world) { w.edit("web", func(c *registration.Client) { c.GrantTypes = []string{deviceCode} }) }, 400, "unauthorized_client"},
		"the client lost all that was granted": {func(w *world) { w.edit("web", func(c *registration.Client) { c.Scopes = []string{"profile"} }) }, 400, "invalid_grant"},
		"the grant was revoked on the web page": {func(w *world) {
			if _, err := w.server.storage.RevokeApp(w.t.Context(), w.user.ID, "uid-web", w.now()); err != nil {
				w.t.Fatal(err)
			}
		}, 400, "invalid_grant"},
	}
	for name, tt := range tests {
		t.Run("C09 "+name, func(t *testing.T) {
			w := newWorld(t)
			code := w.code(webID)
			tt.end(w)
			want(t, w.redeem(webID, code), tt.status, tt.code)
		})
	}
}

// allowProviders lets only users of these providers use the clients; all when none is named.
func (w *world) allowProviders(names ...string) {
	w.t.Helper()
	old, _ := w.server.registry.Current().Policy("all")
	p := *old
	p.Allow.IdentityProviders = names
	w.put(&p, func(s *registry.Snapshot) bool {
		got, _ := s.Policy("all")
		return slices.Equal(got.Allow.IdentityProviders, names)
	})
}

func TestA35ProvidersThatThePolicyDoesNotAllow(t *testing.T) {
	w := newWorld(t)
	tokens, started := w.login(cliID), w.device(cliID)
	w.approve(started.text("device_code"))
	code := w.code(webID)
	userinfo := func() answer {
		return w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+tokens.text("access_token")))
	}
	if !w.active(tokens.text("access_token")) {
		t.Fatal("the token is not active to begin with")
	}
	w.allowProviders("corp")
	want(t, w.redeem(webID, code), 400, "invalid_grant")
	want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
	want(t, w.poll(cliID, started.text("device_code")), 400, "invalid_grant")
	want(t, userinfo(), 401, "invalid_token")
	if w.active(tokens.text("access_token")) {
		t.Error("the token is active")
	}
	w.allowProviders("corp", "local")
	// Nothing was consumed by what was refused.
	want(t, w.redeem(webID, code), 200, "")
	want(t, w.poll(cliID, started.text("device_code")), 200, "")
	want(t, w.poll(cliID, started.text("device_code")), 400, "invalid_grant")
	want(t, w.refresh(cliID, tokens.text("refresh_token")), 200, "")
	want(t, userinfo(), 200, "")
}

func TestD07WhenOfflineAccessIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	offline, without := w.login(cliID), w.login(cliID, "scope", "openid orders.read")
	w.edit("cli", func(c *registration.Client) {
		c.Scopes = slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return s == oauth.ScopeOfflineAccess })
	})
	want(t, w.refresh(cliID, offline.text("refresh_token")), 400, "invalid_grant")
	want(t, w.refresh(cliID, without.text("refresh_token")), 200, "")
}

func TestIntrospectionSaysWhatTheGrantAllowsNow(t *testing.T) {
	w := newWorld(t)
	details := func(ids string) json.RawMessage {
		return json.RawMessage(`[{"type":"project","locations":["` + ordersAPI + `"],"identifiers":[` + ids + `]},{"type":"book","locations":["` + ledgerAPI + `"]}]`)
	}
	tokens := w.redeem(webID, w.code(webID, func(_ *storage.Code, g *storage.Grant) {
		g.Scopes, g.Audience, g.AuthorizationDetails = []string{"openid", "orders.read", "ledger.read"}, []string{ordersAPI, ledgerAPI}, details(`"p1","p2"`)
	}))
	asked := func(o option) answer {
		return w.post("/v1/introspect", []string{"token", tokens.text("access_token")}, o)
	}
	before := asked(withBasic(gatewayID, secret))
	if !strings.Contains(before.body, `"identifiers":["p1","p2"]`) || strings.Contains(before.body, "book") || before.text("acr") != "1fa" {
		t.Errorf("an API is told what was chosen there, and nothing else: %s", before.body)
	}
	if own := asked(withBasic(webID, secret)); !strings.Contains(own.body, "book") || !strings.Contains(own.body, "p2") {
		t.Errorf("the client is told all: %s", own.body)
	}
	err := w.server.storage.NarrowApp(t.Context(), w.user.ID, "uid-web", w.now(), func(storage.Access) (storage.Access, error) {
		return storage.Access{Scopes: []string{"openid", "orders.read"}, Audience: []string{ordersAPI}, AuthorizationDetails: details(`"p1"`)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	after := asked(withBasic(gatewayID, secret))
	if !strings.Contains(after.body, `"identifiers":["p1"]`) || after.text("scope") != "openid orders.read" || after.json["active"] != true {
		t.Errorf("after the choice was narrowed: %s", after.body)
	}
	refreshed := w.refresh(webID, tokens.text("refresh_token"), "client_secret", secret)
	if strings.Contains(refreshed.body, `"p2"`) || refreshed.text("scope") != "openid orders.read" {
		t.Errorf("the next token: %s", refreshed.body)
	}
}

func TestWhatWasTakenBackIsNoWaysLeft(t *testing.T) {
	narrowed := func(w *world, left ...string) {
		t.Helper()
		err := w.server.storage.NarrowApp(t.Context(), w.user.ID, "uid-web", w.now(), func(had storage.Access) (storage.Access, error) {
			return storage.Access{Scopes: left, Audience: had.Audience}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	both := func(_ *storage.Code, g *storage.Grant) {
		g.Scopes, g.Audience = []string{"openid", "orders.read", "ledger.read"}, []string{ordersAPI, ledgerAPI}
	}
	t.Run("H03 an API whose last scope was taken back is told of no token, though another API keeps its own", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.redeem(webID, w.code(webID, both))
		ask := func(o option) answer {
			return w.post("/v1/introspect", []string{"token", tokens.text("access_token")}, o)
		}
		if a := ask(withBasic(gatewayID, secret)); a.json["active"] != true {
			t.Fatalf("before: %s", a.body)
		}
		narrowed(w, "openid", "ledger.read")
		if a := ask(withBasic(gatewayID, secret)); a.body != `{"active":false}` {
			t.Errorf("the API that lost its scopes: %s", a.body)
		}
		if a := ask(withBasic(webID, secret)); a.json["active"] != true || strings.Contains(a.body, ordersAPI) || !strings.Contains(a.body, ledgerAPI) {
			t.Errorf("the client: %s", a.body)
		}
	})
	t.Run("I04 userinfo says nothing without openid, not even what was asked for by name", func(t *testing.T) {
		w := newWorld(t)
		tokens := w.redeem(webID, w.code(webID, func(c *storage.Code, g *storage.Grant) {
			both(c, g)
			g.Claims = json.RawMessage(`{"name":{}}`)
		}))
		ask := func() answer {
			return w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+tokens.text("access_token")))
		}
		if a := ask(); a.text("name") != "Ada" {
			t.Fatalf("before: %s", a.body)
		}
		narrowed(w, "openid", "orders.read")
		if a := ask(); a.status != 200 || a.json["name"] != nil || a.text("sub") == "" {
			t.Errorf("without the scope that stands for a name: %s", a.body)
		}
		narrowed(w, "orders.read")
		if a := ask(); a.status != 403 {
			t.Errorf("without openid: %d %s", a.status, a.body)
		}
	})
}
