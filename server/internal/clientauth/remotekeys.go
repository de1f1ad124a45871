package clientauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/jwkset"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

const (
	// keysFresh is how long fetched keys are used without a look, keysSoon how long they are used while a look is under way. Past
	// that a request waits for the look, so that a key that was withdrawn does not come back after a quiet night.
	keysFresh, keysSoon = 5 * time.Minute, 10 * time.Minute
	// keysKept is how long the last good keys are used while their host cannot be reached.
	keysKept = 24 * time.Hour
	// keysPause is the least time between two looks at one address, whatever anybody sends; after failures it doubles up to
	// keysPauseMax.
	keysPause, keysPauseMax = 10 * time.Second, time.Minute
	// keySets is how many sets are kept; the one that was unused longest goes first.
	keySets = 1000
	// fetches and fetchesPerHost bound how many fetches are under way at once, so that slow hosts of some hold up nobody else's.
	fetches, fetchesPerHost = 32, 2
	// fetchesPerNamespace keeps one app team, with as many clients and slow hosts as it likes, from having them all.
	fetchesPerNamespace = 8
)

// errKeys means that the keys of a client could not be had. It says nothing about the client.
var errKeys = errors.New("the keys of the client cannot be fetched from its jwksURI")

// RemoteKeys fetches the keys of clients from where they publish them, and keeps them. It is safe for concurrent use.
//
// What it fetches, and how often, is bounded whoever sends what: an address is one of an enabled client, so its policy accepts it;
// nothing is fetched for an assertion whose claims do not hold; one fetch at a time for an address, and a pause after it.
type RemoteKeys struct {
	// clients by whether they may reach this machine.
	clients map[bool]*outbound.Client
	log     *slog.Logger
	// ctx ends fetches, which outlive the request that began them.
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	entries map[remoteKey]*remote
	under   int // fetches under way
	byHost  counts
	// byNamespace is by the namespace of the client.
	byNamespace counts
}

// counts are numbers above zero.
type counts map[string]int

func (c counts) add(key string) { c[key]++ }

func (c counts) drop(key string) {
	if c[key]--; c[key] == 0 {
		delete(c, key)
	}
}

// remoteKey is bound to the client: one's keys are nothing to another, also at the same address.
type remoteKey struct{ uid, uri string }

// remote is what is known of one address.
type remote struct {
	set       *jwkset.Set // the last good ones; nil before
	fetchedAt time.Time
	usedAt    time.Time
	// err is of the last fetch; failures counts those in a row.
	err      error
	failures int
	nextTry  time.Time
	// done is closed when the fetch under way ends; nil while there is none.
	done chan struct{}
}

