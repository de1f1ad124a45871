package server

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/test/sampleapi"
)

// chosen is a world with the sample API in it: once as an API that judges tokens alone, once as one that asks about them.
type chosen struct {
	*world
	alone, asking *httptest.Server
}

const (
	chatID       = "apps.chat"     // confidential, code and refresh, exempted from PKCE
	terminalID   = "apps.terminal" // public, device and refresh
	chatCallback = "https://chat.example.com/cb"
)

func newChosen(t *testing.T) *chosen {
	t.Helper()
	w := &chosen{world: newWorld(t)}
	serve := func() (*httptest.Server, *http.Handler) {
		h := new(http.Handler)
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*h).ServeHTTP(rw, r) }))
		t.Cleanup(s.Close)
		return s, h
	}
	var alone, asking *http.Handler
	w.alone, alone = serve()
	w.asking, asking = serve()
	for _, api := range []struct {
		handler    *http.Handler
		id, secret string
	}{{alone, "", ""}, {asking, "apps.api", secret}} {
		a, err := sampleapi.New(sampleapi.Config{
			Issuer: w.url, Identifier: w.alone.URL, ClientID: api.id, ClientSecret: api.secret, Data: sampleapi.Sample(), Now: w.now,
			Client: &http.Client{Timeout: 5 * time.Second}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		*api.handler = a.Handler()
	}
	secretMethod, none := registration.AuthenticationClientSecret, registration.AuthenticationNone
	scopes := []string{"openid", "offline_access", sampleapi.ScopeProjects, sampleapi.ScopeClusters}
	code := []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}
	for _, d := range []registration.Document{
		&registration.Policy{Namespace: "oauth", Name: "chosen", Allow: registration.Allow{
			GrantTypes: append([]string{deviceCode, oauth.GrantTypeClientCredentials}, code...), Scopes: scopes, RedirectHosts: []string{"chat.example.com"},
			Authentication: []registration.AuthenticationMethod{secretMethod, none}, WithoutPKCE: true,
		}},
		&registration.Resource{Namespace: "oauth", Name: "clusters", Identifier: w.alone.URL, Title: "Clusters", ResourceServers: []string{"apps/api"},
			Scopes:  []registration.Scope{{Name: sampleapi.ScopeProjects, Title: "See your projects"}, {Name: sampleapi.ScopeClusters, Title: "See your clusters"}},
			Choices: &registration.Choices{Type: sampleapi.DetailType, Title: "Projects", URL: w.alone.URL + "/.oauth/choices"}},
		governed(client("api", "Service", []string{oauth.GrantTypeClientCredentials}, nil, secretMethod)),
		governed(redirected(client("chat", "Web", code, scopes, secretMethod), chatCallback)),
		governed(client("terminal", "Device", []string{deviceCode, oauth.GrantTypeRefreshToken}, scopes, none)),
	} {
		w.write(d)
	}
	w.await(func(s *registry.Snapshot) bool {
		_, _, declared := s.ScopeResource(sampleapi.ScopeClusters)
		for _, id := range []string{chatID, terminalID, "apps.api"} {
			c, ok := s.Client(id)
			declared = declared && ok && c.Enabled()
		}
		return declared
	})
	return w
}

// governed puts a client under the policy of these tests.
func governed(c *registration.Client) *registration.Client {
	c.Policy = "chosen"
	return c
}

// pick is the value of the box with a title.
func (b *tab) pick(title string) string {
	b.t.Helper()
	m := regexp.MustCompile(`name="choice" value="([^"]+)"[^>]*><span><bdi>` + regexp.QuoteMeta(html.EscapeString(title)) + `</bdi>`).FindStringSubmatch(b.page.body)
	if m == nil {
		b.t.Fatalf("%s cannot be chosen at %s: %d %s", title, b.at, b.page.status, b.page.body)
	}
	return m[1]
}

// ask asks the sample API with a token and returns the status and the names in its answer.
func (w *chosen) ask(api *httptest.Server, path, token string) (int, []string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, api.URL+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`"name":"([^"]*)"`).FindAllSubmatch(body, -1) {
		names = append(names, string(m[1]))
	}
	return res.StatusCode, names
}

// lists checks what both APIs list for a token.
func (w *chosen) lists(path, token string, want ...string) {
	w.t.Helper()
	for _, api := range []*httptest.Server{w.alone, w.asking} {
		status, got := w.ask(api, path, token)
		if diff := cmp.Diff(want, got); status != http.StatusOK || diff != "" {
			w.t.Errorf("S4 %s: %d (-want +got)\n%s", path, status, diff)
		}
	}
}

// refuses checks the status with which both APIs refuse a token.
func (w *chosen) refuses(path, token string, want int) {
	w.t.Helper()
	for _, api := range []*httptest.Server{w.alone, w.asking} {
		if status, names := w.ask(api, path, token); status != want {
			w.t.Errorf("S4 %s: %d %v, want %d", path, status, names, want)
		}
	}
}

