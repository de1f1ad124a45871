package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Algorithm is a JWS algorithm (RFC 7518 section 3.1).
type Algorithm string

// The algorithms that the server signs with.
const (
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256"
)

// Type is the typ header of what is signed; a token of one type never verifies as another.
type Type string

// The types: JWT access tokens (RFC 9068 section 2.1), ID tokens, logout tokens (OpenID Connect Back-Channel Logout section 2.4),
// and the tokens with which the server asks an API what a person may choose among.
const (
	TypeAccessToken Type = "at+jwt"
	TypeIDToken     Type = "JWT"
	TypeLogoutToken Type = "logout+jwt"
	TypeChoices     Type = "grantkeeper-choices+jwt"
)

// ErrInvalid is what verification returns for everything that this server did not sign with a key it still publishes.
var ErrInvalid = errors.New("not a token of this server")

// ErrNoKey means that no key of the algorithm is active.
var ErrNoKey = errors.New("no active signing key")

// Signer signs with the active keys and verifies with all published ones. It is safe for concurrent use; Load replaces
// the keys as a whole.
type Signer struct {
	current atomic.Pointer[keySet]
}

type keySet struct {
	active   map[Algorithm]*key
	byHeader map[string]verifier // by the encoded header, which is fixed for key and type
	jwks     []byte
	etag     string
}

type key struct {
	algorithm Algorithm
	ec        *ecdsa.PrivateKey
	rsa       *rsa.PrivateKey
	headers   map[Type]string // base64url of the JWS header and the dot
}

type verifier struct {
	key *key
	typ Type
}

// New returns a signer without keys; it signs and verifies nothing until Load.
func New() *Signer {
	s := &Signer{}
	s.current.Store(&keySet{})
	return s
}

