package keyring

import (
	"fmt"
	"io"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const (
	// JWKSMaxAge is how long verifiers may keep the key set (Cache-Control max-age of the JWKS endpoint).
	JWKSMaxAge = registration.JWKSMaxAge
	// DefaultRotateEvery is how long a key signs.
	DefaultRotateEvery = 720 * time.Hour
	// DefaultPublishFor is how long a key is published before it signs: twice JWKSMaxAge, and as much again and more for
	// replicas that load it late.
	DefaultPublishFor = time.Hour
	// Slack is how much longer than its longest token a key is kept, for clocks that differ and replicas that load late.
	Slack = time.Hour
	// SealingRetention is how long an old sealing key opens what it sealed: longer than any browser flow takes.
	SealingRetention = 24 * time.Hour
	// DerivationRetention is how long a derivation key is kept once new families have another: as long as a family may live.
	DerivationRetention = registration.MaxRefreshTokenTTL + Slack
	// minAtRestRotation keeps the number of keys at rest small, which live for ever.
	minAtRestRotation = 720 * time.Hour
	// minDerivationRotation keeps the number of derivation keys small, which live for a year.
	minDerivationRotation = 720 * time.Hour
	// maxRetained bounds how many retired keys of one algorithm exist at a time, by slowing the rotation down.
	maxRetained = 29
	// maxFuture is how far ahead of the clock a time may be before it is taken for the trace of a clock that was wrong.
	maxFuture = 10 * time.Minute
)

// Settings says how keys are rotated. Every zero field has its default.
type Settings struct {
	// RotateEvery is how long a signing or sealing key is in use; DefaultRotateEvery by default. It is stretched where so
	// many retired keys would pile up that no document could hold them.
	RotateEvery time.Duration
	// MaxTokenLifetime is the longest lifetime of anything that a key signs; registration.MaxAccessTokenTTL by default.
	// Who lowers it must know that no longer-lived token is left.
	MaxTokenLifetime time.Duration
	// PublishFor is how long a key is published before it is used; DefaultPublishFor by default, never less than twice
	// JWKSMaxAge.
	PublishFor time.Duration
}

func (s Settings) complete() Settings {
	if s.RotateEvery <= 0 {
		s.RotateEvery = DefaultRotateEvery
	}
	if s.MaxTokenLifetime <= 0 {
		s.MaxTokenLifetime = registration.MaxAccessTokenTTL
	}
	if s.PublishFor <= 0 {
		s.PublishFor = DefaultPublishFor
	}
	s.PublishFor = max(s.PublishFor, 2*JWKSMaxAge)
	s.RotateEvery = max(s.RotateEvery, s.PublishFor, s.signingRetention()/maxRetained)
	return s
}

func (s Settings) signingRetention() time.Duration { return s.MaxTokenLifetime + Slack }

// Next works out a server's keys as they should be now. current is nil before the first call; it is never changed.
// changed says whether next differs from it, and wakeAt, always after now, when to call again at the latest. Calling it
// more often, or late, does no harm; nor does a clock that jumps.
//
// The error says that current is not valid, in which case it must not be overwritten, since tokens and sessions depend on
// it; or that random failed.
func Next(current *registration.Keys, owner types.NamespacedName, settings Settings, now time.Time, random io.Reader) (next *registration.Keys, changed bool, wakeAt time.Time, err error) {
	return advance(current, owner, settings, now, random, newSigningKey)
}

// maker makes the key pair of a signing key.
type maker func(algorithm string, random io.Reader) (registration.SigningKey, error)

func advance(current *registration.Keys, owner types.NamespacedName, settings Settings, now time.Time, random io.Reader, newKey maker) (*registration.Keys, bool, time.Time, error) {
	r := ring{
		Settings: settings.complete(),
		now:      now.UTC().Truncate(time.Second),
		random:   random,
		newKey:   newKey,
		keys:     &registration.Keys{Namespace: owner.Namespace, Name: owner.Name},
	}
	if current != nil {
		if err := current.Validate(); err != nil {
			return nil, false, time.Time{}, fmt.Errorf("the present keys are not valid: %w", err)
		}
		if current.Namespace != owner.Namespace || current.Name != owner.Name {
			return nil, false, time.Time{}, fmt.Errorf("the present keys belong to %s/%s", current.Namespace, current.Name)
		}
		r.keys.Signing = slices.Clone(current.Signing)
		r.keys.Sealing = slices.Clone(current.Sealing)
		r.keys.Derivation = slices.Clone(current.Derivation)
		r.keys.AtRest = slices.Clone(current.AtRest)
	}
	r.mendClock()
	for _, algorithm := range []string{registration.AlgorithmES256, registration.AlgorithmRS256} {
		if err := r.rotateSigning(algorithm); err != nil {
			return nil, false, time.Time{}, err
		}
	}
	var err error
	if r.keys.Sealing, err = r.rotateSymmetric(r.keys.Sealing, r.RotateEvery, SealingRetention); err != nil {
		return nil, false, time.Time{}, err
	}
	derivation := max(r.RotateEvery, minDerivationRotation)
	if r.keys.Derivation, err = r.rotateSymmetric(r.keys.Derivation, derivation, DerivationRetention); err != nil {
		return nil, false, time.Time{}, err
	}
	if r.keys.AtRest, err = r.rotateAtRest(r.keys.AtRest); err != nil {
		return nil, false, time.Time{}, err
	}
	return r.keys, r.changed, r.wakeAt, nil
}

// ring is the keys while they are worked on.
type ring struct {
	Settings
	now     time.Time
	random  io.Reader
	newKey  maker
	keys    *registration.Keys
	changed bool
	wakeAt  time.Time
}

// due reports whether a time has come; if not, it is one to wake at.
func (r *ring) due(t time.Time) bool {
	if !t.After(r.now) {
		return true
	}
	if r.wakeAt.IsZero() || t.Before(r.wakeAt) {
		r.wakeAt = t
	}
	return false
}

// mendClock moves times that lie in the future to now. They come from a clock that was ahead; left alone, keys would
// sign until it is really then. Moved, every key is published, used and kept from now on for as long as it has to be.
func (r *ring) mendClock() {
	mend := func(times ...*time.Time) {
		for _, t := range times {
			if t.After(r.now.Add(maxFuture)) {
				*t = r.now
				r.changed = true
			}
		}
	}
	for i := range r.keys.Signing {
		k := &r.keys.Signing[i]
		mend(&k.CreatedAt, &k.ActiveAt, &k.RetiredAt)
	}
	for _, keys := range [][]registration.SymmetricKey{r.keys.Sealing, r.keys.Derivation, r.keys.AtRest} {
		for i := range keys {
			mend(&keys[i].CreatedAt, &keys[i].ActiveAt)
		}
	}
}
