package scale

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

func TestMain(m *testing.M) {
	if os.Getenv(proberEnv) != "" {
		if err := runProber(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestManyClientsAtOnce is the measurement in small. It asserts what no busy machine can change, and prints the rest.
func TestManyClientsAtOnce(t *testing.T) {
	measure(t, sizes{
		clients: 300, namespaces: 20, policies: 5, atOnce: 20, singles: 5,
		quiet: time.Second, idle: 3 * time.Second, still: 2500 * time.Millisecond, within: 2 * time.Minute,
	})
}

// BenchmarkScale is the measurement in full.
func BenchmarkScale(b *testing.B) {
	for b.Loop() {
		s := sizes{
			clients: 10_000, namespaces: 200, policies: 50, atOnce: 1000, singles: 100,
			quiet: 10 * time.Second, idle: time.Minute, still: 5 * time.Second, within: 20 * time.Minute, durable: true,
		}
		if n, err := strconv.Atoi(os.Getenv("SCALE_CLIENTS")); err == nil {
			s.clients = n
		}
		measure(b, s)
	}
	b.ReportMetric(0, "ns/op") // it says nothing here
}

// run is one measurement.
type run struct {
	testing.TB
	*plane
	sizes
	view    *view
	asker   *asker
	clients []*v1alpha1.OAuthClient
	// sample are the credentials of the services by their namespace.
	sample map[string][]credential
}

func (r *run) say(what, format string, args ...any) {
	r.Helper()
	fmt.Fprintf(os.Stderr, "%-58s %s\n", what, fmt.Sprintf(format, args...))
}

func measure(tb testing.TB, s sizes) {
	tb.Helper()
	p := start(tb, s)
	r := &run{TB: tb, plane: p, sizes: s, view: p.follow(tb), asker: newAsker(p.address), sample: map[string][]credential{}}
	r.say("size", "%d clients, %d namespaces, %d policies", s.clients, s.namespaces, s.policies)
	eventually(tb, "the server is ready", s.within, func(ctx context.Context) bool { return p.get(ctx, p.operations, "/readyz") == http.StatusOK })

	probes := r.usable("probe", 4)
	prober := p.probe(tb, probes)
	r.oneByOne("with hardly any client")
	r.manyAtOnce()

	prober.take(tb)
	r.settle()
	pause(tb, s.quiet)
	quiet := prober.take(tb)
	r.say("tokens, quiet", "%v", quiet)
	r.flood(prober, quiet)
	r.idleness()
	r.edit("a policy of many", policyName(1), r.policyClients(1))
	r.oneByOne("with all clients")
	r.restart()
	r.widest()
	r.memories("the whole run")
	if quiet.Failures > 0 {
		tb.Errorf("%d token requests failed while nothing happened", quiet.Failures)
	}
}

// pause lets time pass, which is what is measured here.
func pause(tb testing.TB, d time.Duration) {
	tb.Helper()
	select {
	case <-time.After(d):
	case <-tb.Context().Done():
	}
}

func (p *plane) get(ctx context.Context, address, path string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// settle waits until nobody has written anything for a while.
func (r *run) settle() {
	r.Helper()
	quietSince := time.Now()
	eventually(r, "nobody writes", r.within, func(context.Context) bool {
		for who, w := range r.audit.since(r) {
			if (who == operator || who == authority) && w.total() > 0 {
				quietSince = time.Now()
			}
		}
		return time.Since(quietSince) > r.still
	})
}

// flood applies all clients at once.
func (r *run) flood(prober *prober, quiet probed) {
	r.Helper()
	before := r.view.ready()
	r.clients = make([]*v1alpha1.OAuthClient, r.sizes.clients)
	for n := range r.clients {
		r.clients[n] = oauthClient(n, r.sizes)
	}
	r.audit.since(r)
	used := r.used()
	prober.take(r)
	began := time.Now()
	r.profile("flood")
	applied := r.apply(r, r.clients)
	eventually(r, "all clients are Ready", r.within, func(context.Context) bool { return r.view.ready() >= before+len(r.clients) })
	took := time.Since(began)
	load := prober.take(r)
	r.profile("flooded")
	r.say(fmt.Sprintf("%d applied at once: all Ready after", len(r.clients)), "%v (the API server had taken them after %v)", took.Round(100*time.Millisecond), applied.Round(100*time.Millisecond))
	r.say("tokens meanwhile", "%v; p99 %.1f times that of quiet", load, float64(load.P99)/float64(quiet.P99))
	r.say("processor time", "%v", r.used().since(used))
	if load.Failures > 0 {
		r.Errorf("%d token requests failed while clients were applied", load.Failures)
	}
	r.memories("that")
	counted := eventually(r, "the policies have counted their clients", r.within, func(ctx context.Context) bool { return r.accepted(ctx) == before+len(r.clients) })
	r.say("the policies' counts are right after another", "%v", counted.Round(100*time.Millisecond))
	pause(r, 2*time.Second) // Events come a little later
	for who, w := range r.audit.since(r) {
		if who == operator || who == authority {
			r.say("writes per client by "+who[len("system:serviceaccount:"):], "%.2f (%v)", float64(w.total())/float64(len(r.clients)), w)
		}
	}
	r.sampleServices()
}

// accepted sums up what the policies say that they govern.
func (r *run) accepted(ctx context.Context) int {
	var list v1alpha1.OAuthGrantPolicyList
	if err := r.client.List(ctx, &list, client.InNamespace(platform)); err != nil {
		return -1
	}
	n := 0
	for i := range list.Items {
		if c := list.Items[i].Status.Clients; c != nil {
			n += int(c.Accepted)
		}
	}
	return n
}

func (r *run) memories(of string) {
	r.Helper()
	for _, x := range []*process{r.operator, r.server} {
		now, peak := x.memory(r)
		r.say("memory of the "+x.name+" after "+of, "%.0f MiB, peak %.0f MiB", now, peak)
	}
}

// idleness watches who writes while nothing happens.
func (r *run) idleness() {
	r.Helper()
	r.settle()
	r.audit.since(r)
	used := r.used()
	pause(r, r.idle)
	for who, w := range r.audit.since(r) {
		if who != operator && who != authority {
			continue
		}
		r.say(fmt.Sprintf("writes within %v of idleness by %s", r.idle, who[len("system:serviceaccount:"):]), "%d, and Leases: %v", w.total(), w)
		if w.total() > 0 {
			r.Errorf("%s wrote while nothing happened: %v", who, w)
		}
	}
	r.say("processor time meanwhile (the server under 100 requests/s)", "%v", r.used().since(used))
	r.memories("that")
}

// restart ends the operator and starts it again: with nothing changed, there is nothing to write.
func (r *run) restart() {
	r.Helper()
	r.settle()
	r.operator.stop(r)
	r.audit.since(r)
	began := time.Now()
	r.operator = r.startOperator(r)
	var p v1alpha1.OAuthGrantPolicy
	r.setScopes(policyName(0), append(loose(), "orders.write"))
	eventually(r, "the operator works again", r.within, func(ctx context.Context) bool {
		err := r.client.Get(ctx, types.NamespacedName{Namespace: platform, Name: policyName(0)}, &p)
		return err == nil && p.Status.ObservedGeneration == p.Generation
	})
	r.say("the operator, started anew, has done an edit after", "%v", time.Since(began).Round(10*time.Millisecond))
	r.settleCounting("writes by the operator started anew")
	r.memories("that")
}

func (r *run) settleCounting(what string) {
	r.Helper()
	from := r.audit.at
	r.settle()
	r.audit.at = from
	r.say(what, "%v", r.audit.since(r)[operator])
}
