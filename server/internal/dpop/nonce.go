package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// NoncePeriod is how long one nonce is handed out. It is taken for one more period.
const NoncePeriod = 5 * time.Minute

// A nonce is a keyed hash over the period, and nothing is stored: every replica makes and takes the same ones (RFC 9449 section 8).
// Nobody can tell those of later periods, and so nobody can sign proofs now that are good later, once they do not have the key any
// more. It says nothing about single use; jti does.

// Nonce is the one of now; empty when there are no keys.
func Nonce(keys []registration.SymmetricKey, now time.Time) string {
	if len(keys) == 0 {
		return ""
	}
	return nonceOf(keys[0], period(now))
}

// fresh reports whether a nonce is one of now, of the period before, or of the one after, for a replica whose clock is ahead.
func fresh(keys []registration.SymmetricKey, nonce string, now time.Time) bool {
	current := period(now)
	for _, k := range keys {
		for _, p := range []int64{current, current - 1, current + 1} {
			if hmac.Equal([]byte(nonce), []byte(nonceOf(k, p))) {
				return true
			}
		}
	}
	return false
}

func period(now time.Time) int64 { return now.Unix() / int64(NoncePeriod/time.Second) }

// nonceOf takes half of the hash: 128 bits.
func nonceOf(k registration.SymmetricKey, period int64) string {
	mac := hmac.New(sha256.New, k.Key)
	mac.Write([]byte("grantkeeper dpop nonce 1\x00"))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
