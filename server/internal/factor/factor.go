package factor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// The errors. Any other is storage, settings or keys out of reach: nothing was decided.
var (
	// ErrWrong is a proof that is wrong, foreign, used before or too old: people are told no more than that.
	ErrWrong = errors.New("the second factor is wrong or was used before")
	// ErrCloned is a passkey whose signature counter ran backwards (Web Authentication Level 3 section 6.1.1): two devices
	// may hold it. It was not accepted.
	ErrCloned = errors.New("the passkey's counter ran backwards: it may have been copied")
	// ErrNone is a user without that kind of factor.
	ErrNone = errors.New("the user has no such factor")
	// ErrUnsupported is an issuer that browsers take no passkeys for: one whose host is an IP address.
	ErrUnsupported = errors.New("passkeys need an issuer with a host name")
	// ErrLimit is a user with [MaxPasskeys] passkeys already.
	ErrLimit = errors.New("there are too many passkeys")
	// ErrKnown is a passkey that was added before.
	ErrKnown = errors.New("the passkey is known already")
)

// Storage is where factors are kept. An error that is not one of package storage's means that it is out of reach.
type Storage interface {
	storage.Factors
	// Count makes challenges count once: see storage.Counters.
	Count(ctx context.Context, key string, now time.Time, window time.Duration) (int64, time.Time, error)
}

// Registry publishes the issuer, which passkeys belong to.
type Registry interface {
	Current() *registry.Snapshot
}

// Deps is what factors are proved with; all of it is required.
type Deps struct {
	Storage Storage
	// AtRest seals what the database keeps, by registration.Keys.AtRest.
	AtRest   *seal.Sealer
	Registry Registry
	// Random makes secrets and codes; crypto/rand.Reader but in tests.
	Random io.Reader
}

// Factors proves second factors. It is safe for concurrent use.
type Factors struct{ Deps }

// New connects the parts.
func New(d Deps) *Factors { return &Factors{Deps: d} }

// Enrolled is what a user has set up.
type Enrolled struct {
	TOTP          bool
	Passkeys      int
	RecoveryCodes int
}

// Any reports whether the user has a second factor. Recovery codes alone are none: they stand in for one that is lost.
func (e Enrolled) Any() bool { return e.TOTP || e.Passkeys > 0 }

// Enrolled finds what a user has set up.
func (f *Factors) Enrolled(ctx context.Context, userID string) (Enrolled, error) {
	var out Enrolled
	_, err := f.Storage.TOTP(ctx, userID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return out, fmt.Errorf("authenticator app: %w", err)
	}
	out.TOTP = err == nil
	passkeys, err := f.Storage.Passkeys(ctx, userID)
	if err != nil {
		return out, fmt.Errorf("passkeys: %w", err)
	}
	out.Passkeys = len(passkeys)
	if out.RecoveryCodes, err = f.Storage.RecoveryCodes(ctx, userID); err != nil {
		return out, fmt.Errorf("recovery codes: %w", err)
	}
	return out, nil
}

// Combine joins the methods (amr, RFC 8176) of a first and a second factor: each once, and "mfa" since there are two.
func Combine(first, second []string) []string {
	out := make([]string, 0, len(first)+len(second)+1)
	for _, m := range slices.Concat(first, second, []string{oauth.MethodMultiFactor}) {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// dropOrphanedCodes removes recovery codes that have nothing left to recover.
func (f *Factors) dropOrphanedCodes(ctx context.Context, userID string, now time.Time) error {
	e, err := f.Enrolled(ctx, userID)
	if err != nil || e.Any() || e.RecoveryCodes == 0 {
		return err
	}
	return f.Storage.PutRecoveryCodes(ctx, userID, nil, now)
}
