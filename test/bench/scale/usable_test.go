package scale

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
)

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
