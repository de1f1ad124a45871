package oauthserver

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/change"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// watch says what wakes which servers.
func (r *Reconciler) watch(mgr ctrl.Manager, rec reconcile.Reconciler) error {
	b := ctrl.NewControllerManagedBy(mgr).
		Named("oauthserver").
		For(&v1alpha1.OAuthServer{}).
		Watches(&v1alpha1.OAuthServer{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(change.Declared())).
		Watches(&corev1.Secret{}, document.OwnerOf(registration.KindServer)).
		Watches(&corev1.Secret{}, document.OwnerOf(registration.KindKeys)).
		Watches(&corev1.Secret{}, recount()).
		Watches(&coordinationv1.Lease{}, r.reporting(), builder.WithPredicates(document.LeaseMoves())).
		WithOptions(controller.Options{ReconciliationTimeout: status.Timeout})
	if r.deploy {
		for _, o := range workload() {
			b = b.Owns(o)
		}
	}
	return b.Complete(rec)
}

// rivals finds the other servers with the issuer of one that came, changed or went.
func (r *Reconciler) rivals(ctx context.Context, o client.Object) []reconcile.Request {
	var list v1alpha1.OAuthServerList
	if err := r.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "cannot list OAuthServers")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		s := &list.Items[i]
		if s.UID != o.GetUID() && s.Spec.Issuer == o.(*v1alpha1.OAuthServer).Spec.Issuer {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(s)})
		}
	}
	return out
}

// reporting wakes the server of a replica's Lease when the replica comes or goes, and when it has loaded the settings that
// the server waits for. What else it has loaded, which is news several times per second while many clients are applied, does
// not concern the server.
func (r *Reconciler) reporting() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	wake := func(o client.Object, q queue) {
		for _, req := range document.Requests(serverOf(o, registration.LabelReplica)) {
			q.Add(req)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { wake(e.Object, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { wake(e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if replica.CameOrWent(e.ObjectOld.(*coordinationv1.Lease), e.ObjectNew.(*coordinationv1.Lease)) {
				wake(e.ObjectOld, q)
				wake(e.ObjectNew, q)
				return
			}
			for _, name := range serverOf(e.ObjectNew, registration.LabelReplica) {
				live, err := replica.Of(ctx, r.Client, name, r.clock())
				if err != nil {
					// The cache answers, so that this means the operator is ending.
					logf.FromContext(ctx).Error(err, "cannot read Leases", "server", name)
					return
				}
				for _, req := range document.Requests(r.waiting.Served(name, live)) {
					q.Add(req)
				}
			}
		},
	}
}

// recount wakes the server of a client's document that came or went, a little later.
func recount() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	later := func(o client.Object, q queue) {
		if o.GetLabels()[registration.LabelDocument] != string(registration.KindClient) {
			return
		}
		for _, req := range document.Requests(serverOf(o, registration.LabelServer)) {
			q.AddAfter(req, status.CountEvery)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { later(e.Object, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { later(e.Object, q) },
	}
}

func serverOf(o client.Object, label string) []types.NamespacedName {
	name := o.GetLabels()[label]
	if name == "" {
		return nil
	}
	return []types.NamespacedName{{Namespace: o.GetNamespace(), Name: name}}
}
