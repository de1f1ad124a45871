package replica

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applyv1 "k8s.io/client-go/applyconfigurations/coordination/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func TestNext(t *testing.T) {
	tests := map[string]struct {
		last    report
		version string
		ready   bool
		want    report
	}{
		"nothing is loaded yet":                        {ready: true, want: report{ready: true}},
		"what is loaded is reported":                   {version: "5", ready: true, want: report{"5", true, ""}},
		"a replica that never could serve has nothing": {version: "5", want: report{}},
		"one that cannot any more keeps its report":    {last: report{"5", true, "u"}, version: "6", want: report{"5", false, "u"}},
		"a list that went back in time is reported":    {last: report{"5", true, "u"}, version: "4", ready: true, want: report{"4", true, "u"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := next(test.last, test.version, test.ready); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// recorder is a Leases client that keeps what is applied. The wire is tested against a real API server; this is about time.
type recorder struct {
	coordinationv1client.LeaseInterface
	applied chan *applyv1.LeaseApplyConfiguration
}

func (r recorder) Leases(string) coordinationv1client.LeaseInterface { return r }

func (r recorder) Apply(_ context.Context, l *applyv1.LeaseApplyConfiguration, _ metav1.ApplyOptions) (*coordinationv1.Lease, error) {
	r.applied <- l
	return nil, nil
}

func TestRenewalAndPromptness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recorder{applied: make(chan *applyv1.LeaseApplyConfiguration, 100)}
		var version atomic.Value
		version.Store("1")
		r := New(Config{Client: rec, Server: "main", Name: "p", Version: func() string { return version.Load().(string) }, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()

		first := <-rec.applied
		if first.Annotations[registration.AnnotationLoaded] != "1" {
			t.Errorf("the first report says %v", first.Annotations)
		}
		for range 3 {
			last := time.Now()
			l := <-rec.applied
			if d := time.Since(last); d < renewal-watching || d > renewal+watching {
				t.Errorf("renewed after %v", d)
			}
			if !l.Spec.RenewTime.Time.Equal(time.Now()) {
				t.Errorf("renew time %v at %v", l.Spec.RenewTime, time.Now())
			}
		}
		<-time.After(watching / 2) // of the bubble's clock: a change falls between two looks
		changed := time.Now()
		version.Store("2")
		r.Notify()
		r.Notify()
		l := <-rec.applied
		if d := time.Since(changed); d > coalesce || l.Annotations[registration.AnnotationLoaded] != "2" {
			t.Errorf("reported %v after %v", l.Annotations, d)
		}
		r.Notify()             // without a change
		<-time.After(watching) // of the bubble's clock: nothing must come in this time
		if n := len(rec.applied); n != 0 {
			t.Errorf("%d reports though nothing changed", n)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		if l := <-rec.applied; l.Spec.HolderIdentity != nil || l.Annotations[registration.AnnotationReady] != "false" {
			t.Errorf("at the end the Lease says %+v", l)
		}
	})
}

// What secrets were used rides along with the renewals, changes once a minute, and stays when the replica goes.
func TestUsesCostNoWriteOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := recorder{applied: make(chan *applyv1.LeaseApplyConfiguration, 100)}
		begun := time.Now()
		r := New(Config{
			Client: rec, Server: "main", Name: "p", Version: func() string { return "1" }, Log: slog.New(slog.DiscardHandler),
			Uses: func() string {
				if time.Since(begun) < time.Minute {
					return ""
				}
				return time.Since(begun).String() // a secret of somebody is used at every moment
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		var said []time.Time
		last := ""
		for range 60 { // ten minutes of renewals
			l := <-rec.applied
			if at := l.Spec.AcquireTime; at == nil || !at.Time.Equal(begun) {
				t.Errorf("it counts since %v", at)
			}
			if uses := l.Annotations[registration.AnnotationRetiringUsed]; uses != last {
				last, said = uses, append(said, time.Now())
			}
		}
		if d := time.Since(begun); d < 9*time.Minute {
			t.Errorf("60 reports in %v: uses made some of their own", d)
		}
		if len(said) < 8 || len(said) > 10 {
			t.Errorf("what is said of secrets changed %d times in ten minutes", len(said))
		}
		if first := said[0].Sub(begun); first > time.Minute+renewal+watching {
			t.Errorf("the first use was reported after %v", first)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		if l := <-rec.applied; l.Spec.HolderIdentity != nil || l.Annotations[registration.AnnotationRetiringUsed] != time.Since(begun).String() {
			t.Errorf("at the end the Lease says %v", l.Annotations)
		}
	})
}
