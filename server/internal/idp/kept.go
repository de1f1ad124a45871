package idp

import (
	"fmt"
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

// OpenKept is the inverse of SealKept.
func OpenKept(atRest *seal.Sealer, providerUID, subject string, sealed []byte, now time.Time) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	return atRest.Open(keptPurpose(providerUID, subject), string(sealed), now)
}
