package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// govern changes the policy of all clients and waits until that is served.
func (w *world) govern(change func(*registration.Policy)) {
	w.t.Helper()
	old, ok := w.server.registry.Current().Policy("all")
	if !ok {
		w.t.Fatal("no policy")
	}
	p := *old
	change(&p)
	p.Priority++ // so that what is served can be told from what was
	w.put(&p, func(s *registry.Snapshot) bool {
		got, ok := s.Policy("all")
		return ok && got.Priority == p.Priority
	})
}

func users(expression string) func(*registration.Policy) {
	return func(p *registration.Policy) { p.Users = expression }
}

func TestK09WhoMayLetClientsInIsThePoliciesToSay(t *testing.T) {
	w := newWorld(t)
	w.andGrace()
	const staff = "'staff' in user.groups"

	t.Run("who may is let in, and who may not sees which app, which account, and what to do", func(t *testing.T) {
		w.govern(users(staff))
		b := w.tab(t)
		b.open(authorization())
		b.signInAs("ada")
		want(t, w.redeem(webID, b.answered(webCallback).Get("code")), 200, "")

		b = w.tab(t)
		b.open(authorization())
		b.submit("username", "grace", "password", "correct horse")
		b.see("This account may not use the app")
		for _, part := range []string{"web", "Grace (grace)", "ask those who run this service", "Use another account"} {
			if !strings.Contains(b.page.body, part) {
				t.Errorf("%q is not on the page", part)
			}
		}
		if b.page.status != http.StatusForbidden || strings.Contains(b.page.body, "staff") || strings.Contains(b.page.body, "apps/web") {
			t.Errorf("%d, and what the policy says is the platform's alone, to say and to change: %s", b.page.status, b.page.body)
		}
		b.submit() // back to the app
		if q := b.answered(webCallback); q.Get("error") != "access_denied" || q.Get("code") != "" {
			t.Errorf("the app was told %v", q)
		}
	})
	t.Run("an app that may ask nobody is told at once", func(t *testing.T) {
		b := w.tab(t)
		b.open("/account")
		b.submit("username", "grace", "password", "correct horse")
		b.open(authorization("prompt", "none"))
		if q := b.answered(webCallback); q.Get("error") != "access_denied" {
			t.Errorf("the app was told %v", q)
		}
	})
	t.Run("a device that somebody else may not connect is not connected", func(t *testing.T) {
		started := w.device(cliID)
		b := w.tab(t)
		b.open("/device?user_code=" + started.text("user_code"))
		b.submit("username", "grace", "password", "correct horse")
		b.see("This account may not use the app")
		b.submit()
		want(t, w.poll(cliID, started.text("device_code")), 400, "access_denied")
	})
	t.Run("what was begun before the policy said no is not redeemed, nor refreshed, nor any use, and goes on when it says yes", func(t *testing.T) {
		w.govern(users(""))
		logged := w.login(cliID)
		code, started := w.code(webID), w.device(cliID)
		w.approve(started.text("device_code"))
		w.govern(users("'admin' in user.groups"))
		want(t, w.redeem(webID, code), 400, "invalid_grant")
		want(t, w.poll(cliID, started.text("device_code")), 400, "invalid_grant")
		want(t, w.refresh(cliID, logged.text("refresh_token")), 400, "invalid_grant")
		if w.active(logged.text("access_token")) {
			t.Error("the access token is as good as before")
		}
		if a := w.send(http.MethodGet, "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+logged.text("access_token"))); a.status != http.StatusUnauthorized {
			t.Errorf("userinfo: %d", a.status)
		}
		w.govern(users(staff))
		want(t, w.redeem(webID, code), 200, "")
		want(t, w.poll(cliID, started.text("device_code")), 200, "")
		want(t, w.refresh(cliID, logged.text("refresh_token")), 200, "")
	})
	t.Run("a consent that is remembered lets nobody in who may not", func(t *testing.T) {
		w.govern(users(""))
		b := w.tab(t)
		b.open(authorization())
		b.signInAs("grace")
		b.answered(webCallback)
		w.govern(users(staff))
		b.open(authorization())
		b.see("This account may not use the app")
	})
	t.Run("a policy that nobody can read refuses every client", func(t *testing.T) {
		w.govern(users("'staff' in claims.groups"))
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 401, "invalid_client")
		w.govern(users(staff))
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 200, "")
	})
}

