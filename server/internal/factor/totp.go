package factor

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	// totpPeriod is the length of a time step and totpSkew how many steps a clock may be off (RFC 6238 section 5.2).
	totpPeriod = 30 * time.Second
	totpSkew   = 1
	// totpSecretSize is in bytes: the length of the hash (RFC 4226 section 4, R6). SHA-1 and six digits are what all
	// authenticator apps know.
	totpSecretSize = 20
	// PendingTTL is how long setting up an authenticator app may take.
	PendingTTL = 20 * time.Minute
)

// MethodsTOTP are the methods (amr) of a proof by an authenticator app.
func MethodsTOTP() []string { return []string{oauth.MethodOTP} }

// MethodsRecovery are those of a proof by a recovery code, which is a one-time password, too.
func MethodsRecovery() []string { return []string{oauth.MethodOTP} }

// never is after every sign-in: what is sealed at rest does not expire.
func never() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// Seals are bound to the user, so that a row that is moved to another user does not open.
func pendingPurpose(userID string) string { return "totp pending " + userID }
func secretPurpose(userID string) string  { return "totp secret " + userID }

// NewTOTP is an authenticator app that is being set up.
type NewTOTP struct {
	// Secret is in base32, for typing in; URI is for a QR code (otpauth).
	Secret, URI string
	// Pending is the sealed secret, to be sent along with the form and given to [Factors.ConfirmTOTP]. It is good for
	// [PendingTTL] and this user alone.
	Pending string
}

// StartTOTP makes a secret for a user's authenticator app, in which it is listed under issuerName. Nothing is stored yet.
func (f *Factors) StartTOTP(user storage.User, issuerName string, now time.Time) (NewTOTP, error) {
	// A colon separates the two names in the app.
	name := strings.NewReplacer(":", " ")
	account := user.Username
	if account == "" {
		account = user.ID
	}
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: name.Replace(issuerName), AccountName: name.Replace(account), SecretSize: totpSecretSize, Rand: f.Random,
	})
	if err != nil {
		return NewTOTP{}, fmt.Errorf("make a secret: %w", err)
	}
	return f.shown(user.ID, key, now)
}

// ResumeTOTP shows a secret that was made before once more, after a wrong code. ErrWrong when it is too old or not ours.
func (f *Factors) ResumeTOTP(user storage.User, issuerName, pending string, now time.Time) (NewTOTP, error) {
	secret, err := f.openPending(user.ID, pending, now)
	if err != nil {
		return NewTOTP{}, err
	}
	name := strings.NewReplacer(":", " ")
	raw, err := base32Secret(secret)
	if err != nil {
		return NewTOTP{}, ErrWrong
	}
	account := user.Username
	if account == "" {
		account = user.ID
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: name.Replace(issuerName), AccountName: name.Replace(account), Secret: raw})
	if err != nil {
		return NewTOTP{}, fmt.Errorf("show a secret: %w", err)
	}
	return NewTOTP{Secret: secret, URI: key.URL(), Pending: pending}, nil
}

func (f *Factors) shown(userID string, key *otp.Key, now time.Time) (NewTOTP, error) {
	pending, err := f.AtRest.Seal(pendingPurpose(userID), []byte(key.Secret()), now.Add(PendingTTL))
	if err != nil {
		return NewTOTP{}, fmt.Errorf("seal a secret: %w", err)
	}
	return NewTOTP{Secret: key.Secret(), URI: key.URL(), Pending: pending}, nil
}

func (f *Factors) openPending(userID, pending string, now time.Time) (string, error) {
	raw, err := f.AtRest.Open(pendingPurpose(userID), pending, now)
	if err != nil {
		return "", ErrWrong
	}
	return string(raw), nil
}

// ConfirmTOTP takes the authenticator app into use, in place of the one before, once it has shown a right code. ErrWrong. That
// code is used up.
func (f *Factors) ConfirmTOTP(ctx context.Context, userID, pending, code string, now time.Time) error {
	secret, err := f.openPending(userID, pending, now)
	if err != nil {
		return err
	}
	steps := matching(secret, code, now)
	if len(steps) == 0 {
		return ErrWrong
	}
	sealed, err := f.AtRest.Seal(secretPurpose(userID), []byte(secret), never())
	if err != nil {
		return fmt.Errorf("seal a secret: %w", err)
	}
	t := storage.TOTP{UserID: userID, Secret: []byte(sealed), LastStep: steps[len(steps)-1], CreatedAt: now}
	if err := f.Storage.PutTOTP(ctx, t); err != nil {
		return fmt.Errorf("store an authenticator app: %w", err)
	}
	return nil
}

// VerifyTOTP takes a code of the user's authenticator app: of this time step, the one before or the one after, and each step
// once, also when several requests bring it at the same time (RFC 6238 section 5.2). ErrWrong, also when there is no app.
func (f *Factors) VerifyTOTP(ctx context.Context, userID, code string, now time.Time) error {
	t, err := f.Storage.TOTP(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrWrong
	}
	if err != nil {
		return fmt.Errorf("find an authenticator app: %w", err)
	}
	secret, err := f.AtRest.Open(secretPurpose(userID), string(t.Secret), now)
	if err != nil {
		// The key is gone, or the row was tampered with: not a mistake of whoever signs in.
		return fmt.Errorf("open the secret of an authenticator app: %w", errors.Join(err, seal.ErrNoKey))
	}
	for _, step := range matching(string(secret), code, now) {
		err := f.Storage.UseTOTP(ctx, userID, step)
		if errors.Is(err, storage.ErrConsumed) {
			continue
		}
		if errors.Is(err, storage.ErrNotFound) {
			return ErrWrong // removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("use a code: %w", err)
		}
		return nil
	}
	return ErrWrong
}

// RemoveTOTP removes the authenticator app, and the recovery codes when no other factor is left. ErrNone.
func (f *Factors) RemoveTOTP(ctx context.Context, userID string, now time.Time) error {
	err := f.Storage.RemoveTOTP(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNone
	}
	if err != nil {
		return fmt.Errorf("remove an authenticator app: %w", err)
	}
	return f.dropOrphanedCodes(ctx, userID, now)
}

// matching are the time steps around now whose code is the given one, the earliest first: one, but by a rare chance.
func matching(secret, code string, now time.Time) []int64 {
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code)
	if len(code) != otp.DigitsSix.Length() {
		return nil
	}
	var out []int64
	current := now.Unix() / int64(totpPeriod/time.Second)
	for step := max(current-totpSkew, 0); step <= current+totpSkew; step++ {
		want, err := codeAt(secret, step)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			out = append(out, step)
		}
	}
	return out
}

// codeAt is the code of one time step (RFC 6238 section 4.2); secret is in base32.
func codeAt(secret string, step int64) (string, error) {
	return hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}
