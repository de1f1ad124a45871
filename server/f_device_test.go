package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func TestDeviceGrant(t *testing.T) {
	w := newWorld(t)

	t.Run("F01 the answer of device authorization", func(t *testing.T) {
		a := w.device(cliID)
		code, user := a.text("device_code"), a.text("user_code")
		if _, ok := oauth.ParseCredential(oauth.PrefixDeviceCode, code); !ok {
			t.Errorf("device code %q is not 256 bits", code)
		}
		if len(user) != 9 || strings.Trim(user, oauth.UserCodeAlphabet) != "-" {
			t.Errorf("user code %q", user)
		}
		if a.json["interval"] != float64(5) || a.json["expires_in"] != float64(900) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v %s", a.header, a.body)
		}
		if a.text("verification_uri") != w.url+"/device" || a.text("verification_uri_complete") != w.url+"/device?user_code="+user {
			t.Error(a.body)
		}
	})
	t.Run("F02 who may start and for what", func(t *testing.T) {
		want(t, w.post("/v1/device_authorization", nil, withBasic(serviceID, secret)), 400, "unauthorized_client")
		want(t, w.post("/v1/device_authorization", []string{"client_id", cliID, "scope", "orders.write"}), 400, "invalid_scope")
		want(t, w.post("/v1/device_authorization", []string{"client_id", otherID}), 401, "invalid_client")
		want(t, w.post("/v1/device_authorization", []string{"client_id", otherID, "client_secret", secret}), 200, "")
		want(t, w.post("/v1/device_authorization", []string{"client_id", cliID, "resource", "https://nobody.example"}), 400, "invalid_target")
		want(t, w.post("/v1/device_authorization", []string{"client_id", cliID, "scope", "openid", "resource", ordersAPI}), 400, "invalid_target")
	})
	t.Run("F03 a first poll at once is taken, more than two within an interval are slow_down, and it never escalates", func(t *testing.T) {
		code := w.device(cliID).text("device_code")
		want(t, w.poll(cliID, code), 400, "authorization_pending")
		want(t, w.poll(cliID, code), 400, "authorization_pending")
		for range 5 {
			want(t, w.poll(cliID, code), 400, "slow_down")
		}
		w.pass(6 * time.Second)
		want(t, w.poll(cliID, code), 400, "authorization_pending")
		want(t, w.poll(otherID, code, "client_secret", "wrong"), 401, "invalid_client")
		want(t, w.poll(cliID, code), 400, "authorization_pending")
	})
	t.Run("F03 denied, old, unknown and used", func(t *testing.T) {
		denied := w.device(cliID).text("device_code")
		hash, _ := oauth.ParseCredential(oauth.PrefixDeviceCode, denied)
		if err := w.server.storage.DenyDevice(t.Context(), hash, w.now()); err != nil {
			t.Fatal(err)
		}
		want(t, w.poll(cliID, denied), 400, "access_denied")

		used := w.device(cliID).text("device_code")
		w.approve(used)
		want(t, w.poll(cliID, used), 200, "")
		want(t, w.poll(cliID, used), 400, "invalid_grant")

		unknown, err := oauth.NewCredential(oauth.PrefixDeviceCode, w.server.deps.Random)
		if err != nil {
			t.Fatal(err)
		}
		want(t, w.poll(cliID, unknown), 400, "invalid_grant")
		want(t, w.poll(cliID, ""), 400, "invalid_request")

		old := w.device(cliID).text("device_code")
		w.pass(15*time.Minute + time.Second)
		want(t, w.poll(cliID, old), 400, "expired_token")
	})
	t.Run("F04 a device code of another client is invalid_grant, and unharmed", func(t *testing.T) {
		code := w.device(cliID).text("device_code")
		w.approve(code)
		want(t, w.poll(toolID, code), 400, "invalid_grant")
		want(t, w.poll(otherID, code, "client_secret", secret), 400, "invalid_grant")
		want(t, w.poll(cliID, code), 200, "")
	})
	t.Run("F12 the account is locked between approval and poll", func(t *testing.T) {
		code := w.device(cliID).text("device_code")
		w.approve(code)
		w.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
			Accounts: []registration.LocalAccount{{Username: "ada", PasswordHash: passwordHash, Disabled: true}},
		}}, func(s *registry.Snapshot) bool { return s.IdentityProviders()[0].Local.Accounts[0].Disabled })
		want(t, w.poll(cliID, code), 400, "invalid_grant")
		w.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
			Accounts: []registration.LocalAccount{{Username: "ada", PasswordHash: passwordHash, Name: "Ada", Email: "ada@example.com"}},
		}}, func(s *registry.Snapshot) bool { return !s.IdentityProviders()[0].Local.Accounts[0].Disabled })
		want(t, w.poll(cliID, code), 200, "") // the refusal consumed nothing
	})
	t.Run("S1 the tokens are those of the user", func(t *testing.T) {
		a := w.login(cliID)
		access, id := claims(t, a.text("access_token")), claims(t, a.text("id_token"))
		if access["sub"] != w.user.ID || access["aud"] != ordersAPI || id["aud"] != cliID || id["email"] != "ada@example.com" || id["sub"] != w.user.ID {
			t.Errorf("%v %v", access, id)
		}
		if a.text("refresh_token") == "" || a.json["expires_in"] != float64(600) {
			t.Error(a.body)
		}
	})
}

