package status

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// CountEvery is how often a status takes a new count: ten thousand clients that come at once are counted a few times, not
// ten thousand.
const CountEvery = 2 * time.Second

// Pace lets a number into the status of an object at most every CountEvery. Without it a number that changes all the time,
// and whose every write wakes the reconciler that makes it, would be written as fast as the API server takes it. Its zero
// value is ready for use, also concurrently.
type Pace struct {
	mu   sync.Mutex
	last map[types.NamespacedName]time.Time
}

// Due reports whether the number may be written now, which counts as done; otherwise wait says from when on it may.
func (p *Pace) Due(name types.NamespacedName, now time.Time) (wait time.Time, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next := p.last[name].Add(CountEvery); now.Before(next) {
		return next, false
	}
	if p.last == nil {
		p.last = map[types.NamespacedName]time.Time{}
	}
	p.last[name] = now
	return time.Time{}, true
}

// Gone forgets an object.
func (p *Pace) Gone(name types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, name)
}
