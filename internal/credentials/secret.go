package credentials

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Prefix begins every client secret, so that a leaked one can be found by scanners.
const Prefix = "gkcs_"

const (
	secretBytes  = 32
	secretLength = len(Prefix) + 43 // base64url of 32 bytes
)

// Generate makes a client secret of 256 random bits, in the alphabet [A-Za-z0-9_-]. It fails only when random does.
func Generate(random io.Reader) (string, error) {
	var raw [secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", err
	}
	return Prefix + base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// Usable reports whether a secret is one that [Generate] could have made. Anything else, as somebody may have written it
// into the Secret by hand, may be guessable or known, and is replaced rather than honoured.
func Usable(secret string) bool {
	body, ok := strings.CutPrefix(secret, Prefix)
	if !ok || len(secret) != secretLength || strings.ContainsAny(body, "\r\n") { // which the decoder would skip
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(body)
	return err == nil
}

// Hash is the verifier of a secret. A fast hash is enough for 256 random bits. The id comes from a hash of its own, so
// that it can be shown without a bit of the verifier.
func Hash(secret string) registration.SecretHash {
	id := sha256.Sum256([]byte("grantkeeper client secret id\x00" + secret))
	verifier := sha256.Sum256([]byte(secret))
	return registration.SecretHash{ID: hex.EncodeToString(id[:4]), SHA256: hex.EncodeToString(verifier[:])}
}

// Secrets are the verifiers of a client as it is registered: that of the current secret first, without an end, then
// those of previous that are not over. One that was current until now ends after the grace, which gives running apps the
// time to take the new one; an end once set is never moved. An empty current secret, as of a public client, yields none.
func Secrets(current string, previous []registration.SecretHash, now time.Time, grace time.Duration) []registration.SecretHash {
	if current == "" {
		return nil
	}
	first := Hash(current)
	secrets := []registration.SecretHash{first}
	for _, h := range previous {
		if h.SHA256 == first.SHA256 {
			continue
		}
		if h.NotAfter.IsZero() {
			h.NotAfter = now.Add(grace).UTC().Truncate(time.Second)
		}
		if h.NotAfter.After(now) && len(secrets) < registration.MaxSecrets {
			secrets = append(secrets, h)
		}
	}
	return secrets
}
