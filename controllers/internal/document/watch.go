package document

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/change"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Watch adds what every kind with documents watches: the documents, the Leases of the replicas that load them, and the
// servers whose replicas come and go.
func (p Publisher) Watch(b *builder.Builder, kind registration.Kind) *builder.Builder {
	return b.
		Watches(&corev1.Secret{}, OwnerOf(kind)).
		Watches(&coordinationv1.Lease{}, p.ServedBy(), builder.WithPredicates(LeaseMoves())).
		Watches(&v1alpha1.OAuthServer{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
			return p.Caught(ctx, client.ObjectKeyFromObject(o))
		}), builder.WithPredicates(change.ReplicasMoved()))
}

// OwnerOf maps a Secret with a document of a kind to its manifest. Its first listing is the comparison that every start
// makes: a document whose manifest is gone leads to a reconciliation that removes it.
func OwnerOf(kind registration.Kind) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		if owner, ok := Owner(o.(*corev1.Secret), kind); ok {
			return []reconcile.Request{{NamespacedName: owner}}
		}
		return nil
	})
}

// LeaseMoves lets through the changes of replicas' Leases that may change what is served, not the renewals.
func LeaseMoves() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return replica.Moved(e.ObjectOld.(*coordinationv1.Lease), e.ObjectNew.(*coordinationv1.Lease))
	}}
}

// ServedBy maps a Lease to the manifests that waited for it.
func (p Publisher) ServedBy() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		server := o.GetLabels()[registration.LabelReplica]
		if server == "" {
			return nil
		}
		return p.Caught(ctx, types.NamespacedName{Namespace: o.GetNamespace(), Name: server})
	})
}

// Caught lists the manifests whose wait for a server's replicas is over.
func (p Publisher) Caught(ctx context.Context, server types.NamespacedName) []reconcile.Request {
	replicas, err := replica.Of(ctx, p.Store.Secrets.Client, server, p.Clock())
	if err != nil {
		// The cache answers, so that this means the operator is ending.
		logf.FromContext(ctx).Error(err, "cannot read Leases", "server", server)
		return nil
	}
	return Requests(p.Waiting.Served(server, replicas))
}

// Requests turns names into requests.
func Requests(names []types.NamespacedName) []reconcile.Request {
	out := make([]reconcile.Request, len(names))
	for i, n := range names {
		out[i] = reconcile.Request{NamespacedName: n}
	}
	return out
}
