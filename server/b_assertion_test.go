package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func TestAssertions(t *testing.T) {
	w, key, _ := assertionWorld(t)
	refuse := func(t *testing.T, a answer) {
		t.Helper()
		if a.status != 401 || a.text("error") != "invalid_client" || a.text("error_description") != oauth.InvalidClient().Description {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	good := func(pairs ...any) string { return key.sign(t, w.claimsOf(signedID, pairs...), nil) }

	t.Run("B06 every algorithm that a client is registered for", func(t *testing.T) {
		for _, algorithm := range []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256} {
			k, name := newSigningKey(t, "k", algorithm), "a"+strings.ToLower(string(algorithm))
			w.register(signed(t, name, k), func(*registration.Client) {})
			want(t, w.present(k.sign(t, w.claimsOf("apps."+name), nil)), 200, "")
			want(t, w.present(k.sign(t, w.claimsOf("apps."+name), nil), "client_id", "apps."+name), 200, "")
		}
	})
	t.Run("B06 a method that is not the registered one is 401", func(t *testing.T) {
		cc := []string{"grant_type", "client_credentials"}
		refuse(t, w.post("/v1/token", cc, withBasic(signedID, secret)))
		refuse(t, w.post("/v1/token", append(cc, "client_id", signedID, "client_secret", secret)))
		refuse(t, w.post("/v1/token", append(cc, "client_id", signedID)))
		refuse(t, w.present(key.sign(t, w.claimsOf(serviceID), nil)))
		refuse(t, w.present(key.sign(t, w.claimsOf(cliID), nil)))
		refuse(t, w.present(key.sign(t, w.claimsOf(podID), nil)))
	})
	t.Run("B03 an assertion and a secret are two methods", func(t *testing.T) {
		want(t, w.present(good(), "client_secret", secret), 400, "invalid_request")
		a := w.post("/v1/token", []string{"grant_type", "client_credentials", "client_assertion_type", jwtBearer, "client_assertion", good()}, withBasic(signedID, secret))
		want(t, a, 400, "invalid_request")
	})
	t.Run("B04 an unknown client and a wrong signature get the same answer", func(t *testing.T) {
		stranger := newSigningKey(t, "1", jose.ES256)
		a, b := w.present(stranger.sign(t, w.claimsOf("apps.nobody"), nil)), w.present(stranger.sign(t, w.claimsOf(signedID), nil))
		refuse(t, a)
		if a.status != b.status || a.body != b.body || a.header.Get("WWW-Authenticate") != b.header.Get("WWW-Authenticate") {
			t.Errorf("%d %s and %d %s", a.status, a.body, b.status, b.body)
		}
	})
	t.Run("B07 alg none, a MAC keyed with the public key, and an algorithm that is not the client's are 401", func(t *testing.T) {
		der, err := x509.MarshalPKIXPublicKey(key.private.Public())
		if err != nil {
			t.Fatal(err)
		}
		none := func(string) []byte { return nil }
		for _, alg := range []string{"none", "None", "nOnE", ""} {
			refuse(t, w.present(forged(t, map[string]any{"alg": alg, "kid": "1"}, w.claimsOf(signedID), none)))
		}
		for _, public := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), publicSet(t, key)} {
			refuse(t, w.present(forged(t, map[string]any{"alg": "HS256", "kid": "1"}, w.claimsOf(signedID), func(input string) []byte {
				m := hmac.New(sha256.New, public)
				m.Write([]byte(input))
				return m.Sum(nil)
			})))
		}
		both := newSigningKey(t, "r", jose.RS256)
		w.register(signed(t, "narrow", key, both), func(c *registration.Client) { c.Authentication.Algorithms = []string{"ES256"} })
		want(t, w.present(key.sign(t, w.claimsOf("apps.narrow"), nil)), 200, "")
		refuse(t, w.present(both.sign(t, w.claimsOf("apps.narrow"), nil)))
		both.algorithm = jose.PS256
		refuse(t, w.present(both.sign(t, w.claimsOf("apps.narrow"), nil)))
		refuse(t, w.present(forged(t, map[string]any{"alg": "ES256", "kid": "1"}, w.claimsOf(signedID), func(string) []byte { return make([]byte, 64) })))
	})
	t.Run("B08 keys and addresses in the header are not used, crit is refused, and nobody is called", func(t *testing.T) {
		var called atomic.Int32
		host := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
		defer host.Close()
		own := newSigningKey(t, "1", jose.ES256)
		for name, v := range map[jose.HeaderKey]any{
			"jku": host.URL, "x5u": host.URL, "jwk": jose.JSONWebKey{Key: own.private.Public(), KeyID: "1"}, "x5c": []string{"MIIB"}, "x5t": "AAAA",
		} {
			refuse(t, w.present(own.sign(t, w.claimsOf(signedID), map[jose.HeaderKey]any{name: v})))
		}
		for _, crit := range []any{[]string{"exp"}, []string{"b64"}, []string{}, "exp", 1} {
			refuse(t, w.present(key.sign(t, w.claimsOf(signedID), map[jose.HeaderKey]any{"crit": crit, "exp": 1})))
		}
		want(t, w.present(key.sign(t, w.claimsOf(signedID), map[jose.HeaderKey]any{"jku": host.URL, "x5u": host.URL, "typ": "JWT"})), 200, "")
		if n := called.Load(); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
	t.Run("B10 the audience is the issuer", func(t *testing.T) {
		for name, aud := range map[string]any{
			"nothing": nil, "an empty list": []string{}, "empty": "", "another server": "https://other.example", "the token endpoint alone": w.url + "/v1/token",
			"with a slash": w.url + "/", "a stranger too": []string{w.url, "https://other.example"}, "with an empty one": []string{w.url, ""},
			"another endpoint too": []string{w.url, w.url + "/v1/revoke"}, "no text": 7, "nested": []any{[]string{w.url}},
			"many": []string{w.url, w.url, w.url, w.url, w.url},
		} {
			t.Run(name, func(t *testing.T) { refuse(t, w.present(good("aud", aud))) })
		}
		want(t, w.present(good("aud", w.url)), 200, "")
		want(t, w.present(good("aud", []string{w.url})), 200, "")
		want(t, w.present(good("aud", []string{w.url, w.url + "/v1/token"})), 200, "") // as Auth.js and oauth4webapi do
	})
	t.Run("B11 iss, sub, exp, iat and nbf", func(t *testing.T) {
		in := func(d time.Duration) int64 { return w.now().Add(d).Unix() }
		for name, pairs := range map[string][]any{
			"iss of another": {"iss", serviceID}, "sub of another": {"sub", serviceID}, "no iss": {"iss", nil}, "no sub": {"sub", nil}, "sub is no text": {"sub", 1},
			"no exp": {"exp", nil}, "exp is text": {"exp", "1"}, "exp has passed": {"exp", in(-time.Second)}, "exp is huge": {"exp", 1e300}, "exp below nothing": {"exp", -1},
			"more than five minutes": {"exp", in(302 * time.Second)}, "more than five minutes without iat": {"exp", in(302 * time.Second), "iat", nil},
			"made long ago, for long": {"iat", in(-10 * time.Minute)},
			"iat a minute ahead":      {"iat", in(time.Minute), "exp", in(2 * time.Minute)}, "nbf a minute ahead": {"nbf", in(time.Minute), "exp", in(2 * time.Minute)},
			"no jti": {"jti", nil}, "an empty jti": {"jti", ""}, "a jti without end": {"jti", strings.Repeat("x", 257)},
		} {
			t.Run(name, func(t *testing.T) {
				refuse(t, w.present(good(pairs...), "client_id", signedID))
			})
		}
		refuse(t, w.present(good(), "client_id", serviceID))
		want(t, w.present(good("iat", in(8*time.Second), "nbf", in(8*time.Second), "exp", in(68*time.Second))), 200, "")
		want(t, w.present(good("iat", nil)), 200, "")
		want(t, w.present(good("exp", float64(in(30*time.Second))+0.5)), 200, "")
	})
	t.Run("B11 two members of one name, and names in another case", func(t *testing.T) {
		for _, payload := range []string{
			`{"iss":"%s","sub":"%s","aud":"%s","jti":"d1","exp":1,"exp":%d}`,
			`{"iss":"%s","sub":"%s","aud":"%s","jti":"d2","EXP":%d}`,
		} {
			raw := replace(payload, signedID, w.url, w.now().Add(time.Minute).Unix())
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.private, KeyID: "1"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			x, err := signer.Sign([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			compact, err := x.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			refuse(t, w.present(compact, "client_id", signedID))
		}
	})
	t.Run("B12 hostile texts are 401 at once", func(t *testing.T) {
		part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		for name, text := range map[string]string{
			"long": strings.Repeat("a", 50_000), "long parts": strings.Repeat("a", 20_000) + "." + strings.Repeat("a", 20_000) + "." + "a", "10,000 dots": strings.Repeat(".", 10_000),
			"PBES2":          part(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000000,"p2s":"AAAA"}`) + ".AAAA.AAAA.AAAA.AAAA",
			"no key of JWE":  part(`{"alg":"RSA-OAEP","enc":"A128GCM"}`) + "..AAAA.AAAA.AAAA",
			"PBES2 as a JWS": part(`{"alg":"PBES2-HS256+A128KW","p2c":1000000000}`) + ".e30.AAAA",
			"deep":           part(`{"alg":"ES256","x":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)+`}`) + ".e30.AAAA",
			"JSON":           `{"payload":"e30","signatures":[]}`, "nothing in it": "..", "spaces": " . . ", "not base64": "!.!.!",
		} {
			t.Run(name, func(t *testing.T) {
				best := time.Hour
				for range 3 { // other work on this machine only adds
					start := time.Now()
					a := w.present(text, "client_id", signedID)
					best = min(best, time.Since(start))
					refuse(t, a)
				}
				if best > 50*time.Millisecond {
					t.Errorf("it took %v", best)
				}
			})
		}
	})
	t.Run("an assertion without its type, of another type, or a type alone is 401", func(t *testing.T) {
		cc := []string{"grant_type", "client_credentials", "client_id", signedID}
		refuse(t, w.post("/v1/token", append(cc, "client_assertion", good())))
		refuse(t, w.post("/v1/token", append(cc, "client_assertion", good(), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")))
		refuse(t, w.post("/v1/token", append(cc, "client_assertion_type", jwtBearer)))
	})
}

func replace(format, id, issuer string, exp int64) string {
	b, _ := json.Marshal(exp)
	return strings.NewReplacer("%d", string(b)).Replace(strings.Replace(strings.Replace(strings.Replace(format, "%s", id, 1), "%s", id, 1), "%s", issuer, 1))
}

func TestB17WrongAssertionsAreThrottled(t *testing.T) {
	w, key, _ := assertionWorld(t)
	stranger := newSigningKey(t, "1", jose.ES256)
	try := func(k signingKey, from string) answer {
		return w.post("/v1/token", []string{"grant_type", "client_credentials", "client_assertion_type", jwtBearer, "client_assertion", k.sign(t, w.claimsOf(signedID), nil)},
			withHeader("X-Forwarded-For", from))
	}
	for range 20 {
		want(t, try(stranger, "192.0.2.1"), 401, "invalid_client")
	}
	if a := try(key, "192.0.2.1"); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("the 21st: %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	want(t, try(key, "192.0.2.2"), 200, "")
}

// A client that is cut off leaves nothing behind: its assertion counts once it is served again.
func TestB09AnAssertionCountsOnce(t *testing.T) {
	w, key, _ := assertionWorld(t)
	a := key.sign(t, w.claimsOf(signedID), nil)
	w.edit("signed", func(c *registration.Client) { c.Suspended = true })
	want(t, w.present(a), 401, "invalid_client")
	w.edit("signed", func(c *registration.Client) { c.Suspended = false })
	want(t, w.present(a), 200, "")
	want(t, w.present(a), 401, "invalid_client")
	w.pass(30 * time.Second)
	want(t, w.present(a), 401, "invalid_client")

	other := newSigningKey(t, "1", jose.ES256)
	w.register(signed(t, "second", other), func(*registration.Client) {})
	c := w.claimsOf(signedID)
	want(t, w.present(key.sign(t, c, nil)), 200, "")
	c["iss"], c["sub"] = "apps.second", "apps.second"
	want(t, w.present(other.sign(t, c, nil)), 200, "") // the same jti of another client

	t.Run("B18 a storage error is 503 and does not use it up", func(t *testing.T) {
		a := key.sign(t, w.claimsOf(signedID), nil)
		restore := w.breakStorage()
		broken := w.present(a)
		restore()
		if broken.status != 503 || broken.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", broken.status, broken.body)
		}
		want(t, w.present(a), 200, "")
	})
}

// shared is a storage that two servers use; the one that opened it closes it.
type shared struct{ storage.Storage }

func (shared) Close() error { return nil }

func TestB09HundredAtOnceOnTwoServersOverOneDatabase(t *testing.T) {
	w, key, _ := assertionWorld(t)
	second, err := newServer(t.Context(), Config{Listen: "127.0.0.1:0", Folder: w.folder, SQLite: filepath.Join(t.TempDir(), "unused.db")},
		Deps{Log: slog.New(slog.DiscardHandler), Now: w.now},
		func(own storage.Storage) storage.Storage {
			t.Cleanup(func() { _ = own.Close() })
			return shared{w.server.storage}
		})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- second.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-second.Ready()
	issuer, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		body := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {jwtBearer}, "client_assertion": {key.sign(t, w.claimsOf(signedID), nil)}}.Encode()
		var all sync.WaitGroup
		var ok, refused atomic.Int32
		for i := range 100 {
			all.Go(func() {
				address := w.url
				if i%2 == 1 {
					address = "http://" + second.Address().String()
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/v1/token", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Host = issuer.Host
				r.Header.Set("Content-Type", formType)
				r.Header.Set("X-Forwarded-For", "198.18.0."+string(rune('0'+i%10))) // below the limit of B17
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_ = answer.Body.Close()
				switch answer.StatusCode {
				case http.StatusOK:
					ok.Add(1)
				case http.StatusUnauthorized:
					refused.Add(1)
				default:
					t.Errorf("status %d", answer.StatusCode)
				}
			})
		}
		all.Wait()
		if ok.Load() != 1 || refused.Load() != 99 {
			t.Fatalf("%d succeeded, %d were refused", ok.Load(), refused.Load())
		}
		w.pass(time.Minute)
	}
}

// Every endpoint that authenticates clients takes assertions, through the same checks.
func TestAssertionsAtEveryEndpoint(t *testing.T) {
	w, key, cluster := assertionWorld(t)
	token := w.present(key.sign(t, w.claimsOf(signedID), nil)).text("access_token")
	proof := func() []string {
		return []string{"client_assertion_type", jwtBearer, "client_assertion", key.sign(t, w.claimsOf(signedID), nil)}
	}
	pod := []string{"client_assertion_type", jwtBearer, "client_assertion", cluster.sign(t, w.podClaims(), nil), "client_id", podID}
	for _, path := range []string{"/v1/introspect", "/v1/revoke"} {
		want(t, w.post(path, append(pod, "token", "of nobody")), 200, "")
		again := append(proof(), "token", token)
		want(t, w.post(path, again), 200, "")
		want(t, w.post(path, again), 401, "invalid_client")
	}
	want(t, w.post("/v1/device_authorization", proof()), 400, "unauthorized_client") // it is known, and may not do that

	metadata := w.send("GET", "/.well-known/openid-configuration", "", "")
	for _, endpoint := range []string{"token", "revocation", "introspection"} {
		methods, _ := metadata.json[endpoint+"_endpoint_auth_methods_supported"].([]any)
		algorithms, _ := metadata.json[endpoint+"_endpoint_auth_signing_alg_values_supported"].([]any)
		if !containsAny(methods, "private_key_jwt") || len(algorithms) != 4 || !containsAny(algorithms, "ES256") || containsAny(algorithms, "none") {
			t.Errorf("%s: %v %v", endpoint, methods, algorithms)
		}
	}
}
