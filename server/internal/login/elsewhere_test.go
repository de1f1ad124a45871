package login

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const corpUID = "44444444-2222-3333-4444-555555555555"

// elsewhere is an OpenID provider that signs in whoever comes. What it does not need here it does not check: the suite of
// providers does.
type elsewhere struct {
	*testing.T
	server *httptest.Server
	key    *rsa.PrivateKey
	now    func() time.Time

	mu      sync.Mutex
	down    bool
	silent  bool           // gives no refresh token
	claims  map[string]any // of the ID token, besides those that it needs
	pending map[string]url.Values
}

func newElsewhere(t *testing.T, now func() time.Time) *elsewhere {
	t.Helper()
	e := &elsewhere{T: t, now: now, pending: map[string]url.Values{}, claims: map[string]any{"sub": "248289761001", "preferred_username": "ada", "email": "ada@example.com", "email_verified": true}}
	var err error
	if e.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	e.server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.server.Close)
	return e
}

func (e *elsewhere) serve(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		http.Error(w, "secret of the upstream", http.StatusServiceUnavailable)
		return
	}
	var body any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		body = map[string]any{
			"issuer": e.server.URL, "authorization_endpoint": e.server.URL + "/authorize", "token_endpoint": e.server.URL + "/token",
			"userinfo_endpoint": e.server.URL + "/userinfo", "jwks_uri": e.server.URL + "/jwks", "id_token_signing_alg_values_supported": []string{"RS256"},
			"authorization_response_iss_parameter_supported": true,
		}
	case "/jwks":
		body = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: e.key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}}
	case "/userinfo":
		body = e.claims
	case "/token":
		q, ok := e.pending[r.PostFormValue("code")]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			body = map[string]string{"error": "invalid_grant"}
			break
		}
		delete(e.pending, r.PostFormValue("code"))
		tokens := map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": e.idToken(q), "refresh_token": "the upstream's refresh token"}
		if e.silent {
			delete(tokens, "refresh_token")
		}
		body = tokens
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func (e *elsewhere) idToken(q url.Values) string {
	claims := map[string]any{"iss": e.server.URL, "aud": "us", "iat": e.now().Unix(), "exp": e.now().Add(time.Minute).Unix(), "nonce": q.Get("nonce")}
	maps.Copy(claims, e.claims)
	payload, err := json.Marshal(claims)
	if err != nil {
		e.Error(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: e.key, KeyID: "k"}}, nil)
	if err != nil {
		e.Error(err)
		return ""
	}
	jws, err := s.Sign(payload)
	if err != nil {
		e.Error(err)
		return ""
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		e.Error(err)
	}
	return out
}

// set changes it.
func (e *elsewhere) set(change func(*elsewhere)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

// signIn is somebody who was sent there and signs in: it returns what the browser brings back.
func (e *elsewhere) signIn(to *url.URL) string {
	e.Helper()
	if to == nil || !strings.HasPrefix(to.String(), e.server.URL+"/authorize?") {
		e.Fatalf("nobody is sent there, but to %v", to)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	q := to.Query()
	code := fmt.Sprint("code-", len(e.pending), "-", q.Get("nonce"))
	e.pending[code] = q
	back := url.Values{"state": {q.Get("state")}, "code": {code}, "iss": {e.server.URL}}
	return q.Get("redirect_uri") + "?" + back.Encode()
}

// declaration is the identity provider as it is declared.
func (e *elsewhere) declaration() *registration.IdentityProvider {
	return &registration.IdentityProvider{Namespace: "oauth", Name: "corp", UID: corpUID, DisplayName: "Example Corp",
		OIDC: &registration.OIDCProvider{Issuer: e.server.URL, ClientID: "us", ClientSecret: "secret", Scopes: []string{"openid", "email", "offline_access"}}}
}

// back brings the browser back from there.
func (p *person) back(address string) *answer {
	p.Helper()
	rest, ok := strings.CutPrefix(address, p.issuer)
	if !ok {
		p.Fatalf("back to %s", address)
	}
	return p.on(p.get(rest))
}
