package seal

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var (
	// ErrInvalid is what was not sealed here, for this purpose, by a key that is still known.
	ErrInvalid = errors.New("not sealed here")
	// ErrExpired is what was, and has ended.
	ErrExpired = errors.New("the seal has expired")
	// ErrNoKey is returned by Seal when there is no key.
	ErrNoKey = errors.New("there is no sealing key")
)

const (
	version   = 1
	expiryLen = 8
	// MaxSize bounds what Open looks at, in bytes of text: more than the cookies of a browser hold.
	MaxSize = 12 << 10
)

// Sealer seals and opens. It is safe for concurrent use.
type Sealer struct {
	keys   func() []registration.SymmetricKey
	random io.Reader
}

// New makes a Sealer. keys is asked every time, so that rotated keys take effect at once.
func New(keys func() []registration.SymmetricKey, random io.Reader) *Sealer {
	return &Sealer{keys: keys, random: random}
}

// Seal encrypts plaintext for a purpose until expires (whole seconds), as base64url text. It returns ErrNoKey, or an error
// of the source of randomness.
func (s *Sealer) Seal(purpose string, plaintext []byte, expires time.Time) (string, error) {
	keys := s.keys()
	if len(keys) == 0 {
		return "", ErrNoKey
	}
	aead, err := chacha20poly1305.NewX(keys[0].Key)
	if err != nil {
		return "", fmt.Errorf("sealing key %s: %w", keys[0].ID, err)
	}
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+expiryLen+len(plaintext)+aead.Overhead())
	out[0] = version
	if _, err := io.ReadFull(s.random, out[1:]); err != nil {
		return "", err
	}
	inner := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	inner = append(inner, plaintext...)
	out = aead.Seal(out, out[1:], inner, associated(purpose))
	return base64.RawURLEncoding.EncodeToString(out), nil
}

// Open is the inverse of Seal. It returns ErrInvalid or ErrExpired.
func (s *Sealer) Open(purpose, sealed string, now time.Time) ([]byte, error) {
	if len(sealed) > MaxSize {
		return nil, ErrInvalid
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < 1+chacha20poly1305.NonceSizeX+expiryLen+chacha20poly1305.Overhead || raw[0] != version {
		return nil, ErrInvalid
	}
	nonce, box := raw[1:1+chacha20poly1305.NonceSizeX], raw[1+chacha20poly1305.NonceSizeX:]
	for _, k := range s.keys() {
		aead, err := chacha20poly1305.NewX(k.Key)
		if err != nil {
			continue // another key may still open it
		}
		inner, err := aead.Open(nil, nonce, box, associated(purpose))
		if err != nil {
			continue
		}
		if now.Unix() >= int64(binary.BigEndian.Uint64(inner)) {
			return nil, ErrExpired
		}
		return inner[expiryLen:], nil
	}
	return nil, ErrInvalid
}

// associated separates the purposes, and this use of the keys from any other.
func associated(purpose string) []byte { return []byte("grantkeeper seal 1\x00" + purpose) }