func TestF05ParallelPollsAfterApproval(t *testing.T) {
	w := newWorld(t)
	t.Run("F05 64 parallel polls after approval: exactly one 200, the rest 400", func(t *testing.T) {
		for range rounds() {
			code := w.device(cliID).text("device_code")
			w.approve(code)
			won := 0
			for _, a := range parallel(t, func() (answer, error) {
				return w.try(http.MethodPost, "/v1/token", formType, form("grant_type", deviceCode, "device_code", code, "client_id", cliID))
			}) {
				switch {
				case a.status == 200:
					won++
				case a.status != 400:
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			if won != 1 {
				t.Fatalf("%d polls succeeded", won)
			}
		}
	})
}

func TestF13FloodsOfDeviceRequests(t *testing.T) {
	w := newWorld(t)
	from := func(a string) option { return withHeader("X-Forwarded-For", a) }
	start := func(o ...option) answer {
		return w.post("/v1/device_authorization", []string{"client_id", cliID}, o...)
	}
	t.Run("F13 more than 20 a minute from one address are 429", func(t *testing.T) {
		for range 20 {
			want(t, start(from("192.0.2.1")), 200, "")
		}
		a := start(from("192.0.2.1"))
		if a.status != 429 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %v", a.status, a.header)
		}
		want(t, start(from("192.0.2.2")), 200, "")
	})
	t.Run("F13 more than 1,000 open requests of one client are 429", func(t *testing.T) {
		request := storage.DeviceRequest{
			Client: storage.ClientRef{ID: cliID, UID: "uid-cli"}, CreatedAt: w.now(), ExpiresAt: w.now().Add(time.Minute), Interval: 5 * time.Second, State: storage.DevicePending,
		}
		for i := range 1000 - 21 {
			request.Code = storage.Hash{1, byte(i >> 8), byte(i)}
			request.UserCode = storage.Hash{2, byte(i >> 8), byte(i)}
			if err := w.server.storage.CreateDevice(t.Context(), request, 2000); err != nil {
				t.Fatal(err)
			}
		}
		if a := start(from("192.0.2.3")); a.status != 429 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("F13 rows are gone at most twice their lifetime after they expired", func(t *testing.T) {
		w.pass(46 * time.Minute)
		w.server.collect(t.Context())
		left, err := w.server.storage.Collect(t.Context(), w.now(), 1)
		if err != nil || left != 0 {
			t.Errorf("%d rows are left, %v", left, err)
		}
		want(t, start(from("192.0.2.4")), 200, "")
	})
}
