package argon2id

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Bounds on what [Parse] takes. The lower ones are RFC 9106's; the upper ones keep one sign-in cheap enough to be served.
const (
	// MaxMemory is in KiB: 128 MiB.
	MaxMemory = 128 << 10
	// MaxTime is the most passes over the memory.
	MaxTime = 16
	// MaxThreads is the most lanes.
	MaxThreads = 8
	// MaxWork bounds memory times passes, in KiB: a second or so of one core.
	MaxWork = 1 << 20

	minSalt, maxSalt = 8, 64
	minKey, maxKey   = 16, 64
	maxLength        = 512
)

// Params are the cost parameters of argon2id.
type Params struct {
	// Memory in KiB.
	Memory uint32
	// Time is the number of passes.
	Time uint32
	// Threads is the number of lanes.
	Threads uint8
}

// Default costs 19 MiB and two passes, the least that OWASP recommends: a sign-in server that holds tokens of other APIs
// gains more from limiting guesses than from a heavier hash.
func Default() Params { return Params{Memory: 19 << 10, Time: 2, Threads: 1} }

// Validate checks the bounds.
func (p Params) Validate() error {
	switch {
	case p.Threads < 1 || p.Threads > MaxThreads:
		return fmt.Errorf("p=%d: want 1 to %d", p.Threads, MaxThreads)
	case p.Time < 1 || p.Time > MaxTime:
		return fmt.Errorf("t=%d: want 1 to %d", p.Time, MaxTime)
	case p.Memory < 8*uint32(p.Threads) || p.Memory > MaxMemory:
		return fmt.Errorf("m=%d: want %d to %d KiB", p.Memory, 8*uint32(p.Threads), MaxMemory)
	case uint64(p.Memory)*uint64(p.Time) > MaxWork:
		return fmt.Errorf("m=%d,t=%d: m times t may be at most %d", p.Memory, p.Time, MaxWork)
	}
	return nil
}

// Hash is a parsed password hash.
type Hash struct {
	params Params
	salt   []byte
	key    []byte
}

// Params are the costs of checking a password against the hash.
func (h Hash) Params() Params { return h.params }

// New hashes a password with a salt of 128 random bits. It fails only for params out of bounds or a failing reader.
func New(password string, p Params, random io.Reader) (Hash, error) {
	if err := p.Validate(); err != nil {
		return Hash{}, err
	}
	salt := make([]byte, 16)
	if _, err := io.ReadFull(random, salt); err != nil {
		return Hash{}, err
	}
	h := Hash{params: p, salt: salt}
	h.key = h.derive(password, 32)
	return h, nil
}

// Dummy is a hash that costs what p costs and that no password matches.
func Dummy(p Params) Hash {
	return Hash{params: p, salt: make([]byte, 16)}
}

// Matches computes the hash of the password and compares in constant time. It takes Params().Memory KiB while it runs.
// Passwords are compared in Unicode normal form C, as RFC 8265 section 4.2 has it, so that it does not matter which
// keyboard they were typed on.
func (h Hash) Matches(password string) bool {
	key := h.derive(password, max(len(h.key), minKey))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

func (h Hash) derive(password string, length int) []byte {
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), h.salt, h.params.Time, h.params.Memory, h.params.Threads, uint32(length))
}

// String is the PHC string format.
func (h Hash) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.params.Memory, h.params.Time, h.params.Threads, b64(h.salt), b64(h.key))
}

// ErrFormat is wrapped by every error of [Parse]. No error of Parse repeats salt or hash.
var ErrFormat = errors.New("want an argon2id hash in the PHC string format, $argon2id$v=19$m=19456,t=2,p=1$salt$hash")

// Parse reads the PHC string format strictly and checks the bounds.
func Parse(s string) (Hash, error) {
	fail := func(format string, args ...any) (Hash, error) {
		return Hash{}, fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
	part := strings.Split(s, "$")
	if len(s) > maxLength || len(part) != 6 || part[0] != "" {
		return fail("five fields, each after a $")
	}
	if part[1] != "argon2id" {
		return fail("the algorithm is another one")
	}
	if part[2] != "v="+strconv.Itoa(argon2.Version) {
		return fail("the version is another one")
	}
	p, err := parseParams(part[3])
	if err != nil {
		return fail("%v", err)
	}
	h := Hash{params: p}
	for _, f := range []struct {
		name     string
		text     string
		into     *[]byte
		min, max int
	}{{"salt", part[4], &h.salt, minSalt, maxSalt}, {"hash", part[5], &h.key, minKey, maxKey}} {
		b, err := base64.RawStdEncoding.Strict().DecodeString(f.text)
		if err != nil || len(b) < f.min || len(b) > f.max {
			return fail("%s: want %d to %d bytes in base64 without padding", f.name, f.min, f.max)
		}
		*f.into = b
	}
	return h, nil
}

func parseParams(s string) (Params, error) {
	var p Params
	part := strings.Split(s, ",")
	if len(part) != 3 {
		return p, errors.New("parameters: want m, t and p in this order")
	}
	var values [3]uint32
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(part[i], name)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(v, 10) != digits {
			return p, errors.New("parameters: want m, t and p in this order")
		}
		values[i] = uint32(v)
	}
	if values[2] > MaxThreads {
		return p, fmt.Errorf("p=%d: want 1 to %d", values[2], MaxThreads)
	}
	p = Params{Memory: values[0], Time: values[1], Threads: uint8(values[2])}
	return p, p.Validate()
}
