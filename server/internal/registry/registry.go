package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/policy"
)

// quiet is the least time between two snapshots. A change that comes later than that after the last one is published at
// once; those of a burst wait for each other.
const quiet = 5 * time.Millisecond

// Registry folds what a [Source] finds into snapshots and publishes them. It is a [Sink].
type Registry struct {
	log     *slog.Logger
	now     func() time.Time
	current atomic.Pointer[Snapshot]
	version atomic.Pointer[string]
	synced  atomic.Bool

	// publishing is held while a snapshot is made, swapped in and announced, so that listeners see them in order.
	publishing   sync.Mutex
	preparations []func(before, after *Snapshot)
	listeners    []func(before, after *Snapshot)

	// mu guards what follows, and is never held while preparations and listeners run.
	mu        sync.Mutex
	state     *state
	waiting   time.Time // since when the oldest change waits to be published; zero: none does
	published time.Time
	listed    bool          // Replace was called
	armed     bool          // a publication is due by timer
	changed   chan struct{} // closed, and replaced, with every publication
}

var _ Sink = (*Registry)(nil)

// New returns a registry with an empty snapshot. It needs no Run: the goroutine of the source that feeds it publishes, or
// within a burst a timer.
func New(log *slog.Logger) *Registry {
	r := &Registry{log: log, now: time.Now, state: newState(policy.Accepts), changed: make(chan struct{})}
	r.current.Store(empty())
	none := ""
	r.version.Store(&none)
	return r
}

// Current is the latest snapshot; never nil. A request takes it once and uses it to its end.
func (r *Registry) Current() *Snapshot { return r.current.Load() }

// Version is the highest resourceVersion that requests see and that every function given to OnChange has returned from;
// "" before the first. This, not Current().Version(), is what a replica may report as loaded.
func (r *Registry) Version() string { return *r.version.Load() }

// Synced reports whether the source has listed everything once.
func (r *Registry) Synced() bool { return r.synced.Load() }

// Prepare has f called with every two consecutive snapshots from now on, in order and one at a time, just before requests see the
// second: for what they must not do without, such as the keys that it holds. What OnChange says of its f is true of this one.
func (r *Registry) Prepare(f func(before, after *Snapshot)) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	r.preparations = append(r.preparations, f)
}

// OnChange has f called with every two consecutive snapshots from now on, in order and one at a time, just after the second
// was swapped in. The two may differ in their version alone. f must be quick, because the source waits for it, and must not
// call Replace, Apply or OnChange. To see what is there already, look at Current after OnChange.
func (r *Registry) OnChange(f func(before, after *Snapshot)) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	r.listeners = append(r.listeners, f)
}

// WaitFor waits until a snapshot satisfies until, and returns ctx's error if that ends first. When it had to wait, every
// function given to OnChange has seen that snapshot, too.
func (r *Registry) WaitFor(ctx context.Context, until func(*Snapshot) bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if until(r.Current()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Replace makes docs all there is, as of version, and returns once that is published. Until then the snapshot before it is
// served, so that no request meets a half-loaded list. What did not change keeps its *Client.
func (r *Registry) Replace(docs []Change, version string) {
	r.mu.Lock()
	r.logRejected(docs)
	r.mark()
	r.state.replace(docs, version)
	first := !r.listed
	r.listed = true
	r.mu.Unlock()
	r.publish()
	if first {
		r.log.Info("registry loaded", "documents", len(docs), "clients", r.Current().Clients(), "version", version)
	}
}

// Apply folds in changes as of version. They are published before it returns when the registry was idle, else within a few
// milliseconds, together with what else came in.
func (r *Registry) Apply(changes []Change, version string) {
	r.mu.Lock()
	r.logRejected(changes)
	r.mark()
	r.state.apply(changes, version)
	if r.armed {
		r.mu.Unlock()
		return
	}
	wait := quiet - r.now().Sub(r.published)
	if wait > 0 && wait <= quiet { // more than quiet: the clock was set back
		r.armed = true
		time.AfterFunc(wait, r.publish)
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	r.publish()
}

// mark remembers since when something waits. The caller holds mu.
func (r *Registry) mark() {
	if r.waiting.IsZero() {
		r.waiting = r.now()
	}
}

// publish makes the next snapshot out of everything folded in, prepares it, swaps it in and announces it.
func (r *Registry) publish() {
	r.publishing.Lock()
	defer r.publishing.Unlock()

	r.mu.Lock()
	r.armed = false
	if r.waiting.IsZero() { // another publication took it along
		r.mu.Unlock()
		return
	}
	before, differs := r.Current(), r.state.pending()
	after := r.state.snapshot(before)
	after.publishedAt, after.lag = r.now(), 0
	if differs {
		after.lag = max(1, after.publishedAt.Sub(r.waiting))
	}
	r.waiting, r.published = time.Time{}, after.publishedAt
	listed := r.listed
	r.mu.Unlock()

	for _, f := range slices.Clone(r.preparations) {
		f(before, after)
	}
	r.mu.Lock()
	changed := r.changed
	r.changed = make(chan struct{})
	r.current.Store(after)
	r.synced.Store(listed)
	r.mu.Unlock()

	for _, f := range slices.Clone(r.listeners) {
		f(before, after)
	}
	r.version.Store(&after.version)
	close(changed)
}

// logRejected names the documents that cannot be read, and nothing of what is in them.
func (r *Registry) logRejected(changes []Change) {
	for _, c := range changes {
		if c.Err != nil {
			r.log.Error("document cannot be read and is not served", "key", string(c.Key), "reason", reason(c.Err))
		}
	}
}

// reason says what kind of fault a document has. Messages of decoders quote what they stumbled over, which may be a
// secret.
func reason(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("malformed JSON near byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("field %s has the wrong type", kind.Field)
	case errors.Is(err, ErrMissing):
		return ErrMissing.Error()
	default:
		return "unknown version, kind or field, or a field that does not validate"
	}
}
