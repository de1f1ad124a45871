package credentials

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var (
	start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	one   = Prefix + strings.Repeat("1", 42) + "A"
	two   = Prefix + strings.Repeat("2", 42) + "A"
	three = Prefix + strings.Repeat("3", 42) + "A"
	// brought is by the app team.
	brought = "AbCdEfGhIjKlMnOpQrStUvWxYz-012345"
)

// since is the verifier of a secret that was made some time ago.
func since(value string, age time.Duration) registration.SecretHash {
	h := Hash(value)
	h.CreatedAt = start.Add(-age)
	return h
}

// older is the verifier of one that was replaced some time ago and ends in a while.
func older(value string, replaced, left time.Duration) registration.SecretHash {
	h := since(value, replaced+time.Hour)
	h.ReplacedAt, h.NotAfter = start.Add(-replaced), start.Add(left)
	return h
}

func holding(value string, age time.Duration) Held {
	return Held{ID: Hash(value).ID, Value: value, CreatedAt: start.Add(-age)}
}

// opaque is a Secret that holds a value which cannot be read back.
func opaque(value string, age time.Duration) Held {
	h := holding(value, age)
	h.Value = ""
	return h
}

const (
	day  = 24 * time.Hour
	anew = "a new one"
)

func TestDecide(t *testing.T) {
	zero := time.Duration(0)
	every := Rotation{Interval: 30 * day, Overlap: day}
	unused := Rotation{Interval: 30 * day, Overlap: day, WhenUnused: true, Deadline: 10 * day}
	never := func(string) (time.Time, bool) { return time.Time{}, true }
	asked := func(s State, value string) State { s.Request = value; return s }
	for name, tc := range map[string]struct {
		state State
		// value that the Secret is to hold: one that is known, anew, or empty for leave it.
		value string
		cause Cause
		// staged is what is registered and handed out to nobody yet.
		staged string
		// older are the ends of those before, from now on, in the order of the registration.
		older []time.Duration
		// retired are those that end now.
		retired []string
		// wake is when to look again, from now on; zero is never, any is whenever.
		wake time.Duration
	}{
		"a new client gets a secret": {state: State{}, value: anew, cause: CauseFirst},
		"the Secret is as it was written": {
			state: State{Registered: []registration.SecretHash{since(one, day)}, Held: holding(one, day)}, value: one,
		},
		"the registration is gone: the Secret is the truth": {state: State{Held: holding(one, day)}, value: one},
		"K4 fault 21 the Secret was deleted or edited: a new one at once, and the old one for a grace": {
			state: State{Registered: []registration.SecretHash{since(one, day)}}, value: anew, cause: CauseRepaired,
			older: []time.Duration{Grace}, wake: time.Minute,
		},
		"an end once set is not moved, and what is over is dropped": {
			state: State{Registered: []registration.SecretHash{since(one, 0), older(two, time.Hour, time.Second), older(three, 2*time.Hour, 0)}, Held: holding(one, 0)},
			value: one, older: []time.Duration{time.Second}, retired: []string{three}, wake: time.Second,
		},

		"rotation is not due yet": {
			state: State{Registered: []registration.SecretHash{since(one, 29*day)}, Held: holding(one, 29*day), Rotation: every}, value: one, wake: day,
		},
		"rotation is due: a new one is registered, and the app keeps the one it has": {
			state: State{Registered: []registration.SecretHash{since(one, 30*day)}, Held: holding(one, 30*day), Rotation: every},
			value: one, staged: anew,
		},
		"not every replica honours it yet: nothing else happens": {
			state: State{Registered: []registration.SecretHash{since(one, 31*day), since(two, 0)}, Held: holding(one, 31*day), Rotation: every, Staged: two},
			value: one, staged: two,
		},
		"every replica honours it: it is handed out, and the one before works on for the overlap": {
			state: State{Registered: []registration.SecretHash{since(one, 31*day), since(two, 0)}, Held: holding(one, 31*day), Rotation: every, Staged: two, Honoured: true},
			value: two, cause: CauseScheduled, older: []time.Duration{day}, wake: time.Hour,
		},
		"fault 16 the process that made it is gone: another one takes its place, and nobody had it": {
			state: State{Registered: []registration.SecretHash{since(one, 31*day), since(two, 0)}, Held: holding(one, 31*day), Rotation: every, Honoured: true},
			value: one, staged: anew,
		},
		"fault 17 what is remembered is not what is registered: it is registered first": {
			state: State{Registered: []registration.SecretHash{since(one, 31*day), since(two, 0)}, Held: holding(one, 31*day), Rotation: every, Staged: three, Honoured: true},
			value: one, staged: three,
		},
		"fault 16 it was handed out and not registered as the current one: that is done now, with the end that was promised": {
			state: State{Registered: []registration.SecretHash{since(one, 31*day), since(two, 0)}, Held: func() Held {
				h := holding(two, 0)
				h.BeforeEnds = start.Add(5 * time.Hour)
				return h
			}(), Rotation: every},
			value: two, cause: CauseResumed, older: []time.Duration{5 * time.Hour}, wake: 12*time.Minute + 30*time.Second,
		},
		"fault 17 a stale leader handed out another one than is registered: it is the one": {
			state: State{Registered: []registration.SecretHash{since(one, 31*day), since(two, 0)}, Held: holding(three, 0), Rotation: every},
			value: three, cause: CauseResumed, older: []time.Duration{Grace}, wake: time.Minute,
		},

		"the first value of the annotation asks for nothing": {state: asked(State{}, "7"), value: anew, cause: CauseFirst},
		"the annotation has another value than was done last": {
			state: asked(State{Registered: []registration.SecretHash{since(one, day)}, Held: holding(one, day)}, "7"), value: one, staged: anew,
		},
		"it was done": {
			state: asked(State{Registered: []registration.SecretHash{since(one, day)}, Held: Held{ID: Hash(one).ID, Value: one, CreatedAt: start.Add(-day), Request: "7"}}, "7"), value: one,
		},
		"the annotation was taken off": {
			state: State{Registered: []registration.SecretHash{since(one, day)}, Held: Held{ID: Hash(one).ID, Value: one, Request: "7"}}, value: one,
		},
		"a secret that has leaked ends at once": {
			state: State{Registered: []registration.SecretHash{since(one, day), since(two, 0)}, Held: holding(one, day), Staged: two, Honoured: true, Request: "7", RequestOverlap: &zero, Rotation: Rotation{Overlap: day}},
			value: two, cause: CauseRequested, retired: []string{one},
		},
		"a secret that has leaked ends at once, also when it is the one before the one before": {
			state: State{
				Registered: []registration.SecretHash{since(one, time.Hour), since(two, 0), older(three, time.Hour, 23*time.Hour)}, Held: holding(one, time.Hour),
				Staged: two, Honoured: true, Request: "7", RequestOverlap: &zero, Rotation: every,
			},
			value: two, cause: CauseRequested, retired: []string{one, three}, wake: 30 * day,
		},
		"fault 16 it was handed out because one has leaked, and not registered as the current one: the others end as promised": {
			state: State{Registered: []registration.SecretHash{since(one, day), since(two, 0), older(three, time.Hour, 23*time.Hour)}, Held: func() Held {
				h := holding(two, 0)
				h.BeforeEnds, h.Request = start.Add(-time.Second), "7"
				return h
			}(), Request: "7", RequestOverlap: &zero, Rotation: every},
			value: two, cause: CauseResumed, retired: []string{one, three}, wake: 30 * day,
		},
		"a request without an overlap of its own has the usual one": {
			state: State{Registered: []registration.SecretHash{since(one, day), since(two, 0)}, Held: holding(one, day), Staged: two, Honoured: true, Request: "7", Rotation: Rotation{Overlap: day}},
			value: two, cause: CauseRequested, older: []time.Duration{day}, wake: time.Hour,
		},

		"retireWhenUnused: the one before may work on until the deadline": {
			state: State{Registered: []registration.SecretHash{since(one, 31*day), since(two, 0)}, Held: holding(one, 31*day), Rotation: unused, Staged: two, Honoured: true},
			value: two, cause: CauseScheduled, older: []time.Duration{10 * day}, wake: time.Hour,
		},
		"retireWhenUnused: within the overlap it is kept, used or not": {
			state: State{Registered: []registration.SecretHash{since(one, 23*time.Hour), older(two, 23*time.Hour, 9*day)}, Held: holding(one, 23*time.Hour), Rotation: unused, LastUsed: never},
			value: one, older: []time.Duration{9 * day}, wake: time.Hour,
		},
		"retireWhenUnused: after the overlap it ends when nobody used it": {
			state: State{Registered: []registration.SecretHash{since(one, day), older(two, day, 9*day)}, Held: holding(one, day), Rotation: unused, LastUsed: never},
			value: one, retired: []string{two}, wake: 29 * day,
		},
		"retireWhenUnused: it is kept while somebody used it less than the overlap ago": {
			state: State{
				Registered: []registration.SecretHash{since(one, 3*day), older(two, 3*day, 7*day)}, Held: holding(one, 3*day), Rotation: unused,
				LastUsed: func(string) (time.Time, bool) { return start.Add(-day + 10*time.Minute), true },
			},
			value: one, older: []time.Duration{7 * day}, wake: 10 * time.Minute,
		},
		"retireWhenUnused: it is kept while a replica does not say": {
			state: State{
				Registered: []registration.SecretHash{since(one, 3*day), older(two, 3*day, 7*day)}, Held: holding(one, 3*day), Rotation: unused,
				LastUsed: func(string) (time.Time, bool) { return time.Time{}, false },
			},
			value: one, older: []time.Duration{7 * day}, wake: time.Hour,
		},
		"retireWhenUnused: the deadline ends it, used or not": {
			state: State{
				Registered: []registration.SecretHash{since(one, 10*day), older(two, 10*day, 0)}, Held: holding(one, 10*day), Rotation: unused,
				LastUsed: func(string) (time.Time, bool) { return start, true },
			},
			value: one, retired: []string{two}, wake: 20 * day,
		},
		"retireWhenUnused: a grace is not stretched": {
			state: State{Registered: []registration.SecretHash{since(one, 9*time.Minute), older(two, 9*time.Minute, time.Minute)}, Held: holding(one, 9*time.Minute), Rotation: unused, LastUsed: never},
			value: one, older: []time.Duration{time.Minute}, wake: time.Minute,
		},

		"the app team brings one for a new client": {state: State{Inbound: brought}, value: brought, cause: CauseFirst},
		"what the app team brings is there": {
			state: State{Registered: []registration.SecretHash{since(brought, day)}, Held: opaque(brought, day), Inbound: brought}, value: brought,
		},
		"what it brings is never rotated by time": {
			state: State{Registered: []registration.SecretHash{since(brought, 300*day)}, Held: opaque(brought, 300*day), Inbound: brought, Rotation: every, Request: "7"}, value: brought,
		},
		"it changes: it is registered first, and the Secret stays": {
			state: State{Registered: []registration.SecretHash{since(three, day)}, Held: opaque(three, day), Inbound: brought, Rotation: every}, value: "", staged: brought,
		},
		"it changed and every replica honours it": {
			state: State{Registered: []registration.SecretHash{since(three, day), since(brought, 0)}, Held: opaque(three, day), Inbound: brought, Rotation: every, Honoured: true},
			value: brought, cause: CauseInbound, older: []time.Duration{day}, wake: time.Hour,
		},
		"it changes where no Secret is written: the app has it already": {
			state: State{Registered: []registration.SecretHash{since(three, day)}, Inbound: brought, Unwritten: true, Rotation: every},
			value: brought, cause: CauseInbound, older: []time.Duration{day}, wake: time.Hour,
		},
		"its Secret was edited: written again, the same": {
			state: State{Registered: []registration.SecretHash{since(brought, day)}, Inbound: brought}, value: brought,
		},
		"it replaces a generated one": {
			state: State{Registered: []registration.SecretHash{since(one, day), since(brought, 0)}, Held: holding(one, day), Inbound: brought, Honoured: true, Rotation: every},
			value: brought, cause: CauseInbound, older: []time.Duration{day}, wake: time.Hour,
		},
		"a generated one replaces it: it is registered first": {
			state: State{Registered: []registration.SecretHash{since(brought, day)}, Held: opaque(brought, day), Rotation: every}, value: "", staged: anew,
		},
		"a generated one replaces it when every replica honours it": {
			state: State{Registered: []registration.SecretHash{since(brought, day), since(two, 0)}, Held: opaque(brought, day), Staged: two, Honoured: true, Rotation: Rotation{Overlap: day}},
			value: two, cause: CauseGenerated, older: []time.Duration{day}, wake: time.Hour,
		},
		"restored: what was brought is not registered, and is there":                {state: State{Held: opaque(brought, day), Inbound: brought}, value: brought},
		"restored: what was brought is not registered, and is not brought any more": {state: State{Held: opaque(brought, day)}, value: anew, cause: CauseFirst},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Decide(tc.state, start, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			known := []string{"", one, two, three, brought}
			same := func(what, want, got string) {
				if want == anew && (slices.Contains(known, got) || !Usable(got)) || want != anew && want != got {
					t.Errorf("%s: got number %d of those that are known", what, slices.Index(known, got))
				}
			}
			same("the value", tc.value, d.Value)
			same("what is staged", tc.staged, d.Staged)
			if d.Cause != tc.cause {
				t.Errorf("cause %q, want %q", d.Cause, tc.cause)
			}
			if tc.value != "" && (d.Hashes[0].SHA256 != Hash(d.Value).SHA256 || d.Write.ID != d.Hashes[0].ID) {
				t.Error("the current one is not the one in the Secret")
			}
			rest := d.Hashes[1:]
			if tc.staged != "" {
				if len(rest) == 0 || rest[0].SHA256 != Hash(d.Staged).SHA256 || !rest[0].NotAfter.IsZero() {
					t.Fatal("what is staged is not registered")
				}
				rest = rest[1:]
			}
			var left []time.Duration
			for _, h := range rest {
				left = append(left, h.NotAfter.Sub(start))
			}
			if !slices.Equal(left, tc.older) {
				t.Errorf("those before end in %v, want %v", left, tc.older)
			}
			var retired []string
			for _, r := range d.Retired {
				retired = append(retired, r.ID)
			}
			var want []string
			for _, v := range tc.retired {
				want = append(want, Hash(v).ID)
			}
			if !slices.Equal(retired, want) {
				t.Errorf("retired are %v, want %v", retired, want)
			}
			wake := d.Wake.Sub(start)
			if d.Wake.IsZero() {
				wake = 0
			}
			if wake != tc.wake {
				t.Errorf("look again in %v, want %v", wake, tc.wake)
			}
			checkDecision(t, d)
		})
	}
	t.Run("it fails without randomness, and only where it needs any", func(t *testing.T) {
		dry := iotest.ErrReader(errors.New("no randomness"))
		if _, err := Decide(State{}, start, dry); err == nil {
			t.Error("a secret was made of nothing")
		}
		if _, err := Decide(State{Held: holding(one, 0)}, start, dry); err != nil {
			t.Error(err)
		}
	})
}

