package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop/dpoptest"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// bareChallenge is the WWW-Authenticate for a request without a token.
const bareChallenge = `Bearer, DPoP algs="ES256 EdDSA PS256 RS256"`

// nonce is what the server hands out now.
func (w *world) nonce() dpoptest.Option {
	return dpoptest.Claim("nonce", dpop.Nonce(w.server.registry.Current().Keys().Derivation, w.now()))
}

// proving adds a proof for the token endpoint.
func (w *world) proving(p *dpoptest.Prover, options ...dpoptest.Option) option {
	w.t.Helper()
	return withHeader("DPoP", p.Proof(w.t, "POST", w.url+"/v1/token", w.now(), options...))
}

// confirmed is the jkt of an access token.
func confirmed(t *testing.T, token string) string {
	t.Helper()
	cnf, _ := claims(t, token)["cnf"].(map[string]any)
	jkt, _ := cnf["jkt"].(string)
	return jkt
}

// wantBound checks a token response.
func wantBound(t *testing.T, a answer, p *dpoptest.Prover) {
	t.Helper()
	want(t, a, 200, "")
	if a.status == 200 && (a.text("token_type") != "DPoP" || confirmed(t, a.text("access_token")) != p.Thumbprint(t)) {
		t.Errorf("%s is not bound to the key", a.body)
	}
}

