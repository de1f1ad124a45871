package kube

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/cache"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// feed is what the reflector believes to be its store. It decodes each Secret as it comes in, hands the document on and lets
// the Secret go. The reflector calls it from one goroutine.
//
// Its methods return no errors, because the reflector would log the object with them.
type feed struct {
	sink registry.Sink
	// decoded is what every Secret held last, so that a list in which little changed costs little.
	decoded map[registry.Key]decoded
	// last is the highest resourceVersion handed on.
	last string
}

// decoded is a document, and the hash of the bytes that it was read from.
type decoded struct {
	sum    [sha256.Size]byte
	change registry.Change
}

var (
	_ cache.ReflectorStore         = (*feed)(nil)
	_ cache.ReflectorBookmarkStore = (*feed)(nil)
)

func newFeed(sink registry.Sink) *feed {
	return &feed{sink: sink, decoded: make(map[registry.Key]decoded)}
}

// Replace hands on a whole list.
func (f *feed) Replace(list []any, version string) error {
	all := f.decodeAll(list)
	docs := make([]registry.Change, 0, len(all))
	kept := make(map[registry.Key]decoded, len(all))
	for _, d := range all {
		if d.change.Key == "" { // no document
			continue
		}
		docs = append(docs, d.change)
		kept[d.change.Key] = d
	}
	f.decoded, f.last = kept, version
	f.sink.Replace(docs, version)
	return nil
}

// decodeAll decodes a list on every core: it is what a starting replica waits for. What is not a document stays zero.
func (f *feed) decodeAll(list []any) []decoded {
	all := make([]decoded, len(list))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1) - 1); i < len(list); i = int(next.Add(1) - 1) {
				if s, ok := list[i].(*corev1.Secret); ok && s.Type == registration.SecretType {
					all[i] = f.decode(s)
				}
				list[i] = nil // the list is ours, and its Secrets are not needed any more
			}
		})
	}
	workers.Wait()
	return all
}

// Add hands on a new Secret.
func (f *feed) Add(o any) error { return f.Update(o) }

// Update hands on a changed Secret.
func (f *feed) Update(o any) error {
	s, ok := o.(*corev1.Secret)
	if !ok || s.Type != registration.SecretType || !f.advance(s.ResourceVersion) {
		return nil
	}
	d := f.decode(s)
	f.decoded[d.change.Key] = d
	f.sink.Apply([]registry.Change{d.change}, s.ResourceVersion)
	return nil
}

// Delete hands on that a Secret is gone. Its resourceVersion is that of the deletion.
func (f *feed) Delete(o any) error {
	s, ok := o.(*corev1.Secret)
	if !ok || !f.advance(s.ResourceVersion) {
		return nil
	}
	key := registry.Key(s.Name)
	delete(f.decoded, key)
	f.sink.Apply([]registry.Change{{Key: key}}, s.ResourceVersion)
	return nil
}

// Bookmark hands on that everything up to a version has been told.
func (f *feed) Bookmark(version string) error {
	if f.advance(version) {
		f.sink.Apply(nil, version)
	}
	return nil
}

// Resync has nothing to do: nothing is kept that could drift.
func (f *feed) Resync() error { return nil }

// advance reports whether an event is newer than what was handed on, and remembers its version. Events of one type of
// object come in the order of their versions, which are numbers (a promise since Kubernetes 1.35); one that is not newer
// is a replay, and following it would bring back what was deleted or undo an edit. A version that is no number is followed.
func (f *feed) advance(version string) bool {
	if order, err := resourceversion.CompareResourceVersion(version, f.last); err == nil && order <= 0 {
		return false
	}
	f.last = version
	return true
}

// decode reads the document of a Secret, or takes what was read from the same bytes before. It changes nothing.
func (f *feed) decode(s *corev1.Secret) decoded {
	key := registry.Key(s.Name)
	content, ok := s.Data[registration.DataKey]
	if !ok {
		return decoded{change: registry.Change{Key: key, Err: fmt.Errorf("%w: Secret %s has no key %s", registry.ErrMissing, s.Name, registration.DataKey)}}
	}
	sum := sha256.Sum256(content)
	if known, ok := f.decoded[key]; ok && known.sum == sum {
		return known
	}
	d, err := registration.Decode(content)
	return decoded{sum: sum, change: registry.Change{Key: key, Document: d, Err: err}}
}
