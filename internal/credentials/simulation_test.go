package credentials

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// model is a client as a cluster has it: a Secret, a registration, what a process remembers, and what was true at some time.
type model struct {
	now        time.Time
	secret     Held
	registered []registration.SecretHash
	honoured   []registration.SecretHash // what every replica has loaded
	staged     string
	request    string
	rotation   Rotation
	handedOut  []string // every value that was in the Secret, in order
}

// honours reports whether every replica takes a value now.
func (m *model) honours(value string) bool {
	return slices.ContainsFunc(m.honoured, func(h registration.SecretHash) bool {
		return h.SHA256 == Hash(value).SHA256 && (h.NotAfter.IsZero() || m.now.Before(h.NotAfter))
	})
}

// reconcile does what the operator does; it may end after the Secret is written, or before.
func (m *model) reconcile(t *rapid.T, end int) {
	d, err := Decide(State{
		Registered: m.registered, Held: m.secret, Staged: m.staged, Request: m.request, Rotation: m.rotation,
		Honoured: slices.EqualFunc(m.registered, m.honoured, func(a, b registration.SecretHash) bool { return a == b }),
		LastUsed: func(string) (time.Time, bool) { return time.Time{}, true },
	}, m.now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	checkDecision(t, d)
	if end == 0 {
		return
	}
	if d.Value != "" {
		if len(m.handedOut) == 0 || m.handedOut[len(m.handedOut)-1] != d.Value {
			if len(m.handedOut) > 0 && m.secret.ID != "" && !m.honours(d.Value) {
				t.Fatal("a secret was handed out that not every replica honours")
			}
			m.handedOut = append(m.handedOut, d.Value)
		}
		m.secret = Held{ID: d.Write.ID, Value: d.Value, CreatedAt: d.Write.CreatedAt, BeforeEnds: d.Write.BeforeEnds, Request: d.Write.Request}
	}
	if end == 1 {
		m.staged = ""
		return
	}
	m.registered, m.staged = d.Hashes, d.Staged
}

// settle lets everybody come to rest.
func (m *model) settle(t *rapid.T) {
	for range 6 {
		m.reconcile(t, 2)
		m.honoured = m.registered
	}
}

// However often the operator dies in between, whatever comes in whichever order: nobody reads a secret that does not work, what is read
// works for as long as it was promised, and a cause makes one new secret.
func TestRotationProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{now: start, rotation: Rotation{Interval: 30 * day, Overlap: day, WhenUnused: rapid.Bool().Draw(t, "whenUnused"), Deadline: 10 * day}}
		m.settle(t)
		requests := 0
		t.Repeat(map[string]func(*rapid.T){
			"time passes":        func(t *rapid.T) { m.now = m.now.Add(time.Duration(rapid.IntRange(1, 48).Draw(t, "hours")) * time.Hour) },
			"the operator looks": func(t *rapid.T) { m.reconcile(t, 2) },
			"it dies before":     func(t *rapid.T) { m.reconcile(t, 0); m.staged = "" },
			"it dies in between": func(t *rapid.T) { m.reconcile(t, 1) },
			"it begins anew":     func(*rapid.T) { m.staged = "" },
			"replicas load":      func(*rapid.T) { m.honoured = m.registered },
			"somebody asks":      func(*rapid.T) { requests++; m.request = string(rune('a' + requests%26)) },
			"it settles": func(t *rapid.T) {
				m.settle(t)
				before := len(m.handedOut)
				m.settle(t)
				if len(m.handedOut) != before {
					t.Fatal("it does not come to rest")
				}
				m.request = string(rune('A' + requests%26))
				requests++
				m.settle(t)
				if len(m.handedOut) != before+1 {
					t.Fatalf("one request made %d secrets", len(m.handedOut)-before)
				}
				if last := m.handedOut[before-1]; !m.honours(last) || !m.honours(m.handedOut[before]) {
					t.Fatal("the new one and the one before do not both work")
				}
			},
			"": func(t *rapid.T) {
				if current := m.handedOut[len(m.handedOut)-1]; !m.honours(current) {
					t.Fatal("the app has a secret that does not work")
				}
			},
		})
	})
}
