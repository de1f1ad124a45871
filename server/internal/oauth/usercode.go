package oauth

import (
	"crypto/sha256"
	"io"
	"strings"
)

// UserCodeAlphabet has no vowels, so that no code is a word, and no letters that are mistaken for digits
// (RFC 8628 section 6.1).
const UserCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

const userCodeLength = 8

// NewUserCode makes a user code of 8 letters, 20^8 possibilities, without bias.
func NewUserCode(random io.Reader) (string, error) {
	out := make([]byte, 0, userCodeLength)
	var b [1]byte
	for len(out) < userCodeLength {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", err
		}
		if b[0] < 240 { // the largest multiple of 20 that fits
			out = append(out, UserCodeAlphabet[b[0]%20])
		}
	}
	return string(out), nil
}

// DisplayUserCode writes a normalised code as people read it: BCDF-GHJK.
func DisplayUserCode(code string) string {
	if len(code) != userCodeLength {
		return code
	}
	return code[:4] + "-" + code[4:]
}

// NormalizeUserCode undoes what people do to a code: case, spaces and dashes of any kind do not matter
// (RFC 8628 section 6.1). It reports false for what cannot be a code.
func NormalizeUserCode(s string) (string, bool) {
	if len(s) > 64 {
		return "", false
	}
	out := make([]byte, 0, userCodeLength)
	for _, r := range strings.ToUpper(s) {
		switch {
		case r == ' ' || r == '\t' || r == '\u00a0' || r == '-' || r == '_' || r == '.' || (r >= '\u2010' && r <= '\u2015') || r == '\u2212':
		case r < 0x80 && strings.IndexByte(UserCodeAlphabet, byte(r)) >= 0 && len(out) < userCodeLength:
			out = append(out, byte(r))
		default:
			return "", false
		}
	}
	return string(out), len(out) == userCodeLength
}

// HashUserCode is the hash under which a normalised user code is stored.
func HashUserCode(code string) [32]byte { return sha256.Sum256([]byte("user_code " + code)) }
