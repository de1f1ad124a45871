package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func ids(keys []registration.SymmetricKey) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.ID
	}
	return out
}

func TestKeysAtRest(t *testing.T) {
	newKey := counter(t)
	step := func(keys *registration.Keys, settings Settings, now time.Time) (*registration.Keys, time.Time) {
		next, _, wake, err := advance(keys, owner, settings, now, rand.Reader, newKey)
		if err != nil || !wake.After(now) {
			t.Fatal(err, wake)
		}
		return next, wake
	}
	t.Run("the first call makes one, other than all other keys", func(t *testing.T) {
		keys, _, _ := mustNext(t, nil, start)
		if len(keys.AtRest) != 1 || bytes.Equal(keys.AtRest[0].Key, keys.Sealing[0].Key) || bytes.Equal(keys.AtRest[0].Key, keys.Derivation[0].Key) {
			t.Errorf("got %v", keys)
		}
	})
	t.Run("keys of before get one, and nothing else changes", func(t *testing.T) {
		old, _, _ := mustNext(t, nil, start)
		before := *old
		before.AtRest = nil
		next, changed, _ := mustNext(t, &before, start.Add(time.Minute))
		if !changed || len(next.AtRest) != 1 {
			t.Fatalf("changed %v, %v", changed, next)
		}
		next.AtRest = nil
		if want, got := encoded(t, &before), encoded(t, next); !bytes.Equal(want, got) {
			t.Error("something else changed")
		}
		if before.AtRest != nil {
			t.Error("changed in place")
		}
	})
	t.Run("one more with every rotation, and none is ever dropped", func(t *testing.T) {
		keys, wake := step(nil, Settings{}, start)
		sealing := keys.Sealing[0].ID
		for end := start.Add(3 * 365 * 24 * time.Hour); wake.Before(end); {
			before, first := ids(keys.AtRest), keys.AtRest[0].ID
			var next *registration.Keys
			next, wake = step(keys, Settings{}, wake)
			for _, id := range before {
				if !slices.Contains(ids(next.AtRest), id) {
					t.Fatalf("%s was dropped", id)
				}
			}
			if next.AtRest[0].ID != first && !slices.Contains(before, next.AtRest[0].ID) {
				t.Fatal("a key seals that no replica has had the time to load")
			}
			keys = next
		}
		// 720 hours go 36 times into three years; one more may be waiting.
		if n := len(keys.AtRest); n < 37 || n > 38 {
			t.Errorf("%d keys after three years", n)
		}
		if slices.Contains(ids(keys.Sealing), sealing) {
			t.Error("the sealing key of three years ago is still there; the test tells nothing")
		}
	})
	t.Run("a server that rotates every hour does not fill its document", func(t *testing.T) {
		keys, at := (*registration.Keys)(nil), start
		for range 400 {
			keys, at = step(keys, Settings{RotateEvery: time.Hour, MaxTokenLifetime: time.Hour}, at)
		}
		if n, age := len(keys.AtRest), at.Sub(start); n > int(age/minAtRestRotation)+2 {
			t.Errorf("%d keys after %s", n, age)
		}
	})
	t.Run("when no more fit, the last one stays", func(t *testing.T) {
		keys, _, _ := mustNext(t, nil, start)
		for len(keys.AtRest) < registration.MaxAtRestKeys {
			var id, key [32]byte
			_, _ = rand.Read(id[:16]) // it never fails
			_, _ = rand.Read(key[:])
			keys.AtRest = append(keys.AtRest, registration.SymmetricKey{ID: hex.EncodeToString(id[:16]), Key: key[:], CreatedAt: start, ActiveAt: start})
		}
		encoded(t, keys) // it fits
		next, _, _, err := Next(keys, owner, Settings{}, start.Add(100*365*24*time.Hour), rand.Reader)
		if err != nil || len(next.AtRest) != registration.MaxAtRestKeys || next.AtRest[0].ID != keys.AtRest[0].ID {
			t.Errorf("got %v, %v", next, err)
		}
	})
}

func encoded(t *testing.T, keys *registration.Keys) []byte {
	t.Helper()
	b, err := registration.Encode(keys)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
