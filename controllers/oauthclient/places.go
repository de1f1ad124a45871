package oauthclient

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// places gives away the places of policies with spec.limits.clients, one client at a time, so that however many are reconciled at once no
// more are registered than may be. What it knows is the memory of this process; it begins with what is registered. A place is taken
// before a client is registered, and given back after it is not.
//
// Which of two clients comes first does not depend on which is reconciled first: a client that comes before it and was not looked at
// yet has a claim, until it turns out to want none. The zero value is ready.
type places struct {
	mu sync.Mutex
	// governed says of the servers that have such a policy, or had one, which policy governs each of their clients.
	governed map[types.NamespacedName]map[types.NamespacedName]governed
	// queues are by the namespace of the server and the name of the policy.
	queues map[types.NamespacedName]*queue
	// wake has clients reconciled.
	wake func(reconcile.Request)
}

// queue is who wants places of one policy.
type queue struct {
	limit int
	// generation is that of the policy: when it changes, clients that wanted no place may want one.
	generation int64
	// holders have a place, waiting want one, settled were looked at and want none; each by its name.
	holders, waiting map[types.NamespacedName]claim
	settled          map[types.NamespacedName]stamp
}

// claim is who wants a place.
type claim struct {
	uid types.UID
	age compile.Age
}

// governed is a client that is registered, or about to be.
type governed struct {
	claim
	policy string
}

// stamp is what a client was when it was looked at.
type stamp struct {
	uid        types.UID
	generation int64
}

// start takes the work queue that wakes clients.
func (p *places) start(_ context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake = func(r reconcile.Request) { q.Add(r) }
	return nil
}

// claimants finds what a queue begins with and who may come before a client.
type claimants interface {
	// registered lists the clients of a server that are registered and not cut off.
	registered(ctx context.Context, server types.NamespacedName) (map[types.NamespacedName]governed, error)
	// selectedBy yields the clients of a server, of those given, that a policy selects.
	selectedBy(ctx context.Context, servers []v1alpha1.OAuthServer, server types.NamespacedName, p *v1alpha1.OAuthGrantPolicy, yield func(*v1alpha1.OAuthClient) bool) error
}

