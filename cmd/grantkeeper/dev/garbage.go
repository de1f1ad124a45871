package dev

import (
	"context"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// collectEvery is how often it is looked for what has lost its owner. A demo has few Secrets, so a list now and then is
// cheaper than it is to follow them.
const collectEvery = time.Second

// collectGarbage does what a cluster's controller manager does for objects of ours: it deletes the Secrets of an owner that is gone. Without it, a
// client that is deleted and made again would find its own Secret in the way. It returns ctx's error.
func collectGarbage(ctx context.Context, c client.Client, log *slog.Logger) error {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := collect(ctx, c, log); err != nil && ctx.Err() == nil {
				log.Warn("garbage could not be collected; trying again", "error", err)
			}
		}
	}
}

func collect(ctx context.Context, c client.Client, log *slog.Logger) error {
	var secrets metav1.PartialObjectMetadataList
	secrets.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	if err := c.List(ctx, &secrets); err != nil {
		return err
	}
	gone := map[types.UID]bool{}
	for i := range secrets.Items {
		s := &secrets.Items[i]
		orphan := len(s.OwnerReferences) > 0
		for _, ref := range s.OwnerReferences {
			is, known := gone[ref.UID]
			if !known {
				var err error
				if is, err = isGone(ctx, c, s.Namespace, ref); err != nil {
					return err
				}
				gone[ref.UID] = is
			}
			orphan = orphan && is
		}
		if !orphan {
			continue
		}
		log.Info("deleting a Secret whose owner is gone", "namespace", s.Namespace, "name", s.Name)
		if err := client.IgnoreNotFound(c.Delete(ctx, s, client.Preconditions{UID: &s.UID})); err != nil {
			return err
		}
	}
	return nil
}

// isGone reports whether an owner of one of our kinds does not exist any more, or another one has its name. Owners of other kinds are
// taken to exist.
func isGone(ctx context.Context, c client.Client, namespace string, ref metav1.OwnerReference) (bool, error) {
	if ref.APIVersion != v1alpha1.GroupVersion.String() {
		return false, nil
	}
	var owner metav1.PartialObjectMetadata
	owner.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(ref.Kind))
	err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.Name}, &owner)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil && owner.UID != ref.UID, err
}
