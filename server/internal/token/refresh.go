package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// ErrNoDerivationKey means that the key of a refresh family is gone, or that there is none at all.
var ErrNoDerivationKey = errors.New("no derivation key for refresh tokens")

// Refresh derives refresh tokens. The token of a generation is a keyed hash over family and generation, so that a client
// that lost an answer gets the same successor again, without a token ever being stored.
type Refresh struct {
	keys []registration.SymmetricKey
}

// NewRefresh derives with the given keys; the first is used for new families.
func NewRefresh(keys []registration.SymmetricKey) Refresh { return Refresh{keys: keys} }

// Value is the token of a generation of a family. ErrNoDerivationKey when the family's key is gone.
func (r Refresh) Value(keyID, family string, generation int64) (string, error) {
	for _, k := range r.keys {
		if k.ID != keyID {
			continue
		}
		mac := hmac.New(sha256.New, k.Key)
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(generation))
		mac.Write([]byte("grantkeeper refresh token 1\x00"))
		mac.Write(n[:])
		mac.Write([]byte(family))
		return oauth.Credential(oauth.PrefixRefreshToken, [32]byte(mac.Sum(nil))), nil
	}
	return "", ErrNoDerivationKey
}

// First makes the first generation of a new family for a grant.
func (r Refresh) First(grantID, family string, now time.Time, ttl, idle time.Duration) (storage.RefreshToken, error) {
	if len(r.keys) == 0 {
		return storage.RefreshToken{}, ErrNoDerivationKey
	}
	t := storage.RefreshToken{
		GrantID: grantID, Family: family, KeyID: r.keys[0].ID,
		CreatedAt: now, ExpiresAt: now.Add(ttl), IdleExpiresAt: earlier(now.Add(idle), now.Add(ttl)),
	}
	return r.hashed(t)
}

// Next makes the generation after current. The absolute expiry stays; the idle one starts anew.
func (r Refresh) Next(current storage.RefreshToken, now time.Time, idle time.Duration) (storage.RefreshToken, error) {
	t := current
	t.Generation++
	t.CreatedAt, t.ConsumedAt = now, time.Time{}
	t.IdleExpiresAt = earlier(now.Add(idle), t.ExpiresAt)
	return r.hashed(t)
}

func (r Refresh) hashed(t storage.RefreshToken) (storage.RefreshToken, error) {
	v, err := r.Value(t.KeyID, t.Family, t.Generation)
	if err != nil {
		return storage.RefreshToken{}, err
	}
	t.Token = sha256.Sum256([]byte(v))
	return t, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
