package oauthclient

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
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
	// prover proves the Secrets of the server's clients; nil while the server has no keys, or there is no server.
	prover *credentials.Prover
	// inbound is the secret that the app team brings, or inboundFinding says why there is none.
	inbound        string
	inboundFinding *compile.Finding
	// honoured is true when every live replica honours a secret that is registered and not handed out yet.
	honoured bool
	// uses are those of the client's older secrets, among others.
	uses replica.Uses
}

// gather reads the inputs from the cache.
func (r *Reconciler) gather(ctx context.Context, c *v1alpha1.OAuthClient, now time.Time) (*gathered, error) {
	g := &gathered{inputs: compile.ClientInputs{Client: c}}
	var servers v1alpha1.OAuthServerList
	if err := r.list(ctx, &servers); err != nil {
		return nil, status.Failed(err, "list OAuthServers")
	}
	g.inputs.Servers = servers.Items
	server, _ := compile.ServerOf(c, servers.Items)
	var err error
	if server != nil {
		if err := r.gatherPlatform(ctx, server.Namespace, g); err != nil {
			return nil, err
		}
		if g.prover, err = r.proverOf(ctx, server); err != nil {
			return nil, err
		}
	}
	if g.inputs.NamespaceLabels, err = r.labelsOf(ctx, c.Namespace); err != nil {
		return nil, err
	}
	if err := r.gatherRivals(ctx, c, server, g); err != nil {
		return nil, err
	}
	if err := r.gatherSecrets(ctx, c, g); err != nil {
		return nil, err
	}
	if err := r.gatherInbound(ctx, c, g); err != nil {
		return nil, err
	}
	if err := r.gatherPrevious(ctx, c, server, g); err != nil {
		return nil, err
	}
	return g, r.gatherReplicas(ctx, server, now, g)
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
