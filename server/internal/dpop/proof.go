package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// Window is how far iat may be from the server's clock, either way (RFC 9449 section 11.1).
const Window = 60 * time.Second

// Header is the name of the header that carries a proof, NonceHeader that of the one with a nonce (RFC 9449 section 12.5), both as
// [net/http.CanonicalHeaderKey] has them.
const (
	Header      = "Dpop"
	NonceHeader = "Dpop-Nonce"
)

// Bounds, in bytes and bits.
const (
	// maxProof is more than a proof with a key of maxRSA bits, a nonce and a long address has.
	maxProof = 6 << 10
	// maxID bounds jti: 128 random bits take 22 to 36.
	maxID = 256
	// maxURL bounds htu.
	maxURL         = 2 << 10
	minRSA, maxRSA = 2048, 4096
)

// algorithms are the ones that are taken: asymmetric, and nothing that a key of another kind could be used for.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256}
}

// Algorithms are the values of dpop_signing_alg_values_supported (RFC 9449 section 5.1).
func Algorithms() []string {
	var out []string
	for _, a := range algorithms() {
		out = append(out, string(a))
	}
	return out
}

// Expected is what a proof has to be about.
type Expected struct {
	// Method is the request's, and URL the endpoint's address as the issuer's configuration makes it. What a request says in its
	// Host header is what whoever sent it wants to be believed.
	Method, URL string
	Now         time.Time
	// AccessToken is the token that is presented with the proof; empty at the token endpoint.
	AccessToken string
	// NonceKeys are what nonces are made of, the first one now. NeedsNonce refuses proofs without one.
	NonceKeys  []registration.SymmetricKey
	NeedsNonce bool
}

// Proof is a proof that was verified, and not yet spent.
type Proof struct {
	// Thumbprint is that of the key (RFC 7638), SHA-256 in base64url: jkt.
	Thumbprint string
	// ID is jti; IssuedAt is iat, in whole seconds.
	ID       string
	IssuedAt time.Time
}

type claims struct {
	ID     string   `json:"jti"`
	Method string   `json:"htm"`
	URL    string   `json:"htu"`
	Issued *float64 `json:"iat"`
	Hash   string   `json:"ath"`
	Nonce  string   `json:"nonce"`
}

// Verify checks the values of a request's DPoP header (RFC 9449 section 4.3). There is at least one. Errors: invalid_dpop_proof, and
// use_dpop_nonce, with a nonce, for a proof that is right but for that.
func Verify(values []string, e Expected) (*Proof, *oauth.Error) {
	if len(values) != 1 {
		return nil, invalid("there is more than one DPoP header")
	}
	key, payload, fail := open(values[0])
	if fail != nil {
		return nil, fail
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, invalid("the claims of the proof cannot be read").WithCause(err)
	}
	if fail := c.check(e); fail != nil {
		return nil, fail
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, invalid("the key of the proof has no thumbprint").WithCause(err)
	}
	return &Proof{Thumbprint: base64.RawURLEncoding.EncodeToString(sum), ID: c.ID, IssuedAt: time.Unix(int64(*c.Issued), 0)}, nil
}

// open verifies the signature by the key in the header. What is too large, or no JWS in compact form, is not even decoded.
func open(value string) (*jose.JSONWebKey, []byte, *oauth.Error) {
	if len(value) > maxProof || strings.Count(value, ".") != 2 {
		return nil, nil, invalid("the proof is not a signed JWT")
	}
	encoded, _, _ := strings.Cut(value, ".")
	if fail := checkHeader(encoded); fail != nil {
		return nil, nil, fail
	}
	jws, err := jose.ParseSignedCompact(value, algorithms())
	if unexpected := (*jose.ErrUnexpectedSignatureAlgorithm)(nil); errors.As(err, &unexpected) {
		return nil, nil, invalid("the proof must be signed with one of " + strings.Join(Algorithms(), ", "))
	}
	if err != nil {
		return nil, nil, invalid("the proof is not a signed JWT").WithCause(err)
	}
	protected := jws.Signatures[0].Protected
	if protected.JSONWebKey == nil || !fits(protected.JSONWebKey.Key, jose.SignatureAlgorithm(protected.Algorithm)) {
		return nil, nil, invalid("the key of the proof is not one for its algorithm")
	}
	payload, err := jws.Verify(protected.JSONWebKey)
	if err != nil {
		return nil, nil, invalid("the signature of the proof is not that of its key").WithCause(err)
	}
	return protected.JSONWebKey, payload, nil
}

// checkHeader looks at the header as it is written, before a library makes something of it: nothing in it may name a key that is
// elsewhere, and the key that is there must be public, to the last member.
func checkHeader(encoded string) *oauth.Error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return invalid("the proof is not a signed JWT")
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(raw, &header); err != nil {
		return invalid("the header of the proof cannot be read").WithCause(err)
	}
	var typ string
	if json.Unmarshal(header["typ"], &typ) != nil || typ != "dpop+jwt" {
		return invalid("the typ of the proof must be dpop+jwt")
	}
	for _, name := range []string{"crit", "b64", "jku", "x5u", "x5c"} {
		if _, ok := header[name]; ok {
			return invalid("the header of the proof must not have " + name)
		}
	}
	var key map[string]json.RawMessage
	if json.Unmarshal(header["jwk"], &key) != nil || len(key) == 0 {
		return invalid("the header of the proof has no jwk")
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} { // RFC 7518 section 6, RFC 9964
		if _, ok := key[name]; ok {
			return invalid("the proof has a private key: make a new one, this one is known now")
		}
	}
	for _, name := range []string{"x5u", "x5c"} {
		if _, ok := key[name]; ok {
			return invalid("the jwk of the proof must not have " + name)
		}
	}
	return nil
}

// fits reports whether a key is of the kind and size that an algorithm is for.
func fits(key any, a jose.SignatureAlgorithm) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return a == jose.ES256 && k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return a == jose.EdDSA && len(k) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		return (a == jose.PS256 || a == jose.RS256) && k.N.BitLen() >= minRSA && k.N.BitLen() <= maxRSA && k.E > 1 && k.E <= math.MaxInt32 && k.E&1 == 1
	default:
		return false
	}
}

// check compares what the proof says with what it has to be about. The nonce comes last: who gets one has nothing else to mend.
func (c *claims) check(e Expected) *oauth.Error {
	switch {
	case c.ID == "" || len(c.ID) > maxID:
		return invalid("the proof needs a jti of its own, of 256 bytes at most")
	case c.Method != e.Method:
		return invalid("the htm of the proof is not the method of the request")
	case len(c.URL) > maxURL || !sameURL(c.URL, e.URL):
		return invalid("the htu of the proof is not the address of the endpoint, which is " + e.URL)
	case c.Issued == nil:
		return invalid("the proof has no iat")
	case math.Abs(*c.Issued-float64(e.Now.UnixMilli())/1000) > Window.Seconds(): // as a number: it may be of any size
		return invalid("the iat of the proof is more than 60 s away from the clock of the server")
	}
	if e.AccessToken != "" {
		sum := sha256.Sum256([]byte(e.AccessToken))
		if subtle.ConstantTimeCompare([]byte(c.Hash), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) != 1 {
			return invalid("the ath of the proof is not the hash of the access token")
		}
	}
	if c.Nonce == "" && !e.NeedsNonce {
		return nil
	}
	if !fresh(e.NonceKeys, c.Nonce, e.Now) {
		return oauth.UseDPoPNonce(Nonce(e.NonceKeys, e.Now))
	}
	return nil
}

func invalid(d string) *oauth.Error { return oauth.InvalidDPoPProof(d) }
