package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// The clients of these tests, and the cluster's issuer.
const (
	signedID      = "apps.signed" // private_key_jwt with an inline key set, ES256 alone
	podID         = "apps.pod"    // a ServiceAccount
	clusterIssuer = "https://kubernetes.default.svc.cluster.local"
	podAccount    = "system:serviceaccount:apps:reports"
	jwtBearer     = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// signingKey signs assertions.
type signingKey struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

func newSigningKey(t testing.TB, id string, algorithm jose.SignatureAlgorithm) signingKey {
	t.Helper()
	k := signingKey{id: id, algorithm: algorithm}
	var err error
	switch algorithm {
	case jose.ES256:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		k.private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// publicSet is a set of public keys.
func publicSet(t testing.TB, keys ...signingKey) []byte {
	t.Helper()
	set := jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Use: "sig"})
	}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sign signs what is given, with more in the header if header is not nil.
func (k signingKey) sign(t testing.TB, payload map[string]any, header map[jose.HeaderKey]any) string {
	t.Helper()
	o := &jose.SignerOptions{}
	for name, v := range header {
		o.WithHeader(name, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}}, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// forged is a text with any header and signature.
func forged(t testing.TB, header, payload map[string]any, sign func(input string) []byte) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	input := part(header) + "." + part(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

var jtis atomic.Int64

// claimsOf are those of a good assertion, changed by the pairs: a name and its value, nil to leave it out.
func (w *world) claimsOf(id string, pairs ...any) map[string]any {
	now := w.now()
	c := map[string]any{
		"iss": id, "sub": id, "aud": w.url, "jti": fmt.Sprintf("jti-%d", jtis.Add(1)), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	return changed(c, pairs)
}

// podClaims are those of a good token of the client's ServiceAccount.
func (w *world) podClaims(pairs ...any) map[string]any {
	now := w.now()
	c := map[string]any{
		"iss": clusterIssuer, "sub": podAccount, "aud": []string{w.url}, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"jti": "the-same", "kubernetes.io": map[string]any{
			"namespace": "apps", "node": map[string]any{"name": "n", "uid": "1"},
			"pod":            map[string]any{"name": "reports-0", "uid": "2"},
			"serviceaccount": map[string]any{"name": "reports", "uid": "3"},
		},
	}
	return changed(c, pairs)
}

func changed(c map[string]any, pairs []any) map[string]any {
	c = maps.Clone(c)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		if pairs[i+1] == nil {
			delete(c, name)
			continue
		}
		c[name] = pairs[i+1]
	}
	return c
}

// present asks for a token by an assertion, each time from another address, below the limit of B17.
func (w *world) present(assertion string, pairs ...string) answer {
	w.t.Helper()
	p := []string{"grant_type", "client_credentials", "client_assertion_type", jwtBearer, "client_assertion", assertion}
	n := w.started.Add(1)
	return w.post("/v1/token", append(p, pairs...), withHeader("X-Forwarded-For", fmt.Sprintf("198.18.%d.%d", n>>8, n&255)))
}

// assertionWorld has the two clients, and their keys.
func assertionWorld(t testing.TB) (w *world, key, cluster signingKey) {
	t.Helper()
	key, cluster = newSigningKey(t, "1", jose.ES256), newSigningKey(t, "c1", jose.RS256)
	w = newWorld(t, func(s *registration.Server) {
		s.ServiceAccounts = &registration.ServiceAccountIssuer{Issuer: clusterIssuer, JWKS: publicSet(t, cluster)}
	})
	w.write(&registration.Policy{Namespace: "oauth", Name: "assertions", Allow: registration.Allow{
		GrantTypes: []string{oauth.GrantTypeClientCredentials, oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken},
		Scopes:     []string{"orders.read", "openid", "email", "offline_access"}, RedirectHosts: []string{"app.example.com", "127.0.0.1"},
	}})
	w.register(signed(t, "signed", key), func(*registration.Client) {})
	pod := client("pod", "Service", []string{oauth.GrantTypeClientCredentials}, []string{"orders.read"}, registration.AuthenticationServiceAccount)
	pod.Authentication.ServiceAccount = podAccount
	w.register(pod, func(*registration.Client) {})
	return w, key, cluster
}

// signed is a client with an inline key set.
func signed(t testing.TB, name string, keys ...signingKey) *registration.Client {
	t.Helper()
	c := client(name, "Service", []string{oauth.GrantTypeClientCredentials}, []string{"orders.read"}, registration.AuthenticationPrivateKeyJWT)
	c.Authentication.JWKS = publicSet(t, keys...)
	for _, k := range keys {
		c.Authentication.Algorithms = append(c.Authentication.Algorithms, string(k.algorithm))
	}
	return c
}

// register puts a client of the policy for assertions there and waits until it is served.
func (w *world) register(c *registration.Client, change func(*registration.Client)) {
	w.t.Helper()
	c.Policy = "assertions"
	change(c)
	w.put(c, func(s *registry.Snapshot) bool {
		got, ok := s.Client(c.ClientID)
		return ok && got.Enabled()
	})
}

func containsAny(list []any, v string) bool {
	return slices.ContainsFunc(list, func(x any) bool { return x == v })
}
