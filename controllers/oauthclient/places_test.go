package oauthclient

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
)

// cluster is what places look at: clients, and what is registered of them.
type cluster struct {
	mu         sync.Mutex
	clients    map[types.NamespacedName]*v1alpha1.OAuthClient
	governing  map[types.NamespacedName]string
	policy     *v1alpha1.OAuthGrantPolicy
	servers    []v1alpha1.OAuthServer
	places     *places
	wakes      chan types.NamespacedName
	generation int64
}

func newCluster(limit int32) *cluster {
	c := &cluster{
		clients: map[types.NamespacedName]*v1alpha1.OAuthClient{}, governing: map[types.NamespacedName]string{}, wakes: make(chan types.NamespacedName, 10_000),
		servers: []v1alpha1.OAuthServer{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "oauth", Name: "main"}, Spec: v1alpha1.OAuthServerSpec{Issuer: "https://login.example.com"},
		}},
	}
	c.limit(limit)
	c.restart()
	return c
}

func (c *cluster) limit(n int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.policy = &v1alpha1.OAuthGrantPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "oauth", Name: "p", Generation: c.generation},
		Spec: v1alpha1.OAuthGrantPolicySpec{
			Clients: v1alpha1.PolicyClients{NamespaceSelector: &metav1.LabelSelector{}},
			Allow:   v1alpha1.PolicyAllow{GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantTypeDeviceCode, v1alpha1.GrantTypeRefreshToken}},
			Limits:  &v1alpha1.PolicyLimits{Clients: new(n)},
		},
	}
}

// restart forgets what is only in memory.
func (c *cluster) restart() {
	c.places = &places{wake: func(r reconcile.Request) { c.wakes <- r.NamespacedName }}
}

func (c *cluster) registered(context.Context, types.NamespacedName) (map[types.NamespacedName]governed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[types.NamespacedName]governed{}
	for name, policy := range c.governing {
		if m := c.clients[name]; m != nil {
			out[name] = governed{claim{m.UID, compile.AgeOf(m)}, policy}
		}
	}
	return out, nil
}

func (c *cluster) selectedBy(_ context.Context, _ []v1alpha1.OAuthServer, _ types.NamespacedName, _ *v1alpha1.OAuthGrantPolicy, yield func(*v1alpha1.OAuthClient) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.clients {
		if !yield(m) {
			return nil
		}
	}
	return nil
}

// apply makes a client, or edits it; bad ones are accepted by no policy.
func (c *cluster) apply(i int, bad bool) types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := types.NamespacedName{Namespace: "apps", Name: fmt.Sprintf("c%02d", i)}
	m := &v1alpha1.OAuthClient{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: name.Namespace, Name: name.Name, UID: types.UID(name.Name), Generation: 1,
			// Ages that are not those of the names.
			CreationTimestamp: metav1.NewTime(time.Unix(int64((i*7)%13), 0)),
		},
		Spec: v1alpha1.OAuthClientSpec{Type: v1alpha1.ClientTypeDevice, ServerRef: &v1alpha1.ServerReference{Namespace: "oauth", Name: "main"}},
	}
	if old := c.clients[name]; old != nil {
		m.Generation = old.Generation + 1
	}
	if bad {
		m.Spec.Type = v1alpha1.ClientTypeService
	}
	c.clients[name] = m
	return name
}

func (c *cluster) remove(name types.NamespacedName) {
	c.mu.Lock()
	delete(c.clients, name)
	delete(c.governing, name)
	c.mu.Unlock()
	c.places.gone(name)
}

// reconcile does what the reconciler does: decide, register or withdraw, settle.
func (c *cluster) reconcile(t testing.TB, name types.NamespacedName) {
	c.mu.Lock()
	m, policy := c.clients[name], c.policy
	previous := c.governing[name]
	c.mu.Unlock()
	if m == nil {
		c.remove(name)
		return
	}
	in := compile.ClientInputs{Client: m, Servers: c.servers, Policies: []v1alpha1.OAuthGrantPolicy{*policy}}
	r, limited, err := c.places.compile(t.Context(), in, c)
	if err != nil {
		t.Error(err)
		return
	}
	c.mu.Lock()
	switch {
	case c.clients[name] != m: // edited or deleted meanwhile, whose event follows
	case r.Policy == "":
		delete(c.governing, name)
	default:
		c.governing[name] = r.Policy
	}
	over := previous == "" && len(c.governing) > int(*policy.Spec.Limits.Clients) && policy == c.policy
	c.mu.Unlock()
	if over && r.Policy != "" {
		t.Errorf("%s was registered as one too many", name)
	}
	c.places.settled(m, &r, limited)
}

