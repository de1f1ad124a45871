package oauthclient

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// gathered is everything that decides about a client, read once.
type gathered struct {
	inputs compile.ClientInputs
	held   held
	// foreign is true when the Secret's name belongs to a Secret of the operator's for somebody else.
	foreign bool
	// orphans are Secrets made for an earlier client of the same name, which is gone.
	orphans []corev1.Secret
	// documents are the registrations found, in whatever namespace.
	documents []corev1.Secret
}

// gather reads the inputs from the cache.
func (r *Reconciler) gather(ctx context.Context, c *v1alpha1.OAuthClient) (*gathered, error) {
	g := &gathered{inputs: compile.ClientInputs{Client: c}}
	var servers v1alpha1.OAuthServerList
	if err := r.list(ctx, &servers); err != nil {
		return nil, status.Failed(err, "list OAuthServers")
	}
	g.inputs.Servers = servers.Items
	server, _ := compile.ServerOf(c, servers.Items)
	if server != nil {
		if err := r.gatherPlatform(ctx, server.Namespace, g); err != nil {
			return nil, err
		}
	}
	var err error
	if g.inputs.NamespaceLabels, err = r.labelsOf(ctx, c.Namespace); err != nil {
		return nil, err
	}
	if err := r.gatherRivals(ctx, c, server, g); err != nil {
		return nil, err
	}
	if err := r.gatherSecrets(ctx, c, g); err != nil {
		return nil, err
	}
	return g, r.gatherPrevious(ctx, c, server, g)
}

// list reads manifests, from the cache's own objects: compile does not change them, and to copy fifty policies for each of
// ten thousand clients would be most of the work. There is no waiting for what the operator wrote: that is statuses alone,
// and would have every client wait for those of all others.
func (r *Reconciler) list(ctx context.Context, list client.ObjectList, where ...client.ListOption) error {
	return r.List(ctx, list, append(where, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)...)
}

func (r *Reconciler) gatherPlatform(ctx context.Context, namespace string, g *gathered) error {
	var policies v1alpha1.OAuthGrantPolicyList
	if err := r.list(ctx, &policies, client.InNamespace(namespace)); err != nil {
		return status.Failed(err, "list OAuthGrantPolicies")
	}
	var resources v1alpha1.OAuthResourceList
	if err := r.list(ctx, &resources, client.InNamespace(namespace)); err != nil {
		return status.Failed(err, "list OAuthResources")
	}
	g.inputs.Policies, g.inputs.Resources = policies.Items, resources.Items
	return nil
}

// labelsOf reads the labels of a namespace. Not found means that the cache of namespaces is behind that of clients: without
// labels the decision would be wrong, so that it is an error like any other, and tried again.
func (r *Reconciler) labelsOf(ctx context.Context, namespace string) (map[string]string, error) {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil {
		return nil, status.Failed(err, "read Namespace %s", namespace)
	}
	return ns.Labels, nil
}

// gatherRivals finds the other clients with the same client id, and which of them are registered.
func (r *Reconciler) gatherRivals(ctx context.Context, c *v1alpha1.OAuthClient, server *v1alpha1.OAuthServer, g *gathered) error {
	var list v1alpha1.OAuthClientList
	if err := r.list(ctx, &list, client.MatchingFields{index.ClientID: compile.ClientID(c)}); err != nil {
		return status.Failed(err, "list OAuthClients")
	}
	for i := range list.Items {
		other := &list.Items[i]
		if server == nil || other.UID == c.UID || !other.DeletionTimestamp.IsZero() {
			continue
		}
		labels, err := r.labelsOf(ctx, other.Namespace)
		if err != nil {
			return err
		}
		found, err := r.publisher.Store.Find(ctx, registration.KindClient, client.ObjectKeyFromObject(other), server.Namespace)
		if err != nil {
			return err
		}
		d := document.In(found, server.Namespace)
		g.inputs.Rivals = append(g.inputs.Rivals, compile.Rival{
			Client: *other, NamespaceLabels: labels, Registered: d != nil && d.Labels[registration.LabelServer] == server.Name,
		})
	}
	return nil
}

// gatherSecrets finds the client's Secret, those it had under other names, and those of earlier clients of its name.
func (r *Reconciler) gatherSecrets(ctx context.Context, c *v1alpha1.OAuthClient, g *gathered) error {
	name := compile.SecretName(c)
	if err := r.publisher.Store.Secrets.Seen(ctx, types.NamespacedName{Namespace: c.Namespace, Name: name}); err != nil {
		return status.Failed(err, "read Secret %s/%s", c.Namespace, name)
	}
	var list corev1.SecretList
	err := r.List(ctx, &list, client.InNamespace(c.Namespace), client.DisableReadYourWritesConsistency,
		client.MatchingFields{index.Controller: index.ControlledBy(owned.KindClient, c.Name)})
	if err != nil {
		return status.Failed(err, "list the Secrets of OAuthClient %s/%s", c.Namespace, c.Name)
	}
	for i := range list.Items {
		s := &list.Items[i]
		switch {
		case !owned.By(s, c.UID):
			g.orphans = append(g.orphans, *s)
		case s.Name == name:
			g.held.secret = s
		default:
			g.held.formers = append(g.held.formers, *s)
		}
	}
	if g.held.secret != nil {
		return nil
	}
	other := &corev1.Secret{}
	err = r.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: name}, other)
	g.foreign = err == nil && owned.ControllerName(other, owned.KindClient) != c.Name
	return status.Failed(client.IgnoreNotFound(err), "read Secret %s/%s", c.Namespace, name)
}

// gatherPrevious decodes the registration in force. One that does not decode, or that belongs to an earlier client of
// the same name, is no memory: a client that is made again inherits nothing (K05).
func (r *Reconciler) gatherPrevious(ctx context.Context, c *v1alpha1.OAuthClient, server *v1alpha1.OAuthServer, g *gathered) error {
	namespace := ""
	if server != nil {
		namespace = server.Namespace
	}
	found, err := r.publisher.Store.Find(ctx, registration.KindClient, client.ObjectKeyFromObject(c), namespace)
	if err != nil {
		return err
	}
	g.documents = found
	if server == nil {
		return nil
	}
	s := document.In(found, server.Namespace)
	if s == nil || s.Labels[registration.LabelServer] != server.Name {
		return nil
	}
	d, err := registration.Decode(s.Data[registration.DataKey])
	if err != nil {
		return nil //nolint:nilerr // It is written anew; the server refuses it meanwhile.
	}
	if previous, ok := d.(*registration.Client); ok && previous.UID == string(c.UID) {
		g.inputs.Previous = previous
		g.held.previous = previous.Authentication.Secrets
	}
	return nil
}
