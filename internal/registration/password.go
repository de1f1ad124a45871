package registration

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of the parameters of a password hash, within what internal/argon2id takes. The lower one is the weakest that
// OWASP recommends, the upper ones keep a sign-in from taking the server's memory or seconds of its time.
const (
	MinArgon2Memory      = 7 << 10   // KiB
	MaxArgon2Memory      = 128 << 10 // KiB
	MaxArgon2Time        = 16
	MaxArgon2Parallelism = 8
	// MaxArgon2Work bounds memory times time, in KiB.
	MaxArgon2Work = 1 << 20
)

// CheckPasswordHash checks that s is an argon2id hash (RFC 9106) in the PHC string format, such as
// "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH", with parameters within the bounds. Its errors never repeat the input.
func CheckPasswordHash(s string) error {
	if len(s) > 512 {
		return errors.New("must have at most 512 characters")
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return errors.New("must be argon2id in the PHC string format, $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH")
	}
	if parts[2] != "v=19" {
		return errors.New("must be version 19 of argon2id (v=19)")
	}
	if err := checkArgon2Parameters(parts[3]); err != nil {
		return err
	}
	// Strict: another spelling of the same bytes is refused.
	base64 := base64.RawStdEncoding.Strict()
	if salt, err := base64.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return errors.New("must have a salt of 8 to 64 bytes in base64 without padding")
	}
	if hash, err := base64.DecodeString(parts[5]); err != nil || len(hash) < 16 || len(hash) > 64 {
		return errors.New("must have a hash of 16 to 64 bytes in base64 without padding")
	}
	return nil
}

func checkArgon2Parameters(s string) error {
	params := strings.Split(s, ",")
	if len(params) != 3 {
		return errors.New("must have the parameters m, t and p, in this order")
	}
	var values [3]uint64
	for i, bound := range []struct {
		name        string
		least, most uint64
	}{
		{"m", MinArgon2Memory, MaxArgon2Memory},
		{"t", 1, MaxArgon2Time},
		{"p", 1, MaxArgon2Parallelism},
	} {
		text, named := strings.CutPrefix(params[i], bound.name+"=")
		n, err := strconv.ParseUint(text, 10, 32)
		if !named || err != nil || n < bound.least || n > bound.most || strconv.FormatUint(n, 10) != text {
			return fmt.Errorf("must have the parameter %s from %d to %d", bound.name, bound.least, bound.most)
		}
		values[i] = n
	}
	if values[0]*values[1] > MaxArgon2Work {
		return fmt.Errorf("must have parameters with m times t of at most %d", MaxArgon2Work)
	}
	return nil
}
