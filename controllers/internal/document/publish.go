package document

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// settle is how long replicas that are alive get to load a document before a status says that they have not: they mostly
// need a fraction of a second, and one write of a status does where two would. The API server stands still for longer
// under a load of many manifests.
const settle = 2 * time.Second

// Publisher brings documents of one kind to the replicas and says when they are served.
type Publisher struct {
	Store Store
	// Waiting takes the manifests whose document is not served everywhere yet.
	Waiting *replica.Waiting
	// Clock tells the time.
	Clock func() time.Time
}

// Publish writes the document for its server, removes it from any other namespace, and marks Programmed.
func (p Publisher) Publish(ctx context.Context, marks *status.Conditions, server *v1alpha1.OAuthServer, d registration.Document, owner types.NamespacedName, found []corev1.Secret) error {
	version, err := p.Store.Put(ctx, server, d, owner, found)
	if err != nil {
		return err
	}
	if err := p.Store.Remove(ctx, found, server.Namespace); err != nil {
		return err
	}
	at := types.NamespacedName{Namespace: server.Namespace, Name: server.Name}
	// Registered as waiting first, judged second: a Lease that moves in between finds us on the list.
	since := p.Waiting.Add(at, owner, version, p.Clock())
	replicas, err := replica.Of(ctx, p.Store.Secrets.Client, at, p.Clock())
	if err != nil {
		return status.Failed(err, "read the Leases of OAuthServer %s", at)
	}
	if p.program(marks, at, replicas, version) {
		p.Waiting.Done(owner)
	} else if len(replicas.Loaded) > 0 {
		marks.Soon(since.Add(settle))
	}
	return nil
}

// program marks Programmed by what the replicas report.
func (p Publisher) program(marks *status.Conditions, server types.NamespacedName, r replica.Replicas, version string) bool {
	switch {
	case len(r.Loaded) == 0:
		marks.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonNoReplica,
			"No replica of OAuthServer %s is running; see kubectl describe oauthserver -n %s %s.", server, server.Namespace, server.Name)
		return false
	case !r.Serves(version):
		// No count: only those whose wait is over are woken, so that it would not be kept up.
		marks.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonNotServed,
			"Not every replica of OAuthServer %s has loaded it yet.", server)
		return false
	}
	marks.True(v1alpha1.ConditionProgrammed, v1alpha1.ReasonServed, "Every replica of OAuthServer %s serves it.", server)
	return true
}

// Withdraw removes the documents found of a manifest that is not accepted, and marks Programmed.
func (p Publisher) Withdraw(ctx context.Context, marks *status.Conditions, owner types.NamespacedName, found []corev1.Secret) error {
	p.Waiting.Done(owner)
	if err := p.Store.Remove(ctx, found, ""); err != nil {
		return err
	}
	marks.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonNotRegistered, "The server does not have it, because it is not accepted.")
	return nil
}

// Gone removes every document of a manifest that does not exist any more.
func (p Publisher) Gone(ctx context.Context, kind registration.Kind, owner types.NamespacedName) error {
	p.Waiting.Done(owner)
	return p.Store.Withdraw(ctx, kind, owner)
}
