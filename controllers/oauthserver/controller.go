package oauthserver

import (
	"context"
	"errors"
	"io"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apply "github.com/grantkeeper/grantkeeper/api/applyconfiguration/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthservers,verbs=get;list;watch
// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthservers/status,verbs=patch
// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthservers/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups="",resources=serviceaccounts;services;persistentvolumeclaims,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// Nobody may give a role more than it has itself, which is why the operator may create and patch Leases: the servers may.

// Reconciler reconciles OAuthServers.
type Reconciler struct {
	client.Client
	store   document.Store
	applier *owned.Applier
	cluster ClusterKeys
	clock   func() time.Time
	random  io.Reader
	image   string
	deploy  bool
	// waiting takes the servers whose settings are not loaded everywhere yet.
	waiting replica.Waiting
	counted status.Pace
}

// Options are what the reconciler is made of. Every field is required, unless it says otherwise.
type Options struct {
	// Store keeps documents.
	Store document.Store
	// Cluster tells with which keys the cluster signs.
	Cluster ClusterKeys
	// Clock tells the time.
	Clock func() time.Time
	// Random makes keys.
	Random io.Reader
	// Image is the server's container image; required when Deploy is true.
	Image string
	// Deploy makes the workload. Where it is false, somebody else runs the replicas, and their Leases tell.
	Deploy bool
}

// Register adds the reconciler to a manager.
func Register(mgr ctrl.Manager, o Options) error {
	if o.Deploy && o.Image == "" {
		return errors.New("the image of the server must be given")
	}
	r := &Reconciler{
		Client:  mgr.GetClient(),
		store:   o.Store,
		applier: &owned.Applier{Client: mgr.GetClient(), Live: mgr.GetAPIReader()},
		cluster: o.Cluster,
		clock:   o.Clock,
		random:  o.Random,
		image:   o.Image,
		deploy:  o.Deploy,
	}
	return r.watch(mgr, &status.Reconciler[*v1alpha1.OAuthServer]{
		Kind:   r.kind(),
		Client: mgr.GetClient(),
		Live:   mgr.GetAPIReader(),
		Events: mgr.GetEventRecorder("grantkeeper-oauthserver"),
		Clock:  o.Clock,
	})
}

// workload lists an empty object of every kind of the workload.
func workload() []client.Object {
	return []client.Object{
		&corev1.ServiceAccount{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &corev1.PersistentVolumeClaim{},
		&appsv1.Deployment{}, &corev1.Service{}, &networkingv1.Ingress{},
	}
}

// Workload lists an empty object of every kind that the reconciler makes besides Secrets, for the cache to be narrowed to
// those of the operator's own.
func Workload() []client.Object { return workload() }

func (r *Reconciler) kind() status.Kind[*v1alpha1.OAuthServer] {
	return status.Kind[*v1alpha1.OAuthServer]{
		New: func() *v1alpha1.OAuthServer { return new(v1alpha1.OAuthServer) },
		Common: func(s *v1alpha1.OAuthServer) (*int64, *[]metav1.Condition) {
			return &s.Status.ObservedGeneration, &s.Status.Conditions
		},
		Apply: func(s *v1alpha1.OAuthServer) (runtime.ApplyConfiguration, error) {
			x := apply.OAuthServerStatus()
			err := status.Convert(s.Status, x)
			// Zero is a number too, and what people look for when something is wrong.
			x.WithReplicas(s.Status.Replicas).WithClients(s.Status.Clients)
			return apply.OAuthServer(s.Name, s.Namespace).WithUID(s.UID).WithStatus(x), err
		},
		Order: []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionKeysReady, v1alpha1.ConditionDeployed},
		Begin: r.begin,
		Gone:  r.gone,
	}
}

// gone removes a server's own documents. Those of its clients, policies and so on go as their reconcilers find that they
// have no server any more; the workload goes with the garbage collector.
func (r *Reconciler) gone(ctx context.Context, name types.NamespacedName) error {
	r.waiting.Done(name)
	r.counted.Gone(name)
	var exists v1alpha1.OAuthServer
	if err := r.Get(ctx, name, &exists); err == nil {
		// It is being deleted, and somebody's finalizer holds it. Its keys may be needed until it is gone.
		return nil
	}
	return errors.Join(
		r.store.Withdraw(ctx, registration.KindServer, name),
		r.store.Withdraw(ctx, registration.KindKeys, name),
	)
}
