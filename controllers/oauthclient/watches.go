package oauthclient

import (
	"context"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/change"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// workers is how many clients are reconciled at once. Most of the time of a reconciliation is spent waiting for the API
// server, for three writes in a row.
const workers = 16

// watch says what wakes which clients.
func (r *Reconciler) watch(mgr ctrl.Manager, referenced cache.Cache, rec reconcile.Reconciler) error {
	b := ctrl.NewControllerManagedBy(mgr).
		Named("oauthclient").
		For(&v1alpha1.OAuthClient{}).
		Owns(&corev1.Secret{}).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(ownerless)).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.provable)).
		Watches(&coordinationv1.Lease{}, r.firstUses()).
		WatchesRawSource(source.Kind(referenced, client.Object(&corev1.Secret{}), handler.EnqueueRequestsFromMapFunc(r.naming))).
		WatchesRawSource(source.Func(r.places.start)).
		Watches(&v1alpha1.OAuthClient{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(change.Declared())).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.rivalsOfRegistered), builder.WithPredicates(change.ComesOrGoes())).
		Watches(&v1alpha1.OAuthServer{}, handler.EnqueueRequestsFromMapFunc(r.attached), builder.WithPredicates(change.ServerMatters())).
		Watches(&v1alpha1.OAuthGrantPolicy{}, handler.EnqueueRequestsFromMapFunc(r.selected), builder.WithPredicates(change.Declared())).
		Watches(&v1alpha1.OAuthResource{}, handler.EnqueueRequestsFromMapFunc(r.using), builder.WithPredicates(change.DeclaredOrAccepted())).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.inside),
			builder.OnlyMetadata, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers, ReconciliationTimeout: status.Timeout})
	return r.publisher.Watch(b, registration.KindClient).Complete(rec)
}

// rivals finds the other clients with the client id of one that came, changed or went.
func (r *Reconciler) rivals(ctx context.Context, o client.Object) []reconcile.Request {
	id := compile.ClientID(o.(*v1alpha1.OAuthClient))
	return r.requests(ctx, func(c *v1alpha1.OAuthClient) bool { return c.UID != o.GetUID() }, client.MatchingFields{index.ClientID: id})
}

// rivalsOfRegistered finds the other clients with the client id of one that was registered or withdrawn: who has it is what they are told.
func (r *Reconciler) rivalsOfRegistered(ctx context.Context, o client.Object) []reconcile.Request {
	name, ok := document.Owner(o.(*corev1.Secret), registration.KindClient)
	if !ok {
		return nil
	}
	c := &v1alpha1.OAuthClient{}
	if err := r.Get(ctx, name, c, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil // gone, of which they were told already
	}
	return r.rivals(ctx, c)
}

// attached finds the clients of a server, and those that leave it to the default.
func (r *Reconciler) attached(ctx context.Context, o client.Object) []reconcile.Request {
	return r.ofServer(ctx, o.GetNamespace(), o.GetName(), func(*v1alpha1.OAuthClient) bool { return true })
}

// selected finds the clients that a policy's selectors match. An update is mapped as it was and as it is, so that one
// that falls out of the selectors is found too.
func (r *Reconciler) selected(ctx context.Context, o client.Object) []reconcile.Request {
	p := o.(*v1alpha1.OAuthGrantPolicy)
	labels := map[string]map[string]string{}
	return r.ofNamespace(ctx, p.Namespace, func(c *v1alpha1.OAuthClient) bool {
		if _, ok := labels[c.Namespace]; !ok {
			labels[c.Namespace] = r.labels(ctx, c.Namespace)
		}
		ok, err := compile.PolicyMatches(p, c, labels[c.Namespace])
		return ok || err != nil
	})
}

// using finds the clients that ask for a scope of a resource.
func (r *Reconciler) using(ctx context.Context, o client.Object) []reconcile.Request {
	scopes := o.(*v1alpha1.OAuthResource).Spec.Scopes
	return r.ofNamespace(ctx, o.GetNamespace(), func(c *v1alpha1.OAuthClient) bool {
		return slices.ContainsFunc(scopes, func(s v1alpha1.ResourceScope) bool { return slices.Contains(c.Spec.Scopes, s.Name) })
	})
}

