package replica

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1 "k8s.io/client-go/applyconfigurations/coordination/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// FieldManager owns the fields that a replica writes.
const FieldManager = "grantkeeper-replica"

const (
	// duration is how long a replica counts as alive after its last report.
	duration = 30 * time.Second
	// renewal is how often it reports when nothing changes.
	renewal = 10 * time.Second
	// coalesce is how long a change waits for others.
	coalesce = 20 * time.Millisecond
	// perSecond bounds how often it reports while everything changes; burst is how many reports may come close together.
	perSecond, burst = 5, 5
	// watching is how often readiness is looked at.
	watching = time.Second
	// usesEvery is how often what it says of secrets changes.
	usesEvery = time.Minute
	// patience bounds one request, farewell the one at shutdown.
	patience, farewell = 5 * time.Second, 2 * time.Second
	// The first and the longest wait after a request that failed.
	firstRetry, lastRetry = 250 * time.Millisecond, 5 * time.Second
)

// Config says what is reported where.
type Config struct {
	// Client writes Leases; a kubernetes.Interface's CoordinationV1().
	Client coordinationv1client.LeasesGetter
	// Namespace is the server's, Server the name of the OAuthServer, and Name this replica's, unique among the server's: the
	// name of its pod.
	Namespace, Server, Name string
	// PodUID, if set, makes the pod of that UID, called Name, the owner of the Lease, so that it goes when the pod does.
	PodUID types.UID
	// Version is the highest resourceVersion that requests see: Registry.Version of package registry.
	Version func() string
	// Ready reports whether the replica can serve. While it cannot, nothing new is reported as loaded. It may take a second
	// or two. Nil means always.
	Ready func() bool
	// Uses is what there is to report of client secrets that are no longer current, in the form of registration.EncodeUses. What is
	// new goes along with the next renewal, so that it costs no write of its own, and once a minute, so that whoever follows the
	// Lease has little to do. Nil means that there is never anything.
	Uses func() string
	// Clock gives the time of a renewal; nil means time.Now.
	Clock func() time.Time
	// Log hears of reports that fail.
	Log *slog.Logger
}

// Reporter reports for one replica.
type Reporter struct {
	Config
	wake chan struct{}
	// began is since when this replica knows of uses.
	began time.Time
}

