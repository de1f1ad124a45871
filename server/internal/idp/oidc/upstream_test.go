package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	clientID     = "grantkeeper"
	clientSecret = "s3cret with spaces & =+"
	code1        = "code-"
)

// upstream is a small OpenID provider that holds its clients to the letter, and that misbehaves where a test wants it to.
type upstream struct {
	t   *testing.T
	now time.Time
	srv *httptest.Server

	mu       sync.Mutex
	down     bool
	pending  map[string]url.Values // authorization requests by code
	refresh  map[string]bool       // live refresh tokens
	access   map[string]bool       // live access tokens
	groups   []string
	locked   bool
	n        int
	asked    map[string]int
	redeemed []url.Values

	// What a test changes.
	metadata func(map[string]any)
	claims   func(map[string]any)        // of the ID token
	userinfo func(map[string]any)        // of userinfo
	sign     func(payload []byte) string // in place of RS256
	answer   func(map[string]any)        // of the token endpoint
	keys     func() *jose.JSONWebKeySet  // in place of the real ones
	noID     bool                        // no ID token at a refresh
	method   string                      // how the client has to authenticate
	rsa      *rsa.PrivateKey
	ec       *ecdsa.PrivateKey
	ed       ed25519.PrivateKey
}

func newUpstream(t *testing.T, now time.Time) *upstream {
	t.Helper()
	u := &upstream{t: t, now: now, pending: map[string]url.Values{}, refresh: map[string]bool{}, access: map[string]bool{},
		groups: []string{"staff", "admins"}, asked: map[string]int{}, method: "client_secret_basic"}
	var err error
	if u.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if u.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, u.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", u.discovery)
	mux.HandleFunc("GET /jwks", u.jwks)
	mux.HandleFunc("POST /token", u.token)
	mux.HandleFunc("GET /userinfo", u.info)
	u.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.asked[r.URL.Path]++
		if u.down {
			http.Error(w, "down for maintenance: secret-of-the-upstream", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(u.srv.Close)
	return u
}

func (u *upstream) issuer() string { return u.srv.URL }

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (u *upstream) discovery(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{
		"issuer": u.issuer(), "authorization_endpoint": u.issuer() + "/authorize?from=discovery", "token_endpoint": u.issuer() + "/token",
		"userinfo_endpoint": u.issuer() + "/userinfo", "jwks_uri": u.issuer() + "/jwks",
		"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256", "ES256", "EdDSA"},
		"token_endpoint_auth_methods_supported": []string{u.method}, "authorization_response_iss_parameter_supported": true,
	}
	if u.metadata != nil {
		u.metadata(m)
	}
	reply(w, http.StatusOK, m)
}

func (u *upstream) jwks(w http.ResponseWriter, _ *http.Request) {
	if u.keys != nil {
		reply(w, http.StatusOK, u.keys())
		return
	}
	reply(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: u.rsa.Public(), KeyID: "rsa", Algorithm: "RS256", Use: "sig"}, {Key: u.ec.Public(), KeyID: "ec", Algorithm: "ES256", Use: "sig"},
		{Key: u.ed.Public(), KeyID: "ed", Algorithm: "EdDSA", Use: "sig"},
	}})
}

