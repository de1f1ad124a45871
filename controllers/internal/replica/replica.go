package replica

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Replicas are the live replicas of one server at one moment.
type Replicas struct {
	// Loaded holds, for each live replica, the resourceVersion that it has loaded; empty when it has loaded nothing.
	Loaded []string
	// Until is when the first of them is dead unless it renews its Lease; zero when none is alive.
	Until time.Time
}

// Live judges the Leases of one server: a replica is alive while its Lease has a holder, was renewed within its duration and
// does not say that the replica cannot serve: no request reaches such a one, so that nobody has to wait for what it loads.
func Live(leases []coordinationv1.Lease, now time.Time) Replicas {
	var out Replicas
	for i := range leases {
		until, held := expiry(&leases[i])
		if !held || !now.Before(until) || !ready(&leases[i]) {
			continue
		}
		out.Loaded = append(out.Loaded, leases[i].Annotations[registration.AnnotationLoaded])
		if out.Until.IsZero() || until.Before(out.Until) {
			out.Until = until
		}
	}
	return out
}

// Behind counts the live replicas that have not loaded a version yet. A report that is no resourceVersion counts as
// behind.
func (r Replicas) Behind(version string) int {
	n := 0
	for _, loaded := range r.Loaded {
		if !reached(loaded, version) {
			n++
		}
	}
	return n
}

// Serves reports whether there is a live replica and all of them have loaded a version.
func (r Replicas) Serves(version string) bool { return len(r.Loaded) > 0 && r.Behind(version) == 0 }

// Of reads the Leases of a server.
func Of(ctx context.Context, c client.Reader, server types.NamespacedName, now time.Time) (Replicas, error) {
	var list coordinationv1.LeaseList
	err := c.List(ctx, &list, client.InNamespace(server.Namespace), client.MatchingLabels{registration.LabelReplica: server.Name},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return Replicas{}, err
	}
	return Live(list.Items, now), nil
}

// Moved reports whether a change of a Lease may change who is alive or what is loaded; a mere renewal does not.
func Moved(was, is *coordinationv1.Lease) bool {
	return was.Annotations[registration.AnnotationLoaded] != is.Annotations[registration.AnnotationLoaded] || CameOrWent(was, is)
}

// CameOrWent reports whether a change of a Lease may change who is alive, whatever is loaded.
func CameOrWent(was, is *coordinationv1.Lease) bool {
	if was.Labels[registration.LabelReplica] != is.Labels[registration.LabelReplica] || ready(was) != ready(is) {
		return true
	}
	wasUntil, wasHeld := expiry(was)
	_, isHeld := expiry(is)
	// A renewal that comes after the Lease had run out brings a replica back.
	return wasHeld != isHeld || is.Spec.RenewTime != nil && is.Spec.RenewTime.After(wasUntil)
}

func ready(l *coordinationv1.Lease) bool {
	return l.Annotations[registration.AnnotationReady] != "false"
}

func expiry(l *coordinationv1.Lease) (until time.Time, held bool) {
	s := l.Spec
	if s.HolderIdentity == nil || *s.HolderIdentity == "" || s.RenewTime == nil || s.LeaseDurationSeconds == nil {
		return time.Time{}, false
	}
	return s.RenewTime.Add(time.Duration(*s.LeaseDurationSeconds) * time.Second), true
}

func reached(loaded, version string) bool {
	order, err := resourceversion.CompareResourceVersion(loaded, version)
	return err == nil && order >= 0
}
