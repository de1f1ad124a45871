package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	t.Run("I01 both well-knowns, issuer byte-equal, nothing advertised that is not there", func(t *testing.T) {
		for _, p := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
			a := w.send("GET", p, "", "")
			if a.status != 200 || a.text("issuer") != w.url || a.header.Get("Content-Type") != "application/json" {
				t.Fatalf("%s: %d %s", p, a.status, a.body)
			}
			for member, v := range a.json {
				if address, ok := v.(string); ok && strings.HasSuffix(member, "_endpoint") || member == "jwks_uri" {
					got := w.send("GET", strings.TrimPrefix(address, w.url), "", "")
					if got.status == 404 {
						t.Errorf("%s: %s is not there", member, address)
					}
				}
			}
			for _, absent := range []string{"registration_endpoint", "check_session_iframe"} {
				if _, ok := a.json[absent]; ok {
					t.Errorf("%s is advertised", absent)
				}
			}
			for _, g := range a.json["grant_types_supported"].([]any) {
				if b := w.post("/v1/token", []string{"grant_type", g.(string)}, withBasic(otherID, secret)); b.text("error") == "unsupported_grant_type" {
					t.Errorf("%s is advertised and not supported", g)
				}
			}
		}
	})
	t.Run("I01 what clients decide by is said as it is", func(t *testing.T) {
		a := w.send("GET", "/.well-known/openid-configuration", "", "")
		for member, want := range map[string]string{
			"scopes_supported":                      `["openid","profile","email","address","phone","groups","offline_access","ledger.read","orders.read","orders.write"]`,
			"id_token_signing_alg_values_supported": `["RS256","ES256"]`,
			"subject_types_supported":               `["public"]`,
			"acr_values_supported":                  `["1fa","mfa","phr"]`,
			"dpop_signing_alg_values_supported":     `["ES256","EdDSA","PS256","RS256"]`,
		} {
			if got, _ := json.Marshal(a.json[member]); string(got) != want {
				t.Errorf("%s: %s", member, got)
			}
		}
		if _, routed := a.json["authorization_endpoint"]; !routed {
			return // and none of what belongs to it
		}
		for member, want := range map[string]string{
			"response_types_supported": `["code"]`, "response_modes_supported": `["query","form_post"]`, "code_challenge_methods_supported": `["S256"]`,
			"authorization_response_iss_parameter_supported": `true`, "claims_parameter_supported": `true`,
			"request_parameter_supported": `false`, "request_uri_parameter_supported": `false`,
			"pushed_authorization_request_endpoint": `"` + w.url + `/v1/par"`, "require_pushed_authorization_requests": `false`,
		} {
			if got, _ := json.Marshal(a.json[member]); string(got) != want {
				t.Errorf("%s: %s", member, got)
			}
		}
	})
	t.Run("I01 no types of authorization details are advertised, since requests with them are refused (RFC 9396 section 10)", func(t *testing.T) {
		w := newWorld(t)
		orders, _ := w.server.registry.Current().Resource(ordersAPI)
		with := *orders
		with.Choices = &registration.Choices{Type: "project", Title: "Projects", Static: []registration.Choice{{ID: "p1", Title: "One"}}}
		w.put(&with, func(s *registry.Snapshot) bool { r, _ := s.Resource(ordersAPI); return r.Choices != nil })
		if a := w.send("GET", "/.well-known/oauth-authorization-server", "", ""); a.status != 200 || a.json["authorization_details_types_supported"] != nil {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("I01 an issuer with a path has all three forms and nothing at the root", func(t *testing.T) {
		w := newWorld(t, func(s *registration.Server) { s.Issuer += "/tenant" })
		root := strings.TrimSuffix(w.url, "/tenant")
		at := func(p string) answer { return get(t, root+p) }
		for _, p := range []string{"/.well-known/oauth-authorization-server/tenant", "/.well-known/openid-configuration/tenant", "/tenant/.well-known/openid-configuration"} {
			if a := at(p); a.status != 200 || a.text("issuer") != w.url {
				t.Errorf("%s: %d %s", p, a.status, a.body)
			}
		}
		for _, p := range []string{"/.well-known/openid-configuration", "/v1/jwks", "/tenantx/v1/jwks", "/tenant"} {
			if a := at(p); a.status != 404 {
				t.Errorf("%s: %d", p, a.status)
			}
		}
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 200, "")
	})
	t.Run("I02 the key set has an entity tag and may be cached", func(t *testing.T) {
		a := w.send("GET", "/v1/jwks", "", "")
		if a.status != 200 || a.header.Get("ETag") == "" || a.header.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%d %v", a.status, a.header)
		}
		if b := w.send("GET", "/v1/jwks", "", "", withHeader("If-None-Match", a.header.Get("ETag"))); b.status != 304 || b.body != "" {
			t.Errorf("%d %q", b.status, b.body)
		}
	})
	t.Run("I03 there is no registration", func(t *testing.T) {
		for _, p := range []string{"/register", "/v1/register"} {
			want(t, w.send("POST", p, "application/json", "{}"), 404, "invalid_request")
		}
	})
}

