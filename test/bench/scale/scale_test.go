package scale

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	restclient "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
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

// profileEnv names a folder for processor profiles of kube-apiserver, and of the operator where SCALE_OVERLAY makes it
// serve them on the address in SCALE_PPROF.
const profileEnv = "SCALE_PROFILE"

// profile takes profiles of the next half minute, if asked to.
func (r *run) profile(name string) {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return
	}
	take := func(of, url string, c *http.Client) {
		resp, err := c.Get(url)
		if err != nil {
			r.Log(err)
			return
		}
		defer resp.Body.Close() //nolint:errcheck // only read
		if b, err := io.ReadAll(resp.Body); err == nil {
			_ = os.WriteFile(filepath.Join(dir, name+"-"+of), b, 0o600)
		}
	}
	c, err := restclient.HTTPClientFor(r.admin)
	if err != nil {
		r.Fatal(err)
	}
	const processor = "/debug/pprof/profile?seconds=30"
	go take("kube-apiserver", strings.TrimSuffix(r.admin.Host, "/")+processor, c)
	if at := os.Getenv("SCALE_PPROF"); at != "" {
		go take("operator", "http://"+at+processor, http.DefaultClient)
		take("operator-heap", "http://"+at+"/debug/pprof/heap", http.DefaultClient)
	}
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

// usable makes service clients and waits until they get tokens.
func (r *run) usable(name string, count int) []credential {
	r.Helper()
	out := make([]credential, count)
	for n := range out {
		c := service(&v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(0), Name: fmt.Sprintf("%s-%d", name, n)}})
		r.create(r, c)
		eventually(r, name+" is usable", r.within, func(ctx context.Context) (ok bool) {
			if out[n], ok = r.credential(ctx, c); !ok {
				return false
			}
			code, err := r.asker.ask(ctx, out[n])
			return err == nil && code == http.StatusOK
		})
	}
	return out
}

// oneByOne measures from the create of one client to its first token, as a pipeline meets it: watch for the Secret, use it.
func (r *run) oneByOne(when string) {
	r.Helper()
	r.settle()
	var took []time.Duration
	for n := range r.singles {
		c := service(&v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(n % r.namespaces), Name: fmt.Sprintf("single-%d", n)}})
		ctx, cancel := context.WithTimeout(r.Context(), r.within)
		w, err := r.secrets.Watch(ctx, &corev1.SecretList{}, client.InNamespace(c.Namespace),
			client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", compile.SecretName(c))})
		if err != nil {
			r.Fatal(err)
		}
		began := time.Now()
		r.create(r, c)
		var cred credential
		for e := range w.ResultChan() {
			if s, ok := e.Object.(*corev1.Secret); ok {
				cred = credential{compile.ClientID(c), string(s.Data[credentials.KeyClientSecret])}
				break
			}
		}
		w.Stop()
		r.firstToken(ctx, cred, 2*time.Millisecond)
		took = append(took, time.Since(began))
		cancel()
		if err := r.client.Delete(r.Context(), c); err != nil {
			r.Fatal(err)
		}
	}
	r.say("create to first token, one at a time, "+when, "median %v, p99 %v of %d", quantile(took, 50).Round(100*time.Microsecond), quantile(took, 99).Round(100*time.Microsecond), len(took))
}

// firstToken asks until there is a token, more and more rarely: the server answers nobody who was wrong twenty times within
// a minute.
func (r *run) firstToken(ctx context.Context, c credential, wait time.Duration) {
	for ; ; wait = min(wait*3/2, 5*time.Second) {
		code, err := r.asker.ask(ctx, c)
		if err == nil && code == http.StatusOK {
			return
		}
		select {
		case <-ctx.Done():
			r.Error("no token:", c.ID, code, err)
			return
		case <-time.After(wait):
		}
	}
}