// ownerless finds the client whose Secret has no owner, as with deletionPolicy Retain.
func ownerless(_ context.Context, o client.Object) []reconcile.Request {
	name := owned.ClientOf(o)
	if name == "" || metav1.GetControllerOf(o) != nil {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
}

// provable finds the clients of a server that had no keys to prove Secrets with, when it has them. Keys that merely rotate wake
// nobody.
func (r *Reconciler) provable(ctx context.Context, o client.Object) []reconcile.Request {
	server, ok := document.Owner(o.(*corev1.Secret), registration.KindKeys)
	if !ok || r.provers.has(server) {
		return nil
	}
	return r.ofServer(ctx, server.Namespace, server.Name, func(*v1alpha1.OAuthClient) bool { return true })
}

// naming finds the clients that bring their secret in a Secret.
func (r *Reconciler) naming(ctx context.Context, o client.Object) []reconcile.Request {
	return r.requests(ctx, func(*v1alpha1.OAuthClient) bool { return true },
		client.InNamespace(o.GetNamespace()), client.MatchingFields{index.ReferencedSecret: o.GetName()})
}

// firstUses finds the clients of whose older secrets a replica reports the first use. Later ones are looked at from time to time:
// a client that is late is no reason for a write every minute.
func (r *Reconciler) firstUses() handler.EventHandler {
	return handler.Funcs{UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		was, is := e.ObjectOld.(*coordinationv1.Lease), e.ObjectNew.(*coordinationv1.Lease)
		if !replica.UsesMoved(was, is) {
			return
		}
		before := registration.DecodeUses(was.Annotations[registration.AnnotationRetiringUsed]).Last
		for key := range registration.DecodeUses(is.Annotations[registration.AnnotationRetiringUsed]).Last {
			if _, known := before[key]; known {
				continue
			}
			for _, request := range r.requests(ctx, func(*v1alpha1.OAuthClient) bool { return true }, client.MatchingFields{index.RetiringSecret: key}) {
				q.Add(request)
			}
		}
	}}
}

// inside finds the clients of a namespace.
func (r *Reconciler) inside(ctx context.Context, o client.Object) []reconcile.Request {
	return r.requests(ctx, func(*v1alpha1.OAuthClient) bool { return true }, client.InNamespace(o.GetName()))
}

// ofNamespace finds the clients of all servers of a namespace that a condition holds for.
func (r *Reconciler) ofNamespace(ctx context.Context, namespace string, holds func(*v1alpha1.OAuthClient) bool) []reconcile.Request {
	var servers v1alpha1.OAuthServerList
	if err := r.List(ctx, &servers, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "cannot list OAuthServers")
		return nil
	}
	var out []reconcile.Request
	for i := range servers.Items {
		out = append(out, r.ofServer(ctx, namespace, servers.Items[i].Name, holds)...)
	}
	return out
}

func (r *Reconciler) ofServer(ctx context.Context, namespace, name string, holds func(*v1alpha1.OAuthClient) bool) []reconcile.Request {
	named := r.requests(ctx, holds, client.MatchingFields{index.ServerRef: index.Server(namespace, name)})
	return append(named, r.requests(ctx, holds, client.MatchingFields{index.ServerRef: index.DefaultServer})...)
}

func (r *Reconciler) requests(ctx context.Context, holds func(*v1alpha1.OAuthClient) bool, where ...client.ListOption) []reconcile.Request {
	var list v1alpha1.OAuthClientList
	// Read only, from the cache's own objects: a policy may select ten thousand clients. What the operator has written
	// to them itself does not matter here, so that there is no waiting for it either.
	where = append(where, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	if err := r.List(ctx, &list, where...); err != nil {
		logf.FromContext(ctx).Error(err, "cannot list OAuthClients")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if holds(&list.Items[i]) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return out
}

// labels reads the labels of a namespace; none when it is not known yet, whose event then follows.
func (r *Reconciler) labels(ctx context.Context, name string) map[string]string {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Get(ctx, types.NamespacedName{Name: name}, ns); err != nil {
		return nil
	}
	return ns.Labels
}
