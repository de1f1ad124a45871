package keyring

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// rotateSymmetric brings a list of symmetric keys up to date. The first is in use. A new one is first appended, so that
// every replica can read what it makes, and comes first after PublishFor. An older one is dropped once it has been out of
// use for the retention.
func (r *ring) rotateSymmetric(keys []registration.SymmetricKey, every, retention time.Duration) ([]registration.SymmetricKey, error) {
	keys, err := r.addSymmetric(keys, every)
	if err != nil {
		return nil, err
	}
	return r.dropSymmetric(keys, retention), nil
}

// rotateAtRest brings the keys of what the database keeps up to date. They are rotated as sealing keys are, though no more
// often than minAtRestRotation, and none is ever dropped: what was sealed with it may be read years later. When no document
// could hold more of them, the last one stays.
func (r *ring) rotateAtRest(keys []registration.SymmetricKey) ([]registration.SymmetricKey, error) {
	if len(keys) >= registration.MaxAtRestKeys && !slices.ContainsFunc(keys, waits) {
		return keys, nil
	}
	return r.addSymmetric(keys, max(r.RotateEvery, minAtRestRotation))
}

// waits reports whether a key has not come first yet.
func waits(k registration.SymmetricKey) bool { return k.ActiveAt.IsZero() }

// addSymmetric makes the first key, or the next one when it is time, and puts it first when it was there for long enough.
func (r *ring) addSymmetric(keys []registration.SymmetricKey, every time.Duration) ([]registration.SymmetricKey, error) {
	every = max(every, 2*r.PublishFor) // one waiting key at a time
	if len(keys) == 0 {
		k, err := r.newSymmetric()
		if err != nil {
			return nil, err
		}
		k.ActiveAt = r.now
		keys = append(keys, k)
	}
	if keys[0].ActiveAt.IsZero() {
		// The first is in use, whatever it says.
		keys[0].ActiveAt = keys[0].CreatedAt
		r.changed = true
	}
	waiting := slices.IndexFunc(keys, waits)
	// The new key is made so early that it can take over on time.
	if waiting < 0 && r.due(keys[0].ActiveAt.Add(every-r.PublishFor)) {
		k, err := r.newSymmetric()
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
		waiting = len(keys) - 1
	}
	if waiting > 0 && r.due(later(keys[0].ActiveAt.Add(every), keys[waiting].CreatedAt.Add(r.PublishFor))) {
		k := keys[waiting]
		k.ActiveAt = r.now
		keys = slices.Insert(slices.Delete(keys, waiting, waiting+1), 0, k)
		r.changed = true
		r.due(r.now.Add(every - r.PublishFor))
	}
	return keys, nil
}

// dropSymmetric drops the keys that went out of use, which is when the one before them came first, long enough ago.
func (r *ring) dropSymmetric(keys []registration.SymmetricKey, retention time.Duration) []registration.SymmetricKey {
	supersededAt := keys[0].ActiveAt
	kept := keys[:1]
	for _, k := range keys[1:] {
		if !k.ActiveAt.IsZero() && r.due(supersededAt.Add(retention)) {
			r.changed = true
			continue
		}
		if !k.ActiveAt.IsZero() {
			supersededAt = k.ActiveAt
		}
		kept = append(kept, k)
	}
	return kept
}

func (r *ring) newSymmetric() (registration.SymmetricKey, error) {
	var id [8]byte
	key := make([]byte, 32)
	for _, b := range [][]byte{id[:], key} {
		if _, err := io.ReadFull(r.random, b); err != nil {
			return registration.SymmetricKey{}, fmt.Errorf("making a symmetric key: %w", err)
		}
	}
	r.changed = true
	return registration.SymmetricKey{ID: hex.EncodeToString(id[:]), Key: key, CreatedAt: r.now}, nil
}