// New returns a reporter. It does nothing until Run.
func New(c Config) *Reporter {
	if c.Ready == nil {
		c.Ready = func() bool { return true }
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Uses == nil {
		c.Uses = func() string { return "" }
	}
	return &Reporter{Config: c, wake: make(chan struct{}, 1), began: c.Clock()}
}

// Notify says that Version may have advanced. It never blocks; call it from Registry.OnChange. The version is read a little
// later, to take along what else comes, and by then is also that of the change that is being announced.
func (r *Reporter) Notify() {
	select {
	case r.wake <- struct{}{}:
	default: // it is awake already
	}
}

// report is what a Lease says.
type report struct {
	loaded string
	ready  bool
	uses   string
}

// next is what there is to report after last. Only what can be served is loaded. What secrets were used is no reason to report.
func next(last report, version string, ready bool) report {
	if !ready {
		return report{loaded: last.loaded, uses: last.uses}
	}
	return report{loaded: version, ready: true, uses: last.uses}
}

// Run reports until ctx ends: at once, then whenever the version or the readiness changes, and at least every ten seconds. A
// report that fails is tried again. At the end it gives the Lease up, so that nobody waits for a replica that has gone, and
// returns ctx's error.
func (r *Reporter) Run(ctx context.Context) error {
	defer r.release(context.WithoutCancel(ctx))
	limit := rate.NewLimiter(perSecond, burst)
	look := time.NewTicker(watching)
	defer look.Stop()
	var written report
	due := r.Clock() // when to report though nothing changed
	var wait time.Duration
	var said time.Time // when what is said of secrets changed last
	for {
		if now := next(written, r.Version(), r.Ready()); now != written || !r.Clock().Before(due) {
			if err := limit.Wait(ctx); err != nil {
				return ctx.Err()
			}
			now = next(written, r.Version(), now.ready) // what came in while it waited
			if said.IsZero() || r.Clock().Sub(said).Abs() >= usesEvery {
				now.uses = r.Uses()
			}
			if err := r.write(ctx, patience, r.lease(now)); err != nil {
				wait = r.failed(ctx, err, wait)
				if !sleep(ctx, wait) {
					return ctx.Err()
				}
				continue
			}
			r.succeeded(wait)
			if now.uses != written.uses {
				said = r.Clock()
			}
			written, wait, due = now, 0, r.Clock().Add(renewal)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		case <-r.wake:
			if !sleep(ctx, coalesce) {
				return ctx.Err()
			}
		}
	}
}

// failed logs the first of several failures and returns how long to wait.
func (r *Reporter) failed(ctx context.Context, err error, last time.Duration) time.Duration {
	if last == 0 && ctx.Err() == nil {
		r.Log.Warn("what is loaded could not be reported; trying again", "lease", r.name(), "error", err)
	}
	return min(lastRetry, max(firstRetry, 2*last))
}

func (r *Reporter) succeeded(wait time.Duration) {
	if wait > 0 {
		r.Log.Info("what is loaded is reported again", "lease", r.name())
	}
}

// sleep waits for d and up to half as long again for long waits, so that replicas do not retry in step. It is false when
// ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d > coalesce {
		d += rand.N(d / 2)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (r *Reporter) name() string { return r.Server + "-" + r.Name }

// lease is the Lease that says what, with this replica as its holder.
func (r *Reporter) lease(what report) *coordinationv1.LeaseApplyConfiguration {
	l := r.vacant(what.ready, what.uses)
	l.Spec.WithHolderIdentity(r.Name)
	if what.loaded != "" {
		l.WithAnnotations(map[string]string{registration.AnnotationLoaded: what.loaded})
	}
	return l
}

// vacant is the Lease that nobody holds. Fields that an apply leaves out are removed. What was used stays: it was used, whether or not
// the replica that saw it is still there.
func (r *Reporter) vacant(ready bool, uses string) *coordinationv1.LeaseApplyConfiguration {
	state := "false"
	if ready {
		state = "true"
	}
	l := coordinationv1.Lease(r.name(), r.Namespace)
	if r.PodUID != "" {
		l.WithOwnerReferences(metav1ac.OwnerReference().WithAPIVersion("v1").WithKind("Pod").WithName(r.Name).WithUID(r.PodUID))
	}
	if uses != "" {
		l.WithAnnotations(map[string]string{registration.AnnotationRetiringUsed: uses})
	}
	return l.WithLabels(map[string]string{registration.LabelReplica: r.Server}).
		WithAnnotations(map[string]string{registration.AnnotationReady: state}).
		WithSpec(coordinationv1.LeaseSpec().
			WithLeaseDurationSeconds(int32(duration / time.Second)).
			WithAcquireTime(metav1.NewMicroTime(r.began)).
			WithRenewTime(metav1.NewMicroTime(r.Clock())))
}

func (r *Reporter) write(ctx context.Context, patience time.Duration, l *coordinationv1.LeaseApplyConfiguration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Forced, because the name is this replica's alone: whoever else wrote there is wrong.
	_, err := r.Client.Leases(r.Namespace).Apply(ctx, l, metav1.ApplyOptions{FieldManager: FieldManager, Force: true})
	return err
}

// release gives the Lease up.
func (r *Reporter) release(ctx context.Context) {
	if err := r.write(ctx, farewell, r.vacant(false, r.Uses())); err != nil {
		r.Log.Warn("the report could not be withdrawn; it runs out by itself", "lease", r.name(), "error", err)
	}
}
