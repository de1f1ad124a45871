package oauthgrantpolicy

import (
	"context"
	"fmt"
	"strings"
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

// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthgrantpolicies;oauthservers;oauthclients;oauthidentityproviders;oauthresources,verbs=get;list;watch
// +kubebuilder:rbac:groups=grantkeeper.dev,resources=oauthgrantpolicies/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler reconciles OAuthGrantPolicies.
type Reconciler struct {
	client.Client
	publisher document.Publisher
	clock     func() time.Time
	counted   status.Pace
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
		clock:     o.Clock,
	}
	b := ctrl.NewControllerManagedBy(mgr).
		Named("oauthgrantpolicy").
		For(&v1alpha1.OAuthGrantPolicy{}).
		Watches(&v1alpha1.OAuthServer{}, handler.EnqueueRequestsFromMapFunc(r.beside), builder.WithPredicates(change.ServerMatters())).
		Watches(&v1alpha1.OAuthResource{}, handler.EnqueueRequestsFromMapFunc(r.beside), builder.WithPredicates(change.Declared())).
		Watches(&v1alpha1.OAuthIdentityProvider{}, handler.EnqueueRequestsFromMapFunc(r.beside), builder.WithPredicates(change.Declared())).
		Watches(&v1alpha1.OAuthClient{}, r.recount(), builder.WithPredicates(verdictChanged())).
		WithOptions(controller.Options{ReconciliationTimeout: status.Timeout})
	return r.publisher.Watch(b, registration.KindPolicy).Complete(&status.Reconciler[*v1alpha1.OAuthGrantPolicy]{
		Kind:   r.kind(),
		Client: mgr.GetClient(),
		Live:   mgr.GetAPIReader(),
		Events: mgr.GetEventRecorder("grantkeeper-oauthgrantpolicy"),
		Clock:  o.Clock,
	})
}

func (r *Reconciler) kind() status.Kind[*v1alpha1.OAuthGrantPolicy] {
	return status.Kind[*v1alpha1.OAuthGrantPolicy]{
		New: func() *v1alpha1.OAuthGrantPolicy { return new(v1alpha1.OAuthGrantPolicy) },
		Common: func(p *v1alpha1.OAuthGrantPolicy) (*int64, *[]metav1.Condition) {
			return &p.Status.ObservedGeneration, &p.Status.Conditions
		},
		Apply: func(p *v1alpha1.OAuthGrantPolicy) (runtime.ApplyConfiguration, error) {
			s := apply.OAuthGrantPolicyStatus()
			err := status.Convert(p.Status, s)
			return apply.OAuthGrantPolicy(p.Name, p.Namespace).WithUID(p.UID).WithStatus(s), err
		},
		Order: []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed},
		Begin: r.begin,
		Gone: func(ctx context.Context, name types.NamespacedName) error {
			r.counted.Gone(name)
			return r.publisher.Gone(ctx, registration.KindPolicy, name)
		},
	}
}

func (r *Reconciler) begin(p *v1alpha1.OAuthGrantPolicy, marks *status.Conditions) status.Run {
	publish := func(ctx context.Context) error {
		var servers v1alpha1.OAuthServerList
		if err := r.List(ctx, &servers, client.InNamespace(p.Namespace)); err != nil {
			return status.Failed(err, "list OAuthServers")
		}
		var c document.Compiled
		var d *registration.Policy
		if d, c.Findings = compile.Policy(p, servers.Items); d != nil {
			c.Document = d
		}
		var err error
		if c.Note, err = r.note(ctx, p, servers.Items); err != nil {
			return err
		}
		c.Server, _ = compile.LocalServerOf(p.Spec.ServerRef, p.Namespace, servers.Items)
		return r.publisher.Settle(ctx, marks, registration.KindPolicy, client.ObjectKeyFromObject(p), c)
	}
	var wake time.Time
	count := func(ctx context.Context) error {
		counts, err := r.count(ctx, p)
		if err != nil || p.Status.Clients != nil && *p.Status.Clients == *counts {
			return err
		}
		var due bool
		if wake, due = r.counted.Due(client.ObjectKeyFromObject(p), r.clock()); due {
			p.Status.Clients = counts
		}
		return nil
	}
	return status.Run{Steps: []status.Step{publish, count}, Wake: func() time.Time { return wake }}
}

// note says which providers and resources a policy names that are not there, and so allow nothing.
func (r *Reconciler) note(ctx context.Context, p *v1alpha1.OAuthGrantPolicy, servers []v1alpha1.OAuthServer) (string, error) {
	var notes []string
	if len(p.Spec.Allow.IdentityProviders) > 0 {
		var providers v1alpha1.OAuthIdentityProviderList
		if err := r.List(ctx, &providers, client.InNamespace(p.Namespace)); err != nil {
			return "", status.Failed(err, "list OAuthIdentityProviders")
		}
		if unknown := compile.UnknownProviders(p, providers.Items, servers); len(unknown) > 0 {
			notes = append(notes, fmt.Sprintf("spec.allow.identityProviders: the server has no OAuthIdentityProvider %s, so that nobody comes in by that name; "+
				"correct it, or create the provider.", listed(unknown)))
		}
	}
	if len(p.Spec.Allow.Resources) > 0 {
		var resources v1alpha1.OAuthResourceList
		if err := r.List(ctx, &resources, client.InNamespace(p.Namespace), client.UnsafeDisableDeepCopy); err != nil {
			return "", status.Failed(err, "list OAuthResources")
		}
		if unknown := compile.UnknownResources(p, resources.Items, servers); len(unknown) > 0 {
			notes = append(notes, fmt.Sprintf("spec.allow.resources: the server has no OAuthResource %s, so that nothing is allowed by that name; "+
				"correct it, or create the resource.", listed(unknown)))
		}
	}
	return strings.Join(notes, " "), nil
}

// listed names some of many.
func listed(names []string) string {
	const shown = 8
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), more)
	}
	return strings.Join(names, ", ")
}

// beside finds the policies of the namespace of a server or a provider.
func (r *Reconciler) beside(ctx context.Context, o client.Object) []reconcile.Request {
	var list v1alpha1.OAuthGrantPolicyList
	if err := r.List(ctx, &list, client.InNamespace(o.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "cannot list OAuthGrantPolicies")
		return nil
	}
	out := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		out[i] = reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])}
	}
	return out
}
