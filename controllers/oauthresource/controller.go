package oauthresource

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	apply "github.com/grantkeeper/grantkeeper/api/applyconfiguration/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/change"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthresources;oauthservers,verbs=get;list;watch
// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthresources/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler reconciles OAuthResources.
type Reconciler struct {
	client.Client
	publisher document.Publisher
}

// Options are what the reconciler is made of. Every field is required.
type Options struct {
	// Store keeps documents.
	Store document.Store
	// Clock tells the time.
	Clock func() time.Time
}

// Register adds the reconciler to a manager.
func Register(mgr ctrl.Manager, o Options) error {
	r := &Reconciler{
		Client:    mgr.GetClient(),
		publisher: document.Publisher{Store: o.Store, Waiting: new(replica.Waiting), Clock: o.Clock},
	}
	b := ctrl.NewControllerManagedBy(mgr).
		Named("oauthresource").
		For(&v1alpha1.OAuthResource{}).
		// Resources of one namespace may be in conflict with each other; there are few of them.
		Watches(&v1alpha1.OAuthResource{}, handler.EnqueueRequestsFromMapFunc(r.beside), builder.WithPredicates(change.Declared())).
		Watches(&v1alpha1.OAuthServer{}, handler.EnqueueRequestsFromMapFunc(r.beside), builder.WithPredicates(change.ServerMatters())).
		WithOptions(controller.Options{ReconciliationTimeout: status.Timeout})
	return r.publisher.Watch(b, registration.KindResource).Complete(&status.Reconciler[*v1alpha1.OAuthResource]{
		Kind:   r.kind(),
		Client: mgr.GetClient(),
		Live:   mgr.GetAPIReader(),
		Events: mgr.GetEventRecorder("grantkeeper-oauthresource"),
		Clock:  o.Clock,
	})
}

func (r *Reconciler) kind() status.Kind[*v1alpha1.OAuthResource] {
	return status.Kind[*v1alpha1.OAuthResource]{
		New: func() *v1alpha1.OAuthResource { return new(v1alpha1.OAuthResource) },
		Common: func(x *v1alpha1.OAuthResource) (*int64, *[]metav1.Condition) {
			return &x.Status.ObservedGeneration, &x.Status.Conditions
		},
		Apply: func(x *v1alpha1.OAuthResource) (runtime.ApplyConfiguration, error) {
			s := apply.OAuthResourceStatus()
			err := status.Convert(x.Status, s)
			return apply.OAuthResource(x.Name, x.Namespace).WithUID(x.UID).WithStatus(s), err
		},
		Order: []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed},
		Begin: r.begin,
		Gone: func(ctx context.Context, name types.NamespacedName) error {
			return r.publisher.Gone(ctx, registration.KindResource, name)
		},
	}
}

func (r *Reconciler) begin(x *v1alpha1.OAuthResource, marks *status.Conditions) status.Run {
	publish := func(ctx context.Context) error {
		var servers v1alpha1.OAuthServerList
		if err := r.List(ctx, &servers, client.InNamespace(x.Namespace)); err != nil {
			return status.Failed(err, "list OAuthServers")
		}
		var others v1alpha1.OAuthResourceList
		if err := r.List(ctx, &others, client.InNamespace(x.Namespace)); err != nil {
			return status.Failed(err, "list OAuthResources")
		}
		var c document.Compiled
		var d *registration.Resource
		if d, c.Findings = compile.Resource(x, servers.Items, others.Items); d != nil {
			c.Document = d
		}
		c.Server, _ = compile.LocalServerOf(x.Spec.ServerRef, x.Namespace, servers.Items)
		return r.publisher.Settle(ctx, marks, registration.KindResource, client.ObjectKeyFromObject(x), c)
	}
	return status.Run{Steps: []status.Step{publish}}
}

// beside finds the resources of an object's namespace.
func (r *Reconciler) beside(ctx context.Context, o client.Object) []reconcile.Request {
	var list v1alpha1.OAuthResourceList
	if err := r.List(ctx, &list, client.InNamespace(o.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "cannot list OAuthResources")
		return nil
	}
	out := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		out[i] = reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])}
	}
	return out
}
