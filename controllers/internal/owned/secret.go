package owned

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
)

// ErrTaken: a Secret of the name exists that the operator did not make for this owner.
var ErrTaken = errors.New("the name is taken")

// Secrets writes Secrets.
type Secrets struct {
	// Client reads from the cache, which holds only Secrets with LabelManagedBy.
	Client client.Client
	// Live reads from the API server, metadata only, to find out who has a name.
	Live client.Reader
}

// Seen waits until the cache has what this process wrote under a name. A list that is not consistent is right about that
// Secret from then on.
func (s Secrets) Seen(ctx context.Context, name types.NamespacedName) error {
	return client.IgnoreNotFound(s.Client.Get(ctx, name, &corev1.Secret{}, client.UnsafeDisableDeepCopy))
}

// Put makes a Secret be as wanted. have is the one in the cache, nil when there is none; it was checked to be ours.
// Labels and annotations that others put on it are kept, those of AnnotationMetadata are not; its data is replaced whole. It returns the resourceVersion of
// what is there afterwards, and whether it wrote. Errors: ErrTaken, and those of the API; a Conflict means that the cache
// was behind.
func (s Secrets) Put(ctx context.Context, have, want *corev1.Secret) (version string, wrote bool, err error) {
	if have == nil {
		return s.create(ctx, want)
	}
	next := have.DeepCopy()
	release(next)
	next.Labels, next.Annotations = merged(next.Labels, want.Labels), merged(next.Annotations, want.Annotations)
	next.OwnerReferences, next.Data = want.OwnerReferences, want.Data
	if equality.Semantic.DeepEqual(have, next) {
		return have.ResourceVersion, false, nil
	}
	if frozen(have) && !equality.Semantic.DeepEqual(have.Data, next.Data) {
		return s.replace(ctx, have, want)
	}
	if err := s.Client.Update(ctx, next, status.FieldOwner); err != nil {
		return "", false, err
	}
	return next.ResourceVersion, true, nil
}

func (s Secrets) create(ctx context.Context, want *corev1.Secret) (string, bool, error) {
	made := want.DeepCopy()
	err := s.Client.Create(ctx, made, status.FieldOwner)
	if err == nil {
		return made.ResourceVersion, true, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return "", false, err
	}
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if gerr := s.Live.Get(ctx, client.ObjectKeyFromObject(want), meta); gerr != nil {
		return "", false, gerr
	}
	if ref := metav1.GetControllerOf(want); ref != nil && By(meta, ref.UID) || ref == nil && ClientOf(meta) == ClientOf(want) {
		// Ours after all, as it seems; the cache has not seen it yet.
		return "", false, apierrors.NewConflict(corev1.Resource("secrets"), want.Name, errors.New("the cache is behind"))
	}
	return "", false, fmt.Errorf("the Secret %s/%s: %w", want.Namespace, want.Name, ErrTaken)
}

// frozen reports whether somebody made the Secret immutable: the API server lets nobody change its content any more.
func frozen(s *corev1.Secret) bool { return s.Immutable != nil && *s.Immutable }

// replace makes a Secret anew, since its content cannot be changed. Only the one that was read is deleted.
func (s Secrets) replace(ctx context.Context, have, want *corev1.Secret) (version string, wrote bool, err error) {
	err = s.Client.Delete(ctx, have, client.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion})
	if client.IgnoreNotFound(err) != nil {
		return "", false, err
	}
	return s.create(ctx, want)
}

// Delete removes a Secret, as it was read and no newer one; that it is gone already is fine.
func (s Secrets) Delete(ctx context.Context, have *corev1.Secret) error {
	err := s.Client.Delete(ctx, have, client.Preconditions{UID: &have.UID})
	return client.IgnoreNotFound(err)
}

// release takes off a Secret the labels and annotations that a manifest asked for once, and the operator's own annotations: what is
// still true of them is put on anew with every write.
func release(s *corev1.Secret) {
	for entry := range strings.SplitSeq(s.Annotations[AnnotationMetadata], ",") {
		if key, ok := strings.CutPrefix(entry, "label "); ok {
			delete(s.Labels, key)
		}
		if key, ok := strings.CutPrefix(entry, "annotation "); ok {
			delete(s.Annotations, key)
		}
	}
	maps.DeleteFunc(s.Annotations, func(key, _ string) bool { return strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/") })
}

func merged(have, want map[string]string) map[string]string {
	if len(have)+len(want) == 0 {
		return nil
	}
	out := make(map[string]string, len(have)+len(want))
	maps.Copy(out, have)
	maps.Copy(out, want)
	return out
}
