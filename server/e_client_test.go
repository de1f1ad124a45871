package server

import (
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func TestClientCredentials(t *testing.T) {
	w := newWorld(t)
	cc := []string{"grant_type", "client_credentials"}

	t.Run("E01 a public client is unauthorized_client", func(t *testing.T) {
		want(t, w.post("/v1/token", append(cc, "client_id", toolID)), 400, "unauthorized_client")
		want(t, w.post("/v1/token", append(cc, "client_id", cliID)), 400, "unauthorized_client")
	})
	t.Run("E01 the answer has no refresh token and no ID token", func(t *testing.T) {
		a := w.post("/v1/token", cc, withBasic(serviceID, secret))
		want(t, a, 200, "")
		if a.text("refresh_token") != "" || a.text("id_token") != "" {
			t.Error(a.body)
		}
	})
	t.Run("E01 openid and offline_access are invalid_scope", func(t *testing.T) {
		w.edit("other", func(c *registration.Client) { c.GrantTypes = append(c.GrantTypes, "client_credentials") })
		for _, scope := range []string{"openid", "offline_access", "orders.read openid"} {
			want(t, w.post("/v1/token", append(cc, "scope", scope), withBasic(otherID, secret)), 400, "invalid_scope")
		}
		want(t, w.post("/v1/token", append(cc, "scope", "orders.read"), withBasic(otherID, secret)), 200, "")
	})
	t.Run("an app that signs people in as well gets by default what is about no user", func(t *testing.T) {
		a := w.post("/v1/token", cc, withBasic(otherID, secret))
		want(t, a, 200, "")
		if got := a.text("scope"); strings.Contains(got, "openid") || got == "" {
			t.Errorf("the scope is %q", got)
		}
	})
	t.Run("E02 sub is client:namespace/name, which no user can have", func(t *testing.T) {
		got := claims(t, w.post("/v1/token", cc, withBasic(serviceID, secret)).text("access_token"))
		if got["sub"] != "client:apps/reports" || got["client_id"] != serviceID {
			t.Errorf("%v", got)
		}
		if strings.Contains(w.user.ID, ":") {
			t.Error("a user's id must not look like a client's")
		}
	})
	t.Run("E03 a suspended client is 401 within 2 s, and its tokens are no longer active", func(t *testing.T) {
		token := w.post("/v1/token", cc, withBasic(serviceID, secret)).text("access_token")
		if !w.active(token) {
			t.Fatal("not active before")
		}
		w.edit("reports", func(c *registration.Client) { c.Suspended = true })
		want(t, w.post("/v1/token", cc, withBasic(serviceID, secret)), 401, "invalid_client")
		if w.active(token) {
			t.Error("still active")
		}
	})
}
