package replica

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const (
	// UsesDelay is how long a replica may keep the use of a secret to itself before it reports it.
	UsesDelay = 2 * time.Minute
	// missing is how long a replica that stopped reporting without a word may still be serving: it may be cut off from the API
	// server alone. Longer than this no replica serves what it last loaded.
	missing = 24 * time.Hour
)

// Uses are the uses of client secrets that are no longer current, as the replicas of one server reported them.
type Uses struct {
	registration.Uses
	// Fresh is true when there is a live replica and none that may be serving without reporting. While it is false, a secret that
	// is not listed may be in use all the same.
	Fresh bool
	// Since is when the youngest live replica began to count: it cannot say what it was asked before. What was read from its
	// predecessor is to be remembered by whoever reads. Zero when none is alive or one of them does not say.
	Since time.Time
}

// MergeUses folds together what the Leases of one server say. Replicas that are gone count too: what they saw was seen.
func MergeUses(leases []coordinationv1.Lease, now time.Time) Uses {
	out := Uses{Uses: registration.Uses{Last: map[string]time.Time{}}}
	live, silent, known := false, false, true
	for i := range leases {
		l := &leases[i]
		out.Uses = out.Merge(registration.DecodeUses(l.Annotations[registration.AnnotationRetiringUsed]))
		until, held := expiry(l)
		switch {
		case !held: // it was given up, and said the last that it knew
		case now.Before(until):
			live = true
			if l.Spec.AcquireTime == nil {
				known = false
			} else if l.Spec.AcquireTime.After(out.Since) {
				out.Since = l.Spec.AcquireTime.Time
			}
		case now.Before(until.Add(missing)):
			silent = true
		}
	}
	if !known {
		out.Since = time.Time{}
	}
	out.Fresh = live && !silent
	return out
}

// UsesOf reads the Leases of a server and folds together what they say of client secrets.
func UsesOf(ctx context.Context, c client.Reader, server types.NamespacedName, now time.Time) (Uses, error) {
	var list coordinationv1.LeaseList
	err := c.List(ctx, &list, client.InNamespace(server.Namespace), client.MatchingLabels{registration.LabelReplica: server.Name},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return Uses{}, err
	}
	return MergeUses(list.Items, now), nil
}

// UsesMoved reports whether a change of a Lease says something new about the use of secrets.
func UsesMoved(was, is *coordinationv1.Lease) bool {
	return was.Annotations[registration.AnnotationRetiringUsed] != is.Annotations[registration.AnnotationRetiringUsed]
}
