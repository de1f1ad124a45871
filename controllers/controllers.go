package controllers

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/cluster"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/slim"
	"github.com/grantkeeper/grantkeeper/controllers/issuerhosts"
	"github.com/grantkeeper/grantkeeper/controllers/oauthclient"
	"github.com/grantkeeper/grantkeeper/controllers/oauthgrantpolicy"
	"github.com/grantkeeper/grantkeeper/controllers/oauthidentityprovider"
	"github.com/grantkeeper/grantkeeper/controllers/oauthresource"
	"github.com/grantkeeper/grantkeeper/controllers/oauthserver"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Options configures the operator. The zero value watches all namespaces and makes no workload.
type Options struct {
	// Deploy makes the workload of every OAuthServer; without it somebody else runs the replicas.
	Deploy bool
	// ServerImage is the container image of the server; required with Deploy.
	ServerImage string
	// Namespaces are those that are watched; all when empty.
	Namespaces []string
	// IssuerHosts is the ConfigMap with the hosts of the issuers, for the admission policies; none is kept when empty.
	IssuerHosts types.NamespacedName
	// Clock tells the time; time.Now when nil.
	Clock func() time.Time
	// Random makes keys and client secrets; crypto/rand.Reader when nil.
	Random io.Reader
}

func (o Options) complete() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o
}

// Configure sets what the reconcilers need in the options of their manager: scheme, cache and client. Everything else is
// the caller's.
func Configure(m *manager.Options, o Options) error {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	reporting, err := labels.NewRequirement(registration.LabelReplica, selection.Exists, nil)
	if err != nil {
		return err
	}
	ours := labels.SelectorFromSet(labels.Set{owned.LabelManagedBy: owned.ManagedBy})
	m.Scheme = scheme
	m.Cache.DefaultNamespaces = namespaces(o)
	m.Cache.DefaultTransform = slim.Transform()
	m.Cache.ByObject = map[client.Object]cache.ByObject{
		&corev1.Secret{}:        {Label: ours},
		&coordinationv1.Lease{}: {Label: labels.NewSelector().Add(*reporting)},
	}
	if o.IssuerHosts.Name != "" {
		m.Cache.ByObject[&corev1.ConfigMap{}] = cache.ByObject{Namespaces: map[string]cache.Config{
			o.IssuerHosts.Namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", o.IssuerHosts.Name)},
		}}
	}
	for _, obj := range oauthserver.Workload() {
		m.Cache.ByObject[obj] = cache.ByObject{Label: ours}
	}
	// Without this, a reconciliation that follows a write closely would decide on what was there before it, and hand out a
	// second secret or a second set of keys.
	consistent := true
	m.Client.Cache = &client.CacheOptions{EnableReadYourWritesConsistency: &consistent}
	return nil
}

// Register adds every reconciler to a manager that was set up with Configure.
func Register(mgr ctrl.Manager, o Options) error {
	o = o.complete()
	if err := index.Register(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return err
	}
	referenced, err := referencedSecrets(mgr, o)
	if err != nil {
		return fmt.Errorf("the cache of referenced Secrets: %w", err)
	}
	keys, err := cluster.New(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("the cluster's keys: %w", err)
	}
	store := document.Store{Secrets: owned.Secrets{Client: mgr.GetClient(), Live: mgr.GetAPIReader()}}
	for _, register := range []func() error{
		func() error {
			return oauthserver.Register(mgr, oauthserver.Options{
				Store: store, Cluster: keys, Clock: o.Clock, Random: o.Random, Image: o.ServerImage, Deploy: o.Deploy,
			})
		},
		func() error {
			return oauthclient.Register(mgr, oauthclient.Options{Store: store, Clock: o.Clock, Random: o.Random, Referenced: referenced})
		},
		func() error {
			return oauthgrantpolicy.Register(mgr, oauthgrantpolicy.Options{Store: store, Clock: o.Clock})
		},
		func() error { return oauthresource.Register(mgr, oauthresource.Options{Store: store, Clock: o.Clock}) },
		func() error {
			return oauthidentityprovider.Register(mgr, oauthidentityprovider.Options{Store: store, Clock: o.Clock, Referenced: referenced})
		},
		func() error {
			if o.IssuerHosts.Name == "" {
				return nil
			}
			return issuerhosts.Register(mgr, issuerhosts.Options{Store: store, List: o.IssuerHosts})
		},
	} {
		if err := register(); err != nil {
			return err
		}
	}
	return nil
}

// referencedSecrets is a cache of its own for the Secrets that manifests name: one label selector cannot say "made by the
// operator or opted in", and these are never to be mixed up with those that the operator may change.
func referencedSecrets(mgr ctrl.Manager, o Options) (cache.Cache, error) {
	c, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient:        mgr.GetHTTPClient(),
		Scheme:            mgr.GetScheme(),
		Mapper:            mgr.GetRESTMapper(),
		DefaultNamespaces: namespaces(o),
		DefaultTransform:  slim.Transform(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelReferenced: "true"})},
		},
	})
	if err != nil {
		return nil, err
	}
	return c, mgr.Add(c)
}

func namespaces(o Options) map[string]cache.Config {
	if len(o.Namespaces) == 0 {
		return nil
	}
	out := make(map[string]cache.Config, len(o.Namespaces))
	for _, n := range o.Namespaces {
		out[n] = cache.Config{}
	}
	return out
}
