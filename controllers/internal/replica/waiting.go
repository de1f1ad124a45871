package replica

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Waiting remembers which manifests of one kind wait until the replicas of a server have loaded their document. It is a
// memory of what reconciliations found, not a source of truth: after a start it fills again as every manifest is
// reconciled. Its zero value is ready for use, also concurrently.
type Waiting struct {
	mu       sync.Mutex
	byServer map[types.NamespacedName]map[types.NamespacedName]wait
	serverOf map[types.NamespacedName]types.NamespacedName
}

// wait is what a manifest waits for, and since when.
type wait struct {
	version string
	since   time.Time
}

// Add says that a manifest waits for a version, and returns since when it does. It is called before the Leases are read,
// so that a Lease that moves in between is not missed.
func (w *Waiting) Add(server, manifest types.NamespacedName, version string, now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, ok := w.byServer[server][manifest]; ok && known.version == version {
		return known.since
	}
	w.drop(manifest)
	if w.byServer == nil {
		w.byServer = map[types.NamespacedName]map[types.NamespacedName]wait{}
		w.serverOf = map[types.NamespacedName]types.NamespacedName{}
	}
	if w.byServer[server] == nil {
		w.byServer[server] = map[types.NamespacedName]wait{}
	}
	w.byServer[server][manifest] = wait{version, now}
	w.serverOf[manifest] = server
	return now
}

// Done says that a manifest waits no more.
func (w *Waiting) Done(manifest types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(manifest)
}

// Served lists the manifests whose wait is over: those whose version all replicas have loaded.
func (w *Waiting) Served(server types.NamespacedName, r Replicas) []types.NamespacedName {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []types.NamespacedName
	for manifest, x := range w.byServer[server] {
		if r.Serves(x.version) {
			out = append(out, manifest)
		}
	}
	return out
}

func (w *Waiting) drop(manifest types.NamespacedName) {
	server, ok := w.serverOf[manifest]
	if !ok {
		return
	}
	delete(w.serverOf, manifest)
	delete(w.byServer[server], manifest)
	if len(w.byServer[server]) == 0 {
		delete(w.byServer, server)
	}
}
