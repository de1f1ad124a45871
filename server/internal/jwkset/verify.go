package jwkset

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// MaxLength bounds what is read, in bytes: several times what clients and clusters sign.
const MaxLength = 8 << 10

var (
	// ErrMalformed is what is no signed text in compact form (RFC 7515 section 7.1) by one of the algorithms, or asks for an
	// extension in crit (section 4.1.11).
	ErrMalformed = errors.New("not a JWS that is understood")
	// ErrSignature is a signature by none of the keys.
	ErrSignature = errors.New("signed by none of the keys")
)

// kind is what sort of key an algorithm takes.
type kind int

const (
	kindNone kind = iota
	kindEC
	kindOKP
	kindRSA
)

func kindFor(algorithm string) kind {
	switch algorithm {
	case "ES256":
		return kindEC
	case "EdDSA":
		return kindOKP
	case "PS256", "RS256":
		return kindRSA
	}
	return kindNone
}

func kindOf(public crypto.PublicKey) (kind, bool) {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return kindEC, k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return kindOKP, true
	case *rsa.PublicKey:
		// An even exponent, or one below three, is none; without this a key of no use would be found out only by its signatures.
		return kindRSA, k.E >= 3 && k.E%2 == 1
	}
	return kindNone, false
}

// Signed is a signed text that was read and not verified yet.
type Signed struct {
	// Algorithm is alg, one of registration.AssertionAlgorithms.
	Algorithm string
	// KeyID is kid; may be empty.
	KeyID string
	// Unverified is the payload. Whatever is decided by it before Verify is decided by the sender.
	Unverified []byte

	jws *jose.JSONWebSignature
}

// Read reads a signed text in compact form without verifying it, at a cost that its length bounds. ErrMalformed for everything
// that is not signed by one of the algorithms. Of the header only alg and kid are taken: keys in it (jwk, x5c) and addresses of
// keys (jku, x5u) are passed over, and crit is refused, since nothing that may be in it is understood.
func Read(compact string) (*Signed, error) {
	if len(compact) > MaxLength || strings.Count(compact, ".") != 2 {
		return nil, ErrMalformed
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256})
	if err != nil || len(jws.Signatures) != 1 {
		return nil, ErrMalformed
	}
	header := jws.Signatures[0].Protected
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return nil, ErrMalformed
	}
	return &Signed{Algorithm: header.Algorithm, KeyID: header.KeyID, Unverified: jws.UnsafePayloadWithoutVerification(), jws: jws}, nil
}

// Verify returns the payload of a text that a key of the set signed; ErrSignature otherwise. What no key of the set can have signed
// takes about as long as what one could have, so that the time does not tell which keys there are.
func (s *Set) Verify(signed *Signed) ([]byte, error) {
	candidates := s.candidates(signed.Algorithm, signed.KeyID)
	if len(candidates) == 0 {
		candidates = standIn(kindFor(signed.Algorithm))
	}
	for _, k := range candidates {
		if payload, err := signed.jws.Verify(k.public); err == nil && k.id != standInID {
			return payload, nil
		}
	}
	return nil, ErrSignature
}

// standInID is the id of keys that stand in for one that is not there. No text can carry it, since it is not UTF-8.
const standInID = "\xff"

// basePointP256 is the base point of P-256, uncompressed (SEC 1 section 2.3.3), and basePoint25519 fills all but the first byte of
// that of Ed25519 (RFC 8032 section 5.1).
const (
	basePointP256 = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
		"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
	firstBase25519, basePoint25519 = 0x58, 0x66
)

// standIn is a key of a kind, made of constants that everybody knows: checking a signature by it costs what checking by a real one
// does, and says nothing.
func standIn(k kind) []key {
	out := key{id: standInID, kind: k}
	switch k {
	case kindEC:
		point, err := hex.DecodeString(basePointP256)
		if err != nil {
			return nil
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return nil
		}
		out.public = public
	case kindOKP:
		point := bytes.Repeat([]byte{basePoint25519}, ed25519.PublicKeySize)
		point[0] = firstBase25519
		out.public = ed25519.PublicKey(point)
	case kindRSA:
		n := new(big.Int).Lsh(big.NewInt(1), 2048)
		out.public = &rsa.PublicKey{N: n.Sub(n, big.NewInt(1)), E: 65537}
	default:
		return nil
	}
	return []key{out}
}
