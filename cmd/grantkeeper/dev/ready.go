package dev

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

const (
	// readyTimeout is how long everything may take to become ready before what is not is shown as it is.
	readyTimeout = 90 * time.Second
	// stalledFor is how long an object has to say that nothing will change before it is believed: what it waits for may have been
	// applied after it.
	stalledFor = 5 * time.Second
)

// state is what one object says of itself.
type state struct {
	ready, stalled bool
	// message is the Ready condition's, with its reason.
	message string
}

// awaitReady waits until the server serves and every object is ready, and prints progress. An object that will not become ready, or
// not in time, is shown with its reason and ends nothing: the others work.
func (c *clusterMode) awaitReady(ctx context.Context, serving <-chan struct{}, ended <-chan error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	deadline := time.NewTimer(readyTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	w := waiting{clusterMode: c, done: map[manifest.ObjectKey]bool{}, stalledSince: map[manifest.ObjectKey]time.Time{}, last: map[manifest.ObjectKey]string{}}
	up := false
	for {
		if up {
			left, err := w.look(ctx)
			if err != nil || left == 0 {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case <-serving:
			serving, up = nil, true
			line(c.Err, "the authorization server serves %s (%v)", c.issuer(), c.elapsed())
		case <-deadline.C:
			w.giveUp(up)
			return nil
		case <-tick.C:
		}
	}
}

// waiting is what awaitReady knows.
type waiting struct {
	*clusterMode
	done         map[manifest.ObjectKey]bool
	stalledSince map[manifest.ObjectKey]time.Time
	last         map[manifest.ObjectKey]string
}

// look asks every object that is not done, and returns how many of them are left to wait for.
func (w *waiting) look(ctx context.Context) (left int, err error) {
	var stalled []manifest.ObjectKey
	for _, o := range w.set.Objects {
		if !strings.HasPrefix(o.Key.Kind, "OAuth") || w.done[o.Key] || w.isOther(o.Key) {
			continue
		}
		s, err := w.stateOf(ctx, o.Key)
		if err != nil {
			return 0, err
		}
		w.last[o.Key] = s.message
		switch {
		case s.ready:
			w.done[o.Key] = true
			line(w.Err, "  ready  %s", o.Key)
			continue
		case !s.stalled:
			delete(w.stalledSince, o.Key)
		case w.stalledSince[o.Key].IsZero():
			w.stalledSince[o.Key] = time.Now()
		case time.Since(w.stalledSince[o.Key]) > stalledFor:
			stalled = append(stalled, o.Key)
			continue
		}
		left++
	}
	if left == 0 {
		for _, key := range stalled {
			line(w.Err, "  NOT ready  %s: %s", key, w.last[key])
		}
	}
	return left, nil
}

// isOther reports whether an object is an OAuthServer that is not run here.
func (w *waiting) isOther(k manifest.ObjectKey) bool {
	return k.Kind == "OAuthServer" && (k.Namespace != w.server.Namespace || k.Name != w.server.Name)
}

// giveUp shows what is not ready.
func (w *waiting) giveUp(serving bool) {
	line(w.Err, "after %v these are not ready:", readyTimeout)
	if !serving {
		line(w.Err, "  the authorization server; %s/server.log may say why", w.logs.dir)
	}
	for _, o := range w.set.Objects {
		if message, asked := w.last[o.Key]; asked && !w.done[o.Key] {
			line(w.Err, "  %s: %s", o.Key, message)
		}
	}
}

// stateOf reads an object's conditions as kstatus would.
func (c *clusterMode) stateOf(ctx context.Context, key manifest.ObjectKey) (state, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(key.Kind))
	if err := c.client.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name}, u); err != nil {
		return state{}, err
	}
	var o struct {
		Status struct {
			ObservedGeneration int64              `json:"observedGeneration"`
			Conditions         []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &o); err != nil {
		return state{}, err
	}
	current := o.Status.ObservedGeneration == u.GetGeneration()
	s := state{
		ready:   current && isTrue(o.Status.Conditions, v1alpha1.ConditionReady),
		stalled: current && isTrue(o.Status.Conditions, v1alpha1.ConditionStalled),
		message: "no controller has looked at it yet",
	}
	if r := meta.FindStatusCondition(o.Status.Conditions, string(v1alpha1.ConditionReady)); r != nil && current {
		s.message = r.Reason + ": " + r.Message
	}
	return s, nil
}

func isTrue(conditions []metav1.Condition, t v1alpha1.ConditionType) bool {
	return meta.IsStatusConditionTrue(conditions, string(t))
}
