package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// relyingParty hears logouts as an app does: it knows the issuer alone, and finds the keys by discovery.
type relyingParty struct {
	*httptest.Server
	heard chan logoutClaims
}

// logoutClaims is what a logout token says.
type logoutClaims struct {
	Subject string         `json:"sub"`
	SID     string         `json:"sid"`
	Events  map[string]any `json:"events"`
}

// party makes the web client one that is told of logouts.
func (w *world) party() *relyingParty {
	w.t.Helper()
	p := &relyingParty{heard: make(chan logoutClaims, 16)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		provider, err := oidc.NewProvider(r.Context(), w.url)
		if err != nil {
			w.t.Error(err)
			return
		}
		verified, err := provider.VerifierContext(r.Context(), &oidc.Config{ClientID: webID, Now: w.now}).Verify(r.Context(), r.PostFormValue("logout_token"))
		if err != nil {
			w.t.Error(err)
			return
		}
		var c logoutClaims
		if err := verified.Claims(&c); err != nil {
			w.t.Error(err)
		}
		p.heard <- c
	}))
	w.t.Cleanup(p.Close)
	for _, d := range documents(w.t, w.server.registry.Current().Server()) {
		if policy, ok := d.(*registration.Policy); ok {
			policy.Allow.RedirectHosts = append(policy.Allow.RedirectHosts, "127.0.0.1")
			w.put(policy, func(s *registry.Snapshot) bool {
				now, _ := s.Policy(policy.Name)
				return len(now.Allow.RedirectHosts) == len(policy.Allow.RedirectHosts)
			})
		}
	}
	w.edit("web", func(c *registration.Client) {
		c.BackChannelLogoutURI, c.PostLogoutRedirectURIs = p.URL+"/logout", []string{"https://app.example.com/bye"}
	})
	return p
}

// wait is the next logout that is heard.
func (p *relyingParty) wait(t *testing.T) logoutClaims {
	t.Helper()
	select {
	case c := <-p.heard:
		if c.Events["http://schemas.openid.net/event/backchannel-logout"] == nil {
			t.Errorf("no logout token: %+v", c)
		}
		return c
	case <-time.After(15 * time.Second):
		t.Fatal("the app was not told")
		return logoutClaims{}
	}
}

// sessionName is the name of the user's only session.
func (w *world) sessionName() string {
	w.t.Helper()
	sessions, err := w.server.storage.UserSessions(w.t.Context(), w.user.ID, w.now(), 10)
	if err != nil || len(sessions) != 1 {
		w.t.Fatal(sessions, err)
	}
	return sessions[0].SID
}

// TestI07EveryWayOut ends a session in every way there is, and looks at what the apps have of it.
func TestI07EveryWayOut(t *testing.T) {
	opened := func(browser option) option {
		return func(r *http.Request) {
			browser(r)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "document")
		}
	}
	for name, c := range map[string]struct {
		end func(w *world, browser option, idToken string) answer
		// all is true when all of the user's sessions end, and gone when nothing of the user is left.
		all, gone bool
	}{
		"I07 an app asks for it": {end: func(w *world, browser option, idToken string) answer {
			q := url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {"https://app.example.com/bye"}, "state": {"s"}}
			a := w.send(http.MethodGet, "/v1/logout?"+q.Encode(), "", "", opened(browser))
			if to := a.header.Get("Location"); to != "https://app.example.com/bye?state=s" {
				w.t.Errorf("leads to %q", to)
			}
			return a
		}},
		"I07 an app asks, and the person says yes": {end: func(w *world, browser option, _ string) answer {
			return w.submit("/v1/logout?client_id="+webID, "/logout/confirm", browser)
		}},
		"the person signs out": {end: func(w *world, browser option, _ string) answer {
			return w.submit("/logout", "/logout", browser)
		}},
		"the person ends the session on the account page": {end: func(w *world, browser option, _ string) answer {
			return w.submit("/account/sessions", "/account/sessions", browser)
		}},
		"the person signs out everywhere": {all: true, end: func(w *world, browser option, _ string) answer {
			return w.submit("/account/sessions/all", "/account/sessions/all", browser)
		}},
		"the person's data is erased": {all: true, gone: true, end: func(w *world, browser option, _ string) answer {
			return w.submit("/account/data", "/account/data/erase", browser, "sure", "yes")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			party, browser := w.party(), w.browser()
			sid := w.sessionName()
			in := func(scopes ...string) func(*storage.Code, *storage.Grant) {
				return func(_ *storage.Code, g *storage.Grant) { g.SID, g.Scopes = sid, scopes }
			}
			online := w.redeem(webID, w.code(webID, in("openid", "orders.read")))
			offline := w.redeem(webID, w.code(webID, in("openid", "offline_access", "orders.read")))
			pending := w.code(webID, in("openid"))
			want(t, online, 200, "")
			want(t, offline, 200, "")

			a := c.end(w, browser, online.text("id_token"))
			if a.status != http.StatusSeeOther && a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			told := party.wait(t)
			wantSID := sid
			if c.all {
				wantSID = ""
			}
			if told.Subject != w.user.ID || told.SID != wantSID {
				t.Errorf("told %+v", told)
			}
			if w.active(online.text("access_token")) {
				t.Error("what is bound to the session goes on")
			}
			if token := online.text("refresh_token"); token != "" {
				want(t, w.refresh(webID, token, "client_secret", secret), 400, "invalid_grant")
			}
			want(t, w.redeem(webID, pending), 400, "invalid_grant")
			if again := w.refresh(webID, offline.text("refresh_token"), "client_secret", secret); (again.status == 200) == c.gone {
				t.Errorf("what may work offline: %d %s", again.status, again.body)
			}
			for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
				if cookie.Value != "" || cookie.MaxAge >= 0 {
					t.Errorf("a cookie stays: %v", cookie)
				}
			}
			if page := w.send(http.MethodGet, "/account", "", "", browser); page.status != http.StatusSeeOther {
				t.Errorf("still signed in: %d", page.status)
			}
		})
	}
}

func TestLogoutMetadata(t *testing.T) {
	w := newWorld(t)
	t.Run("I01 the metadata names the endpoint and what is true of logout", func(t *testing.T) {
		a := w.send(http.MethodGet, "/.well-known/openid-configuration", "", "")
		if a.text("end_session_endpoint") != w.url+"/v1/logout" || a.json["backchannel_logout_supported"] != true || a.json["backchannel_logout_session_supported"] != true {
			t.Error(a.body)
		}
	})
	t.Run("A22 no page of another origin reads the endpoint", func(t *testing.T) {
		a := w.send(http.MethodGet, "/v1/logout", "", "", withHeader("Origin", spaOrigin))
		if a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("X-Frame-Options") != "DENY" {
			t.Error(a.status, a.header)
		}
		if a := w.send(http.MethodOptions, "/v1/logout", "", "", withHeader("Origin", spaOrigin)); a.status != http.StatusMethodNotAllowed {
			t.Error(a.status)
		}
	})
	t.Run("B18 when sessions cannot be ended the person is told, and stays signed in", func(t *testing.T) {
		browser := w.browser()
		token := formToken.FindStringSubmatch(w.send(http.MethodGet, "/v1/logout", "", "", browser).body)
		restore := w.breakStorage()
		a := w.post("/logout/confirm", []string{"token", token[1]}, browser)
		restore()
		if a.status != http.StatusServiceUnavailable || a.header.Get("Set-Cookie") != "" || !strings.Contains(a.body, "Not available") {
			t.Errorf("%d %v", a.status, a.header)
		}
		want(t, w.send(http.MethodGet, "/account", "", "", browser), 200, "")
	})
}
