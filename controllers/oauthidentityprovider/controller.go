package oauthidentityprovider

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	apply "github.com/grantkeeper/grantkeeper/api/applyconfiguration/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/change"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthidentityproviders;oauthservers,verbs=get;list;watch
// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthidentityproviders/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler reconciles OAuthIdentityProviders.
type Reconciler struct {
	client.Client
	publisher  document.Publisher
	referenced client.Reader
}

// Options are what the reconciler is made of. Every field is required.
type Options struct {
	// Store keeps documents.
	Store document.Store
	// Clock tells the time.
	Clock func() time.Time
	// Referenced is the cache of Secrets that opted in to being read.
	Referenced cache.Cache
}

// Register adds the reconciler to a manager.
func Register(mgr ctrl.Manager, o Options) error {
	r := &Reconciler{
		Client:     mgr.GetClient(),
		publisher:  document.Publisher{Store: o.Store, Waiting: new(replica.Waiting), Clock: o.Clock},
		referenced: o.Referenced,
	}
	b := ctrl.NewControllerManagedBy(mgr).
		Named("oauthidentityprovider").
		For(&v1alpha1.OAuthIdentityProvider{}).
		Watches(&v1alpha1.OAuthServer{}, handler.EnqueueRequestsFromMapFunc(r.beside), builder.WithPredicates(change.ServerMatters())).
		WatchesRawSource(source.Kind(o.Referenced, client.Object(&corev1.Secret{}), handler.EnqueueRequestsFromMapFunc(r.naming))).
		WithOptions(controller.Options{ReconciliationTimeout: status.Timeout})
	return r.publisher.Watch(b, registration.KindIdentityProvider).Complete(&status.Reconciler[*v1alpha1.OAuthIdentityProvider]{
		Kind:   r.kind(),
		Client: mgr.GetClient(),
		Live:   mgr.GetAPIReader(),
		Events: mgr.GetEventRecorder("grantkeeper-oauthidentityprovider"),
		Clock:  o.Clock,
	})
}

func (r *Reconciler) kind() status.Kind[*v1alpha1.OAuthIdentityProvider] {
	return status.Kind[*v1alpha1.OAuthIdentityProvider]{
		New: func() *v1alpha1.OAuthIdentityProvider { return new(v1alpha1.OAuthIdentityProvider) },
		Common: func(p *v1alpha1.OAuthIdentityProvider) (*int64, *[]metav1.Condition) {
			return &p.Status.ObservedGeneration, &p.Status.Conditions
		},
		Apply: func(p *v1alpha1.OAuthIdentityProvider) (runtime.ApplyConfiguration, error) {
			s := apply.OAuthIdentityProviderStatus()
			err := status.Convert(p.Status, s)
			return apply.OAuthIdentityProvider(p.Name, p.Namespace).WithUID(p.UID).WithStatus(s), err
		},
		Order: []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionSecretReady, v1alpha1.ConditionProgrammed},
		Begin: r.begin,
		Gone: func(ctx context.Context, name types.NamespacedName) error {
			return r.publisher.Gone(ctx, registration.KindIdentityProvider, name)
		},
	}
}

func (r *Reconciler) begin(p *v1alpha1.OAuthIdentityProvider, marks *status.Conditions) status.Run {
	publish := func(ctx context.Context) error {
		var servers v1alpha1.OAuthServerList
		if err := r.List(ctx, &servers, client.InNamespace(p.Namespace)); err != nil {
			return status.Failed(err, "list OAuthServers")
		}
		secret, err := r.secret(ctx, p)
		if err != nil {
			return err
		}
		var c document.Compiled
		d, findings := compile.IdentityProvider(p, servers.Items, secret)
		c.Findings = findings
		p.Status.Type, p.Status.Accounts = compile.ProviderType(&p.Spec), nil
		if d != nil {
			c.Document = d
			p.Status.Accounts = count(d)
		}
		markSecret(marks, p, secret, findings)
		c.Server, _ = compile.LocalServerOf(p.Spec.ServerRef, p.Namespace, servers.Items)
		return r.publisher.Settle(ctx, marks, registration.KindIdentityProvider, client.ObjectKeyFromObject(p), c)
	}
	return status.Run{Steps: []status.Step{publish}}
}

// secret reads the Secret that the manifest names, nil when there is none that opted in.
func (r *Reconciler) secret(ctx context.Context, p *v1alpha1.OAuthIdentityProvider) (*corev1.Secret, error) {
	name := types.NamespacedName{Namespace: p.Namespace, Name: compile.ReferencedSecret(&p.Spec)}
	if name.Name == "" {
		return nil, nil
	}
	s := &corev1.Secret{}
	err := r.referenced.Get(ctx, name, s)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return s, status.Failed(err, "read Secret %s", name)
}

// markSecret marks SecretReady by what was found about the Secret.
func markSecret(marks *status.Conditions, p *v1alpha1.OAuthIdentityProvider, secret *corev1.Secret, findings []compile.Finding) {
	for _, f := range findings {
		if document.AboutSecret(f) {
			marks.False(v1alpha1.ConditionSecretReady, f.Reason, "%s", f.Message)
			return
		}
	}
	name := compile.ReferencedSecret(&p.Spec)
	switch {
	case name == "":
		marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonReady, "It needs no Secret.")
	case secret == nil:
		marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretNotFound,
			"There is no Secret %s with the label %s: \"true\".", name, v1alpha1.LabelReferenced)
	case p.Spec.Local != nil:
		marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonReady, "Secret %s holds the accounts.", name)
	default:
		marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonReady, "Secret %s holds the credentials.", name)
	}
}

// count says how many accounts there are, nil where they are kept elsewhere.
func count(d *registration.IdentityProvider) *int32 {
	if d.Local == nil {
		return nil
	}
	n := int32(min(len(d.Local.Accounts), 1<<30)) //nolint:gosec // bounded
	return &n
}

// naming finds the providers that name a Secret.
func (r *Reconciler) naming(ctx context.Context, o client.Object) []reconcile.Request {
	return r.requests(ctx, client.InNamespace(o.GetNamespace()), client.MatchingFields{index.ReferencedSecret: o.GetName()})
}

// beside finds the providers of a server's namespace.
func (r *Reconciler) beside(ctx context.Context, o client.Object) []reconcile.Request {
	return r.requests(ctx, client.InNamespace(o.GetNamespace()))
}

func (r *Reconciler) requests(ctx context.Context, where ...client.ListOption) []reconcile.Request {
	var list v1alpha1.OAuthIdentityProviderList
	if err := r.List(ctx, &list, append(where, client.UnsafeDisableDeepCopy)...); err != nil {
		logf.FromContext(ctx).Error(err, "cannot list OAuthIdentityProviders")
		return nil
	}
	out := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		out[i] = reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])}
	}
	return out
}
