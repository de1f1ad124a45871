package keyring

import (
	"bytes"
	stdcmp "cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var (
	owner = types.NamespacedName{Namespace: "oauth-system", Name: "main"}
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// mustNext takes a step with the default settings and checks what holds for every step.
func mustNext(t *testing.T, current *registration.Keys, now time.Time) (*registration.Keys, bool, time.Time) {
	t.Helper()
	next, changed, wake, err := Next(current, owner, Settings{}, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Validate(); err != nil {
		t.Fatal(err)
	}
	if !wake.After(now) {
		t.Fatalf("wake %s is not after now %s", wake, now)
	}
	if same := cmp.Equal(current, next); same == changed {
		t.Fatalf("changed is %v, equal is %v", changed, same)
	}
	return next, changed, wake
}

func states(keys *registration.Keys) map[string]int {
	n := map[string]int{}
	for _, k := range keys.Signing {
		n[k.Algorithm+" "+string(k.State)]++
	}
	return n
}

func TestFirstInstall(t *testing.T) {
	keys, changed, _ := mustNext(t, nil, start)
	want := map[string]int{"ES256 Active": 1, "ES256 Next": 1, "RS256 Active": 1, "RS256 Next": 1}
	if diff := cmp.Diff(want, states(keys)); diff != "" || !changed {
		t.Errorf("changed %v, states (-want +got):\n%s", changed, diff)
	}
	if len(keys.Sealing) != 1 || len(keys.Derivation) != 1 || bytes.Equal(keys.Sealing[0].Key, keys.Derivation[0].Key) {
		t.Errorf("want one sealing and one derivation key, different ones: %v", keys)
	}
	if got := ActiveSince(keys); !got.Equal(start) {
		t.Errorf("active since %s, want %s", got, start)
	}
	for _, s := range Status(keys) {
		if len(s.ID) != 43 || !s.Since.Time.Equal(start) {
			t.Errorf("status %+v: want a thumbprint and the start", s)
		}
	}

	t.Run("nothing changes until the time it asked to be woken", func(t *testing.T) {
		_, _, wake := mustNext(t, keys, start)
		for at := start; at.Before(wake); at = at.Add(wake.Sub(start) / 7) {
			if _, changed, again := mustNext(t, keys, at); changed || !again.Equal(wake) {
				t.Fatalf("at %s: changed %v, wake %s, want %s", at, changed, again, wake)
			}
		}
		if _, changed, _ := mustNext(t, keys, wake); !changed {
			t.Error("nothing changed at the time it asked to be woken")
		}
	})
	t.Run("the present keys are never changed in place", func(t *testing.T) {
		before, err := registration.Encode(keys)
		if err != nil {
			t.Fatal(err)
		}
		mustNext(t, keys, start.Add(800*time.Hour))
		mustNext(t, keys, start.Add(-800*time.Hour))
		after, err := registration.Encode(keys)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("changed in place (%v)", err)
		}
	})
}

func TestRefusals(t *testing.T) {
	keys, _, _ := mustNext(t, nil, start)
	t.Run("keys that cannot be read are an error, so that nobody overwrites them", func(t *testing.T) {
		bad := *keys
		bad.Sealing = []registration.SymmetricKey{{ID: "x", Key: []byte("short")}}
		if next, changed, _, err := Next(&bad, owner, Settings{}, start, rand.Reader); err == nil || next != nil || changed {
			t.Errorf("got %v, %v, %v", next, changed, err)
		}
	})
	t.Run("keys of another server are an error", func(t *testing.T) {
		if _, _, _, err := Next(keys, types.NamespacedName{Namespace: "oauth-system", Name: "other"}, Settings{}, start, rand.Reader); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a random source that fails is an error", func(t *testing.T) {
		broken := errors.New("no entropy")
		if _, _, _, err := Next(nil, owner, Settings{}, start, failing{broken}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// counter makes distinct signing keys without the cost of real ones. Validate would refuse two of the same bytes only by
// id, which is what differs.
func counter(t *testing.T) maker {
	models := map[string]registration.SigningKey{}
	for _, a := range []string{registration.AlgorithmES256, registration.AlgorithmRS256} {
		k, err := newSigningKey(a, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		models[a] = k
	}
	n := 0
	return func(algorithm string, _ io.Reader) (registration.SigningKey, error) {
		n++
		k := models[algorithm]
		k.ID = fmt.Sprintf("%s-%d", algorithm, n)
		return k, nil
	}
}

// life is what the simulation saw of one key.
type life struct {
	published, used, unused, gone time.Time
}

func observe(lives map[string]*life, now time.Time, id string, inUse bool) {
	l := lives[id]
	if l == nil {
		l = &life{published: now}
		lives[id] = l
	}
	switch {
	case inUse && l.used.IsZero():
		l.used = now
	case !inUse && !l.used.IsZero() && l.unused.IsZero():
		l.unused = now
	}
}

func TestK20TwoYears(t *testing.T) {
	cases := map[string]struct {
		settings Settings
		lag      time.Duration // how late the caller is at every wake
		days     int           // two years if zero
	}{
		"with the defaults":                          {days: 1000}, // long enough to see derivation keys go
		"with a caller that is always a day late":    {lag: 24 * time.Hour},
		"rotated daily, tokens of an hour":           {settings: Settings{RotateEvery: 24 * time.Hour, MaxTokenLifetime: time.Hour}, days: 200},
		"rotated so often that it has to be slowed":  {settings: Settings{RotateEvery: time.Minute}, lag: time.Minute, days: 60},
		"published for longer than a key is in use":  {settings: Settings{RotateEvery: time.Hour, PublishFor: 48 * time.Hour, MaxTokenLifetime: time.Hour}, days: 365},
		"published for less than verifiers would do": {settings: Settings{RotateEvery: 10 * time.Hour, PublishFor: time.Second, MaxTokenLifetime: time.Hour}, days: 60},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			simulate(t, tc.settings, tc.lag, start.AddDate(0, 0, stdcmp.Or(tc.days, 730)))
		})
	}
}

func simulate(t *testing.T, settings Settings, lag time.Duration, end time.Time) {
	var (
		newKey             = counter(t)
		full               = settings.complete()
		lives              = map[string]*life{}
		retention          = map[string]time.Duration{}
		first              = map[string]bool{}
		keys               *registration.Keys
		rotations, largest int
	)
	for now := start; now.Before(end); {
		next, changed, wake, err := advance(keys, owner, settings, now, rand.Reader, newKey)
		if err != nil {
			t.Fatal(err)
		}
		if changed {
			rotations++
		}
		present := map[string]bool{}
		active := map[string]int{}
		for _, k := range next.Signing {
			present[k.ID] = true
			retention[k.ID] = full.MaxTokenLifetime
			observe(lives, now, k.ID, k.State == registration.KeyActive)
			if k.State == registration.KeyActive {
				active[k.Algorithm]++
			}
			first[k.ID] = first[k.ID] || keys == nil
		}
		for n, list := range [][]registration.SymmetricKey{next.Sealing, next.Derivation} {
			for i, k := range list {
				present[k.ID] = true
				retention[k.ID] = []time.Duration{SealingRetention, registration.MaxRefreshTokenTTL}[n]
				observe(lives, now, k.ID, i == 0)
				first[k.ID] = first[k.ID] || keys == nil
			}
		}
		for id, l := range lives {
			if !present[id] && l.gone.IsZero() {
				l.gone = now
			}
		}
		if active["ES256"] != 1 || active["RS256"] != 1 {
			t.Fatalf("at %s: active keys %v, want one of each", now, active)
		}
		if len(Status(next)) > registration.MaxSigningKeys {
			t.Fatalf("at %s: %d signing keys, more than a status or a document may have", now, len(next.Signing))
		}
		largest = max(largest, len(next.Signing))
		keys = next
		now = wake.Add(lag)
	}
	for id, l := range lives {
		if !first[id] && !l.used.IsZero() && l.used.Sub(l.published) < 2*JWKSMaxAge {
			t.Errorf("key %s was in use %s after it was published", id, l.used.Sub(l.published))
		}
		if l.gone.IsZero() {
			continue
		}
		if least := retention[id]; l.unused.IsZero() || l.gone.Sub(l.unused) < least {
			t.Errorf("key %s was dropped %s after its last use, want at least %s", id, l.gone.Sub(l.unused), least)
		}
	}
	if b, err := registration.Encode(keys); err != nil {
		t.Errorf("the keys of two years cannot be written: %v", err)
	} else {
		t.Logf("%d changes, %d keys seen, at most %d signing keys at a time, %d bytes", rotations, len(lives), largest, len(b))
	}
}

func TestClock(t *testing.T) {
	settings := Settings{RotateEvery: 240 * time.Hour, MaxTokenLifetime: time.Hour}
	newKey := counter(t)
	step := func(keys *registration.Keys, now time.Time) *registration.Keys {
		next, _, wake, err := advance(keys, owner, settings, now, rand.Reader, newKey)
		if err != nil || !wake.After(now) {
			t.Fatal(err, wake)
		}
		return next
	}
	ids := func(keys *registration.Keys, state registration.KeyState) map[string]bool {
		m := map[string]bool{}
		for _, k := range keys.Signing {
			if k.State == state {
				m[k.ID] = true
			}
		}
		return m
	}

	t.Run("a second back, as clocks do, changes nothing", func(t *testing.T) {
		keys := step(nil, start)
		if diff := cmp.Diff(step(keys, start.Add(-time.Second)).String(), keys.String()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a year ahead and back again keeps every key and goes on rotating", func(t *testing.T) {
		keys := step(nil, start)
		before := ids(keys, registration.KeyActive)
		ahead := step(keys, start.AddDate(1, 0, 0))
		back := step(ahead, start.Add(time.Minute))
		retired := ids(back, registration.KeyRetired)
		for id := range before {
			if !retired[id] {
				t.Errorf("key %s, of which tokens live, is gone", id)
			}
		}
		active := ids(back, registration.KeyActive)
		rotated := ids(step(back, start.Add(settings.RotateEvery+2*time.Minute)), registration.KeyActive)
		for id := range active {
			if rotated[id] {
				t.Errorf("key %s has not been rotated since the clock was ahead", id)
			}
		}
	})
	t.Run("years back never ends in no key", func(t *testing.T) {
		keys := step(step(nil, start), start.AddDate(-5, 0, 0))
		want := map[string]int{"ES256 Active": 1, "ES256 Next": 1, "RS256 Active": 1, "RS256 Next": 1}
		if diff := cmp.Diff(want, states(keys)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an active key that was taken away is replaced by the next", func(t *testing.T) {
		keys := step(nil, start)
		next := ids(keys, registration.KeyNext)
		keys.Signing = keys.Signing[1:]
		for id := range ids(step(keys, start.Add(time.Hour)), registration.KeyActive) {
			if next[id] {
				return
			}
		}
		t.Error("the next key did not stand in")
	})
}
