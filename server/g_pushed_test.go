package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/par"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// pushing are the parameters of a good request of a client.
func pushing(id string) []string {
	callback := webCallback
	if id == spaID {
		callback = spaCallback
	}
	return []string{
		"client_id", id, "redirect_uri", callback, "response_type", "code", "scope", "openid email orders.read", "state", "s t+/ä&=%",
		"nonce", "nonce-1", "code_challenge", s256(verifier), "code_challenge_method", "S256",
	}
}

// push pushes a good request of a client.
func (w *world) push(id string, options ...option) answer {
	w.t.Helper()
	return w.post("/v1/par", pushing(id), options...)
}

// pushed pushes a request, with more parameters, and returns the path that the client sends the browser to.
func (w *world) pushed(id string, more []string, options ...option) string {
	w.t.Helper()
	a := w.post("/v1/par", append(pushing(id), more...), options...)
	if a.status != http.StatusCreated {
		w.t.Fatalf("push: %d %s", a.status, a.body)
	}
	return "/v1/authorize?" + url.Values{"client_id": {id}, "request_uri": {a.text("request_uri")}}.Encode()
}

func TestPushedAuthorizationRequests(t *testing.T) {
	w := newWorld(t)
	basic := withBasic(webID, secret)

	t.Run("G01 the answer is 201 with a reference of 256 random bits that lives 5 to 600 seconds, and is not stored", func(t *testing.T) {
		seen := map[string]bool{}
		for range 3 {
			a := w.push(webID, basic)
			uri, expires := a.text("request_uri"), a.json["expires_in"].(float64)
			if a.status != 201 || !regexp.MustCompile(`^urn:ietf:params:oauth:request_uri:gkp_[A-Za-z0-9_-]{49}$`).MatchString(uri) || seen[uri] || expires < 5 || expires > 600 || len(a.json) != 2 {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%v", a.header)
			}
			seen[uri] = true
		}
		if log := w.log.String(); !strings.Contains(log, `"authorize.pushed"`) || strings.Contains(log, "gkp_") {
			t.Errorf("the log has no event, or a reference: %s", log)
		}
	})
	t.Run("G01 from the reference to the tokens, of a confidential and of a public client", func(t *testing.T) {
		for id, callback := range map[string]string{webID: webCallback, spaID: spaCallback} {
			var o []option
			if id == webID {
				o = append(o, basic)
			}
			b := w.tab(t)
			b.open(w.pushed(id, nil, o...))
			b.through()
			q := b.answered(callback)
			if q.Get("state") != "s t+/ä&=%" {
				t.Errorf("A19 %v", q)
			}
			a := w.redeem(id, q.Get("code"))
			want(t, a, 200, "")
			if got := claims(t, a.text("id_token")); got["nonce"] != "nonce-1" {
				t.Errorf("%v", got)
			}
		}
	})
	t.Run("G01 request_uri inside is invalid_request", func(t *testing.T) {
		for _, uri := range []string{"urn:ietf:params:oauth:request_uri:x", "https://169.254.169.254/"} {
			want(t, w.post("/v1/par", append(pushing(webID), "request_uri", uri), basic), 400, "invalid_request")
		}
	})
	t.Run("G01 what the authorization endpoint would refuse is refused at once, as JSON", func(t *testing.T) {
		for code, pairs := range map[string][]string{
			"invalid_request":           {"redirect_uri", "https://evil.example/cb"},
			"invalid_scope":             {"scope", "orders.write"},
			"unsupported_response_type": {"response_type", "token"},
			"request_not_supported":     {"request", "eyJhbGciOiJub25lIn0.e30."},
			"invalid_target":            {"resource", "https://unknown.example.com"},
		} {
			v := url.Values{}
			all := append(pushing(webID), pairs...)
			for i := 0; i < len(all); i += 2 {
				v.Set(all[i], all[i+1])
			}
			a := w.send("POST", "/v1/par", formType, v.Encode(), basic)
			want(t, a, 400, code)
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Location") != "" {
				t.Errorf("%v", a.header)
			}
		}
		want(t, w.push(serviceID, withBasic(serviceID, secret)), 400, "invalid_request") // it has no redirect URI
	})
	t.Run("G01 B01 GET and all but POST are 405 with Allow", func(t *testing.T) {
		for _, m := range []string{"GET", "PUT", "DELETE", "HEAD", "OPTIONS"} {
			if a := w.send(m, "/v1/par", "", ""); a.status != 405 || a.header.Get("Allow") != "POST" {
				t.Errorf("%s: %d, Allow %q", m, a.status, a.header.Get("Allow"))
			}
		}
	})
	t.Run("G01 B01 too large is 413, also where only a browser could not keep it", func(t *testing.T) {
		for _, n := range []int{65 << 10, 9 << 10, 7 << 10} {
			want(t, w.post("/v1/par", append(pushing(webID), "claims", `{"userinfo":{"sub":{"value":"`+strings.Repeat("v", n)+`"}}}`), basic), 413, "invalid_request")
		}
		chunked := func(r *http.Request) { r.ContentLength = -1 }
		want(t, w.post("/v1/par", append(pushing(webID), "x", strings.Repeat("a", 64<<10)), basic, chunked), 413, "invalid_request")
	})
	t.Run("B01 another content type, or a compressed body", func(t *testing.T) {
		body := form(pushing(webID)...)
		for _, kind := range []string{"", "text/plain", "application/json"} {
			want(t, w.send("POST", "/v1/par", kind, body, basic), 400, "invalid_request")
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(body))
		_ = z.Close()
		want(t, w.send("POST", "/v1/par", formType, b.String(), basic, withHeader("Content-Encoding", "gzip")), 415, "invalid_request")
	})
	t.Run("B02 credentials in the query string are never honoured", func(t *testing.T) {
		for _, q := range []string{"client_id=" + webID + "&client_secret=" + secret, "%63lient_secret=x"} {
			want(t, w.post("/v1/par?"+q, pushing(webID)), 400, "invalid_request")
		}
	})
	t.Run("B03 a repeated parameter, or two methods of authentication, is invalid_request", func(t *testing.T) {
		for _, twice := range []string{"scope", "client_id", "unknown"} {
			want(t, w.post("/v1/par", append(pushing(webID), twice, "a", twice, "b"), basic), 400, "invalid_request")
		}
		want(t, w.post("/v1/par", append(pushing(webID), "client_secret", secret), basic), 400, "invalid_request")
		want(t, w.push(spaID, basic), 400, "invalid_request") // whose is it?
	})
	t.Run("B04 B05 B06 who does not authenticate as registered is 401, whoever it is", func(t *testing.T) {
		for name, a := range map[string]answer{
			"a wrong secret":                  w.push(webID, withBasic(webID, "wrong")),
			"an unknown client":               w.push("apps.nobody", withBasic("apps.nobody", secret)),
			"no secret":                       w.push(webID),
			"no client":                       w.post("/v1/par", pushing(webID)[2:]),
			"a secret of a public client":     w.push(spaID, withBasic(spaID, secret)),
			"Basic without a colon":           w.push(webID, withHeader("Authorization", "Basic YXBwcy53ZWI=")),
			"an assertion that proves naught": w.post("/v1/par", append(pushing(webID), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", "eyJhbGciOiJub25lIn0.e30.")),
		} {
			if a.status != 401 || a.text("error") != "invalid_client" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
	t.Run("B15 no answer says anything of the inside", func(t *testing.T) {
		allowed := regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]*$`)
		for name, a := range map[string]answer{
			"scope":     w.post("/v1/par", []string{"client_id", webID, "redirect_uri", webCallback, "response_type", "code", "scope", "ä\"\\", "code_challenge", s256(verifier), "code_challenge_method", "S256"}, basic),
			"redirect":  w.post("/v1/par", []string{"client_id", webID, "redirect_uri", "gkp_secret"}, basic),
			"parameter": w.post("/v1/par", []string{"client_id", webID, "gkp_\"", "a", "x", "\x00"}, basic),
		} {
			if d := a.text("error_description"); a.status != 400 || !allowed.MatchString(d) || strings.Contains(d, "gkp_secret") || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %q", name, a.status, d)
			}
		}
	})
	t.Run("B20 other spellings of the path are 404", func(t *testing.T) {
		for _, p := range []string{"/v1/par/", "//v1/par", "/v1/%70ar", "/V1/par", "/v1/par;x"} {
			status, _ := rawRequest(t, w, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", p, strings.TrimPrefix(w.url, "http://")))
			if status != 404 {
				t.Errorf("%s: %d", p, status)
			}
		}
	})
	t.Run("C08 a reference is nothing else", func(t *testing.T) {
		uri := w.push(webID, basic).text("request_uri")
		value := uri[strings.LastIndex(uri, ":")+1:]
		for _, v := range []string{uri, value, "gkc_" + value[4:]} {
			want(t, w.post("/v1/token", []string{"grant_type", "authorization_code", "code", v, "redirect_uri", webCallback, "code_verifier", verifier}, basic), 400, "invalid_grant")
			want(t, w.post("/v1/token", []string{"grant_type", "refresh_token", "refresh_token", v}, basic), 400, "invalid_grant")
			want(t, w.poll(cliID, v), 400, "invalid_grant")
		}
	})
	t.Run("B01 JSON only where the server's compatibility setting allows it", func(t *testing.T) {
		w := newWorld(t, func(s *registration.Server) { s.JSONRequestBodies = true })
		body := `{"client_id":"` + spaID + `","redirect_uri":"` + spaCallback + `","response_type":"code","code_challenge":"` + s256(verifier) + `","code_challenge_method":"S256"}`
		want(t, w.send("POST", "/v1/par", "application/json", body), 201, "")
	})
}

func TestG02UsesOfPushedRequests(t *testing.T) {
	w := newWorld(t)
	basic := withBasic(webID, secret)
	// page fails unless what is shown is a page of ours, from which nothing leads away.
	page := func(t *testing.T, b *tab) {
		t.Helper()
		if b.left != nil || b.page.status != 400 || !strings.Contains(b.page.body, "This login was answered already") {
			t.Errorf("%d, sent to %v: %s", b.page.status, b.left, b.page.body)
		}
	}
	t.Run("G02 of another client, expired, or used a second time: a page, and never a redirect", func(t *testing.T) {
		b := w.tab(t)
		link := w.pushed(webID, nil, basic)
		b.open(strings.Replace(link, "client_id="+webID, "client_id="+spaID, 1))
		page(t, b)
		b.open(link)
		b.through()
		b.answered(webCallback)
		w.tab(t).open(link)
		other := w.tab(t)
		other.open(link)
		page(t, other)
		link = w.pushed(webID, nil, basic)
		w.pass(par.Lifetime)
		b.open(link)
		page(t, b)
	})
	t.Run("G02 parameters outside of it are passed over", func(t *testing.T) {
		b := w.tab(t)
		b.open(w.pushed(webID, nil, basic) + "&state=other&redirect_uri=" + url.QueryEscape("https://evil.example/") + "&scope=ledger.read&response_mode=form_post")
		b.through()
		q := b.answered(webCallback)
		if a := w.redeem(webID, q.Get("code")); q.Get("state") != "s t+/ä&=%" || a.text("scope") != "openid email orders.read" {
			t.Errorf("%v %s", q, a.body)
		}
	})
	t.Run("G02 64 parallel uses: exactly one goes on, the rest are pages", func(t *testing.T) {
		for range rounds() {
			link := w.pushed(webID, nil, basic)
			statuses := map[int]int{}
			for _, a := range parallel(t, func() (answer, error) { return w.try(http.MethodGet, link, "", "") }) {
				statuses[a.status]++
			}
			if statuses[303] != 1 || statuses[400] != 63 {
				t.Fatalf("%v", statuses)
			}
		}
	})
	t.Run("B18 a use that the database could not decide is 503 and uses nothing up", func(t *testing.T) {
		b := w.tab(t)
		link := w.pushed(webID, nil, basic)
		restore := w.breakStorage()
		b.open(link)
		if b.page.status != 503 {
			t.Errorf("%d", b.page.status)
		}
		restore()
		b.open(link)
		b.through()
		b.answered(webCallback)
	})
	t.Run("G02 a client whose policy requires pushed requests, without one: invalid_request; at the endpoint it is served", func(t *testing.T) {
		p, _ := w.server.registry.Current().Policy("all")
		strict := *p
		strict.Require.PushedAuthorizationRequests = true
		w.put(&strict, func(s *registry.Snapshot) bool { p, _ := s.Policy("all"); return p.Require.PushedAuthorizationRequests })
		b := w.tab(t)
		b.open(authorization())
		b.through()
		if q := b.answered(webCallback); q.Get("error") != "invalid_request" || q.Get("code") != "" {
			t.Errorf("%v", q)
		}
		b.open(w.pushed(webID, nil, basic))
		b.through()
		want(t, w.redeem(webID, b.answered(webCallback).Get("code")), 200, "")
	})
}

func TestG01FloodsOfPushedRequests(t *testing.T) {
	w := newWorld(t)
	from := func(a string) option { return withHeader("X-Forwarded-For", a) }
	throttled := func(t *testing.T, a answer) {
		t.Helper()
		if a.status != 429 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	}
	t.Run("G01 more than 60 a minute of public clients from one address are 429", func(t *testing.T) {
		for range par.PerAddress {
			want(t, w.push(spaID, from("192.0.2.1")), 201, "")
		}
		throttled(t, w.push(spaID, from("192.0.2.1")))
		want(t, w.push(spaID, from("192.0.2.2")), 201, "")
		want(t, w.push(webID, withBasic(webID, secret), from("192.0.2.1")), 201, "")
	})
	t.Run("G01 more than 1,000 of one client that were not used are 429, and other clients go on", func(t *testing.T) {
		request := storage.PushedRequest{Client: storage.ClientRef{ID: webID, UID: "uid-web"}, Request: []byte(`{}`), CreatedAt: w.now(), ExpiresAt: w.now().Add(time.Minute)}
		for i := range par.MaxOpen - 1 {
			request.URI = storage.Hash{1, byte(i >> 8), byte(i)}
			if err := w.server.storage.PushRequest(t.Context(), request, 2000); err != nil {
				t.Fatal(err)
			}
		}
		throttled(t, w.push(webID, withBasic(webID, secret)))
		want(t, w.push(spaID, from("192.0.2.3")), 201, "")
		w.pass(par.Lifetime)
		want(t, w.push(webID, withBasic(webID, secret)), 201, "")
	})
	t.Run("G01 rows are gone ten minutes after they expired", func(t *testing.T) {
		w.pass(par.Lifetime + 10*time.Minute)
		w.server.collect(t.Context())
		left, err := w.server.storage.Collect(t.Context(), w.now(), 1)
		if err != nil || left != 0 {
			t.Errorf("%d rows are left, %v", left, err)
		}
	})
	t.Run("B17 twenty wrong secrets in a minute are 429, and the right one from elsewhere is served", func(t *testing.T) {
		for range 20 {
			want(t, w.push(webID, withBasic(webID, "wrong"), from("192.0.2.9")), 401, "invalid_client")
		}
		throttled(t, w.push(webID, withBasic(webID, secret), from("192.0.2.9")))
		want(t, w.push(webID, withBasic(webID, secret), from("192.0.2.10")), 201, "")
	})
}

// What FAPI 2.0 wants of confidential clients: private_key_jwt (RFC 7523) at the endpoint for pushed requests, and again at the token endpoint.
func TestG01PushedRequestsOfClientsThatSignAssertions(t *testing.T) {
	w, key, _ := assertionWorld(t)
	w.register(redirected(signed(t, "bank", key), webCallback), func(c *registration.Client) {
		c.Type, c.GrantTypes, c.Scopes = "Web", []string{oauth.GrantTypeAuthorizationCode}, []string{"openid", "email", "orders.read"}
	})
	const id = "apps.bank"
	sign := func(pairs ...any) string { return key.sign(t, w.claimsOf(id, pairs...), nil) }
	proof := func(assertion string) []string {
		return []string{"client_assertion_type", jwtBearer, "client_assertion", assertion}
	}
	// push pushes a good request of the client with an assertion.
	push := func(assertion string) answer {
		t.Helper()
		return w.post("/v1/par", append(pushing(id), proof(assertion)...))
	}

	t.Run("G01 B09 from the reference to the tokens, and each assertion counts once, wherever it came first", func(t *testing.T) {
		assertion := sign()
		a := push(assertion)
		want(t, a, 201, "")
		want(t, push(assertion), 401, "invalid_client")
		b := w.tab(t)
		b.open("/v1/authorize?" + url.Values{"client_id": {id}, "request_uri": {a.text("request_uri")}}.Encode())
		b.through()
		q := b.answered(webCallback)
		if q.Get("state") != "s t+/ä&=%" {
			t.Errorf("A19 %v", q)
		}
		redeem := func(assertion string) answer {
			return w.post("/v1/token", append(proof(assertion), "grant_type", "authorization_code", "code", q.Get("code"), "redirect_uri", webCallback, "code_verifier", verifier))
		}
		want(t, redeem(assertion), 401, "invalid_client")
		tokens := redeem(sign())
		want(t, tokens, 200, "")
		if got := claims(t, tokens.text("id_token")); got["nonce"] != "nonce-1" || tokens.text("scope") != "openid email orders.read" {
			t.Errorf("%v, %s", got, tokens.text("scope"))
		}
	})
	t.Run("G01 B06 B07 B10 who does not prove to be the client pushes nothing", func(t *testing.T) {
		stranger := newSigningKey(t, "1", jose.ES256)
		for name, a := range map[string]answer{
			"no assertion":                          w.push(id),
			"a secret":                              w.push(id, withBasic(id, secret)),
			"the key of somebody else":              push(stranger.sign(t, w.claimsOf(id), nil)),
			"an assertion of another client":        push(key.sign(t, w.claimsOf(signedID), nil)),
			"for this endpoint, and not the issuer": push(sign("aud", w.url+"/v1/par")),
			"for another server":                    push(sign("aud", "https://other.example")),
			"expired":                               push(sign("exp", w.now().Add(-time.Minute).Unix())),
		} {
			if a.status != 401 || a.text("error") != "invalid_client" || a.text("request_uri") != "" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
	t.Run("G01 an assertion beside a secret is two methods", func(t *testing.T) {
		want(t, w.post("/v1/par", append(pushing(id), append(proof(sign()), "client_secret", secret)...)), 400, "invalid_request")
	})
	t.Run("G01 B18 an assertion that the database could not take is 503 and not used up", func(t *testing.T) {
		assertion := sign()
		restore := w.breakStorage()
		a := push(assertion)
		restore()
		if a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
		want(t, push(assertion), 201, "")
	})
}
