package oauthclient

import (
	"context"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apply "github.com/grantkeeper/grantkeeper/api/applyconfiguration/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthclients;oauthservers;oauthgrantpolicies;oauthresources,verbs=get;list;watch
// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthclients/status,verbs=patch
// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthclients/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler reconciles OAuthClients.
type Reconciler struct {
	client.Client
	publisher  document.Publisher
	referenced client.Reader
	clock      func() time.Time
	random     io.Reader
	provers    provers
	staged     staged
	places     places
	// expressions remembers the users expressions of policies.
	expressions expression.Memo
}

// Options are what the reconciler is made of. Every field is required.
type Options struct {
	// Store keeps documents and writes Secrets.
	Store document.Store
	// Clock tells the time.
	Clock func() time.Time
	// Random makes secrets; crypto/rand.Reader outside of tests.
	Random io.Reader
	// Referenced is the cache of Secrets that opted in to being read.
	Referenced cache.Cache
}

// Register adds the reconciler to a manager.
func Register(mgr ctrl.Manager, o Options) error {
	r := &Reconciler{
		Client:     mgr.GetClient(),
		referenced: o.Referenced,
		publisher:  document.Publisher{Store: o.Store, Waiting: new(replica.Waiting), Clock: o.Clock},
		clock:      o.Clock,
		random:     o.Random,
	}
	return r.watch(mgr, o.Referenced, &status.Reconciler[*v1alpha1.OAuthClient]{
		Kind:   r.kind(),
		Client: mgr.GetClient(),
		Live:   mgr.GetAPIReader(),
		Events: mgr.GetEventRecorder("grantkeeper-oauthclient"),
		Clock:  o.Clock,
	})
}

func (r *Reconciler) kind() status.Kind[*v1alpha1.OAuthClient] {
	return status.Kind[*v1alpha1.OAuthClient]{
		New: func() *v1alpha1.OAuthClient { return new(v1alpha1.OAuthClient) },
		Common: func(c *v1alpha1.OAuthClient) (*int64, *[]metav1.Condition) {
			return &c.Status.ObservedGeneration, &c.Status.Conditions
		},
		Apply: func(c *v1alpha1.OAuthClient) (runtime.ApplyConfiguration, error) {
			s := apply.OAuthClientStatus()
			err := status.Convert(c.Status, s)
			return apply.OAuthClient(c.Name, c.Namespace).WithUID(c.UID).WithStatus(s), err
		},
		Order: []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionSecretReady, v1alpha1.ConditionProgrammed},
		Begin: r.begin,
		Gone:  r.gone,
	}
}

// gone ends a client: first what lets it in, then what it was handed. The garbage collector would take the Secret too;
// the operator does not rely on there being one. A Secret without an owner stays: it was retained, or was restored before its
// client.
func (r *Reconciler) gone(ctx context.Context, name types.NamespacedName) error {
	r.staged.set(name, "", "")
	if err := r.publisher.Gone(ctx, registration.KindClient, name); err != nil {
		return err
	}
	r.places.gone(name)
	var exists v1alpha1.OAuthClient
	if err := r.Get(ctx, name, &exists); err == nil {
		// It is being deleted, and somebody's finalizer holds it: its Secret is its own until it is gone.
		return nil
	}
	var secrets corev1.SecretList
	err := r.List(ctx, &secrets, client.InNamespace(name.Namespace), client.DisableReadYourWritesConsistency,
		client.MatchingFields{index.Controller: index.ControlledBy(owned.KindClient, name.Name)})
	if err != nil {
		return err
	}
	for i := range secrets.Items {
		if owned.ControllerName(&secrets.Items[i], owned.KindClient) != name.Name {
			continue
		}
		if err := r.publisher.Store.Secrets.Delete(ctx, &secrets.Items[i]); err != nil {
			return err
		}
	}
	return nil
}