// settle reconciles, with several workers, until nothing is left to do.
func (c *cluster) settle(t testing.TB, names []types.NamespacedName) {
	work := make(chan types.NamespacedName, 100_000)
	for _, n := range names {
		work <- n
	}
	for len(work) > 0 || len(c.wakes) > 0 {
		var round []types.NamespacedName
		for len(work) > 0 {
			round = append(round, <-work)
		}
		for len(c.wakes) > 0 {
			if n := <-c.wakes; !slices.Contains(round, n) {
				round = append(round, n)
			}
		}
		queue := make(chan types.NamespacedName, len(round))
		for _, n := range round {
			queue <- n
		}
		close(queue)
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for n := range queue {
					c.reconcile(t, n)
				}
			})
		}
		workers.Wait()
	}
}

func (c *cluster) all() []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []types.NamespacedName
	for n := range c.clients {
		names = append(names, n)
	}
	return names // a map's order: another one every time
}

// good are the clients that want a place, the oldest first.
func (c *cluster) good() []*v1alpha1.OAuthClient {
	var out []*v1alpha1.OAuthClient
	for _, m := range c.clients {
		if m.Spec.Type == v1alpha1.ClientTypeDevice {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *v1alpha1.OAuthClient) int { return compile.AgeOf(a).Compare(compile.AgeOf(b)) })
	return out
}

func TestPlacesGoToTheOldestInWhateverOrderTheyAreReconciled(t *testing.T) {
	for range 50 {
		c := newCluster(4)
		for i := range 13 {
			c.apply(i, i%4 == 1)
		}
		c.settle(t, c.all())
		for i, m := range c.good() {
			if holds := c.governing[client.ObjectKeyFromObject(m)] != ""; holds != (i < 4) {
				t.Fatalf("%s, number %d by age, holds a place: %v", m.Name, i, holds)
			}
		}
	}
}

// TestPlacesWhateverHappens has clients come, change and go, the limit move and the operator start again, with several workers: there is
// never one too many, no place stays empty while somebody waits, and who holds one keeps it.
func TestPlacesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.Int32Range(0, 4).Draw(rt, "limit")
		c := newCluster(limit)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			before := map[types.NamespacedName]bool{}
			for n := range c.governing {
				before[n] = true
			}
			var touched []types.NamespacedName
			lowered := false
			switch rapid.SampledFrom([]string{"apply", "apply", "apply", "break", "remove", "limit", "restart"}).Draw(rt, "what") {
			case "apply":
				for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 12), 1, 5, rapid.ID[int]).Draw(rt, "which") {
					touched = append(touched, c.apply(i, false))
				}
			case "break":
				touched = append(touched, c.apply(rapid.IntRange(0, 12).Draw(rt, "which"), true))
			case "remove":
				n := types.NamespacedName{Namespace: "apps", Name: fmt.Sprintf("c%02d", rapid.IntRange(0, 12).Draw(rt, "which"))}
				c.remove(n)
				touched = append(touched, n)
			case "limit":
				was := limit
				limit = rapid.Int32Range(0, 4).Draw(rt, "to")
				lowered = limit < was
				c.limit(limit)
				touched = c.all()
			case "restart":
				c.restart()
				touched = c.all()
			}
			c.settle(t, touched)
			if t.Failed() {
				rt.Fatal("see above")
			}
			good := c.good()
			if want := min(int(limit), len(good)); len(c.governing) != want {
				rt.Fatalf("%d clients hold a place, want %d of %d", len(c.governing), want, len(good))
			}
			for n := range before {
				m := c.clients[n]
				if m != nil && m.Spec.Type == v1alpha1.ClientTypeDevice && c.governing[n] == "" && !lowered {
					rt.Fatalf("%s lost its place", n)
				}
			}
		}
	})
}