// authorize is the user at the upstream who signs in, or does not.
func (u *upstream) authorize(t *testing.T, location string, in bool) url.Values {
	t.Helper()
	at, err := url.Parse(location)
	if err != nil || at.Path != "/authorize" {
		t.Fatalf("location %q, error %v", location, err)
	}
	q := at.Query()
	for _, p := range []string{"state", "nonce", "code_challenge", "redirect_uri", "scope", "from"} {
		if len(q[p]) != 1 || q.Get(p) == "" {
			t.Fatalf("%s is wrong in %s", p, location)
		}
	}
	if q.Get("response_type") != "code" || q.Get("client_id") != clientID || q.Get("code_challenge_method") != "S256" {
		t.Fatalf("no code request of this client with PKCE: %s", location)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	back := url.Values{"state": {q.Get("state")}, "iss": {u.issuer()}}
	if !in {
		back.Set("error", "access_denied")
		return back
	}
	u.n++
	code := fmt.Sprint(code1, u.n)
	u.pending[code] = q
	back.Set("code", code)
	return back
}

func (u *upstream) authenticated(r *http.Request) bool {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if u.method == "client_secret_basic" {
		basicID, basicSecret, ok := r.BasicAuth()
		if !ok || secret != "" {
			return false
		}
		id, _ = url.QueryUnescape(basicID)
		secret, _ = url.QueryUnescape(basicSecret)
	} else if r.Header.Get("Authorization") != "" {
		return false
	}
	if u.method == "none" {
		return id == clientID && secret == ""
	}
	return id == clientID && secret == clientSecret
}

func (u *upstream) token(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, code string) {
		reply(w, status, map[string]string{"error": code, "error_description": "secret-of-the-upstream"})
	}
	if err := r.ParseForm(); err != nil || !u.authenticated(r) {
		fail(http.StatusUnauthorized, "invalid_client")
		return
	}
	u.redeemed = append(u.redeemed, r.PostForm)
	answer := map[string]any{"token_type": "Bearer", "expires_in": 300}
	var q url.Values
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		var ok bool
		q, ok = u.pending[r.PostForm.Get("code")]
		delete(u.pending, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		if !ok || r.PostForm.Get("redirect_uri") != q.Get("redirect_uri") || base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge") {
			fail(http.StatusBadRequest, "invalid_grant")
			return
		}
	case "refresh_token":
		old := r.PostForm.Get("refresh_token")
		if u.locked || !u.refresh[old] {
			fail(http.StatusBadRequest, "invalid_grant")
			return
		}
		delete(u.refresh, old)
	default:
		fail(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	u.n++
	access := fmt.Sprint("access-", u.n)
	u.access[access], answer["access_token"] = true, access
	refresh := fmt.Sprint("refresh-", u.n)
	u.refresh[refresh], answer["refresh_token"] = true, refresh
	if q != nil || !u.noID {
		answer["id_token"] = u.idToken(q, access)
	}
	if u.answer != nil {
		u.answer(answer)
	}
	reply(w, http.StatusOK, answer)
}

func (u *upstream) person() map[string]any {
	return map[string]any{"sub": "248289761001", "groups": slices.Clone(u.groups), "preferred_username": "ada"}
}

func (u *upstream) idToken(q url.Values, access string) string {
	sum := sha256.Sum256([]byte(access))
	claims := u.person()
	maps.Copy(claims, map[string]any{
		"iss": u.issuer(), "aud": clientID, "iat": u.now.Unix(), "exp": u.now.Add(time.Minute).Unix(), "auth_time": u.now.Unix(),
		"amr": []string{"pwd", "otp"}, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "email": "ada@example.com",
	})
	if q != nil {
		claims["nonce"] = q.Get("nonce")
	}
	if u.claims != nil {
		u.claims(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		u.t.Error(err)
	}
	if u.sign != nil {
		return u.sign(payload)
	}
	return u.signed(jose.RS256, u.rsa, "rsa", payload)
}

func (u *upstream) signed(alg jose.SignatureAlgorithm, key any, kid string, payload []byte) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		u.t.Error(err)
		return ""
	}
	jws, err := s.Sign(payload)
	if err != nil {
		u.t.Error(err)
		return ""
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		u.t.Error(err)
	}
	return out
}

// raw makes a JWT with any header and signature.
func raw(header string, payload, signature []byte) string {
	b := base64.RawURLEncoding.EncodeToString
	return b([]byte(header)) + "." + b(payload) + "." + b(signature)
}

func (u *upstream) info(w http.ResponseWriter, r *http.Request) {
	token, _ := cutBearer(r.Header.Get("Authorization"))
	if !u.access[token] {
		http.Error(w, "secret-of-the-upstream", http.StatusUnauthorized)
		return
	}
	claims := u.person()
	maps.Copy(claims, map[string]any{
		"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "email": "ada@example.com", "email_verified": true,
		"locale": "en-GB", "address": map[string]any{"country": "UK"}, "iss": "https://evil.example", "auth_time": 1,
	})
	if u.userinfo != nil {
		u.userinfo(claims)
	}
	reply(w, http.StatusOK, claims)
}

func cutBearer(s string) (string, bool) {
	const prefix = "Bearer "
	if len(s) < len(prefix) || subtle.ConstantTimeCompare([]byte(s[:len(prefix)]), []byte(prefix)) != 1 {
		return "", false
	}
	return s[len(prefix):], true
}