func TestG03TokenRequests(t *testing.T) {
	w := newWorld(t)
	p := dpoptest.New(t)
	service := []string{"grant_type", "client_credentials", "scope", "orders.read"}
	ask := func(options ...option) answer {
		return w.post("/v1/token", service, append([]option{withBasic(serviceID, secret)}, options...)...)
	}

	t.Run("a proof binds the token to its key", func(t *testing.T) {
		a := ask(w.proving(p))
		wantBound(t, a, p)
		if a.header.Get("DPoP-Nonce") != "" {
			t.Error("a client that authenticates needs no nonce")
		}
	})
	t.Run("without one, nothing is different and storage is not asked", func(t *testing.T) {
		defer w.breakStorage()()
		a := ask()
		want(t, a, 200, "")
		if a.text("token_type") != "Bearer" || confirmed(t, a.text("access_token")) != "" {
			t.Error(a.body)
		}
	})
	t.Run("G03 a proof that is not right", func(t *testing.T) {
		for name, o := range map[string]option{
			"another htm":              w.proving(p, dpoptest.Claim("htm", "GET")),
			"another htu":              w.proving(p, dpoptest.Claim("htu", w.url+"/v1/userinfo")),
			"an htu of another issuer": w.proving(p, dpoptest.Claim("htu", "https://evil.example/v1/token")),
			"iat 61 s ago":             w.proving(p, dpoptest.Claim("iat", w.now().Unix()-62)),
			"iat in 61 s":              w.proving(p, dpoptest.Claim("iat", w.now().Unix()+62)),
			"alg none":                 w.proving(p, dpoptest.Head("alg", "none")),
			"alg HS256":                w.proving(p, dpoptest.Head("alg", "HS256")),
			"a private jwk":            w.proving(p, dpoptest.Head("jwk", map[string]string{"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "d": "d"})),
			"no jti":                   w.proving(p, dpoptest.Claim("jti", nil)),
			"another typ":              w.proving(p, dpoptest.Head("typ", "JWT")),
			"an empty header":          withHeader("DPoP", ""),
			"no JWT":                   withHeader("DPoP", "x"),
			"two headers": func(r *http.Request) {
				w.proving(p)(r)
				r.Header.Add("DPoP", p.Proof(t, "POST", w.url+"/v1/token", w.now()))
			},
		} {
			if a := ask(o); a.status != 400 || a.text("error") != "invalid_dpop_proof" || a.text("error_description") == "" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
	t.Run("G03 the address that counts is the issuer's, in any spelling, without query and fragment", func(t *testing.T) {
		wantBound(t, ask(w.proving(p, dpoptest.Claim("htu", strings.Replace(w.url, "http:", "HTTP:", 1)+"/v1/./%74oken?a=b#c"))), p)
		forwarded := withHeader("X-Forwarded-Host", "evil.example")
		want(t, ask(w.proving(p, dpoptest.Claim("htu", "http://evil.example/v1/token")), forwarded), 400, "invalid_dpop_proof")
		wantBound(t, ask(w.proving(p), forwarded), p)
	})
	t.Run("G03 a jti that comes again, also with another request", func(t *testing.T) {
		id := dpoptest.Claim("jti", "only-one")
		proof := w.proving(p, id)
		want(t, ask(proof), 200, "")
		want(t, ask(proof), 400, "invalid_dpop_proof")
		want(t, ask(w.proving(p, id, dpoptest.Claim("iat", w.now().Unix()-1))), 400, "invalid_dpop_proof")
		want(t, ask(w.proving(dpoptest.New(t), id)), 200, "")
	})
	t.Run("G03 64 at once with one proof: exactly one gets a token", func(t *testing.T) {
		proof := w.proving(p)
		answers := make([]answer, 64)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				answers[i], _ = w.try(http.MethodPost, "/v1/token", formType, form(service...), withBasic(serviceID, secret), proof)
			})
		}
		wg.Wait()
		var good int
		for _, a := range answers {
			if a.status == 200 {
				good++
			} else {
				want(t, a, 400, "invalid_dpop_proof")
			}
		}
		if good != 1 {
			t.Errorf("%d got a token", good)
		}
	})
	t.Run("B04 who the client is comes first: a proof says nothing to whom did not authenticate", func(t *testing.T) {
		a := w.post("/v1/token", service, withBasic(serviceID, "wrong"), withHeader("DPoP", "x"))
		want(t, a, 401, "invalid_client")
	})
	t.Run("B18 storage out of reach is 503, and a proof of its own goes on afterwards", func(t *testing.T) {
		restore := w.breakStorage()
		a := ask(w.proving(p))
		restore()
		if a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
		wantBound(t, ask(w.proving(p)), p)
	})
	t.Run("B16 pages may send proofs and read what is said of them", func(t *testing.T) {
		a := w.post("/v1/token", redemption(spaID, w.code(spaID)), w.proving(p), withHeader("Origin", spaOrigin))
		want(t, a, 400, "use_dpop_nonce")
		if got := a.header.Get("Access-Control-Expose-Headers"); !strings.Contains(got, "DPoP-Nonce") || !strings.Contains(got, "WWW-Authenticate") {
			t.Errorf("exposed: %s", got)
		}
	})
}

func TestG03ReplayAfterARestart(t *testing.T) {
	w := newWorld(t)
	database, listen := w.server.config.SQLite, w.server.Address().String()
	proof := w.proving(dpoptest.New(t))
	service := []string{"grant_type", "client_credentials", "scope", "orders.read"}
	want(t, w.post("/v1/token", service, withBasic(serviceID, secret), proof), 200, "")
	w.stop()
	w.restart(database, listen)
	want(t, w.post("/v1/token", service, withBasic(serviceID, secret), proof), 400, "invalid_dpop_proof")
}

func TestG03Nonces(t *testing.T) {
	w := newWorld(t)
	p := dpoptest.New(t)
	t.Run("G03, C10 a public client needs a nonce, is told one, and its code is as good as before", func(t *testing.T) {
		code := w.code(spaID)
		a := w.post("/v1/token", redemption(spaID, code), w.proving(p))
		want(t, a, 400, "use_dpop_nonce")
		nonce := a.header.Get("DPoP-Nonce")
		if nonce == "" {
			t.Fatal("there is no nonce")
		}
		a = w.post("/v1/token", redemption(spaID, code), w.proving(p, dpoptest.Claim("nonce", nonce)))
		wantBound(t, a, p)
		if a.header.Get("DPoP-Nonce") != nonce {
			t.Error("a success says what the next nonce is")
		}
	})
	t.Run("G03 a nonce ends", func(t *testing.T) {
		nonce := w.nonce()
		w.pass(2 * dpop.NoncePeriod)
		want(t, w.post("/v1/token", redemption(spaID, w.code(spaID)), w.proving(p, nonce)), 400, "use_dpop_nonce")
	})
	t.Run("a client that authenticates may leave it out, and not send a wrong one", func(t *testing.T) {
		want(t, w.post("/v1/token", redemption(webID, w.code(webID)), w.proving(p, dpoptest.Claim("nonce", "x"))), 400, "use_dpop_nonce")
		wantBound(t, w.post("/v1/token", redemption(webID, w.code(webID)), w.proving(p, w.nonce())), p)
		wantBound(t, w.post("/v1/token", redemption(webID, w.code(webID)), w.proving(p)), p)
	})
	t.Run("polls of a device", func(t *testing.T) {
		started := w.device(cliID)
		poll := []string{"grant_type", deviceCode, "client_id", cliID, "device_code", started.text("device_code")}
		want(t, w.post("/v1/token", poll, w.proving(p)), 400, "use_dpop_nonce")
		want(t, w.post("/v1/token", poll, w.proving(p, w.nonce())), 400, "authorization_pending")
		w.approve(started.text("device_code"))
		a := w.post("/v1/token", poll, w.proving(p, w.nonce()))
		wantBound(t, a, p)
		want(t, w.refresh(cliID, a.text("refresh_token")), 400, "invalid_dpop_proof")
	})
}

func TestD10RefreshTokensOfKeys(t *testing.T) {
	w := newWorld(t)
	p, other := dpoptest.New(t), dpoptest.New(t)
	refresh := func(id, token string, options ...option) answer {
		pairs := []string{"grant_type", "refresh_token", "refresh_token", token, "client_id", id}
		if id == webID {
			pairs = append(pairs, "client_secret", secret)
		}
		return w.post("/v1/token", pairs, options...)
	}
	first := func(id string, options ...option) string {
		a := w.post("/v1/token", redemption(id, w.code(id)), options...)
		want(t, a, 200, "")
		return a.text("refresh_token")
	}
	t.Run("D10 a public client's refresh token is good for its key alone, and unharmed by others", func(t *testing.T) {
		token := first(spaID, w.proving(p, w.nonce()))
		want(t, refresh(spaID, token), 400, "invalid_dpop_proof")
		want(t, refresh(spaID, token, w.proving(other, w.nonce())), 400, "invalid_grant")
		a := refresh(spaID, token, w.proving(p, w.nonce()))
		wantBound(t, a, p)
		next := a.text("refresh_token")
		want(t, refresh(spaID, next, w.proving(other, w.nonce())), 400, "invalid_grant")
		wantBound(t, refresh(spaID, next, w.proving(p, w.nonce())), p)
	})
	t.Run("D10, D03 a retry within the grace needs the key, too", func(t *testing.T) {
		token := first(spaID, w.proving(p, w.nonce()))
		a := refresh(spaID, token, w.proving(p, w.nonce()))
		want(t, refresh(spaID, token), 400, "invalid_dpop_proof")
		want(t, refresh(spaID, token, w.proving(other, w.nonce())), 400, "invalid_grant")
		again := refresh(spaID, token, w.proving(p, w.nonce()))
		wantBound(t, again, p)
		if again.text("refresh_token") != a.text("refresh_token") {
			t.Error("the successor is another one")
		}
	})
	t.Run("D10 a token that was bound to no key is bound to the first one that comes", func(t *testing.T) {
		token := first(spaID)
		a := refresh(spaID, token, w.proving(p, w.nonce()))
		wantBound(t, a, p)
		want(t, refresh(spaID, token), 400, "invalid_dpop_proof")
		want(t, refresh(spaID, a.text("refresh_token")), 400, "invalid_dpop_proof")
		want(t, refresh(spaID, a.text("refresh_token"), w.proving(other, w.nonce())), 400, "invalid_grant")
		wantBound(t, refresh(spaID, a.text("refresh_token"), w.proving(p, w.nonce())), p)
	})
	t.Run("a client that authenticates may change its key (RFC 9449 section 5)", func(t *testing.T) {
		token := first(webID, w.proving(p))
		a := refresh(webID, token, w.proving(other))
		wantBound(t, a, other)
		if a = refresh(webID, a.text("refresh_token")); a.status != 200 || a.text("token_type") != "Bearer" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("a code that the request bound to a key", func(t *testing.T) {
		bound := func(c *storage.Code, _ *storage.Grant) { c.KeyThumbprint = p.Thumbprint(t) }
		code := w.code(webID, bound)
		want(t, w.redeem(webID, code), 400, "invalid_dpop_proof")
		wantBound(t, w.post("/v1/token", redemption(webID, code), w.proving(p)), p)
		code = w.code(webID, bound)
		want(t, w.post("/v1/token", redemption(webID, code), w.proving(other)), 400, "invalid_grant")
		want(t, w.post("/v1/token", redemption(webID, code), w.proving(p)), 400, "invalid_grant") // whoever has another key stole it
	})
}

func TestG04BoundTokens(t *testing.T) {
	w := newWorld(t)
	p, other := dpoptest.New(t), dpoptest.New(t)
	bearer := w.redeem(webID, w.code(webID)).text("access_token")
	token := w.post("/v1/token", redemption(webID, w.code(webID)), w.proving(p)).text("access_token")
	ask := func(scheme, value string, options ...option) answer {
		return w.send("GET", "/v1/userinfo", "", "", append(options, withHeader("Authorization", scheme+" "+value))...)
	}
	proof := func(k *dpoptest.Prover, token string, options ...dpoptest.Option) option {
		return withHeader("DPoP", k.Proof(t, "GET", w.url+"/v1/userinfo", w.now(), append([]dpoptest.Option{dpoptest.For(token)}, options...)...))
	}
	refused := func(t *testing.T, a answer, code, challenge string) {
		t.Helper()
		want(t, a, 401, code)
		if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, challenge+` error="`+code+`"`) || !strings.Contains(got, `algs="ES256 EdDSA PS256 RS256"`) {
			t.Errorf("challenge %s", got)
		}
	}
	t.Run("with a proof for it, userinfo answers, once for each proof", func(t *testing.T) {
		o := proof(p, token)
		if a := ask("DPoP", token, o); a.status != 200 || a.text("sub") != w.user.ID {
			t.Errorf("%d %s", a.status, a.body)
		}
		refused(t, ask("DPoP", token, o), "invalid_dpop_proof", "DPoP")
		want(t, ask("dpop", token, proof(p, token, w.nonce())), 200, "")
		body := p.Proof(t, "POST", w.url+"/v1/userinfo", w.now(), dpoptest.For(token))
		want(t, w.send("POST", "/v1/userinfo", "", "", withHeader("Authorization", "DPoP "+token), withHeader("DPoP", body)), 200, "")
	})
	t.Run("G04 a bound token sent as Bearer", func(t *testing.T) {
		refused(t, ask("Bearer", token), "invalid_token", "Bearer")
		refused(t, ask("Bearer", token, proof(p, token)), "invalid_token", "Bearer")
		refused(t, w.post("/v1/userinfo", []string{"access_token", token}), "invalid_token", "Bearer")
	})
	t.Run("G04 without the key", func(t *testing.T) {
		refused(t, ask("DPoP", token), "invalid_dpop_proof", "DPoP")
		refused(t, ask("DPoP", token, proof(other, token)), "invalid_token", "DPoP")
		refused(t, ask("DPoP", token, proof(p, bearer)), "invalid_dpop_proof", "DPoP")
		refused(t, ask("DPoP", token, proof(p, token, dpoptest.Claim("ath", nil))), "invalid_dpop_proof", "DPoP")
		refused(t, ask("DPoP", token, w.proving(p, dpoptest.For(token))), "invalid_dpop_proof", "DPoP")
	})
	t.Run("a nonce that is not of now is replaced", func(t *testing.T) {
		a := ask("DPoP", token, proof(p, token, dpoptest.Claim("nonce", "x")))
		refused(t, a, "use_dpop_nonce", "DPoP")
		if a.header.Get("DPoP-Nonce") == "" {
			t.Error("there is no nonce")
		}
	})
	t.Run("a bearer token is one still, and none of a key", func(t *testing.T) {
		want(t, ask("Bearer", bearer), 200, "")
		want(t, ask("Bearer", bearer, withHeader("DPoP", "x")), 200, "") // nothing here is for the header
		refused(t, ask("DPoP", bearer, proof(p, bearer)), "invalid_token", "DPoP")
	})
	t.Run("B18 storage out of reach is 503", func(t *testing.T) {
		restore := w.breakStorage()
		a := ask("DPoP", token, proof(p, token))
		restore()
		want(t, a, 503, "temporarily_unavailable")
	})
	t.Run("introspection says which key", func(t *testing.T) {
		introspect := func(token string) (tokenType, cnf string) {
			a := w.post("/v1/introspect", []string{"token", token}, withBasic(webID, secret))
			b, _ := json.Marshal(a.json["cnf"])
			return a.text("token_type"), string(b)
		}
		if kind, cnf := introspect(token); kind != "DPoP" || cnf != `{"jkt":"`+p.Thumbprint(t)+`"}` {
			t.Errorf("%s %s", kind, cnf)
		}
		if kind, cnf := introspect(bearer); kind != "Bearer" || cnf != "null" {
			t.Errorf("%s %s", kind, cnf)
		}
	})
}

func TestPolicyThatRequiresKeys(t *testing.T) {
	w := newWorld(t)
	p := dpoptest.New(t)
	all, _ := w.server.registry.Current().Policy("all")
	require := func(needed bool) {
		changed := *all
		changed.Require.DPoP = needed
		w.put(&changed, func(s *registry.Snapshot) bool {
			got, ok := s.Policy("all")
			return ok && policy.NeedsDPoP(got) == needed
		})
	}
	before := w.redeem(webID, w.code(webID))
	code := w.code(webID)
	require(true)

	t.Run("every grant needs a proof, and consumes nothing without one", func(t *testing.T) {
		started := w.device(otherID, "client_secret", secret) // starting needs none
		w.approve(started.text("device_code"))
		for name, pairs := range map[string][]string{
			"client_credentials": {"grant_type", "client_credentials", "client_id", serviceID, "client_secret", secret},
			"authorization_code": redemption(webID, code),
			"refresh_token":      {"grant_type", "refresh_token", "client_id", webID, "client_secret", secret, "refresh_token", before.text("refresh_token")},
			"device_code":        {"grant_type", deviceCode, "client_id", otherID, "client_secret", secret, "device_code", started.text("device_code")},
		} {
			if a := w.post("/v1/token", pairs); a.status != 400 || a.text("error") != "invalid_dpop_proof" {
				t.Errorf("%s without a proof: %d %s", name, a.status, a.body)
			}
			wantBound(t, w.post("/v1/token", pairs, w.proving(p)), p)
		}
	})
	t.Run("bearer tokens from before are cut off", func(t *testing.T) {
		bearer := withHeader("Authorization", "Bearer "+before.text("access_token"))
		want(t, w.send("GET", "/v1/userinfo", "", "", bearer), 401, "invalid_token")
		if w.active(before.text("access_token")) {
			t.Error("introspection says that it is good")
		}
		require(false)
		want(t, w.send("GET", "/v1/userinfo", "", "", bearer), 200, "")
	})
}

func TestProofsAreCollected(t *testing.T) {
	w := newWorld(t)
	p := dpoptest.New(t)
	for range 5 {
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret), w.proving(p)), 200, "")
	}
	n, err := w.server.storage.Collect(t.Context(), w.now().Add(time.Hour), 1000)
	if err != nil || n < 5 {
		t.Errorf("collected %d, %v", n, err)
	}
}

// Anybody can sign proofs and name a public client. What they leave in storage is bounded by address.
func TestWastedProofs(t *testing.T) {
	w := newWorld(t)
	p := dpoptest.New(t)
	garbage := func(id string, more ...string) answer {
		return w.post("/v1/token", append([]string{"grant_type", "refresh_token", "refresh_token", "gkrt_garbage", "client_id", id}, more...), w.proving(p, w.nonce()))
	}
	before := w.rows()["replays"]
	refused := 0
	for range grant.WastedProofs + 20 {
		switch a := garbage(spaID); {
		case a.status == 400 && a.text("error") == "invalid_grant":
		case a.status == 429 && a.header.Get("Retry-After") != "":
			refused++
		default:
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if n := w.rows()["replays"] - before; refused != 20 || n != grant.WastedProofs {
		t.Errorf("%d refused, %d rows", refused, n)
	}
	if a := garbage(otherID); a.status != 429 && a.status != 401 {
		t.Errorf("another public client is another way to waste them: %d %s", a.status, a.body)
	}
	want(t, garbage(webID, "client_secret", secret), 400, "invalid_grant")
	wantBound(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret), w.proving(p)), p)
	w.pass(61 * time.Second)
	want(t, garbage(spaID), 400, "invalid_grant")
}

func TestCodesThatRequestsBindToKeys(t *testing.T) {
	w := newWorld(t)
	p, other := dpoptest.New(t), dpoptest.New(t)
	through := func(path string) string {
		b := w.tab(t)
		b.open(path)
		b.through()
		return b.answered(webCallback).Get("code")
	}
	redeem := func(code string, options ...option) answer {
		return w.post("/v1/token", redemption(webID, code), options...)
	}
	push := func(k *dpoptest.Prover, pairs []string, options ...dpoptest.Option) answer {
		return w.post("/v1/par", append(pushing(webID), pairs...), withBasic(webID, secret), withHeader("DPoP", k.Proof(t, "POST", w.url+"/v1/par", w.now(), options...)))
	}
	t.Run("dpop_jkt in the browser (RFC 9449 section 10)", func(t *testing.T) {
		code := through(authorization("dpop_jkt", p.Thumbprint(t)))
		want(t, redeem(code), 400, "invalid_dpop_proof")
		wantBound(t, redeem(code, w.proving(p)), p)
		code = through(authorization("dpop_jkt", p.Thumbprint(t)))
		want(t, redeem(code, w.proving(other)), 400, "invalid_grant")
	})
	t.Run("a proof with a pushed request (section 10.1)", func(t *testing.T) {
		for _, pairs := range [][]string{nil, {"dpop_jkt", p.Thumbprint(t)}} {
			a := push(p, pairs)
			want(t, a, 201, "")
			code := through("/v1/authorize?" + form("client_id", webID, "request_uri", a.text("request_uri")))
			want(t, redeem(code), 400, "invalid_dpop_proof")
			wantBound(t, redeem(code, w.proving(p)), p)
		}
	})
	t.Run("G03 a pushed request with a proof that is not right", func(t *testing.T) {
		want(t, push(p, []string{"dpop_jkt", other.Thumbprint(t)}), 400, "invalid_dpop_proof")
		want(t, push(p, nil, dpoptest.Claim("htu", w.url+"/v1/token")), 400, "invalid_dpop_proof")
		want(t, push(p, nil, dpoptest.Claim("nonce", "x")), 400, "use_dpop_nonce")
		once := dpoptest.Claim("jti", "once")
		want(t, push(p, nil, once), 201, "")
		want(t, push(p, nil, once), 400, "invalid_dpop_proof")
	})
	t.Run("G03 a public client that pushes needs a nonce", func(t *testing.T) {
		a := w.push(spaID, withHeader("DPoP", p.Proof(t, "POST", w.url+"/v1/par", w.now())))
		want(t, a, 400, "use_dpop_nonce")
		nonce := dpoptest.Claim("nonce", a.header.Get("DPoP-Nonce"))
		want(t, w.push(spaID, withHeader("DPoP", p.Proof(t, "POST", w.url+"/v1/par", w.now(), nonce))), 201, "")
	})
}
