package clientauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// verifySecret compares SHA-256 hashes in constant time. Secrets are 256 machine-made bits, so that a slow hash would
// protect nothing. A client that may authenticate by secret or not at all is checked when it sends one and is public
// when it sends none.
func verifySecret(secret string, c *registry.Client, now time.Time) (Proof, error) {
	if secret == "" {
		if slices.Contains(c.Authentication.Methods, registration.AuthenticationNone) {
			return Proof{}, nil
		}
		return Proof{}, ErrRefused
	}
	var id string
	var ok bool
	sum := sha256.Sum256([]byte(secret))
	var presented [2 * sha256.Size]byte
	hex.Encode(presented[:], sum[:])
	for i := range c.Authentication.Secrets {
		s := &c.Authentication.Secrets[i]
		equal := len(s.SHA256) == len(presented) && constantTimeEqual(&presented, s.SHA256)
		if equal && !ok && (s.NotAfter.IsZero() || now.Before(s.NotAfter)) { // the first, if one secret is there twice
			id, ok = s.ID, true
		}
	}
	for n := len(c.Authentication.Secrets); n < usualSecrets; n++ {
		constantTimeEqual(&presented, "") // a client with one secret, or that does not exist, costs what one with two costs
	}
	if !ok || !slices.Contains(c.Authentication.Methods, registration.AuthenticationClientSecret) {
		return Proof{}, ErrRefused
	}
	return Proof{SecretID: id, Authenticated: true}, nil
}

// usualSecrets is how many secrets a client has during a rotation.
const usualSecrets = 2

func constantTimeEqual(a *[2 * sha256.Size]byte, b string) bool {
	var other [2 * sha256.Size]byte
	copy(other[:], b)
	return subtle.ConstantTimeCompare(a[:], other[:]) == 1
}

// nobody is a client that no secret opens.
func nobody() *registry.Client {
	return &registry.Client{Client: &registration.Client{Authentication: registration.Authentication{
		Methods: []registration.AuthenticationMethod{registration.AuthenticationClientSecret},
		Secrets: []registration.SecretHash{{ID: "-", SHA256: strings.Repeat("0", 2*sha256.Size)}},
	}}}
}