// NewRemoteKeys makes a RemoteKeys. It reaches public addresses alone, and this machine in development: the addresses are app teams'
// word, and a client inside of a private network can have its keys in its registration. Its error means that the program was built
// wrong.
func NewRemoteKeys(log *slog.Logger) (*RemoteKeys, error) {
	r := &RemoteKeys{clients: map[bool]*outbound.Client{}, log: log, entries: map[remoteKey]*remote{}, byHost: counts{}, byNamespace: counts{}}
	for _, loopback := range []bool{false, true} {
		c, err := outbound.New(outbound.Options{Loopback: loopback})
		if err != nil {
			return nil, err
		}
		r.clients[loopback] = c
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// Close ends what is under way. Nothing is fetched any more.
func (r *RemoteKeys) Close() {
	r.stop()
	r.running.Wait()
	for _, c := range r.clients {
		c.Close()
	}
}

// Keys returns the keys of an enabled client with a jwksURI, to verify what was signed: those that are kept when they are fresh and may
// verify it, otherwise newly fetched ones where another look is due. Whether the signature is good is for the caller to find out. An
// error means that the keys could not be had, or that ctx ended.
func (r *RemoteKeys) Keys(ctx context.Context, c *registry.Client, signed *jwkset.Signed, at At) (*jwkset.Set, error) {
	key := remoteKey{c.UID, c.Authentication.JWKSURI}
	known := r.look(key, at.Now)
	age := at.Now.Sub(known.fetchedAt)
	usable := known.set != nil && mayVerify(known.set, signed)
	if usable && age < keysFresh {
		return known.set, nil
	}
	done := r.begin(key, c.Namespace, registration.OnLoopback(at.Snapshot.Server().Issuer), at.Now)
	if usable && age < keysSoon {
		return known.set, nil
	}
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		known = r.look(key, at.Now)
	}
	kept := known.set != nil && at.Now.Sub(known.fetchedAt) < keysKept
	if kept && (known.err == nil || mayVerify(known.set, signed)) {
		return known.set, nil
	}
	return nil, errKeys
}

// mayVerify reports whether there is a key that the text names; without a name, whether one verifies it.
func mayVerify(s *jwkset.Set, signed *jwkset.Signed) bool {
	if signed.KeyID != "" {
		return s.Has(signed.KeyID)
	}
	_, err := s.Verify(signed)
	return err == nil
}

// look copies what is known of an address.
func (r *RemoteKeys) look(key remoteKey, now time.Time) remote {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[key]
	if !ok {
		return remote{}
	}
	e.usedAt = now
	return *e
}

// begin starts a fetch, or joins the one under way. It returns what is closed at its end; nil when there is none and none is due.
func (r *RemoteKeys) begin(key remoteKey, namespace string, loopback bool, now time.Time) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[key]
	if e != nil && e.done != nil {
		return e.done
	}
	// A pause that ends later than any pause does was set by a clock that has been set back.
	if e != nil && now.Before(e.nextTry) && e.nextTry.Sub(now) <= keysPauseMax {
		return nil
	}
	u, err := url.Parse(key.uri)
	if err != nil || r.ctx.Err() != nil || r.under >= fetches || r.byHost[u.Host] >= fetchesPerHost || r.byNamespace[namespace] >= fetchesPerNamespace {
		return nil
	}
	if e == nil {
		r.evict()
		e = &remote{usedAt: now}
		r.entries[key] = e
	}
	done := make(chan struct{})
	e.done, e.nextTry = done, now.Add(keysPause)
	r.under++
	r.byHost.add(u.Host)
	r.byNamespace.add(namespace)
	r.running.Add(1)
	go func() {
		defer r.running.Done()
		defer close(done)
		set, err := r.fetch(key.uri, loopback)
		r.mu.Lock()
		r.under--
		r.byHost.drop(u.Host)
		r.byNamespace.drop(namespace)
		r.mu.Unlock()
		r.end(e, key, u.Host, set, err, now)
	}()
	return done
}

// end notes what a fetch yielded.
func (r *RemoteKeys) end(e *remote, key remoteKey, host string, set *jwkset.Set, err error, now time.Time) {
	r.mu.Lock()
	e.done, e.err = nil, err
	first := err != nil && e.failures == 0
	if err == nil {
		e.set, e.fetchedAt, e.failures = set, now, 0
	} else {
		e.nextTry = now.Add(min(keysPause<<min(e.failures, 8), keysPauseMax))
		e.failures++
	}
	r.mu.Unlock()
	if first && r.ctx.Err() == nil {
		r.log.Warn("the keys of a client cannot be fetched; trying again", "uid", key.uid, "host", host, "error", err)
	}
}

// evict makes room for one more. The caller holds mu.
func (r *RemoteKeys) evict() {
	if len(r.entries) < keySets {
		return
	}
	var oldest *remoteKey
	for k, e := range r.entries {
		if e.done == nil && (oldest == nil || e.usedAt.Before(r.entries[*oldest].usedAt)) {
			oldest = &k
		}
	}
	if oldest != nil {
		delete(r.entries, *oldest)
	}
}

// fetch asks for a set. Its errors show nothing of what came.
func (r *RemoteKeys) fetch(uri string, loopback bool) (*jwkset.Set, error) {
	q, err := http.NewRequestWithContext(r.ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := r.clients[loopback].Do(r.ctx, q)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("the host answers %d", answer.Status)
	}
	return jwkset.Parse(answer.Body, registration.MaxClientKeys)
}
