package status

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

var order = []v1alpha1.ConditionType{v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed}

func TestSummarize(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	wellReady := func(c *Conditions) {
		c.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "a")
		c.True(v1alpha1.ConditionProgrammed, v1alpha1.ReasonServed, "p")
		c.True(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "r")
	}
	forbidden := Failed(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("a foreign text")), "write Secret a/b")
	for name, c := range map[string]struct {
		mark     func(*Conditions)
		observed int64
		err      error
		want     string
	}{
		"all met is ready, and nothing else":         {wellReady, 2, nil, "Ready=True/Ready"},
		"nothing marked yet is under way":            {func(*Conditions) {}, 0, nil, "Ready=False/Pending Reconciling=Pending"},
		"the first that is not met gives the reason": {func(c *Conditions) { wellReady(c); c.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonNoPolicy, "n") }, 2, nil, "Ready=False/NoPolicy Stalled=NoPolicy"},
		"one that only time mends is under way": {func(c *Conditions) {
			wellReady(c)
			c.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonNotServed, "n")
		}, 2, nil, "Ready=False/NotServed Reconciling=NotServed"},
		"held back although all is met":                   {func(c *Conditions) { wellReady(c); c.Hold(v1alpha1.ReasonSuspended, "s") }, 2, nil, "Ready=False/Suspended Stalled=Suspended"},
		"an error takes nothing from what was ready":      {wellReady, 2, forbidden, "Ready=True/Ready Reconciling=Error"},
		"an error about a new generation is not ready":    {wellReady, 1, forbidden, "Ready=False/Error Reconciling=Error"},
		"an error after a condition broke is not ready":   {func(c *Conditions) { wellReady(c); c.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonNoPolicy, "n") }, 2, forbidden, "Ready=False/Error Reconciling=Error"},
		"what was stalled is no more once an error rules": {func(c *Conditions) { c.True(v1alpha1.ConditionStalled, v1alpha1.ReasonInvalid, "i") }, 2, forbidden, "Ready=False/Error Reconciling=Error"},
	} {
		t.Run(name, func(t *testing.T) {
			marks := NewConditions(nil, 2, now)
			c.mark(marks)
			Summarize(marks, order, c.observed, c.err)
			ready := marks.Get(v1alpha1.ConditionReady)
			got := []string{"Ready=" + string(ready.Status) + "/" + ready.Reason}
			for _, x := range []v1alpha1.ConditionType{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				if v := marks.Get(x); v != nil {
					got = append(got, string(x)+"="+v.Reason)
				}
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestWhatIsShownOfAnErrorIsOurs(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"the attempt and the class of the error": {
			Failed(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("a foreign text")), "write Secret %s", "a/b"),
			"could not write Secret a/b (Forbidden)",
		},
		"nothing of an error that nobody described": {errors.New("a foreign text"), "could not do its work and tries again"},
	} {
		t.Run(name, func(t *testing.T) {
			got := shown(c.err)
			if !strings.Contains(got, c.want) || strings.Contains(got, "foreign") {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestEventsFollowChangesOnly(t *testing.T) {
	now := time.Now()
	was := NewConditions(nil, 1, now)
	is := NewConditions(nil, 1, now)
	is.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "accepted by a")
	expect := func(want ...string) {
		t.Helper()
		var got []string
		for _, e := range transitions(was, is, order) {
			got = append(got, e.Reason)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("got %v, want %v", got, want)
		}
		was = NewConditions(is.list, 1, now)
	}
	expect("Accepted")
	expect()
	is.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "accepted by b")
	expect("Updated")
	is.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonNotServed, "soon")
	expect()
	is.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonPolicyRefused, "why")
	expect("PolicyRefused")
	expect()
}

func TestConditionsKeepTheirTransitionTime(t *testing.T) {
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := NewConditions(nil, 1, first)
	a.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "a")
	b := NewConditions(a.list, 2, first.Add(time.Hour))
	b.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "b")
	got := b.Get(v1alpha1.ConditionAccepted)
	if !got.LastTransitionTime.Time.Equal(first) || got.ObservedGeneration != 2 {
		t.Errorf("got %+v", got)
	}
	if a.Get(v1alpha1.ConditionAccepted).Message != "a" {
		t.Error("the conditions it started from changed")
	}
}

// TestASummaryThatSaysTheSameIsTheSame: whenever it is made. Otherwise each status that is written would be the reason for the next.
func TestASummaryThatSaysTheSameIsTheSame(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		mark func(*Conditions)
		err  error
	}{
		"ready":     {func(c *Conditions) { c.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "a") }, nil},
		"stalled":   {func(c *Conditions) { c.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonNoPolicy, "n") }, nil},
		"under way": {func(c *Conditions) { c.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonNotServed, "n") }, nil},
		"failed":    {func(*Conditions) {}, errors.New("an error")},
	} {
		t.Run(name, func(t *testing.T) {
			order := order[:1]
			summary := func(have []metav1.Condition, at time.Time) []metav1.Condition {
				marks := NewConditions(have, 2, at)
				c.mark(marks)
				Summarize(marks, order, 2, c.err)
				return marks.sorted(order)
			}
			was := summary(nil, now)
			if is := summary(was, now.Add(time.Minute)); !reflect.DeepEqual(was, is) {
				t.Errorf("was %v\nis  %v", was, is)
			}
		})
	}
}
