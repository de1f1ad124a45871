package status

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// CountEvery is how often a status takes a new count: ten thousand clients that come at once are counted a few times, not
// ten thousand. While a count goes on changing it is taken more and more rarely, up to CountAtLeast.
const (
	CountEvery   = 2 * time.Second
	CountAtLeast = 16 * time.Second
)

// Pace lets a number into the status of an object now and then. Without it a number that changes all the time, and whose
// every write wakes the reconciler that makes it, would be written as fast as the API server takes it. Its zero value is ready
// for use, also concurrently.
type Pace struct {
	mu   sync.Mutex
	last map[types.NamespacedName]taken
}

// taken is when a number was taken last, and how long the next one waits.
type taken struct {
	at   time.Time
	wait time.Duration
}

// Due reports whether the number may be written now, which counts as done; otherwise wait says from when on it may.
func (p *Pace) Due(name types.NamespacedName, now time.Time) (wait time.Time, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.last[name]
	next := last.at.Add(last.wait)
	if now.Before(next) {
		return next, false
	}
	if p.last == nil {
		p.last = map[types.NamespacedName]taken{}
	}
	pace := CountEvery
	if now.Before(next.Add(CountEvery)) {
		pace = min(2*last.wait, CountAtLeast) // it did not come to rest
	}
	p.last[name] = taken{now, pace}
	return time.Time{}, true
}

// Gone forgets an object.
func (p *Pace) Gone(name types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, name)
}
