package registration

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxJWKS bounds a key set, in bytes.
const MaxJWKS = 32 << 10

// AssertionAlgorithms are the algorithms that clients may sign assertions with (RFC 7518 section 3.1, RFC 8037).
func AssertionAlgorithms() []string { return []string{"ES256", "EdDSA", "PS256", "RS256"} }

// CheckAssertionAlgorithm checks that an algorithm is one of [AssertionAlgorithms].
func CheckAssertionAlgorithm(s string) error {
	if !slices.Contains(AssertionAlgorithms(), s) {
		return fmt.Errorf("must be one of %s", strings.Join(AssertionAlgorithms(), ", "))
	}
	return nil
}

// CheckServiceAccountSubject checks that s is the subject of a ServiceAccount of a namespace.
func CheckServiceAccountSubject(s, namespace string) error {
	rest, ok := strings.CutPrefix(s, "system:serviceaccount:"+namespace+":")
	if !ok {
		return fmt.Errorf("must be system:serviceaccount:%s: and the name of a ServiceAccount", namespace)
	}
	return CheckName(rest)
}

// publicKey is what a JSON Web Key has (RFC 7517 section 4, RFC 7518 section 6), the private parts to refuse them.
type publicKey struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	N   string `json:"n"`
	E   string `json:"e"`

	D  json.RawMessage `json:"d"`
	P  json.RawMessage `json:"p"`
	Q  json.RawMessage `json:"q"`
	DP json.RawMessage `json:"dp"`
	DQ json.RawMessage `json:"dq"`
	QI json.RawMessage `json:"qi"`
	K  json.RawMessage `json:"k"`
}

// CheckPublicJWKS checks a key set: 1 to most keys, all of them public, EC on P-256, OKP on Ed25519 or RSA of 2048 to 4096 bits,
// at most MaxJWKS bytes. Its errors show nothing of the keys.
func CheckPublicJWKS(raw []byte, most int) error {
	if len(raw) > MaxJWKS {
		return fmt.Errorf("must have at most %d bytes", MaxJWKS)
	}
	var set struct {
		Keys []publicKey `json:"keys"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if decoder.Decode(&set) != nil || decoder.More() {
		return errors.New("must be a JSON Web Key Set (RFC 7517 section 5)")
	}
	if len(set.Keys) == 0 || len(set.Keys) > most {
		return fmt.Errorf("must have 1 to %d keys", most)
	}
	for i := range set.Keys {
		if err := set.Keys[i].check(); err != nil {
			return fmt.Errorf("keys[%d]: %w", i, err)
		}
	}
	return nil
}

func (k *publicKey) check() error {
	for _, private := range []json.RawMessage{k.D, k.P, k.Q, k.DP, k.DQ, k.QI, k.K} {
		if len(private) > 0 {
			return errors.New("must be public: it has private members; publish the public part alone, and make a new key")
		}
	}
	switch {
	case k.Kty == "EC" && k.Crv == "P-256" && octets(k.X) == 32 && octets(k.Y) == 32:
		return k.onCurve()
	case k.Kty == "OKP" && k.Crv == "Ed25519" && octets(k.X) == 32:
		return nil
	case k.Kty == "RSA" && octets(k.N) >= 256 && octets(k.N) <= 512 && octets(k.E) >= 1 && octets(k.E) <= 4:
		return nil
	}
	return errors.New("must be EC on P-256, OKP on Ed25519, or RSA of 2048 to 4096 bits")
}

// onCurve checks that x and y are a point of P-256: with any others, nothing that the client signs could ever be verified.
func (k *publicKey) onCurve() error {
	point := []byte{4} // uncompressed (SEC 1 section 2.3.3)
	for _, coordinate := range []string{k.X, k.Y} {
		b, err := base64.RawURLEncoding.DecodeString(coordinate)
		if err != nil {
			return err
		}
		point = append(point, b...)
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		return errors.New("must be EC on P-256: x and y are no point of it; copy the key again")
	}
	return nil
}

// octets is how many bytes base64url text stands for; -1 when it is none.
func octets(s string) int {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return -1
	}
	return len(b)
}
