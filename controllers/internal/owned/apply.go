package owned

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
)

// Configuration is an apply configuration of one object.
type Configuration interface {
	runtime.ApplyConfiguration
	GetName() *string
	GetNamespace() *string
}

// Applier applies objects that are not Secrets. It remembers what it applied, so that an object that is as it was left
// costs no request; a restart forgets, and applies once more. It is safe for concurrent use.
type Applier struct {
	// Client reads from the cache, which holds only objects with LabelManagedBy.
	Client client.Client
	// Live reads from the API server, metadata only, to find out who has a name.
	Live client.Reader

	mu   sync.Mutex
	last map[appliedKey]applied
}

type appliedKey struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

// applied is a configuration and the version of the object that came of it.
type applied struct {
	hash    [sha256.Size]byte
	version string
}

// Apply makes an object be as configured. into is an empty object of its kind, filled in with what the cache has; the
// owner is the object of ours that controls it. It fails with ErrTaken when somebody else's object has the name.
func (a *Applier) Apply(ctx context.Context, owner client.Object, ownerKind string, c Configuration, into client.Object) error {
	kind, err := apiutil.GVKForObject(into, a.Client.Scheme())
	if err != nil {
		return err
	}
	key := appliedKey{kind, types.NamespacedName{Namespace: *c.GetNamespace(), Name: *c.GetName()}}
	hash, err := hashOf(c)
	if err != nil {
		return err
	}
	err = a.Client.Get(ctx, key.name, into)
	switch {
	case apierrors.IsNotFound(err):
		if err := a.free(ctx, kind, key.name, owner); err != nil {
			return err
		}
	case err != nil:
		return err
	case ControllerName(into, ownerKind) != owner.GetName():
		return fmt.Errorf("%s %s: %w", kind.Kind, key.name, ErrTaken)
	case a.unchanged(key, applied{hash, into.GetResourceVersion()}):
		return nil
	}
	if err := a.Client.Apply(ctx, c, status.FieldOwner, client.ForceOwnership); err != nil {
		return err
	}
	if err := a.Client.Get(ctx, key.name, into); err != nil {
		return err
	}
	a.remember(key, applied{hash, into.GetResourceVersion()})
	return nil
}

// free checks that no object of somebody else has the name. An object that the operator made and that lost its label is
// somebody else's as well: whoever took the label off took it over.
func (a *Applier) free(ctx context.Context, kind schema.GroupVersionKind, name types.NamespacedName, owner client.Object) error {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(kind)
	err := a.Live.Get(ctx, name, meta)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case By(meta, owner.GetUID()):
		return apierrors.NewConflict(schema.GroupResource{Group: kind.Group, Resource: kind.Kind}, name.Name, errors.New("the cache is behind"))
	}
	return fmt.Errorf("%s %s: %w", kind.Kind, name, ErrTaken)
}

func (a *Applier) unchanged(key appliedKey, now applied) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last[key] == now
}

func (a *Applier) remember(key appliedKey, now applied) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil {
		a.last = map[appliedKey]applied{}
	}
	a.last[key] = now
}

// Delete removes an object of ours if it is there. into is an empty object of its kind.
func (a *Applier) Delete(ctx context.Context, owner client.Object, name types.NamespacedName, into client.Object) error {
	if err := a.Client.Get(ctx, name, into); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !By(into, owner.GetUID()) {
		return nil
	}
	uid := into.GetUID()
	return client.IgnoreNotFound(a.Client.Delete(ctx, into, client.Preconditions{UID: &uid}))
}

func hashOf(c Configuration) ([sha256.Size]byte, error) {
	b, err := json.Marshal(c)
	return sha256.Sum256(b), err
}
