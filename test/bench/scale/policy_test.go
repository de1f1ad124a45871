package scale

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

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
				return fmt.Errorf("client %s is answered %d, not %d: %w", sample[n].ID, got, code, errors.Join(ctx.Err(), err))
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