// manyAtOnce measures until all of many clients that are created at once have had a token.
func (r *run) manyAtOnce() {
	r.Helper()
	r.settle()
	r.audit.since(r)
	clients := make([]*v1alpha1.OAuthClient, r.atOnce)
	for n := range clients {
		clients[n] = service(&v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(n % r.namespaces), Name: fmt.Sprintf("burst-%d", n)}})
	}
	began := time.Now()
	w, err := r.secrets.Watch(r.Context(), &corev1.SecretList{}, client.MatchingLabels{"grantkeeper.dev/managed-by": "grantkeeper-operator"},
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("type", string(credentials.SecretType))})
	if err != nil {
		r.Fatal(err)
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	wg.Go(func() {
		left := len(clients)
		for e := range w.ResultChan() {
			s, ok := e.Object.(*corev1.Secret)
			if !ok || e.Type != "ADDED" || len(s.Name) < 5 || s.Name[:5] != "burst" {
				continue
			}
			secret := string(s.Data[credentials.KeyClientSecret])
			slots <- struct{}{}
			wg.Go(func() {
				r.firstToken(r.Context(), credential{string(s.Data[credentials.KeyClientID]), secret}, 10*time.Millisecond)
				<-slots
			})
			if left--; left == 0 {
				return
			}
		}
	})
	applied := r.apply(r, clients)
	wg.Wait()
	took := time.Since(began)
	w.Stop()
	r.say(fmt.Sprintf("%d created at once: all have had a token after", len(clients)), "%v (the API server had taken them after %v)", took.Round(10*time.Millisecond), applied.Round(10*time.Millisecond))
	r.inParallel(r, len(clients), func(ctx context.Context, n int) error { return r.client.Delete(ctx, clients[n]) })
	eventually(r, "they are gone again", r.within, func(context.Context) bool { return r.view.total() <= 4 })
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

// sampleServices reads the credentials of services, up to 200 over all namespaces.
func (r *run) sampleServices() {
	r.Helper()
	var mu sync.Mutex
	r.inParallel(r, len(r.clients), func(ctx context.Context, n int) error {
		c := r.clients[n]
		if !isService(c) || n/r.namespaces%10 != 0 || n/r.namespaces >= 10 && r.namespaces > 50 {
			return nil
		}
		cred, ok := r.credential(ctx, c)
		if !ok {
			return fmt.Errorf("%s/%s has no Secret", c.Namespace, c.Name)
		}
		mu.Lock()
		defer mu.Unlock()
		r.sample[c.Namespace] = append(r.sample[c.Namespace], cred)
		return nil
	})
}

// policyClients are the sampled clients that a policy governs.
func (r *run) policyClients(policy int) []credential {
	var out []credential
	for n := policy; n < r.namespaces; n += r.policies {
		out = append(out, r.sample[namespaceName(n)]...)
	}
	return out
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

// edit tightens a policy and loosens it again, and measures until the server follows and until every status does.
func (r *run) edit(what, name string, sample []credential) {
	r.Helper()
	if len(sample) == 0 {
		r.Fatal("no clients to ask with")
	}
	ready, governed := r.view.ready(), r.view.governed(name)
	for _, step := range []struct {
		verb   string
		scopes []string
		code   int
		ready  int
	}{{"tightened", tight(), http.StatusUnauthorized, ready - governed}, {"loosened", loose(), http.StatusOK, ready}} {
		began := time.Now()
		r.setScopes(name, step.scopes)
		followed := r.allAnswer(sample, step.code, began)
		eventually(r, "the statuses follow", r.within, func(context.Context) bool { return r.view.ready() == step.ready })
		r.say(fmt.Sprintf("%s (%d clients) %s: served so after", what, governed, step.verb), "%v (%d asked); in every status after %v",
			followed.Round(time.Millisecond), len(sample), time.Since(began).Round(10*time.Millisecond))
	}
}

func (r *run) setScopes(name string, scopes []string) {
	r.Helper()
	var p v1alpha1.OAuthGrantPolicy
	if err := r.client.Get(r.Context(), types.NamespacedName{Namespace: platform, Name: name}, &p); err != nil {
		r.Fatal(err)
	}
	before := p.DeepCopy()
	p.Spec.Allow.Scopes = scopes
	if err := r.client.Patch(r.Context(), &p, client.MergeFrom(before)); err != nil {
		r.Fatal(err)
	}
}

// allAnswer asks until each of the clients has been answered with a code, and returns when the last one was.
func (r *run) allAnswer(sample []credential, code int, began time.Time) time.Duration {
	r.Helper()
	var last atomic.Int64
	ctx, cancel := context.WithTimeout(r.Context(), r.within)
	defer cancel()
	r.inParallel(r, len(sample), func(_ context.Context, n int) error {
		for {
			got, err := r.asker.ask(ctx, sample[n])
			if err == nil && got == code {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("client %s is answered %d %v, not %d", sample[n].ID, got, err, code)
			case <-time.After(5 * time.Millisecond):
			}
		}
		for at := int64(time.Since(began)); ; {
			was := last.Load()
			if at <= was || last.CompareAndSwap(was, at) {
				return nil
			}
		}
	})
	return time.Duration(last.Load())
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

// widest has one policy govern all clients.
func (r *run) widest() {
	r.Helper()
	all := r.view.ready()
	began := time.Now()
	r.create(r, policy("everyone", 100, &metav1.LabelSelector{}))
	eventually(r, "all have the new policy", r.within, func(context.Context) bool { return r.view.governed("everyone") == all })
	r.say(fmt.Sprintf("a new policy has taken over all %d clients after", all), "%v", time.Since(began).Round(10*time.Millisecond))
	r.inParallel(r, r.policies, func(ctx context.Context, n int) error {
		return r.client.Delete(ctx, &v1alpha1.OAuthGrantPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: platform, Name: policyName(n)}})
	})
	r.settle()
	var sample []credential
	for _, s := range r.sample {
		sample = append(sample, s...)
	}
	r.edit("a policy of all", "everyone", sample)
}