func (w *chosen) basic(pairs ...string) answer {
	w.t.Helper()
	return w.post("/v1/token", pairs, withBasic(chatID, secret))
}

func TestS3CodeLoginWithAChoice(t *testing.T) {
	w := newChosen(t)
	b := w.tab(t)
	b.open("/v1/authorize?" + url.Values{ // as a chat assistant asks: no PKCE, and an empty scope
		"response_type": {"code"}, "client_id": {chatID}, "redirect_uri": {chatCallback}, "scope": {""}, "state": {"s"},
	}.Encode())
	b.signIn()
	b.see("Give chat access to your account?")
	b.submit("decision", "approve", "choice", b.pick("Web shop"))
	a := w.basic("grant_type", "authorization_code", "code", b.answered(chatCallback).Get("code"), "redirect_uri", chatCallback)
	want(t, a, 200, "")

	t.Run("S1 the answer, the token and introspection say what was chosen", func(t *testing.T) {
		details := []any{map[string]any{"type": "project", "locations": []any{w.alone.URL}, "identifier": "proj-shop", "parent": "org-acme"}}
		about := w.post("/v1/introspect", []string{"token", a.text("access_token")}, withBasic("apps.api", secret))
		for where, got := range map[string]any{
			"the answer": a.json["authorization_details"], "the token": claims(t, a.text("access_token"))["authorization_details"],
			"introspection": about.json["authorization_details"],
		} {
			if diff := cmp.Diff(any(details), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", where, diff)
			}
		}
	})
	w.lists("/v1beta1/projects", a.text("access_token"), "Web shop")
	w.lists("/v1beta1/clusters", a.text("access_token"), "shop-production", "shop-staging")
	w.refuses("/v1beta1/projects/proj-blog", a.text("access_token"), http.StatusForbidden)
	w.refuses("/.oauth/choices", a.text("access_token"), http.StatusUnauthorized)

	t.Run("what is chosen later is in the next token", func(t *testing.T) {
		b.open("/consent/change?app=uid-chat")
		b.see("Change what chat may do?")
		b.submit("decision", "approve", "choice", b.pick("Lab")) // and the web shop is unticked
		a = w.basic("grant_type", "refresh_token", "refresh_token", a.text("refresh_token"))
		want(t, a, 200, "")
		w.lists("/v1beta1/projects", a.text("access_token"), "Lab")
		w.lists("/v1beta1/organizations", a.text("access_token"), "Beta Laboratories")
	})

	t.Run("S7 what is taken back is refused: at once by who asks, and when the token ends by who does not", func(t *testing.T) {
		b.open("/account/revoke?app=uid-chat")
		b.submit()
		if status, _ := w.ask(w.asking, "/v1beta1/projects", a.text("access_token")); status != http.StatusUnauthorized {
			t.Errorf("the API that asks: %d", status)
		}
		want(t, w.basic("grant_type", "refresh_token", "refresh_token", a.text("refresh_token")), 400, "invalid_grant")
		w.pass(11 * time.Minute)
		w.refuses("/v1beta1/projects", a.text("access_token"), http.StatusUnauthorized)
	})
}

func TestS2DeviceLoginWithAChoice(t *testing.T) {
	w := newChosen(t)
	started := w.device(terminalID)
	b := w.tab(t)
	b.open("/device?user_code=" + started.text("user_code"))
	b.signIn()
	if !strings.Contains(b.page.body, started.text("user_code")) {
		t.Fatalf("F09 the code is not there to compare: %s", b.page.body)
	}
	b.submit("decision", "approve")
	want(t, w.poll(terminalID, started.text("device_code")), 400, "authorization_pending")
	b.submit("decision", "approve")
	if b.page.status != http.StatusBadRequest {
		t.Errorf("nothing is chosen: %d %s", b.page.status, b.page.body)
	}
	b.submit("decision", "approve", "choice", b.pick("Company blog"))
	b.see("Approved")
	a := w.poll(terminalID, started.text("device_code"))
	want(t, a, 200, "")
	w.lists("/v1beta1/projects", a.text("access_token"), "Company blog")
	w.lists("/v1beta1/clusters", a.text("access_token"), "blog")
	w.refuses("/v1beta1/clusters?project=proj-shop", a.text("access_token"), http.StatusForbidden)

	t.Run("S6 logging out ends the access", func(t *testing.T) {
		want(t, w.post("/v1/revoke", []string{"token", a.text("access_token"), "client_id", terminalID}), 200, "")
		if status, _ := w.ask(w.asking, "/v1beta1/projects", a.text("access_token")); status != http.StatusUnauthorized {
			t.Errorf("the API that asks: %d", status)
		}
		want(t, w.refresh(terminalID, a.text("refresh_token")), 400, "invalid_grant")
	})
}
