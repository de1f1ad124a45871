package oauthgrantpolicy

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
)

// count counts the clients that a policy governs, and those that its selectors match and that no policy accepts. It goes
// by what the clients' own statuses say, so that the two never disagree for long.
func (r *Reconciler) count(ctx context.Context, p *v1alpha1.OAuthGrantPolicy) (*v1alpha1.PolicyClientCounts, error) {
	governed, err := r.clients(ctx, index.Governed(p.Namespace, p.Name))
	if err != nil {
		return nil, err
	}
	refused, err := r.clients(ctx, index.Refused(p.Namespace))
	if err != nil {
		return nil, err
	}
	counts := &v1alpha1.PolicyClientCounts{Accepted: int32(min(len(governed), 1<<30))} //nolint:gosec // bounded
	labels := map[string]map[string]string{}
	for i := range refused {
		c := &refused[i]
		if _, ok := labels[c.Namespace]; !ok {
			labels[c.Namespace] = r.labels(ctx, c.Namespace)
		}
		if ok, err := compile.PolicyMatches(p, c, labels[c.Namespace]); ok && err == nil {
			counts.Refused++
		}
	}
	return counts, nil
}

// clients lists the cache's own objects by their policy, and waits for nobody's writes: whoever changes wakes the policy.
func (r *Reconciler) clients(ctx context.Context, by string) ([]v1alpha1.OAuthClient, error) {
	var list v1alpha1.OAuthClientList
	err := r.List(ctx, &list, client.MatchingFields{index.Policy: by}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	return list.Items, status.Failed(err, "list OAuthClients")
}

func (r *Reconciler) labels(ctx context.Context, name string) map[string]string {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Get(ctx, types.NamespacedName{Name: name}, ns); err != nil {
		return nil
	}
	return ns.Labels
}

// serverNamespace is the namespace of the server that a client belongs to by its status.
func serverNamespace(c *v1alpha1.OAuthClient) string {
	namespace, _, _ := strings.Cut(c.Status.Server, "/")
	return namespace
}

// refused reports whether the client is not accepted and no policy governs what is served of it.
func refused(c *v1alpha1.OAuthClient) bool {
	return c.Status.Policy == "" && meta.IsStatusConditionFalse(c.Status.Conditions, string(v1alpha1.ConditionAccepted))
}

// verdictChanged lets through clients that come, go, or whose policy or refusal changed.
func verdictChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*v1alpha1.OAuthClient), e.ObjectNew.(*v1alpha1.OAuthClient)
		return was.Status.Policy != is.Status.Policy || was.Status.Server != is.Status.Server || refused(was) != refused(is)
	}}
}

// recount wakes the policies whose counts a client is in, a little later: the one that governs it, and for a client that is
// refused all those of its server, since their selectors decide.
func (r *Reconciler) recount() handler.EventHandler {
	later := func(ctx context.Context, c *v1alpha1.OAuthClient, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		namespace := serverNamespace(c)
		switch {
		case namespace == "":
		case c.Status.Policy != "":
			q.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: c.Status.Policy}}, status.CountEvery)
		case refused(c):
			beside := &v1alpha1.OAuthServer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}
			for _, req := range r.beside(ctx, beside) {
				q.AddAfter(req, status.CountEvery)
			}
		}
	}
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	of := func(o client.Object) *v1alpha1.OAuthClient { return o.(*v1alpha1.OAuthClient) }
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { later(ctx, of(e.Object), q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { later(ctx, of(e.Object), q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			later(ctx, of(e.ObjectOld), q)
			later(ctx, of(e.ObjectNew), q)
		},
	}
}
