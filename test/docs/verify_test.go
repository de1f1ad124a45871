package docs

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// NewVerifier returns a function that checks an access token for the API with the given identifier and returns its scopes.
func NewVerifier(ctx context.Context, issuer, identifier string) (func(context.Context, string) ([]string, error), error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	verifier := provider.VerifierContext(ctx, &oidc.Config{ClientID: identifier, SupportedSigningAlgs: []string{oidc.ES256}})
	return func(ctx context.Context, raw string) ([]string, error) {
		header, _, _ := strings.Cut(raw, ".")
		var h struct {
			Type string `json:"typ"`
		}
		b, err := base64.RawURLEncoding.DecodeString(header)
		if err != nil || json.Unmarshal(b, &h) != nil || h.Type != "at+jwt" {
			return nil, errors.New("not an access token")
		}
		token, err := verifier.Verify(ctx, raw)
		if err != nil {
			return nil, err
		}
		var claims struct {
			Scope string `json:"scope"`
			Bound any    `json:"cnf"`
		}
		if err = token.Claims(&claims); err == nil && claims.Bound != nil {
			err = errors.New("bound to a key, which is not checked here")
		}
		return strings.Fields(claims.Scope), err
	}, nil
}

func get(t *testing.T, address string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return http.DefaultClient.Do(r)
}

func TestTheVerifierOfThePage(t *testing.T) {
	p := named(t, "docs/how-to/verify-tokens.md")
	source, err := os.ReadFile("verify_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range p.of("go") {
		if !strings.Contains(string(source), b.text) {
			t.Errorf("%s, line %d: the code is not the one that is tested here", p.path, b.line)
		}
	}
	server := serve(t, p)
	issuer := "http://" + server.listen
	token, bound := clientToken(t, server, issuer, ""), clientToken(t, server, issuer, proofFor(t, issuer+"/v1/token"))
	for name, tt := range map[string]struct {
		identifier, token string
		ok                bool
	}{
		"a token for the API is taken":                   {"https://api.example.com", token, true},
		"a token for another API is refused":             {"https://other.example.com", token, false},
		"a token with another signature is refused":      {"https://api.example.com", token[:strings.LastIndex(token, ".")+1] + strings.Repeat("A", 86), false},
		"a token that is bound to a key is refused":      {"https://api.example.com", bound, false},
		"a token that says it is an ID token is refused": {"https://api.example.com", "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9" + token[strings.Index(token, "."):], false},
	} {
		t.Run(name, func(t *testing.T) {
			verify, err := NewVerifier(t.Context(), issuer, tt.identifier)
			if err != nil {
				t.Fatal(err)
			}
			scopes, err := verify(t.Context(), tt.token)
			if tt.ok != (err == nil) {
				t.Fatal(err)
			}
			if tt.ok && !slices.Equal(scopes, []string{"orders.read"}) {
				t.Errorf("scopes %q", scopes)
			}
		})
	}
}

// clientToken is an access token of the page's program, bound to the key of a proof if there is one.
func clientToken(t *testing.T, server *running, issuer, proof string) string {
	t.Helper()
	credential := func(key string) string {
		b, err := os.ReadFile(filepath.Join(server.dir, "data/secrets/partners/reports-oauth", key))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {credential("client-id")}, "client_secret": {credential("client-secret")}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/v1/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	text, err := fetch(http.DefaultClient.Do(r))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.AccessToken
}

// proofFor is a proof of possession for a POST, by a new key (RFC 9449 section 4.2).
func proofFor(t *testing.T, address string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(map[string]any{"jti": rand.Text(), "htm": http.MethodPost, "htu": address, "iat": time.Now().Unix()})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return proof
}
