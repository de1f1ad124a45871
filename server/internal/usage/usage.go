package usage

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// most bounds what is remembered. It is more than a report can hold, so that a report says when something is left out.
const most = 2 * registration.MaxUses

// Tracker remembers uses. It is safe for concurrent use.
type Tracker struct {
	mu sync.RWMutex
	// minutes since the Unix epoch. A secret that is there already is noted without the write lock.
	minutes map[registration.SecretUse]*atomic.Int64
}

// New returns a Tracker that remembers nothing.
func New() *Tracker { return &Tracker{minutes: map[registration.SecretUse]*atomic.Int64{}} }

// Used notes the use of a secret that is not its client's current one.
func (t *Tracker) Used(clientUID, secretID string, now time.Time) {
	use, minute := registration.SecretUse{ClientUID: clientUID, SecretID: secretID}, now.Unix()/60
	t.mu.RLock()
	last := t.minutes[use]
	t.mu.RUnlock()
	if last == nil {
		last = t.add(use)
	}
	for was := last.Load(); was < minute && !last.CompareAndSwap(was, minute); was = last.Load() {
		continue // another request noted it at the same time
	}
}

func (t *Tracker) add(use registration.SecretUse) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := t.minutes[use]; last != nil {
		return last
	}
	if len(t.minutes) >= most {
		t.forget()
	}
	last := &atomic.Int64{}
	t.minutes[use] = last
	return last
}

// forget drops the older half, of which a report would be silent anyway. The caller holds mu.
func (t *Tracker) forget() {
	all := slices.Collect(maps.Keys(t.minutes))
	slices.SortFunc(all, func(a, b registration.SecretUse) int { return int(t.minutes[a].Load() - t.minutes[b].Load()) })
	for _, use := range all[:len(all)-registration.MaxUses-1] { // one more than fits, so that the report says so
		delete(t.minutes, use)
	}
}

// Report is what there is to say of the secrets of a snapshot, in the form of registration.EncodeUses; empty for nothing. Those that
// are gone, or are their client's current one again, are forgotten.
func (t *Tracker) Report(s *registry.Snapshot) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := make(map[registration.SecretUse]time.Time, len(t.minutes))
	for use, minute := range t.minutes {
		if !retiring(s, use) {
			delete(t.minutes, use)
			continue
		}
		if m := minute.Load(); m > 0 {
			last[use] = time.Unix(m*60, 0)
		}
	}
	return registration.EncodeUses(last)
}

// retiring reports whether a secret is one of its client's, and not the current one. A client that is merely not served for a while
// keeps what was noted: it is looked for among those too.
func retiring(s *registry.Snapshot, use registration.SecretUse) bool {
	c, ok := s.Known(use.ClientUID)
	if !ok || len(c.Authentication.Secrets) == 0 {
		return false
	}
	return slices.ContainsFunc(c.Authentication.Secrets[1:], func(h registration.SecretHash) bool { return h.ID == use.SecretID })
}
