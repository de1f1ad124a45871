package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

func TestTokenEndpoint(t *testing.T) {
	w := newWorld(t)
	service := withBasic(serviceID, secret)
	cc := []string{"grant_type", "client_credentials"}

	t.Run("a client gets a token for what it may do", func(t *testing.T) {
		a := w.post("/v1/token", cc, service)
		want(t, a, 200, "")
		if a.text("token_type") != "Bearer" || a.json["expires_in"] != float64(600) || a.text("scope") != "orders.read ledger.read" || a.text("access_token") == "" {
			t.Error(a.body)
		}
	})
	t.Run("B01 non-POST is 405 with Allow", func(t *testing.T) {
		for _, m := range []string{"GET", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE"} {
			if a := w.send(m, "/v1/token", "", ""); a.status != 405 || a.header.Get("Allow") != "POST" {
				t.Errorf("%s: %d, Allow %q", m, a.status, a.header.Get("Allow"))
			}
		}
	})
	t.Run("B01 a body that is not form-encoded is invalid_request", func(t *testing.T) {
		for _, kind := range []string{"", "text/plain", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded, text/plain"} {
			want(t, w.send("POST", "/v1/token", kind, form(cc...), service), 400, "invalid_request")
		}
		want(t, w.send("POST", "/v1/token", formType+"; charset=UTF-8", form(cc...), service), 200, "")
	})
	t.Run("B01 a body over 64 KiB is 413", func(t *testing.T) {
		want(t, w.post("/v1/token", append(cc, "x", strings.Repeat("a", 64<<10)), service), 413, "invalid_request")
		chunked := func(r *http.Request) { r.ContentLength = -1 }
		want(t, w.post("/v1/token", append(cc, "x", strings.Repeat("a", 64<<10)), service, chunked), 413, "invalid_request")
	})
	t.Run("B01 a compressed body is 415", func(t *testing.T) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(form(cc...)))
		_ = z.Close()
		want(t, w.send("POST", "/v1/token", formType, b.String(), service, withHeader("Content-Encoding", "gzip")), 415, "invalid_request")
	})
	t.Run("B02 credentials, code or token in the query string are never honoured", func(t *testing.T) {
		for _, q := range []string{"client_id=" + serviceID + "&client_secret=" + secret, "grant_type=client_credentials", "code=x", "refresh_token=x", "device_code=x", "%63lient_secret=x"} {
			want(t, w.post("/v1/token?"+q, cc, service), 400, "invalid_request")
		}
		want(t, w.post("/v1/token?utm=x", cc, service), 200, "")
	})
	t.Run("B03 a repeated parameter is invalid_request", func(t *testing.T) {
		for _, twice := range []string{"grant_type", "scope", "client_id", "unknown"} {
			want(t, w.post("/v1/token", append(cc, twice, "a", twice, "b"), service), 400, "invalid_request")
		}
	})
	t.Run("B03 two client authentication methods are invalid_request", func(t *testing.T) {
		want(t, w.post("/v1/token", append(cc, "client_id", serviceID, "client_secret", secret), service), 400, "invalid_request")
	})
	t.Run("B04 unknown client and wrong secret get the same answer", func(t *testing.T) {
		a, b := w.post("/v1/token", cc, withBasic("apps.nobody", secret)), w.post("/v1/token", cc, withBasic(serviceID, "wrong"))
		want(t, a, 401, "invalid_client")
		if a.status != b.status || a.body != b.body || a.header.Get("WWW-Authenticate") != b.header.Get("WWW-Authenticate") {
			t.Errorf("%d %s and %d %s", a.status, a.body, b.status, b.body)
		}
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("challenge %q", a.header.Get("WWW-Authenticate"))
		}
		inBody := w.post("/v1/token", append(cc, "client_id", serviceID, "client_secret", "wrong"))
		want(t, inBody, 401, "invalid_client")
		if inBody.header.Get("WWW-Authenticate") != "" {
			t.Error("a challenge although Basic was not used")
		}
	})
	t.Run("B05 malformed Basic credentials are 401", func(t *testing.T) {
		for _, v := range []string{"Basic", "Basic ", "Basic !", "Basic YXBwcy5yZXBvcnRz", "Basic Og==", "Basic YXBwcy5yZXBvcnRzOg=="} {
			want(t, w.post("/v1/token", cc, withHeader("Authorization", v)), 401, "invalid_client")
		}
	})
	t.Run("B06 a method that is not the registered one is 401", func(t *testing.T) {
		want(t, w.post("/v1/token", []string{"grant_type", "refresh_token", "refresh_token", "x"}, withBasic(cliID, secret)), 401, "invalid_client")
		want(t, w.post("/v1/token", append(cc, "client_id", serviceID)), 401, "invalid_client")
		want(t, w.post("/v1/token", append(cc, "client_id", serviceID, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", "eyJhbGciOiJub25lIn0.e30.")), 401, "invalid_client")
	})
	t.Run("B13 grant types", func(t *testing.T) {
		want(t, w.post("/v1/token", nil, service), 400, "invalid_request")
		for _, g := range []string{"password", "implicit", "code", "CLIENT_CREDENTIALS", "client_credentials "} {
			want(t, w.post("/v1/token", []string{"grant_type", g}, service), 400, "unsupported_grant_type")
		}
		for _, g := range []string{deviceCode, "authorization_code"} {
			want(t, w.post("/v1/token", []string{"grant_type", g, "device_code", "x", "code", "x"}, service), 400, "unauthorized_client")
		}
	})
	t.Run("B14 scope and resource beyond what the client has", func(t *testing.T) {
		want(t, w.post("/v1/token", append(cc, "scope", "orders.write"), service), 400, "invalid_scope")
		want(t, w.post("/v1/token", append(cc, "scope", "nothing"), service), 400, "invalid_scope")
		want(t, w.post("/v1/token", append(cc, "resource", "https://unknown.example.com"), service), 400, "invalid_target")
		want(t, w.post("/v1/token", append(cc, "scope", "orders.read", "resource", ledgerAPI), service), 400, "invalid_target")
		narrowed := w.post("/v1/token", append(cc, "resource", ledgerAPI), service)
		if narrowed.text("scope") != "ledger.read" || claims(t, narrowed.text("access_token"))["aud"] != ledgerAPI {
			t.Errorf("RFC 8707 section 2.2: %s", narrowed.body)
		}
		both := w.post("/v1/token", append(cc, "resource", ledgerAPI, "resource", ordersAPI), service)
		want(t, both, 200, "")
	})
	t.Run("B15 every answer is JSON that is not stored and says nothing of the inside", func(t *testing.T) {
		allowed := regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]*$`)
		for name, a := range map[string]answer{
			"success":         w.post("/v1/token", cc, service),
			"method":          w.send("GET", "/v1/token", "", ""),
			"unauthenticated": w.post("/v1/token", cc),
			"scope":           w.post("/v1/token", append(cc, "scope", "ä\"\\"), service),
			"grant":           w.post("/v1/token", []string{"grant_type", "refresh_token", "refresh_token", "gkr_x", "client_id", cliID}),
			"not found":       w.send("GET", "/nothing", "", ""),
			"too large":       w.post("/v1/token", append(cc, "x", strings.Repeat("a", 64<<10)), service),
		} {
			if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.json == nil && a.status != 405 {
				t.Errorf("%s: %v %s", name, a.header, a.body)
			}
			if d := a.text("error_description"); !allowed.MatchString(d) || strings.Contains(d, "gkr_") || strings.Contains(d, "/tmp/") || strings.Contains(d, "SQL") {
				t.Errorf("%s: %q", name, d)
			}
		}
	})
	t.Run("B16 no origin is allowed by CORS", func(t *testing.T) {
		for _, origin := range []string{"https://evil.example", "null", w.url} {
			for _, a := range []answer{
				w.post("/v1/token", cc, service, withHeader("Origin", origin)),
				w.send("OPTIONS", "/v1/token", "", "", withHeader("Origin", origin), withHeader("Access-Control-Request-Method", "POST")),
			} {
				for h := range a.header {
					if strings.HasPrefix(h, "Access-Control-") {
						t.Errorf("%s for origin %s", h, origin)
					}
				}
			}
		}
	})
	t.Run("B20 other spellings of the path are 404 and redirect nowhere", func(t *testing.T) {
		for _, p := range []string{"//v1/token", "/v1//token", "/v1/token/", "/%76%31/token", "/v1/%74oken", "/x/..;/v1/token", "/x/../v1/token", "/./v1/token", "/v1/token%00", "/V1/token", "/v1/token;x"} {
			status, header := rawRequest(t, w, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", p, strings.TrimPrefix(w.url, "http://")))
			if status != 404 || header.Get("Location") != "" {
				t.Errorf("%s: %d, Location %q", p, status, header.Get("Location"))
			}
		}
	})
	t.Run("B21 NUL, invalid UTF-8 and control characters are invalid_request", func(t *testing.T) {
		for _, v := range []string{"%00", "%ff", "%0d%0a", "%1b", "%7f"} {
			for _, field := range []string{"scope", "grant_type", "client_id", "anything"} {
				want(t, w.send("POST", "/v1/token", formType, field+"=a"+v, service), 400, "invalid_request")
			}
		}
	})
}

// rawRequest sends bytes that an HTTP client would mend.
func rawRequest(t *testing.T, w *world, request string) (int, http.Header) {
	t.Helper()
	c, err := net.Dial("tcp", w.server.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header
}

func TestB17WrongSecretsAreThrottled(t *testing.T) {
	w := newWorld(t)
	cc := []string{"grant_type", "client_credentials"}
	from := func(a string) option { return withHeader("X-Forwarded-For", a) }
	for range 20 {
		want(t, w.post("/v1/token", cc, withBasic(serviceID, "wrong"), from("192.0.2.1")), 401, "invalid_client")
	}
	a := w.post("/v1/token", cc, withBasic(serviceID, "wrong"), from("192.0.2.1"))
	if a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("the 21st: %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	want(t, w.post("/v1/token", cc, withBasic(serviceID, secret), from("192.0.2.2")), 200, "")
	w.pass(time.Minute)
	want(t, w.post("/v1/token", cc, withBasic(serviceID, secret), from("192.0.2.1")), 200, "")
}

func TestJSONBodies(t *testing.T) {
	body := `{"grant_type":"client_credentials","client_id":"` + serviceID + `","client_secret":"` + secret + `"}`
	t.Run("B01 JSON only where the server's compatibility setting allows it", func(t *testing.T) {
		want(t, newWorld(t).send("POST", "/v1/token", "application/json", body), 400, "invalid_request")
		w := newWorld(t, func(s *registration.Server) { s.JSONRequestBodies = true })
		want(t, w.send("POST", "/v1/token", "application/json", body), 200, "")
		want(t, w.send("POST", "/v1/token", "application/json; charset=utf-8", body), 200, "")
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 200, "")
		want(t, w.send("POST", "/v1/token", "text/plain", body), 400, "invalid_request")
		want(t, w.send("POST", "/v1/token", "application/json", `{"grant_type":["client_credentials"]}`), 400, "invalid_request")
		want(t, w.send("POST", "/v1/token", "application/json", body[:len(body)-1]+`,"grant_type":"x"}`), 400, "invalid_request")
	})
}

func TestB18StorageErrorsConsumeNothing(t *testing.T) {
	w := newWorld(t)
	tokens := w.login(cliID)
	started := w.device(cliID)
	w.approve(started.text("device_code"))
	restore := w.breakStorage()
	for name, a := range map[string]answer{
		"device authorization": w.post("/v1/device_authorization", []string{"client_id", cliID}),
		"push":                 w.push(webID, withBasic(webID, secret)),
		"poll":                 w.poll(cliID, started.text("device_code")),
		"refresh":              w.refresh(cliID, tokens.text("refresh_token")),
		"revoke (H08)":         w.post("/v1/revoke", []string{"client_id", cliID, "token", tokens.text("refresh_token")}),
		"introspect (H04)":     w.post("/v1/introspect", []string{"token", tokens.text("access_token")}, withBasic(gatewayID, secret)),
		"userinfo":             w.send("GET", "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+tokens.text("access_token"))),
	} {
		if a.status != 503 || a.header.Get("Retry-After") == "" || strings.Contains(a.body, "active") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 200, "")
	if a := w.send("GET", "/v1/jwks", "", ""); a.status != 200 {
		t.Errorf("I02 the key set without the database: %d", a.status)
	}
	restore()
	want(t, w.poll(cliID, started.text("device_code")), 200, "")
	t.Run("D12 the refresh token still works after the database came back", func(t *testing.T) {
		want(t, w.refresh(cliID, tokens.text("refresh_token")), 200, "")
	})
}

func TestB19RequestsThatTwoReadersCouldReadDifferently(t *testing.T) {
	w := newWorld(t)
	host := strings.TrimPrefix(w.url, "http://")
	for name, head := range map[string]string{
		"two content lengths":              "Content-Length: 0\r\nContent-Length: 5\r\n",
		"an obscured transfer encoding":    "Transfer-Encoding: xchunked\r\n",
		"a space before the colon":         "Content-Length : 0\r\n",
		"a transfer encoding with a value": "Transfer-Encoding: chunked, identity\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := rawRequest(t, w, "POST /v1/token HTTP/1.1\r\nHost: "+host+"\r\n"+head+"\r\n")
			// 501 is how net/http refuses an encoding that it does not know; the connection is closed all the same.
			if status != 400 && status != 501 {
				t.Errorf("status %d", status)
			}
		})
	}
}

func TestB19WithTwoLengthsNothingBehindTheRequestIsServed(t *testing.T) {
	w := newWorld(t)
	host := "Host: " + strings.TrimPrefix(w.url, "http://") + "\r\n"
	c, err := net.Dial("tcp", w.server.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	smuggled := "GET /v1/jwks HTTP/1.1\r\n" + host + "\r\n"
	_, err = c.Write([]byte("POST /v1/token HTTP/1.1\r\n" + host + "Content-Type: " + formType +
		"\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c) // until the server closes
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("the connection is kept: %v", err)
	}
	if n := strings.Count(string(all), "HTTP/1.1 "); n != 1 {
		t.Errorf("B19 %d answers:\n%s", n, all)
	}
}

func TestB18WithoutASigningKeyNothingIsConsumed(t *testing.T) {
	w := newWorld(t)
	token := w.login(cliID).text("refresh_token")
	code := w.device(cliID).text("device_code")
	w.approve(code)
	good := w.server.registry.Current().Keys()
	without := *good
	without.Signing = slices.Clone(good.Signing)
	for i := range without.Signing {
		without.Signing[i].State = registration.KeyRetired
	}
	w.put(&without, func(s *registry.Snapshot) bool { return s.Keys().Signing[0].State == registration.KeyRetired })
	want(t, w.poll(cliID, code), 503, "temporarily_unavailable")
	want(t, w.refresh(cliID, token), 503, "temporarily_unavailable")
	if a := w.send("GET", "/v1/jwks", "", ""); a.status != 200 || !strings.Contains(a.body, good.Signing[0].ID) {
		t.Errorf("the keys of tokens that are out are not published: %d %s", a.status, a.body)
	}
	w.put(good, func(s *registry.Snapshot) bool { return s.Keys().Signing[0].State == registration.KeyActive })
	want(t, w.poll(cliID, code), 200, "")
	if a := w.refresh(cliID, token); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTheLogHasNoGrantTypeThatACallerMadeUp(t *testing.T) {
	w := newWorld(t)
	const pasted = "gkr_pasted-into-the-wrong-field"
	want(t, w.post("/v1/token", []string{"client_id", cliID, "grant_type", pasted}), 400, "unsupported_grant_type")
	want(t, w.post("/v1/token", []string{"client_id", "nobody", "grant_type", pasted}), 401, "invalid_client")
	if log := w.log.String(); strings.Contains(log, pasted) || !strings.Contains(log, "unsupported_grant_type") {
		t.Error(log)
	}
}
