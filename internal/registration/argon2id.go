package registration

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// Bounds of the parameters of a password hash. The lower ones are the weakest that OWASP recommends, the upper ones
// keep one sign-in from taking the server's memory or seconds of its time.
const (
	MinArgon2Memory      = 7 * 1024   // KiB
	MaxArgon2Memory      = 256 * 1024 // KiB
	MaxArgon2Time        = 16
	MaxArgon2Parallelism = 16
)

// Argon2id is a parsed password hash (RFC 9106; PHC string format).
type Argon2id struct {
	// Memory is in KiB.
	Memory      uint32
	Time        uint32
	Parallelism uint8
	Salt        []byte
	// Hash is the tag, 16 to 64 bytes.
	Hash []byte
}

// ParseArgon2id reads a PHC string such as "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$…" and checks that its parameters
// are within the bounds. Its errors never repeat the input.
func ParseArgon2id(s string) (Argon2id, error) {
	var a Argon2id
	if len(s) > 512 {
		return a, errors.New("must have at most 512 characters")
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return a, errors.New("must be argon2id in the PHC string format, $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH")
	}
	if parts[2] != "v=19" {
		return a, errors.New("must be version 19 of argon2id (v=19)")
	}
	params := strings.Split(parts[3], ",")
	if len(params) != 3 {
		return a, errors.New("must have the parameters m, t and p, in this order")
	}
	var v [3]uint32
	for i, bound := range []struct {
		name        string
		least, most uint64
	}{
		{"m", MinArgon2Memory, MaxArgon2Memory},
		{"t", 1, MaxArgon2Time},
		{"p", 1, MaxArgon2Parallelism},
	} {
		text, ok := strings.CutPrefix(params[i], bound.name+"=")
		n, err := strconv.ParseUint(text, 10, 32)
		if !ok || err != nil || n < bound.least || n > bound.most || strconv.FormatUint(n, 10) != text {
			return a, fmt.Errorf("must have the parameter %s from %d to %d", bound.name, bound.least, bound.most)
		}
		v[i] = uint32(n)
	}
	a.Memory, a.Time, a.Parallelism = v[0], v[1], uint8(v[2])
	var err error
	// Strict: another spelling of the same bytes is refused.
	if a.Salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil || len(a.Salt) < 8 || len(a.Salt) > 64 {
		return Argon2id{}, errors.New("must have a salt of 8 to 64 bytes in unpadded base64")
	}
	if a.Hash, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil || len(a.Hash) < 16 || len(a.Hash) > 64 {
		return Argon2id{}, errors.New("must have a hash of 16 to 64 bytes in unpadded base64")
	}
	return a, nil
}

// String hides the hash (K6).
func (a Argon2id) String() string { return "Argon2id{REDACTED}" }

// Format hides the hash under every verb (K6).
func (a Argon2id) Format(f fmt.State, _ rune) { write(f, a.String()) }

// LogValue hides the hash (K6).
func (a Argon2id) LogValue() slog.Value { return slog.StringValue(a.String()) }
