package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"io"
	"strings"
)

// Prefix types a credential, so that one kind can never be taken for another and scanners can find leaked ones.
type Prefix string

// The prefixes of everything opaque that the server hands out.
const (
	PrefixRefreshToken Prefix = "gkr_"
	PrefixDeviceCode   Prefix = "gkd_"
	PrefixSession      Prefix = "gks_"
	PrefixCode         Prefix = "gkc_"
	// PrefixPushedRequest is that of the last part of a request_uri; see [NewRequestURI].
	PrefixPushedRequest Prefix = "gkp_"
)

const (
	credentialBytes  = 32
	credentialBody   = 43 // base64url of 32 bytes
	credentialSum    = 6  // base64url of 4 bytes of CRC-32
	credentialLength = 4 + credentialBody + credentialSum
)

// NewCredential makes a credential of 256 random bits: prefix, base64url body, and a checksum over both, so that garbage
// is told from real ones without asking the database.
func NewCredential(p Prefix, random io.Reader) (string, error) {
	var raw [credentialBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", err
	}
	return Credential(p, raw), nil
}

// Credential writes 256 bits in the form of [NewCredential].
func Credential(p Prefix, raw [32]byte) string {
	s := string(p) + base64.RawURLEncoding.EncodeToString(raw[:])
	return s + checksum(s)
}

// ParseCredential checks prefix, length, alphabet and checksum and returns the hash under which the credential is stored.
func ParseCredential(p Prefix, s string) (hash [32]byte, ok bool) {
	if len(s) != credentialLength || !strings.HasPrefix(s, string(p)) {
		return hash, false
	}
	body, sum := s[:4+credentialBody], s[4+credentialBody:]
	if checksum(body) != sum {
		return hash, false
	}
	var raw [credentialBytes]byte
	// Strict: a body with stray trailing bits is another spelling of the same value, and there must be one only.
	if _, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(body[4:])); err != nil {
		return hash, false
	}
	return sha256.Sum256([]byte(s)), true
}

func checksum(s string) string {
	c := crc32.ChecksumIEEE([]byte(s))
	return base64.RawURLEncoding.EncodeToString([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
}
