package registry

import (
	"sync/atomic"
)

// Registry publishes snapshots.
type Registry struct {
	current atomic.Pointer[Snapshot]
}

// Current is the latest snapshot; never nil. A request takes it once and uses it to its end.
func (r *Registry) Current() *Snapshot { return r.current.Load() }
