package oauthclient

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// provers remembers what proves the Secrets of each server's clients, so that its keys are read once and not for every client.
// Its zero value is ready for use, also concurrently.
type provers struct {
	mu       sync.Mutex
	byServer map[types.NamespacedName]prover
}

// prover is what was derived from one version of a server's keys.
type prover struct {
	version string
	*credentials.Prover
}

func (p *provers) get(server types.NamespacedName, version string) *credentials.Prover {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.byServer[server]; known.version == version {
		return known.Prover
	}
	return nil
}

func (p *provers) set(server types.NamespacedName, version string, made *credentials.Prover) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byServer == nil {
		p.byServer = map[types.NamespacedName]prover{}
	}
	p.byServer[server] = prover{version, made}
}

// has reports whether the keys of a server could be read the last time that they were asked for.
func (p *provers) has(server types.NamespacedName) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byServer[server].Prover != nil
}

// proverOf is what proves the Secrets of the clients of a server, nil while the server has no keys that can be read: there is a
// watch that says when it has.
func (r *Reconciler) proverOf(ctx context.Context, server *v1alpha1.OAuthServer) (*credentials.Prover, error) {
	owner := types.NamespacedName{Namespace: server.Namespace, Name: server.Name}
	found, err := r.publisher.Store.Find(ctx, registration.KindKeys, owner, server.Namespace)
	if err != nil {
		return nil, err
	}
	s := document.In(found, server.Namespace)
	if s == nil {
		r.provers.set(owner, "", nil)
		return nil, nil
	}
	version := string(s.UID) + "/" + s.ResourceVersion
	if known := r.provers.get(owner, version); known != nil {
		return known, nil
	}
	var made *credentials.Prover
	if d, err := registration.Decode(s.Data[registration.DataKey]); err == nil {
		if keys, ok := d.(*registration.Keys); ok && keys.Namespace == owner.Namespace && keys.Name == owner.Name {
			// What is wrong with the keys is said by the server's own status.
			made, _ = credentials.NewProver(keys.AtRest)
		}
	}
	r.provers.set(owner, version, made)
	return made, nil
}
