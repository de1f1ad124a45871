// Package limit counts events per key and network within fixed windows, in the memory of one replica: for floods, where a
// row per event would be the damage. Counters that replicas must share are in storage.
package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Counter counts events. It is bounded: what it forgets under a flood is what has ended, then an arbitrary part. It is
// safe for concurrent use.
type Counter struct {
	limit  int
	window time.Duration
	most   int
	// entries is read without the lock, so that asking costs nothing while nothing was counted.
	entries atomic.Int64

	mu     sync.Mutex
	counts map[key]*count
}

type key struct {
	name    string
	network netip.Prefix
}

type count struct {
	n    int
	ends time.Time
}

// New returns a Counter that allows limit events in a window and remembers at most most keys.
func New(limit int, window time.Duration, most int) *Counter {
	return &Counter{limit: limit, window: window, most: most, counts: map[key]*count{}}
}

// Network is what one caller can be taken to own: an IPv4 address, or a /64.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Allowed reports whether the limit is not reached yet, and if it is, how long it stays so.
func (t *Counter) Allowed(name string, a netip.Addr, now time.Time) (time.Duration, bool) {
	if t.entries.Load() == 0 {
		return 0, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts[keyOf(name, a)]
	if c == nil || !now.Before(c.ends) || c.n < t.limit {
		return 0, true
	}
	return c.ends.Sub(now), false
}

// Add counts one event.
func (t *Counter) Add(name string, a netip.Addr, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(name, a)
	c := t.counts[k]
	if c == nil || !now.Before(c.ends) {
		if len(t.counts) >= t.most {
			t.forget(now)
		}
		c = &count{ends: now.Add(t.window)}
		t.counts[k] = c
	}
	c.n++
	t.entries.Store(int64(len(t.counts)))
}

// keyOf cuts long names, so that the memory of the map is bounded too.
func keyOf(name string, a netip.Addr) key {
	if len(name) > 128 {
		name = name[:128]
	}
	return key{name, Network(a)}
}

// forget drops ended windows, and an arbitrary tenth of the rest when that is not enough.
func (t *Counter) forget(now time.Time) {
	for k, c := range t.counts {
		if !now.Before(c.ends) {
			delete(t.counts, k)
		}
	}
	for k := range t.counts {
		if len(t.counts) < t.most*9/10 {
			break
		}
		delete(t.counts, k)
	}
}
