package status

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// FieldOwner is the operator's name in managed fields.
const FieldOwner = client.FieldOwner("grantkeeper-operator")

// Timeout bounds one reconciliation, so that a cache that never catches up ends in an error that is seen.
const Timeout = 30 * time.Second

// conflictDelay is how long a reconciliation waits for the cache when it lost an optimistic lock.
const conflictDelay = 100 * time.Millisecond

// Step is one part of a reconciliation. It marks conditions as it goes. A step that returns an error ends the
// reconciliation, which is repeated with growing delays; a condition that is not met is no error.
type Step func(ctx context.Context) error

// Run is one reconciliation of one object.
type Run struct {
	// Steps run in order.
	Steps []Step
	// Wake, called after the steps, says when to look again although nothing has changed; zero is never.
	Wake func() time.Time
	// Events, called after the steps, lists what happened apart from what the conditions say.
	Events func() []Event
}

// Kind is what the frame needs to know about a kind.
type Kind[T client.Object] struct {
	// New makes an empty object.
	New func() T
	// Common points into an object's status.
	Common func(T) (observedGeneration *int64, conditions *[]metav1.Condition)
	// Apply renders the object's status as an apply configuration with the fields that the operator owns.
	Apply func(T) (runtime.ApplyConfiguration, error)
	// Order lists the conditions that lead to Ready.
	Order []v1alpha1.ConditionType
	// Begin starts a reconciliation; its steps may change the object's status.
	Begin func(T, *Conditions) Run
	// Gone is called when the object does not exist any more, or is being deleted.
	Gone func(context.Context, types.NamespacedName) error
}

// Reconciler is a reconciler of one kind.
type Reconciler[T client.Object] struct {
	Kind   Kind[T]
	Client client.Client
	// Live reads from the API server, metadata only, to find out whether an object is gone.
	Live client.Reader
	// Events takes what happens.
	Events Recorder
	// Clock tells the time.
	Clock func() time.Time
}

// Reconcile fetches the object, runs the steps, and writes the status if it is not what it was.
func (r *Reconciler[T]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	obj := r.Kind.New()
	if err := r.Client.Get(ctx, req.NamespacedName, obj); err != nil {
		if apierrors.IsNotFound(err) {
			return ctrl.Result{}, r.gone(ctx, req.NamespacedName)
		}
		return ctrl.Result{}, err
	}
	if !obj.GetDeletionTimestamp().IsZero() {
		// Somebody's finalizer keeps the object; what it stands for ends now all the same.
		return ctrl.Result{}, r.Kind.Gone(ctx, req.NamespacedName)
	}

	before := obj.DeepCopyObject().(T)
	observed, conditions := r.Kind.Common(obj)
	was := NewConditions(*conditions, *observed, r.Clock())
	marks := NewConditions(*conditions, obj.GetGeneration(), r.Clock())
	run := r.Kind.Begin(obj, marks)
	err := runSteps(ctx, run.Steps)
	if apierrors.IsConflict(err) {
		// The cache was behind, or somebody else was quicker: not worth a word in the status.
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	if by := marks.unsettled(r.Kind.Order, r.Clock()); err == nil && !by.IsZero() {
		r.happened(obj, run)
		return ctrl.Result{RequeueAfter: r.until(Earliest(by, run.wake()))}, nil
	}
	Summarize(marks, r.Kind.Order, *observed, err)
	*conditions, *observed = marks.sorted(r.Kind.Order), obj.GetGeneration()

	if perr := r.patch(ctx, before, obj); perr != nil {
		if err != nil {
			logf.FromContext(ctx).Error(err, "the steps failed as well")
		}
		return ctrl.Result{}, perr
	}
	r.record(obj, run, was, marks)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: r.until(run.wake())}, nil
}

// gone ends what an object stands for that the cache does not have, if the API server does not have it either. The cache of one kind
// may be behind that of another: an operator that takes over sees the Secret that the one before made for a new manifest, and
// not yet the manifest; and registrations and keys that are deleted do not come back. An object that is there after all comes to
// the cache, which wakes the reconciler.
func (r *Reconciler[T]) gone(ctx context.Context, name types.NamespacedName) error {
	gvk, err := r.Client.GroupVersionKindFor(r.Kind.New())
	if err != nil {
		return err
	}
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(gvk)
	switch err := r.Live.Get(ctx, name, live); {
	case err == nil:
		return nil
	case !apierrors.IsNotFound(err):
		return Failed(err, "find out whether %s %s is gone", gvk.Kind, name)
	}
	return r.Kind.Gone(ctx, name)
}

func runSteps(ctx context.Context, steps []Step) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// patch applies the status if it changed.
func (r *Reconciler[T]) patch(ctx context.Context, before, obj T) error {
	if equality.Semantic.DeepEqual(before, obj) {
		return nil // mostly, and cheaper to see than below
	}
	want, err := r.Kind.Apply(obj)
	if err != nil {
		return err
	}
	have, err := r.Kind.Apply(before)
	if err != nil {
		return err
	}
	if equality.Semantic.DeepEqual(have, want) {
		return nil
	}
	err = r.Client.Status().Apply(ctx, want, FieldOwner, client.ForceOwnership)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		// Deleted meanwhile, or deleted and made again: its event comes. The apply carries the UID, so that no status is
		// ever written on an object that it does not speak of.
		return nil
	}
	return Failed(err, "write the status")
}

// record sends the events once the status is written, so that a status that cannot be written does not repeat them.
func (r *Reconciler[T]) record(obj T, run Run, was, is *Conditions) {
	for _, e := range transitions(was, is, r.Kind.Order) {
		e.record(r.Events, obj)
	}
	r.happened(obj, run)
}

// happened sends the events that no condition says. They are sent also when the status is not written yet: the next
// reconciliation finds nothing to do any more, and would not know of them.
func (r *Reconciler[T]) happened(obj T, run Run) {
	if run.Events == nil {
		return
	}
	for _, e := range run.Events() {
		e.record(r.Events, obj)
	}
}

func (r Run) wake() time.Time {
	if r.Wake == nil {
		return time.Time{}
	}
	return r.Wake()
}

// until is how long to wait for a time; zero, which is not at all, for the zero time.
func (r *Reconciler[T]) until(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(at.Sub(r.Clock()), time.Millisecond)
}