// Load replaces the keys. On an error the ones before stay.
func (s *Signer) Load(keys *registration.Keys) error {
	set := &keySet{active: map[Algorithm]*key{}, byHeader: map[string]verifier{}}
	public := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range keys.Signing {
		parsed, pub, err := parse(k)
		if err != nil {
			return fmt.Errorf("signing key %s: %w", k.ID, err)
		}
		for typ, h := range parsed.headers {
			set.byHeader[strings.TrimSuffix(h, ".")] = verifier{key: parsed, typ: typ}
		}
		if k.State == registration.KeyActive {
			set.active[parsed.algorithm] = parsed
		}
		public.Keys = append(public.Keys, jose.JSONWebKey{Key: pub, KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"})
	}
	if len(public.Keys) > 0 {
		var err error
		if set.jwks, err = json.Marshal(public); err != nil {
			return err
		}
		sum := sha256.Sum256(set.jwks)
		set.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	}
	s.current.Store(set)
	return nil
}

func parse(k registration.SigningKey) (*key, crypto.PublicKey, error) {
	private, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
	if err != nil {
		return nil, nil, errors.New("cannot be parsed") // the cause may quote the key
	}
	out := &key{algorithm: Algorithm(k.Algorithm), headers: map[Type]string{}}
	var public crypto.PublicKey
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		if out.algorithm != ES256 || p.Curve.Params().BitSize != 256 {
			return nil, nil, fmt.Errorf("an EC key cannot be used for %s", k.Algorithm)
		}
		out.ec, public = p, &p.PublicKey
	case *rsa.PrivateKey:
		if out.algorithm != RS256 {
			return nil, nil, fmt.Errorf("an RSA key cannot be used for %s", k.Algorithm)
		}
		p.Precompute()
		out.rsa, public = p, &p.PublicKey
	default:
		return nil, nil, errors.New("is neither EC nor RSA")
	}
	for _, typ := range []Type{TypeAccessToken, TypeIDToken, TypeLogoutToken, TypeChoices} {
		header, err := json.Marshal(struct {
			Algorithm string `json:"alg"`
			KeyID     string `json:"kid"`
			Type      Type   `json:"typ"`
		}{k.Algorithm, k.ID, typ})
		if err != nil {
			return nil, nil, err
		}
		out.headers[typ] = base64.RawURLEncoding.EncodeToString(header) + "."
	}
	return out, public, nil
}

// Sign returns payload in the JWS compact serialization, signed by the active key of the algorithm. ErrNoKey when there is
// none.
func (s *Signer) Sign(alg Algorithm, typ Type, payload []byte) (string, error) {
	k := s.current.Load().active[alg]
	if k == nil {
		return "", ErrNoKey
	}
	header := k.headers[typ]
	size := base64.RawURLEncoding.EncodedLen(len(payload))
	signatureBytes := 64
	if k.rsa != nil {
		signatureBytes = k.rsa.Size()
	}
	out := make([]byte, 0, len(header)+size+1+base64.RawURLEncoding.EncodedLen(signatureBytes))
	out = append(out, header...)
	out = base64.RawURLEncoding.AppendEncode(out, payload)
	digest := sha256.Sum256(out)
	var fixed [64]byte
	signature := fixed[:]
	if k.rsa != nil {
		var err error
		if signature, err = rsa.SignPKCS1v15(nil, k.rsa, crypto.SHA256, digest[:]); err != nil {
			return "", err
		}
	} else if err := signES256(k.ec, digest[:], &fixed); err != nil {
		return "", err
	}
	out = append(out, '.')
	out = base64.RawURLEncoding.AppendEncode(out, signature)
	return string(out), nil
}

// signES256 writes R and S side by side, 32 bytes each (RFC 7518 section 3.4).
func signES256(k *ecdsa.PrivateKey, digest []byte, out *[64]byte) error {
	r, s, err := ecdsa.Sign(rand.Reader, k, digest)
	if err != nil {
		return err
	}
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return nil
}

// Verify returns the payload and the algorithm of a token that this server signed as typ. Only the exact headers that the
// server writes are looked up, so that nothing in a header can choose a key, an algorithm or a place to fetch one from.
// ErrInvalid for everything else.
func (s *Signer) Verify(typ Type, token string) ([]byte, error) {
	header, rest, ok := strings.Cut(token, ".")
	if !ok {
		return nil, ErrInvalid
	}
	v, ok := s.current.Load().byHeader[header]
	if !ok || v.typ != typ {
		return nil, ErrInvalid
	}
	body, sig, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, ErrInvalid
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(sig)
	if err != nil {
		return nil, ErrInvalid
	}
	digest := sha256.Sum256([]byte(token[:len(header)+1+len(body)]))
	if v.key.rsa != nil {
		err = rsa.VerifyPKCS1v15(&v.key.rsa.PublicKey, crypto.SHA256, digest[:], signature)
	} else {
		err = verifyES256(&v.key.ec.PublicKey, digest[:], signature)
	}
	if err != nil {
		return nil, ErrInvalid
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, ErrInvalid
	}
	return payload, nil
}

func verifyES256(k *ecdsa.PublicKey, digest, signature []byte) error {
	if len(signature) != 64 {
		return ErrInvalid
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])})
	if err != nil || !ecdsa.VerifyASN1(k, digest, der) {
		return ErrInvalid
	}
	return nil
}

// Ready reports whether there is an active key of every algorithm.
func (s *Signer) Ready() bool {
	active := s.current.Load().active
	return active[ES256] != nil && active[RS256] != nil
}

// JWKS is the published key set and its entity tag; nil while there are no keys. The caller must not change it.
func (s *Signer) JWKS() (body []byte, etag string) {
	set := s.current.Load()
	return set.jwks, set.etag
}

// Algorithms lists the algorithms with an active key, ES256 before RS256.
func (s *Signer) Algorithms() []Algorithm {
	set := s.current.Load()
	var out []Algorithm
	for _, a := range []Algorithm{ES256, RS256} {
		if set.active[a] != nil {
			out = append(out, a)
		}
	}
	return out
}
