// Package dpoptest signs proofs of possession for tests, as a client does (RFC 9449 section 4.2), and wrong ones.
package dpoptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Prover has a key.
type Prover struct {
	Algorithm jose.SignatureAlgorithm
	Key       crypto.Signer
}

// New makes a prover with a key for ES256.
func New(t testing.TB) *Prover {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Prover{Algorithm: jose.ES256, Key: k}
}

// Thumbprint is that of the key: jkt.
func (p *Prover) Thumbprint(t testing.TB) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: p.Key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// Option changes what a proof says. A claim or member of the header that is nil is left out.
type Option func(header, claims map[string]any)

// Claim sets a claim.
func Claim(name string, value any) Option { return func(_, c map[string]any) { c[name] = value } }

// Head sets a member of the header.
func Head(name string, value any) Option { return func(h, _ map[string]any) { h[name] = value } }

// For names the access token that the proof goes with.
func For(accessToken string) Option { return Claim("ath", Hash(accessToken)) }

// Hash is ath.
func Hash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Proof signs a proof for a request at a time.
func (p *Prover) Proof(t testing.TB, method, url string, at time.Time, options ...Option) string {
	t.Helper()
	header := map[string]any{"typ": "dpop+jwt", "alg": p.Algorithm, "jwk": jose.JSONWebKey{Key: p.Key.Public()}}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": at.Unix()}
	for _, o := range options {
		o(header, claims)
	}
	return p.Sign(t, encode(t, header), encode(t, claims))
}

func encode(t testing.TB, m map[string]any) []byte {
	t.Helper()
	for name, value := range m {
		if value == nil {
			delete(m, name)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Sign signs a header and a payload as they are, by the prover's algorithm, whatever the header says.
func (p *Prover) Sign(t testing.TB, header, payload []byte) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := p.signature(input)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (p *Prover) signature(input string) ([]byte, error) {
	digest := sha256.Sum256([]byte(input))
	switch k := p.Key.(type) {
	case *ecdsa.PrivateKey: // R and S side by side (RFC 7518 section 3.4)
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			return nil, err
		}
		size := (k.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
	case ed25519.PrivateKey:
		return k.Sign(rand.Reader, []byte(input), crypto.Hash(0))
	default:
		var options crypto.SignerOpts = crypto.SHA256
		if p.Algorithm == jose.PS256 {
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
		return k.Sign(rand.Reader, digest[:], options)
	}
}
