package jwkset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func publish(t *testing.T, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func generate[K any](t *testing.T, of func() (K, error)) K {
	t.Helper()
	k, err := of()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ecKey(curve elliptic.Curve) func() (*ecdsa.PrivateKey, error) {
	return func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func rsaKey(bits int) func() (*rsa.PrivateKey, error) {
	return func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, id string, private any) *Signed {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: private, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := Read(compact)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestParsePassesOverWhatIsOfNoUse(t *testing.T) {
	good := generate(t, ecKey(elliptic.P256()))
	for name, c := range map[string]struct {
		raw  []byte
		want int
	}{
		"a key":                       {publish(t, jose.JSONWebKey{Key: &good.PublicKey, KeyID: "1"}), 1},
		"one of another curve":        {publish(t, jose.JSONWebKey{Key: &good.PublicKey}, jose.JSONWebKey{Key: &generate(t, ecKey(elliptic.P384())).PublicKey}), 1},
		"one for encryption":          {publish(t, jose.JSONWebKey{Key: &good.PublicKey}, jose.JSONWebKey{Key: &good.PublicKey, Use: "enc"}), 1},
		"one of another algorithm":    {publish(t, jose.JSONWebKey{Key: &good.PublicKey}, jose.JSONWebKey{Key: &good.PublicKey, Algorithm: "RS256"}), 1},
		"a private one":               {publish(t, jose.JSONWebKey{Key: &good.PublicKey}, jose.JSONWebKey{Key: good}), 1},
		"more than are taken":         {publish(t, jose.JSONWebKey{Key: &good.PublicKey}, jose.JSONWebKey{Key: &good.PublicKey}, jose.JSONWebKey{Key: &good.PublicKey}), 2},
		"none of use":                 {publish(t, jose.JSONWebKey{Key: good}), 0},
		"a symmetric one":             {[]byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`), 0},
		"a point that is not on P256": {[]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"` + zeros(32) + `","y":"` + zeros(32) + `"}]}`), 0},
		"an RSA key with exponent 1":  {[]byte(`{"keys":[{"kty":"RSA","e":"AQ","n":"` + base64.RawURLEncoding.EncodeToString(new(big.Int).SetBit(new(big.Int), 2047, 1).Bytes()) + `"}]}`), 0},
		"a short RSA key":             {[]byte(`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + zeros(128) + `"}]}`), 0},
		"no keys":                     {[]byte(`{"keys":[]}`), 0},
		"no JSON":                     {[]byte(`<html>`), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(c.raw, 2)
			if s.Len() != c.want || (c.want == 0) != errors.Is(err, ErrNoKeys) {
				t.Errorf("%d keys, %v", s.Len(), err)
			}
		})
	}
}

func zeros(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }

func TestVerify(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, long := generate(t, ecKey(elliptic.P256())), generate(t, rsaKey(2048))
	set, err := Parse(publish(t,
		jose.JSONWebKey{Key: &ec.PublicKey, KeyID: "ec"}, jose.JSONWebKey{Key: ed.Public(), KeyID: "ed"},
		jose.JSONWebKey{Key: &long.PublicKey, KeyID: "rsa", Algorithm: "RS256"}), 8)
	if err != nil {
		t.Fatal(err)
	}
	stranger := generate(t, ecKey(elliptic.P256()))
	for name, c := range map[string]struct {
		set    *Set
		signed *Signed
		ok     bool
	}{
		"ES256":                                     {set, sign(t, jose.ES256, "ec", ec), true},
		"EdDSA":                                     {set, sign(t, jose.EdDSA, "ed", ed), true},
		"RS256":                                     {set, sign(t, jose.RS256, "rsa", long), true},
		"without an id":                             {set, sign(t, jose.ES256, "", ec), true},
		"an algorithm that is not the key's":        {set, sign(t, jose.PS256, "rsa", long), false},
		"another key's id":                          {set, sign(t, jose.ES256, "ed", ec), false},
		"an id that is not there":                   {set, sign(t, jose.ES256, "other", ec), false},
		"a stranger's key of a known id":            {set, sign(t, jose.ES256, "ec", stranger), false},
		"no keys at all":                            {nil, sign(t, jose.ES256, "ec", ec), false},
		"the key that stands in, which all know":    {nil, sign(t, jose.ES256, "ec", one(t)), false},
		"the same beside real keys":                 {set, sign(t, jose.ES256, "other", one(t)), false},
		"the same with the id of that which is not": {set, sign(t, jose.ES256, standInID, one(t)), false},
	} {
		t.Run(name, func(t *testing.T) {
			payload, err := c.set.Verify(c.signed)
			if c.ok != (err == nil) || c.ok && string(payload) != "text" || !c.ok && !errors.Is(err, ErrSignature) {
				t.Errorf("%q, %v", payload, err)
			}
		})
	}
}

// one is the private key of the base point, that is, of what stands in for a key of P-256.
func one(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	scalar := make([]byte, 32)
	scalar[31] = 1
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestStandInsCostWhatKeysDo(t *testing.T) {
	for kind, want := range map[kind]crypto.PublicKey{kindEC: (*ecdsa.PublicKey)(nil), kindOKP: ed25519.PublicKey(nil), kindRSA: (*rsa.PublicKey)(nil)} {
		got := standIn(kind)
		if len(got) != 1 {
			t.Fatalf("kind %d has %d", kind, len(got))
		}
		if k, ok := kindOf(got[0].public); !ok || k != kind {
			t.Errorf("kind %d: %T, want %T", kind, got[0].public, want)
		}
	}
}