func get(t *testing.T, address string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	_ = json.NewDecoder(response.Body).Decode(&a.json) // not every answer is JSON
	return a
}

func TestUserinfo(t *testing.T) {
	w := newWorld(t)
	tokens := w.login(cliID)
	bearer := func(t string) option { return withHeader("Authorization", "Bearer "+t) }
	ask := func(o ...option) answer { return w.send("GET", "/v1/userinfo", "", "", o...) }
	t.Run("claims follow the scopes, and a command line finds email and username", func(t *testing.T) {
		a := ask(bearer(tokens.text("access_token")))
		if a.status != 200 || a.text("sub") != w.user.ID || a.text("email") != "ada@example.com" || a.json["email_verified"] != true || a.text("username") != "ada" || a.text("preferred_username") != "ada" {
			t.Errorf("%d %s", a.status, a.body)
		}
		b := w.send("POST", "/v1/userinfo", "", "", bearer(tokens.text("access_token")))
		if b.body != a.body {
			t.Errorf("by POST: %s", b.body)
		}
		narrow := w.login(cliID, "scope", "openid")
		if a := ask(bearer(narrow.text("access_token"))); a.text("email") != "" || a.text("username") != "" || a.text("sub") == "" {
			t.Error(a.body)
		}
	})
	t.Run("I04 without a token the challenge is bare", func(t *testing.T) {
		a := ask()
		if a.status != 401 || a.header.Get("WWW-Authenticate") != bareChallenge {
			t.Errorf("%d %q", a.status, a.header.Get("WWW-Authenticate"))
		}
	})
	t.Run("I04 a bad token is 401 invalid_token", func(t *testing.T) {
		for _, v := range []string{"x", "eyJ.e30.x", tokens.text("access_token") + "x", ""} {
			a := ask(bearer(v))
			if a.status != 401 || (v != "" && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`)) {
				t.Errorf("%q: %d %q", v, a.status, a.header.Get("WWW-Authenticate"))
			}
		}
	})
	t.Run("I04 without openid, and for a client's own token, 403 insufficient_scope", func(t *testing.T) {
		narrow := w.login(cliID, "scope", "orders.read")
		want(t, ask(bearer(narrow.text("access_token"))), 403, "insufficient_scope")
		own := w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret))
		want(t, ask(bearer(own.text("access_token"))), 403, "insufficient_scope")
	})
	t.Run("I04 a token in the form of a POST is as good, and one in the query beside it is ignored", func(t *testing.T) {
		a := w.send("POST", "/v1/userinfo?access_token=x", formType, form("access_token", tokens.text("access_token")))
		if a.status != 200 || a.text("sub") != w.user.ID {
			t.Errorf("%d %s", a.status, a.body)
		}
		want(t, w.send("POST", "/v1/userinfo", formType, form("access_token", "x")), 401, "invalid_token")
		if a := w.send("POST", "/v1/userinfo", formType, form("x", "y")); a.status != 401 || a.header.Get("WWW-Authenticate") != bareChallenge {
			t.Errorf("without a token: %d %s", a.status, a.body)
		}
		want(t, w.send("POST", "/v1/userinfo", formType, "access_token=x&access_token=x"), 400, "invalid_request")
		want(t, w.send("POST", "/v1/userinfo", formType, "access_token="+strings.Repeat("x", 65<<10)), 413, "invalid_request")
		if a := w.send("GET", "/v1/userinfo", formType, form("access_token", tokens.text("access_token"))); a.status != 401 {
			t.Errorf("in the body of a GET: %d", a.status)
		}
	})
	t.Run("I04 a token in the query is ignored and two methods are 400", func(t *testing.T) {
		if a := w.send("GET", "/v1/userinfo?access_token="+tokens.text("access_token"), "", ""); a.status != 401 {
			t.Errorf("in the query: %d", a.status)
		}
		a := w.send("POST", "/v1/userinfo", formType, form("access_token", tokens.text("access_token")), bearer(tokens.text("access_token")))
		want(t, a, 400, "invalid_request")
	})
	t.Run("I05 ID token and refresh token are no bearer tokens", func(t *testing.T) {
		for _, member := range []string{"id_token", "refresh_token"} {
			want(t, ask(bearer(tokens.text(member))), 401, "invalid_token")
		}
	})
	t.Run("H05 after revocation it is 401", func(t *testing.T) {
		want(t, w.post("/v1/revoke", []string{"client_id", cliID, "token", tokens.text("access_token")}), 200, "")
		want(t, ask(bearer(tokens.text("access_token"))), 401, "invalid_token")
	})
}

func TestEdge(t *testing.T) {
	w := newWorld(t)
	t.Run("A23 another Host is 421 and forwarded headers change nothing", func(t *testing.T) {
		want(t, w.send("GET", "/v1/jwks", "", "", withHeader("Host", "evil.example")), 421, "invalid_request")
		a := w.send("GET", "/.well-known/openid-configuration", "", "", withHeader("X-Forwarded-Host", "evil.example"), withHeader("X-Forwarded-Proto", "https"),
			withHeader("Forwarded", "host=evil.example"), withHeader("X-Forwarded-Prefix", "/evil"))
		if a.status != 200 || strings.Contains(a.body, "evil") {
			t.Error(a.body)
		}
	})
	t.Run("A38 long queries, many parameters, large headers", func(t *testing.T) {
		want(t, w.send("GET", "/v1/jwks?x="+strings.Repeat("a", 8<<10), "", ""), 414, "invalid_request")
		want(t, w.send("GET", "/v1/jwks?"+strings.Repeat("a&", 65), "", ""), 400, "invalid_request")
		if a := w.send("GET", "/v1/jwks", "", "", withHeader("X-A", strings.Repeat("a", 24<<10))); a.status != 431 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("I09 behind TLS: strict transport security, and plain HTTP is refused", func(t *testing.T) {
		w := newWorld(t, func(s *registration.Server) {
			s.Issuer = "https" + strings.TrimPrefix(s.Issuer, "http")
		})
		w.url = "http" + strings.TrimPrefix(w.url, "https")
		cc := []string{"grant_type", "client_credentials"}
		a := w.post("/v1/token", cc, withBasic(serviceID, secret), withHeader("X-Forwarded-Proto", "https"))
		if a.status != 200 || a.header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%d %v", a.status, a.header)
		}
		want(t, w.post("/v1/token", cc, withBasic(serviceID, secret), withHeader("X-Forwarded-Proto", "http")), 400, "invalid_request")
	})
	t.Run("I12 a panic is 500 without a stack", func(t *testing.T) {
		rec := newRecorder()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/x", nil)
		w.server.edge.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("inside") })).ServeHTTP(rec, r)
		if rec.status != 500 || strings.Contains(rec.body.String(), "inside") || strings.Contains(rec.body.String(), "goroutine") {
			t.Errorf("%d %s", rec.status, rec.body.String())
		}
		if !strings.Contains(w.log.String(), "inside") {
			t.Error("the log does not know about it")
		}
	})
	t.Run("I12 a thousand idle connections and slow senders do not keep others waiting", func(t *testing.T) {
		var held []net.Conn
		defer func() {
			for _, c := range held {
				_ = c.Close()
			}
		}()
		for i := range 1000 {
			c, err := net.Dial("tcp", w.server.Address().String())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, c)
			if i%2 == 0 {
				_, _ = fmt.Fprintf(c, "POST /v1/token HTTP/1.1\r\nHost: x\r\nX-Slow: ")
			}
		}
		start := time.Now()
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 200, "")
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		// The slow ones are ended by the header time-out.
		if err := held[0].SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := bufio.NewReader(held[0]).ReadByte(); err != nil {
				if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
					t.Error("a connection that never finishes its headers is kept")
				}
				break
			}
		}
	})
}

type recorder struct {
	status int
	header http.Header
	body   strings.Builder
}

func newRecorder() *recorder                    { return &recorder{header: http.Header{}} }
func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(s int)           { r.status = s }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func TestK18DeletingAClientEndsItAtOnce(t *testing.T) {
	w := newWorld(t)
	tokens := w.login(cliID)
	c, _ := w.server.registry.Current().Client(cliID)
	w.remove(c.Client)
	w.await(func(s *registry.Snapshot) bool { _, ok := s.Client(cliID); return !ok })
	want(t, w.refresh(cliID, tokens.text("refresh_token")), 401, "invalid_client")
	if w.active(tokens.text("access_token")) {
		t.Error("an access token of it is still active")
	}
	want(t, w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+tokens.text("access_token"))), 401, "invalid_token")
	t.Run("K05 one that is made again inherits nothing", func(t *testing.T) {
		again := client("cli", "Device", []string{deviceCode, "refresh_token"}, []string{"openid", "orders.read"}, registration.AuthenticationNone)
		again.UID = "uid-cli-again"
		w.put(again, func(s *registry.Snapshot) bool { _, ok := s.Client(cliID); return ok })
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
		if w.active(tokens.text("access_token")) {
			t.Error("an access token of the one before is active")
		}
	})
}

func TestI10NothingSecretIsLogged(t *testing.T) {
	w := newWorld(t)
	started := w.device(toolID)
	w.approve(started.text("device_code"))
	tokens := w.poll(toolID, started.text("device_code"))
	refreshed := w.refresh(toolID, tokens.text("refresh_token"))
	w.refresh(toolID, tokens.text("refresh_token")+"x")
	w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret))
	w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, "wrong-"+secret))
	w.post("/v1/token?client_secret="+secret, []string{"grant_type", "client_credentials"})
	restore := w.breakStorage()
	w.refresh(toolID, refreshed.text("refresh_token"))
	restore()
	w.post("/v1/revoke", []string{"client_id", toolID, "client_secret", secret, "token", refreshed.text("access_token")})
	log := w.log.String()
	for _, must := range []string{"token.issued", "token.refused", "token.revoked", "device.started", toolID, "the database is out of reach"} {
		if !strings.Contains(log, must) {
			t.Errorf("the log does not say %q", must)
		}
	}
	for name, value := range map[string]string{
		"client secret": secret, "device code": started.text("device_code"), "user code": started.text("user_code"), "access token": tokens.text("access_token"),
		"refresh token": tokens.text("refresh_token"), "ID token": tokens.text("id_token"), "next refresh token": refreshed.text("refresh_token"), "next access token": refreshed.text("access_token"),
	} {
		if value == "" || strings.Contains(log, value) {
			t.Errorf("the log holds the %s %q", name, value)
		}
		if i := strings.LastIndex(value, "."); i > 0 && strings.Contains(log, value[i:]) {
			t.Errorf("the log holds the signature of the %s", name)
		}
	}
}