// checkDecision holds every decision to what is true of all.
func checkDecision(t interface {
	Errorf(format string, args ...any)
}, d Decision) {
	ids := map[string]bool{}
	pending := 0
	for i, h := range d.Hashes {
		if ids[h.ID] || len(h.SHA256) != 64 || h.CreatedAt.IsZero() && i == 0 {
			t.Errorf("verifier %d is not one", i)
		}
		ids[h.ID] = true
		if i == 0 && !h.NotAfter.IsZero() {
			t.Errorf("the current one has an end")
		}
		if i > 0 && h.NotAfter.IsZero() {
			pending++
		}
	}
	if len(d.Hashes) == 0 || len(d.Hashes) > registration.MaxSecrets || pending > 1 || (pending == 1) != (d.Staged != "") {
		t.Errorf("%d verifiers, %d of them to come", len(d.Hashes), pending)
	}
}

func TestWait(t *testing.T) {
	d := Wait([]registration.SecretHash{since(one, day), since(two, 0), older(three, day, time.Hour), older(brought, day, 0)}, start)
	if len(d.Hashes) != 2 || d.Hashes[0].ID != Hash(one).ID || d.Hashes[1].ID != Hash(three).ID || d.Value != "" || !d.Wake.Equal(start.Add(time.Hour)) ||
		len(d.Retired) != 1 || d.Retired[0].ID != Hash(brought).ID {
		t.Errorf("got %+v", d)
	}
	if d := Wait(nil, start); len(d.Hashes) != 0 || !d.Wake.IsZero() {
		t.Errorf("got %+v", d)
	}
}
