package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// sizes are how much is measured.
type sizes struct {
	clients, namespaces, policies int
	// atOnce is how many are created at once to see when all are usable, singles how many one by one.
	atOnce, singles int
	// quiet is how long tokens are measured before the load, idle how long nothing may be written.
	quiet, idle time.Duration
	// still is how long nobody writes before that counts as rest: longer than counts of clients wait.
	still time.Duration
	// within is how long everything may take before the run is given up.
	within time.Duration
	// durable has etcd write through to the disk.
	durable bool
}

const (
	appliers = 24 // requests in flight of whoever applies
	team     = "team"
)

func namespaceName(n int) string { return fmt.Sprintf("team-%03d", n) }
func policyName(n int) string    { return fmt.Sprintf("policy-%02d", n) }

// platform makes the namespaces, and what the platform team has: a server, an API and policies.
func (p *plane) platform(tb testing.TB, s sizes) {
	tb.Helper()
	for n := range s.namespaces {
		p.create(tb, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaceName(n), Labels: map[string]string{team: policyName(n % s.policies)}}})
	}
	p.create(tb, &v1alpha1.OAuthServer{
		ObjectMeta: metav1.ObjectMeta{Namespace: platform, Name: "main", Annotations: map[string]string{"grantkeeper.dev/is-default": "true"}},
		Spec: v1alpha1.OAuthServerSpec{
			Issuer:  issuerAt + p.address,
			Clients: &v1alpha1.ServerClients{NamespaceSelector: &metav1.LabelSelector{}},
		},
	})
	p.create(tb, &v1alpha1.OAuthResource{
		ObjectMeta: metav1.ObjectMeta{Namespace: platform, Name: "orders"},
		Spec: v1alpha1.OAuthResourceSpec{Identifier: "https://api.example.com", Scopes: []v1alpha1.ResourceScope{
			{Name: "orders.read", Title: "Read"}, {Name: "orders.write", Title: "Write"},
		}},
	})
	for n := range s.policies {
		p.create(tb, policy(policyName(n), 0, &metav1.LabelSelector{MatchLabels: map[string]string{team: policyName(n)}}))
	}
}

func policy(name string, priority int32, namespaces *metav1.LabelSelector) *v1alpha1.OAuthGrantPolicy {
	return &v1alpha1.OAuthGrantPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: platform, Name: name},
		Spec: v1alpha1.OAuthGrantPolicySpec{
			Priority: priority,
			Clients:  v1alpha1.PolicyClients{NamespaceSelector: namespaces},
			Allow: v1alpha1.PolicyAllow{
				GrantTypes:    []v1alpha1.GrantType{"client_credentials", "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"},
				Scopes:        loose(),
				RedirectHosts: []string{"*.apps.example.com"},
			},
		},
	}
}

// loose is what every client may have, tight what makes a policy refuse all of them.
func loose() []string { return []string{"openid", "profile", "email", "offline_access", "orders.read"} }
func tight() []string { return []string{"openid", "profile", "email", "offline_access"} }

// oauthClient is the n-th client: of ten, six web applications, two services, a command line and a native app.
func oauthClient(n int, s sizes) *v1alpha1.OAuthClient {
	c := &v1alpha1.OAuthClient{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(n % s.namespaces), Name: fmt.Sprintf("app-%05d", n)},
		Spec: v1alpha1.OAuthClientSpec{
			Display: &v1alpha1.ClientDisplay{Name: fmt.Sprintf("App %d", n), Publisher: "Example"},
			Scopes:  []string{"openid", "profile", "offline_access", "orders.read"},
		},
	}
	switch kind := n / s.namespaces % 10; {
	case kind < 2:
		return service(c)
	case kind == 2:
		c.Spec.Type = "Device"
	case kind == 3:
		c.Spec.Type = "Native"
		c.Spec.RedirectURIs = []string{"http://127.0.0.1/callback"}
	default:
		c.Spec.Type = "Web"
		c.Spec.RedirectURIs = []string{fmt.Sprintf("https://app-%05d.apps.example.com/callback", n)}
	}
	return c
}

func service(c *v1alpha1.OAuthClient) *v1alpha1.OAuthClient {
	c.Spec.Type, c.Spec.Scopes = "Service", []string{"orders.read"}
	return c
}

