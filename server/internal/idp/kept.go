package idp

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/seal"
)

// MaxKept bounds Identity.Kept, in bytes.
const MaxKept = 4 << 10

// keptUntil is the end of a seal that has none.
func keptUntil() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

func keptPurpose(providerUID, subject string) string {
	return "idp kept\x00" + providerUID + "\x00" + subject
}

// SealKept seals Identity.Kept for storage.User.Kept. The result opens for the same account only, so that rows of a
// database cannot be swapped. Nothing stays nothing. atRest seals by registration.Keys.AtRest; its errors are returned.
func SealKept(atRest *seal.Sealer, providerUID, subject string, kept []byte) ([]byte, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	if len(kept) > MaxKept {
		return nil, fmt.Errorf("what the identity provider wants kept has %d bytes, more than %d", len(kept), MaxKept)
	}
	sealed, err := atRest.Seal(keptPurpose(providerUID, subject), kept, keptUntil())
	if err != nil {
		return nil, err
	}
	return []byte(sealed), nil
}

// refusedMark leads what a provider has refused. No seal begins with it.
const refusedMark = "refused:"

// Refused marks what SealKept made: the provider does not take it any more. It may again, when the account is unlocked there, so
// that it goes on being asked with it; but a sign-in after that is not to keep it.
func Refused(sealed []byte) []byte {
	if len(sealed) == 0 || WasRefused(sealed) {
		return sealed
	}
	return slices.Concat([]byte(refusedMark), sealed)
}

// WasRefused reports whether Refused marked it.
func WasRefused(sealed []byte) bool { return bytes.HasPrefix(sealed, []byte(refusedMark)) }

// OpenKept is the inverse of SealKept, marked or not.
func OpenKept(atRest *seal.Sealer, providerUID, subject string, sealed []byte, now time.Time) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	return atRest.Open(keptPurpose(providerUID, subject), string(bytes.TrimPrefix(sealed, []byte(refusedMark))), now)
}