// compile compiles a client, and takes the place that it gets. limited are the policies with limits that select it.
func (p *places) compile(ctx context.Context, in compile.ClientInputs, from claimants) (r compile.ClientResult, limited map[string]int32, err error) {
	server, limited := compile.LimitedPolicies(in)
	if len(limited) == 0 {
		return compile.Client(in), nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	in.Before = map[string]int{}
	for policy := range limited {
		by := manifest(in.Policies, server.Namespace, policy)
		q, err := p.queue(ctx, *server, by, from)
		if err == nil {
			in.Before[policy], err = q.before(in.Client, func(yield func(*v1alpha1.OAuthClient) bool) error {
				return from.selectedBy(ctx, in.Servers, *server, by, yield)
			})
		}
		if err != nil {
			return compile.ClientResult{}, nil, err
		}
	}
	r = compile.Client(in)
	if q := p.queues[types.NamespacedName{Namespace: server.Namespace, Name: r.Policy}]; q != nil && r.Policy != "" {
		q.holders[client.ObjectKeyFromObject(in.Client)] = claim{in.Client.UID, compile.AgeOf(in.Client)}
	}
	return r, limited, nil
}

// manifest finds a policy among those gathered.
func manifest(policies []v1alpha1.OAuthGrantPolicy, namespace, name string) *v1alpha1.OAuthGrantPolicy {
	i := slices.IndexFunc(policies, func(p v1alpha1.OAuthGrantPolicy) bool { return p.Namespace == namespace && p.Name == name })
	return &policies[i] // where the limit was read
}

// queue finds or makes the queue of a policy, and brings it up to date. The caller holds mu.
func (p *places) queue(ctx context.Context, server types.NamespacedName, policy *v1alpha1.OAuthGrantPolicy, from claimants) (*queue, error) {
	key := client.ObjectKeyFromObject(policy)
	q := p.queues[key]
	if q == nil {
		if err := p.begin(ctx, server, from); err != nil {
			return nil, err
		}
		q = &queue{holders: map[types.NamespacedName]claim{}, waiting: map[types.NamespacedName]claim{}, settled: map[types.NamespacedName]stamp{}}
		for name, c := range p.governed[server] {
			if c.policy == policy.Name {
				q.holders[name] = c.claim
			}
		}
		if p.queues == nil {
			p.queues = map[types.NamespacedName]*queue{}
		}
		p.queues[key] = q
	}
	q.limit = int(*policy.Spec.Limits.Clients)
	if q.generation != policy.Generation {
		q.generation = policy.Generation
		clear(q.settled)
	}
	return q, nil
}

// begin reads what is registered at a server, once. The caller holds mu.
func (p *places) begin(ctx context.Context, server types.NamespacedName, from claimants) error {
	if p.governed[server] != nil {
		return nil
	}
	registered, err := from.registered(ctx, server)
	if err != nil {
		return err
	}
	if p.governed == nil {
		p.governed = map[types.NamespacedName]map[types.NamespacedName]governed{}
	}
	p.governed[server] = registered
	return nil
}

// before counts who comes before a client, as far as it decides.
func (q *queue) before(c *v1alpha1.OAuthClient, selected func(yield func(*v1alpha1.OAuthClient) bool) error) (int, error) {
	name, age := client.ObjectKeyFromObject(c), compile.AgeOf(c)
	n := 0
	if mine, ok := q.holders[name]; ok && mine.uid == c.UID {
		for _, other := range q.holders {
			if other.age.Compare(age) < 0 {
				n++
			}
		}
		return n, nil
	}
	for other := range q.holders {
		if other != name {
			n++
		}
	}
	if n >= q.limit {
		return n, nil
	}
	err := selected(func(other *v1alpha1.OAuthClient) bool {
		key := client.ObjectKeyFromObject(other)
		if _, holds := q.holders[key]; holds || other.UID == c.UID || !other.DeletionTimestamp.IsZero() || compile.AgeOf(other).Compare(age) >= 0 {
			return true
		}
		if q.settled[key] != (stamp{other.UID, other.Generation}) {
			n++
		}
		return n < q.limit
	})
	return n, err
}

// settled notes what became of a client, once it is registered or not any more, and wakes those who can have a place now. limited are
// the policies with limits that select it.
func (p *places) settled(c *v1alpha1.OAuthClient, r *compile.ClientResult, limited map[string]int32) {
	name, mine := client.ObjectKeyFromObject(c), claim{c.UID, compile.AgeOf(c)}
	server := types.NamespacedName{}
	if r.Server != nil {
		server = client.ObjectKeyFromObject(r.Server)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, clients := range p.governed {
		if at == server && r.Policy != "" {
			clients[name] = governed{mine, r.Policy}
		} else {
			delete(clients, name)
		}
	}
	for key, q := range p.queues {
		_, selected := limited[key.Name]
		selected = selected && key.Namespace == server.Namespace
		switch {
		case key.Namespace == server.Namespace && key.Name == r.Policy:
			q.forget(name)
			q.holders[name] = mine
			continue
		case selected && slices.Contains(r.Waiting, key.Name):
			left := q.leave(name)
			q.waiting[name] = mine
			if !left {
				continue
			}
		case selected:
			now := stamp{c.UID, c.Generation}
			known := q.settled[name] == now
			left := q.leave(name)
			q.settled[name] = now
			if known && !left {
				continue
			}
		default:
			q.leave(name)
		}
		p.next(q)
	}
}

// gone forgets a client that is not registered any more.
func (p *places) gone(name types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, clients := range p.governed {
		delete(clients, name)
	}
	for _, q := range p.queues {
		// Also one that held nothing may have kept others waiting.
		q.leave(name)
		p.next(q)
	}
}

// forget takes a client out of the queue, but for its place.
func (q *queue) forget(name types.NamespacedName) {
	delete(q.waiting, name)
	delete(q.settled, name)
}

// leave takes a client out of the queue, and reports whether a place is free because of that.
func (q *queue) leave(name types.NamespacedName) bool {
	_, held := q.holders[name]
	delete(q.holders, name)
	q.forget(name)
	return held
}

// next wakes the oldest of those who wait, as many as there are places. The caller holds mu.
func (p *places) next(q *queue) {
	free := q.limit - len(q.holders)
	if free <= 0 || len(q.waiting) == 0 || p.wake == nil {
		return
	}
	names := make([]types.NamespacedName, 0, len(q.waiting))
	for name := range q.waiting {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b types.NamespacedName) int { return q.waiting[a].age.Compare(q.waiting[b].age) })
	for _, name := range names[:min(free, len(names))] {
		p.wake(reconcile.Request{NamespacedName: name})
	}
}

// registered implements claimants.
func (r *Reconciler) registered(ctx context.Context, server types.NamespacedName) (map[types.NamespacedName]governed, error) {
	found, err := r.publisher.Store.All(ctx, registration.KindClient, server)
	if err != nil {
		return nil, err
	}
	out := make(map[types.NamespacedName]governed, len(found))
	for i := range found {
		d, err := registration.Decode(found[i].Data[registration.DataKey])
		if err != nil {
			continue // the server refuses it too
		}
		c, ok := d.(*registration.Client)
		if !ok {
			continue
		}
		name := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
		if c.Suspended {
			// Suspended by its owner, or cut off: which of them, the status says.
			var manifest v1alpha1.OAuthClient
			if err := r.Get(ctx, name, &manifest); client.IgnoreNotFound(err) != nil {
				return nil, status.Failed(err, "read OAuthClient %s", name)
			}
			if manifest.Status.Policy != c.Policy {
				continue
			}
		}
		age := compile.Age{Created: c.CreatedAt, Namespace: c.Namespace, Name: c.Name}
		out[name] = governed{claim{types.UID(c.UID), age}, c.Policy}
	}
	return out, nil
}

// selectedBy implements claimants.
func (r *Reconciler) selectedBy(ctx context.Context, servers []v1alpha1.OAuthServer, server types.NamespacedName, p *v1alpha1.OAuthGrantPolicy, yield func(*v1alpha1.OAuthClient) bool) error {
	labels := map[string]map[string]string{}
	for _, of := range []string{index.Server(server.Namespace, server.Name), index.DefaultServer} {
		var list v1alpha1.OAuthClientList
		if err := r.list(ctx, &list, client.MatchingFields{index.ServerRef: of}); err != nil {
			return status.Failed(err, "list OAuthClients")
		}
		for i := range list.Items {
			c := &list.Items[i]
			if _, ok := labels[c.Namespace]; !ok {
				labels[c.Namespace] = r.labels(ctx, c.Namespace)
			}
			if ok, err := compile.PolicyMatches(p, c, labels[c.Namespace]); !ok || err != nil {
				continue
			}
			if s, f := compile.ServerOf(c, servers); f != nil || client.ObjectKeyFromObject(s) != server {
				continue // by default it has another one
			}
			if !yield(c) {
				return nil
			}
		}
	}
	return nil
}
