package credentials

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Prefix begins every generated client secret, so that a leaked one can be found by scanners.
const Prefix = "gkcs_"

// cookiePrefix begins every cookie secret.
const cookiePrefix = "gkck_"

const (
	secretBytes  = 32
	secretLength = len(Prefix) + 43 // base64url of 32 bytes
	cookieLength = 43
	// maxCandidates is how many different strings of the form of a secret are looked at in one Secret.
	maxCandidates = 64
)

// The bounds of a client secret that an app team brings.
const (
	MinInbound       = 32
	MaxInbound       = 512
	minInboundLetter = 10
)

// Generate makes a client secret of 256 random bits, in the alphabet [A-Za-z0-9_-]. It fails only when random does.
func Generate(random io.Reader) (string, error) {
	raw, err := randomText(random)
	return Prefix + raw, err
}

// GenerateCookie makes a secret for the cookies of a proxy: 43 characters of base64url, 32 bytes as oauth2-proxy reads them, 226 bits
// of them random. It fails only when random does.
func GenerateCookie(random io.Reader) (string, error) {
	raw, err := randomText(random)
	if err != nil {
		return "", err
	}
	return cookiePrefix + raw[len(cookiePrefix):], nil
}

func randomText(random io.Reader) (string, error) {
	var raw [secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// Usable reports whether a secret is one that [Generate] could have made. Anything else, as somebody may have written it
// into the Secret by hand, may be guessable or known, and is replaced rather than honoured.
func Usable(secret string) bool {
	body, ok := strings.CutPrefix(secret, Prefix)
	return ok && len(secret) == secretLength && isBase64URL(body)
}

func usableCookie(secret string) bool {
	return strings.HasPrefix(secret, cookiePrefix) && len(secret) == cookieLength && isBase64URL(secret)
}

func isBase64URL(s string) bool {
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil
}

// Hash is the verifier of a secret. A fast hash is enough for 256 random bits. The id comes from a hash of its own, so
// that it can be shown without a bit of the verifier.
func Hash(secret string) registration.SecretHash {
	id := sha256.Sum256([]byte("grantkeeper client secret id\x00" + secret))
	verifier := sha256.Sum256([]byte(secret))
	return registration.SecretHash{ID: hex.EncodeToString(id[:4]), SHA256: hex.EncodeToString(verifier[:])}
}

// CheckInbound checks a client secret that an app team brings: long enough, of characters that every client library sends as they are,
// and no mere repetition. The error says what is wrong and never what the secret is.
func CheckInbound(secret string) error {
	switch {
	case len(secret) < MinInbound:
		return fmt.Errorf("has fewer than %d characters; write a random one that is longer", MinInbound)
	case len(secret) > MaxInbound:
		return fmt.Errorf("has more than %d characters; write a shorter one", MaxInbound)
	case strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-") != "":
		return errors.New("has a character other than A-Z a-z 0-9 . _ ~ - (a line end at its end, perhaps); write it without")
	}
	letters := map[byte]struct{}{}
	for i := range len(secret) {
		letters[secret[i]] = struct{}{}
	}
	if len(letters) < minInboundLetter {
		return fmt.Errorf("has fewer than %d different characters; write a random one", minInboundLetter)
	}
	return nil
}

// Find takes out of a Secret's content the first generated client secret that is accepted, wherever in a value it stands. It looks
// at no more than a few dozen of different ones.
func Find(data map[string][]byte, accept func(registration.SecretHash) bool) (secret string, ok bool) {
	eachText(data, Prefix, secretLength, func(s string) bool {
		if Usable(s) && accept(Hash(s)) {
			secret, ok = s, true
		}
		return ok
	})
	return secret, ok
}

// FindCookie takes the cookie secret out of a Secret's content; empty when there is none.
func FindCookie(data map[string][]byte) string {
	found := ""
	eachText(data, cookiePrefix, cookieLength, func(s string) bool {
		if usableCookie(s) {
			found = s
		}
		return found != ""
	})
	return found
}

// eachText calls f with every different text of a length that begins with the prefix, in the order of the keys, until f says that
// it is enough.
func eachText(data map[string][]byte, prefix string, length int, f func(string) (enough bool)) {
	seen := map[string]struct{}{}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		rest := data[key]
		for len(seen) < maxCandidates {
			i := bytes.Index(rest, []byte(prefix))
			if i < 0 || len(rest)-i < length {
				break
			}
			text := string(rest[i : i+length])
			rest = rest[i+1:]
			if _, known := seen[text]; known {
				continue
			}
			seen[text] = struct{}{}
			if f(text) {
				return
			}
		}
	}
}
