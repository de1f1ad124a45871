package oauthclient

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
)

// gatherSecrets finds the client's Secret, those it had under other names, and those of earlier clients of its name. A Secret is
// the client's when the client is its owner, or when it has none and proves that the operator made it for a client of this
// name: one that was retained, or restored from a backup. No Secret is ever taken for its name alone (K4).
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
		case s.Type != credentials.SecretType:
			// Whatever it says of itself, the operator makes none such.
			g.foreign = g.foreign || s.Name == name
		case owned.ControllerName(s, owned.KindClient) != "" && !owned.By(s, c.UID):
			g.orphans = append(g.orphans, *s)
		case !owned.By(s, c.UID) && !g.prover.Origin(s.Namespace, s.Name, c.Name, s.Annotations[credentials.AnnotationProof]):
			g.foreign = g.foreign || s.Name == name
		case s.Name == name:
			g.held.secret = s
		default:
			g.held.formers = append(g.held.formers, *s)
		}
	}
	if g.held.secret != nil || g.foreign {
		return nil
	}
	other := &corev1.Secret{}
	err = r.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: name}, other)
	g.foreign = err == nil && owned.ClientOf(other) != c.Name
	return status.Failed(client.IgnoreNotFound(err), "read Secret %s/%s", c.Namespace, name)
}

// gatherInbound reads the Secret that the manifest names, nil when there is none that opted in.
func (r *Reconciler) gatherInbound(ctx context.Context, c *v1alpha1.OAuthClient, g *gathered) error {
	ref := compile.InboundSecret(c)
	if ref == nil {
		return nil
	}
	name := types.NamespacedName{Namespace: c.Namespace, Name: ref.Name}
	s := &corev1.Secret{}
	err := r.referenced.Get(ctx, name, s)
	if apierrors.IsNotFound(err) {
		s, err = nil, nil
	}
	g.inbound, g.inboundFinding = compile.InboundValue(c, s)
	return status.Failed(err, "read Secret %s", name)
}

// gatherReplicas reads what the replicas say, where it matters: whether they honour a secret that is registered and not handed out
// yet, and which older ones were used.
func (r *Reconciler) gatherReplicas(ctx context.Context, server *v1alpha1.OAuthServer, now time.Time, g *gathered) error {
	pending, older := false, false
	for i, h := range g.held.previous {
		pending = pending || i > 0 && h.NotAfter.IsZero()
		older = older || !h.NotAfter.IsZero()
	}
	if server == nil || !pending && !older {
		return nil
	}
	at := types.NamespacedName{Namespace: server.Namespace, Name: server.Name}
	if pending {
		live, err := replica.Of(ctx, r.Client, at, now)
		if err != nil {
			return status.Failed(err, "read the Leases of OAuthServer %s", at)
		}
		// Where no replica is alive, nobody can be turned away, and one that starts loads what is registered.
		s := document.In(g.documents, server.Namespace)
		g.honoured = s != nil && (len(live.Loaded) == 0 || live.Serves(s.ResourceVersion))
	}
	if older {
		var err error
		if g.uses, err = replica.UsesOf(ctx, r.Client, at, now); err != nil {
			return status.Failed(err, "read the Leases of OAuthServer %s", at)
		}
	}
	return nil
}