func TestK07ResourcesAreThePoliciesToSay(t *testing.T) {
	w := newWorld(t)
	only := func(names ...string) func(*registration.Policy) {
		return func(p *registration.Policy) { p.Allow.Resources = names }
	}
	token := func(pairs ...string) answer {
		return w.post("/v1/token", append([]string{"grant_type", "client_credentials"}, pairs...), withBasic(serviceID, secret))
	}
	t.Run("a client that was compiled with its resources is refused as a whole", func(t *testing.T) {
		w.edit("reports", func(c *registration.Client) { c.Resources = []string{"ledger", "orders"} })
		w.govern(only("orders"))
		want(t, token(), 401, "invalid_client")
		w.govern(only())
		want(t, token(), 200, "")
		w.edit("reports", func(c *registration.Client) { c.Resources = nil })
	})
	w.govern(only("orders"))
	t.Run("a scope of another resource is refused", func(t *testing.T) {
		want(t, token("scope", "ledger.read"), 400, "invalid_scope")
		want(t, token("scope", "orders.read ledger.read"), 400, "invalid_scope")
		want(t, token("scope", "orders.read"), 200, "")
	})
	t.Run("so is the resource itself", func(t *testing.T) {
		want(t, token("resource", ledgerAPI), 400, "invalid_target")
		want(t, token("resource", ledgerAPI, "scope", "orders.read"), 400, "invalid_target")
		want(t, token("resource", ordersAPI), 200, "")
	})
	t.Run("who asks for nothing gets what is allowed", func(t *testing.T) {
		if a := token(); a.status != 200 || a.text("scope") != "orders.read" || claims(t, a.text("access_token"))["aud"] != ordersAPI {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("in the browser and on devices too", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization("scope", "openid ledger.read"))
		b.signInAs("ada")
		if q := b.answered(webCallback); q.Get("error") != "invalid_scope" {
			t.Errorf("got %v", q)
		}
		b.open(authorization("scope", "openid orders.read", "resource", ledgerAPI))
		if q := b.answered(webCallback); q.Get("error") != "invalid_target" {
			t.Errorf("got %v", q)
		}
		want(t, w.post("/v1/device_authorization", []string{"client_id", cliID, "resource", ledgerAPI}), 400, "invalid_target")
	})
	t.Run("a grant from before loses it at the next refresh, and has it again afterwards", func(t *testing.T) {
		w.govern(only())
		a := w.redeem(webID, w.code(webID, func(_ *storage.Code, g *storage.Grant) {
			g.Scopes, g.Audience = []string{"openid", "orders.read", "ledger.read", "offline_access"}, []string{ordersAPI, ledgerAPI}
		}))
		want(t, a, 200, "")
		w.govern(only("orders"))
		a = w.refresh(webID, a.text("refresh_token"), "client_secret", secret)
		if a.status != 200 || strings.Contains(a.text("scope"), "ledger.read") {
			t.Errorf("%d %s", a.status, a.body)
		}
		want(t, w.refresh(webID, a.text("refresh_token"), "client_secret", secret, "resource", ledgerAPI), 400, "invalid_target")
		w.govern(only())
		if a = w.refresh(webID, a.text("refresh_token"), "client_secret", secret); !strings.Contains(a.text("scope"), "ledger.read") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestLifetimesAreCappedByThePolicyOfTheMoment(t *testing.T) {
	w := newWorld(t)
	minute := registration.Duration(time.Minute)
	limits := func(access, refresh registration.Duration) func(*registration.Policy) {
		return func(p *registration.Policy) { p.Limits.AccessTokenTTL, p.Limits.RefreshTokenTTL = access, refresh }
	}
	w.edit("cli", func(c *registration.Client) { c.Tokens.AccessTokenDefault, c.Tokens.RefreshTokenDefault = true, true })
	t.Run("defaults are shorter from one write on, and nobody is cut off", func(t *testing.T) {
		if got := w.login(cliID).json["expires_in"]; got != 600.0 {
			t.Errorf("before: %v s", got)
		}
		w.govern(limits(5*minute, 60*minute))
		a := w.login(cliID)
		if got := a.json["expires_in"]; got != 300.0 {
			t.Errorf("after: %v s", got)
		}
		w.pass(59 * time.Minute)
		a = w.refresh(cliID, a.text("refresh_token"))
		want(t, a, 200, "")
		w.pass(2 * time.Minute)
		want(t, w.refresh(cliID, a.text("refresh_token")), 400, "invalid_grant")
	})
	t.Run("a lifetime that the client asked for is refused as a whole", func(t *testing.T) {
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 401, "invalid_client")
		w.govern(limits(0, 0))
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 200, "")
	})
	t.Run("refresh tokens from before end with the limit, and work again when it is lifted", func(t *testing.T) {
		a := w.login(cliID)
		w.pass(2 * time.Hour)
		w.govern(limits(0, 60*minute))
		want(t, w.refresh(cliID, a.text("refresh_token")), 400, "invalid_grant")
		w.govern(limits(0, 0))
		want(t, w.refresh(cliID, a.text("refresh_token")), 200, "")
	})
}

func TestGrantsPerUserAreLimited(t *testing.T) {
	w := newWorld(t)
	w.govern(func(p *registration.Policy) { p.Limits.GrantsPerUser = 2 })
	b := w.tab(t)
	b.open("/account")
	b.signIn()
	again := func() answer {
		t.Helper()
		b.open(authorization("scope", "openid orders.read offline_access"))
		b.through()
		a := w.redeem(webID, b.answered(webCallback).Get("code"))
		want(t, a, 200, "")
		w.pass(time.Minute)
		return a
	}
	refresh := func(a answer) answer {
		return w.refresh(webID, a.text("refresh_token"), "client_secret", secret)
	}
	first, second := again(), again()
	first = refresh(first)
	want(t, first, 200, "")
	w.pass(time.Minute)
	third := again()
	if w.active(second.text("access_token")) {
		t.Error("the access token of the grant that was not used for longest lives")
	}
	want(t, refresh(second), 400, "invalid_grant")
	want(t, refresh(first), 200, "")
	want(t, refresh(third), 200, "")
	var ended []string
	for line := range strings.Lines(w.log.String()) {
		var event struct{ Msg, Grant, Client string }
		if json.Unmarshal([]byte(line), &event) == nil && event.Msg == "grant.ended" && event.Client == webID {
			ended = append(ended, event.Grant)
		}
	}
	if want := claims(t, second.text("access_token"))["grant_id"]; len(ended) != 1 || ended[0] != want {
		t.Errorf("the audit log has the end of %v, want %v", ended, want)
	}
}

func TestK07TighteningCutsOffOnEveryReplicaWithin2sAndLooseningNeedsNoTouch(t *testing.T) {
	w := newWorld(t)
	replica := w.replica()
	logged := w.login(cliID)
	tightened := func(p *registration.Policy) {
		p.Allow.GrantTypes = []string{oauth.GrantTypeClientCredentials, oauth.GrantTypeAuthorizationCode}
	}
	old, _ := w.server.registry.Current().Policy("all")
	began := time.Now()
	w.govern(tightened) // fails after 2 s
	replica.await(func(s *registry.Snapshot) bool { c, _ := s.Client(cliID); return c != nil && !c.Enabled() })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	host := withHeader("Host", strings.TrimPrefix(w.url, "http://"))
	for _, at := range []*world{w, replica} {
		want(t, at.post("/v1/token", []string{"grant_type", "refresh_token", "refresh_token", logged.text("refresh_token"), "client_id", cliID}, host), 401, "invalid_client")
		want(t, at.post("/v1/device_authorization", []string{"client_id", cliID}, host), 401, "invalid_client")
		want(t, at.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret), host), 200, "")
	}
	if c, _ := w.server.registry.Current().Client(cliID); c.Refused == nil || !slices.Contains(c.GrantTypes, deviceCode) {
		t.Error("the client's own document was touched")
	}
	w.govern(func(p *registration.Policy) { p.Allow = old.Allow })
	replica.await(func(s *registry.Snapshot) bool { c, _ := s.Client(cliID); return c != nil && c.Enabled() })
	want(t, w.refresh(cliID, logged.text("refresh_token")), 200, "")
}

// replica is a second server over the same documents, with a database of its own: it is asked only what needs none.
func (w *world) replica() *world {
	w.t.Helper()
	other := &world{t: w.t, folder: w.folder, log: w.log, userCodes: map[storage.Hash]storage.Hash{}, keep: true}
	other.start(w.t.TempDir()+"/replica.db", "127.0.0.1:0")
	w.t.Cleanup(other.stop)
	other.url = "http://" + other.server.Address().String()
	return other
}
