package issuerhosts

import (
	"context"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/change"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Reconciler keeps the list.
type Reconciler struct {
	client.Client
	store document.Store
	list  types.NamespacedName
}

// Options are what the reconciler is made of. Every field is required.
type Options struct {
	// Store finds the documents of servers.
	Store document.Store
	// List names the ConfigMap.
	List types.NamespacedName
}

// ParseName reads the name of the ConfigMap as people write it: namespace/name.
func ParseName(s string) (types.NamespacedName, error) {
	namespace, name, ok := strings.Cut(s, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, fmt.Errorf("%q must be namespace/name of a ConfigMap, such as grantkeeper-system/grantkeeper-issuers", s)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}

// Register adds the reconciler to a manager, whose cache has to hold the ConfigMap.
func Register(mgr ctrl.Manager, o Options) error {
	r := &Reconciler{Client: mgr.GetClient(), store: o.Store, list: o.List}
	// There is one thing to reconcile, whatever happened.
	always := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: o.List}}
	})
	documents := predicate.NewPredicateFuncs(func(obj client.Object) bool {
		return obj.GetLabels()[registration.LabelDocument] == string(registration.KindServer)
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("issuerhosts").
		For(&corev1.ConfigMap{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(obj client.Object) bool {
			return client.ObjectKeyFromObject(obj) == o.List
		}))).
		Watches(&v1alpha1.OAuthServer{}, always, builder.WithPredicates(change.Declared())).
		Watches(&corev1.Secret{}, always, builder.WithPredicates(documents)).
		WithOptions(controller.Options{ReconciliationTimeout: status.Timeout}).
		Complete(r)
}

// Reconcile writes the list if it is not as it should be.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	all, err := r.served(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	want := hosts(all)
	var have corev1.ConfigMap
	err = r.Get(ctx, r.list, &have)
	switch {
	case apierrors.IsNotFound(err) && len(want) == 0:
		return reconcile.Result{}, nil
	case err == nil && maps.Equal(have.Data, want) && owned.Managed(&have):
		return reconcile.Result{}, nil
	case client.IgnoreNotFound(err) != nil:
		return reconcile.Result{}, status.Failed(err, "read ConfigMap %s", r.list)
	}
	c := corev1ac.ConfigMap(r.list.Name, r.list.Namespace).
		WithLabels(map[string]string{owned.LabelManagedBy: owned.ManagedBy}).
		WithData(want)
	return reconcile.Result{}, status.Failed(r.Apply(ctx, c, status.FieldOwner, client.ForceOwnership), "write ConfigMap %s", r.list)
}

// served lists the issuers to guard: those that are accepted as declared, and those in force, which is another one after an
// edit that is refused.
func (r *Reconciler) served(ctx context.Context) ([]served, error) {
	var servers v1alpha1.OAuthServerList
	if err := r.List(ctx, &servers); err != nil {
		return nil, status.Failed(err, "list OAuthServers")
	}
	var out []served
	for i := range servers.Items {
		s := &servers.Items[i]
		if d, findings := compile.Server(s, servers.Items); len(findings) == 0 {
			out = append(out, served{s.Namespace, d.Issuer})
		}
		found, err := r.store.Find(ctx, registration.KindServer, client.ObjectKeyFromObject(s), s.Namespace)
		if err != nil {
			return nil, err
		}
		current := document.In(found, s.Namespace)
		if current == nil {
			continue
		}
		// One that does not decode is not served.
		if d, err := registration.Decode(current.Data[registration.DataKey]); err == nil {
			if server, ok := d.(*registration.Server); ok {
				out = append(out, served{s.Namespace, server.Issuer})
			}
		}
	}
	return out, nil
}