func isService(c *v1alpha1.OAuthClient) bool { return c.Spec.Type == "Service" }

// apply creates objects as fast as the API server takes them.
func (p *plane) apply(tb testing.TB, objects []*v1alpha1.OAuthClient) time.Duration {
	tb.Helper()
	began := time.Now()
	p.inParallel(tb, len(objects), func(ctx context.Context, n int) error { return p.client.Create(ctx, objects[n]) })
	return time.Since(began)
}

func (p *plane) inParallel(tb testing.TB, count int, do func(context.Context, int) error) {
	tb.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range appliers {
		wg.Go(func() {
			for n := int(next.Add(1) - 1); n < count; n = int(next.Add(1) - 1) {
				if err := do(tb.Context(), n); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}

// view is what a watch of all clients has said last. It reads no more of them than it needs: the machine is the one that
// is measured.
type view struct {
	mu      sync.Mutex
	clients map[string]seen
	counts  counts
}

type seen struct {
	ready  bool
	policy string
}

// counts sum a view up.
type counts struct {
	ready    int
	byPolicy map[string]int
}

// watched is one event of the watch.
type watched struct {
	Type   string `json:"type"`
	Object struct {
		Metadata struct {
			Namespace  string `json:"namespace"`
			Name       string `json:"name"`
			Generation int64  `json:"generation"`
		} `json:"metadata"`
		Status struct {
			Policy     string `json:"policy"`
			Observed   int64  `json:"observedGeneration"`
			Conditions []struct {
				Type   string `json:"type"`
				Status string `json:"status"`
			} `json:"conditions"`
		} `json:"status"`
	} `json:"object"`
}

// follow starts a view.
func (p *plane) follow(tb testing.TB) *view {
	tb.Helper()
	cfg := rest.CopyConfig(p.admin)
	cfg.GroupVersion, cfg.APIPath, cfg.NegotiatedSerializer = &v1alpha1.GroupVersion, "/apis", scheme.Codecs.WithoutConversion()
	c, err := rest.RESTClientFor(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	v := &view{clients: map[string]seen{}, counts: counts{byPolicy: map[string]int{}}}
	ctx, cancel := context.WithCancel(tb.Context())
	var ended sync.WaitGroup
	ended.Go(func() {
		for ctx.Err() == nil {
			v.watch(ctx, c)
		}
	})
	tb.Cleanup(func() { cancel(); ended.Wait() })
	return v
}

// watch follows one watch from its start, which tells of everything there is, to its end: the API server ends those that
// are too slow for it.
func (v *view) watch(ctx context.Context, c rest.Interface) {
	stream, err := c.Get().Resource("oauthclients").Param("watch", "true").Param("timeoutSeconds", "7200").Stream(ctx)
	if err != nil {
		return
	}
	defer stream.Close() // only read
	v.mu.Lock()
	v.clients, v.counts = map[string]seen{}, counts{byPolicy: map[string]int{}}
	v.mu.Unlock()
	in := json.NewDecoder(stream)
	for {
		var e watched
		if err := in.Decode(&e); err != nil {
			return
		}
		v.take(&e)
	}
}

func (v *view) take(e *watched) {
	o := &e.Object
	var is seen
	for _, c := range o.Status.Conditions {
		if c.Type == "Ready" {
			is.ready = c.Status == "True" && o.Status.Observed == o.Metadata.Generation
		}
	}
	is.policy = o.Status.Policy
	v.mu.Lock()
	defer v.mu.Unlock()
	key := o.Metadata.Namespace + "/" + o.Metadata.Name
	if was, ok := v.clients[key]; ok {
		v.counts.add(was, -1)
	}
	if e.Type == "DELETED" {
		delete(v.clients, key)
		return
	}
	v.clients[key] = is
	v.counts.add(is, 1)
}

func (c *counts) add(s seen, n int) {
	if s.ready {
		c.ready += n
	}
	c.byPolicy[s.policy] += n
}

// ready counts the clients that are Ready, and governed those that a policy governs by their status.
func (v *view) ready() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.counts.ready
}

func (v *view) governed(policy string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.counts.byPolicy[policy]
}

func (v *view) total() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.clients)
}
