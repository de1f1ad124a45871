package factor

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	// RecoveryCodes is how many are made at a time.
	RecoveryCodes = 10
	// recoveryBytes are 80 random bits: so many that a plain hash of them cannot be searched.
	recoveryBytes = 10
	recoveryGroup = 4
)

// crockford is base32 without letters that look like digits, as people write the codes down.
func crockford() *base32.Encoding {
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
}

// base32Secret decodes the secret of an authenticator app (RFC 4648 section 6).
func base32Secret(secret string) ([]byte, error) {
	return base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
}

// NewRecoveryCodes makes a user's recovery codes in place of all before. They are told to the user now or never: only hashes
// are kept. ErrNone when the user has no factor that they could stand in for.
func (f *Factors) NewRecoveryCodes(ctx context.Context, userID string, now time.Time) ([]string, error) {
	e, err := f.Enrolled(ctx, userID)
	if err != nil {
		return nil, err
	}
	if !e.Any() {
		return nil, ErrNone
	}
	out := make([]string, RecoveryCodes)
	hashes := make([]storage.RecoveryCode, RecoveryCodes)
	for i := range out {
		var raw [recoveryBytes]byte
		if _, err := io.ReadFull(f.Random, raw[:]); err != nil {
			return nil, fmt.Errorf("make a recovery code: %w", err)
		}
		code := crockford().EncodeToString(raw[:])
		hashes[i] = hashRecovery(userID, code)
		var groups []string
		for ; code != ""; code = code[recoveryGroup:] {
			groups = append(groups, code[:recoveryGroup])
		}
		out[i] = strings.Join(groups, "-")
	}
	if err := f.Storage.PutRecoveryCodes(ctx, userID, hashes, now); err != nil {
		return nil, fmt.Errorf("store recovery codes: %w", err)
	}
	return out, nil
}

// VerifyRecoveryCode takes one of the user's recovery codes, once, however it is spelled: case, spaces and dashes do not
// matter, nor do O for 0, and I or L for 1. ErrWrong.
func (f *Factors) VerifyRecoveryCode(ctx context.Context, userID, code string, now time.Time) error {
	code = canonicalRecovery(code)
	if len(code) != crockford().EncodedLen(recoveryBytes) {
		return ErrWrong
	}
	err := f.Storage.UseRecoveryCode(ctx, userID, hashRecovery(userID, code), now)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrWrong
	}
	if err != nil {
		return fmt.Errorf("use a recovery code: %w", err)
	}
	return nil
}

// LooksLikeRecoveryCode tells a recovery code from the six digits of an authenticator app, for a box that takes either.
func LooksLikeRecoveryCode(code string) bool {
	return len(canonicalRecovery(code)) == crockford().EncodedLen(recoveryBytes)
}

func canonicalRecovery(code string) string {
	code = strings.NewReplacer(" ", "", "-", "").Replace(strings.ToUpper(code))
	return strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(code)
}

// hashRecovery binds the hash to the user, so that equal hashes never say anything about two users.
func hashRecovery(userID, code string) storage.RecoveryCode {
	return sha256.Sum256([]byte("recovery code\x00" + userID + "\x00" + code))
}
