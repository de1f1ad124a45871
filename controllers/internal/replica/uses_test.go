package replica

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var old = registration.SecretUse{ClientUID: "0b5a3c1e-aaaa", SecretID: "s1"}

// using is a Lease that says when old was used, counted from now; began is when its replica began to count.
func using(l coordinationv1.Lease, used, began time.Duration) coordinationv1.Lease {
	l.Annotations[registration.AnnotationRetiringUsed] = registration.EncodeUses(map[registration.SecretUse]time.Time{old: now.Add(used)})
	at := metav1.NewMicroTime(now.Add(began))
	l.Spec.AcquireTime = &at
	return l
}

func TestMergeUses(t *testing.T) {
	live, gone := lease("a", "1", 0), lease("", "1", 0)
	for name, c := range map[string]struct {
		leases []coordinationv1.Lease
		used   time.Duration // counted from now; 1 for never
		fresh  bool
		since  time.Duration // counted from now; 1 for unknown
	}{
		"nobody reports anything, which proves nothing": {nil, 1, false, 1},
		"one replica": {[]coordinationv1.Lease{using(lease("a", "1", 0), -time.Hour, -2*time.Hour)}, -time.Hour, true, -2 * time.Hour},
		"the later use of two, and the later start":                    {[]coordinationv1.Lease{using(lease("a", "1", 0), -time.Hour, -2*time.Hour), using(lease("b", "1", 0), -time.Minute, -time.Hour)}, -time.Minute, true, -time.Hour},
		"what one saw that gave its Lease up counts":                   {[]coordinationv1.Lease{using(lease("a", "1", 0), -time.Hour, -time.Hour), using(lease("", "1", 0), -time.Minute, -time.Hour)}, -time.Minute, true, -time.Hour},
		"one that fell silent may be serving":                          {[]coordinationv1.Lease{using(lease("a", "1", 0), -time.Hour, -time.Hour), using(lease("b", "1", -time.Hour), -2*time.Hour, -3*time.Hour)}, -time.Hour, false, -time.Hour},
		"one that fell silent the day before yesterday serves no more": {[]coordinationv1.Lease{using(lease("a", "1", 0), -time.Hour, -time.Hour), using(lease("b", "1", -48*time.Hour), -50*time.Hour, -60*time.Hour)}, -time.Hour, true, -time.Hour},
		"one that cannot serve and says so still counts":               {[]coordinationv1.Lease{unready(using(lease("a", "1", 0), -time.Hour, -time.Hour))}, -time.Hour, true, -time.Hour},
		"only some that are gone":                                      {[]coordinationv1.Lease{using(lease("", "1", 0), -time.Hour, -time.Hour)}, -time.Hour, false, 1},
		"one that does not say since when it counts":                   {[]coordinationv1.Lease{live, gone}, 1, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := MergeUses(c.leases, now)
			at, ok := got.At(old)
			if ok != (c.used != 1) || ok && !at.Equal(now.Add(c.used)) {
				t.Errorf("used %v %v", at, ok)
			}
			if got.Fresh != c.fresh || got.Since.IsZero() != (c.since == 1) || c.since != 1 && !got.Since.Equal(now.Add(c.since)) {
				t.Errorf("fresh %v since %v", got.Fresh, got.Since)
			}
		})
	}
}

func TestUsesMovedIsFalseForARenewal(t *testing.T) {
	was, renewed, used := lease("a", "1", 0), lease("a", "1", time.Second), using(lease("a", "1", time.Second), 0, 0)
	if UsesMoved(&was, &renewed) || !UsesMoved(&was, &used) {
		t.Error("a renewal is no use, and a use is one")
	}
}
