package replica

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func lease(holder, loaded string, renewed time.Duration) coordinationv1.Lease {
	at, seconds := metav1.NewMicroTime(now.Add(renewed)), int32(15)
	return coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{registration.AnnotationLoaded: loaded}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &at, LeaseDurationSeconds: &seconds},
	}
}

func unready(l coordinationv1.Lease) coordinationv1.Lease {
	l.Annotations[registration.AnnotationReady] = "false"
	return l
}

func TestServes(t *testing.T) {
	for name, c := range map[string]struct {
		leases []coordinationv1.Lease
		want   bool
	}{
		"nobody serves nothing":                         {nil, false},
		"one that has loaded it":                        {[]coordinationv1.Lease{lease("a", "100", 0)}, true},
		"one that has loaded more":                      {[]coordinationv1.Lease{lease("a", "1000", 0)}, true},
		"versions are numbers, not words":               {[]coordinationv1.Lease{lease("a", "99", 0)}, false},
		"one of two is behind":                          {[]coordinationv1.Lease{lease("a", "100", 0), lease("b", "7", 0)}, false},
		"the one behind is dead":                        {[]coordinationv1.Lease{lease("a", "100", 0), lease("b", "7", -15*time.Second)}, true},
		"the one behind gave its Lease up":              {[]coordinationv1.Lease{lease("a", "100", 0), lease("", "7", 0)}, true},
		"all are dead":                                  {[]coordinationv1.Lease{lease("a", "100", -time.Minute)}, false},
		"one that reports nothing is alive and behind":  {[]coordinationv1.Lease{lease("a", "", 0)}, false},
		"one that reports nonsense is alive and behind": {[]coordinationv1.Lease{lease("a", "x", 0)}, false},
		"the one behind cannot serve":                   {[]coordinationv1.Lease{lease("a", "100", 0), unready(lease("b", "7", 0))}, true},
		"the only one cannot serve":                     {[]coordinationv1.Lease{unready(lease("a", "100", 0))}, false},
		"a Lease without a renewal is no replica":       {[]coordinationv1.Lease{{}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Live(c.leases, now).Serves("100"); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestUntilIsWhenTheFirstReplicaDies(t *testing.T) {
	r := Live([]coordinationv1.Lease{lease("a", "1", 0), lease("b", "1", -5*time.Second), lease("c", "1", -time.Hour)}, now)
	if want := now.Add(10 * time.Second); !r.Until.Equal(want) || len(r.Loaded) != 2 {
		t.Errorf("got %+v, want %s", r, want)
	}
}

func TestMoved(t *testing.T) {
	base := lease("a", "1", 0)
	for name, c := range map[string]struct {
		is   coordinationv1.Lease
		want bool
	}{
		"a renewal":                      {lease("a", "1", 5*time.Second), false},
		"a renewal after it had run out": {lease("a", "1", 16*time.Second), true},
		"more is loaded":                 {lease("a", "2", 5*time.Second), true},
		"it was given up":                {lease("", "1", 0), true},
		"it cannot serve any more":       {unready(lease("a", "1", 0)), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Moved(&base, &c.is); got != c.want {
				t.Errorf("got %v", got)
			}
			if got := CameOrWent(&base, &c.is); got != (c.want && name != "more is loaded") {
				t.Errorf("came or went: %v", got)
			}
		})
	}
}

func TestWaitingWakesOnlyThoseWhoseWaitIsOver(t *testing.T) {
	server := types.NamespacedName{Namespace: "s", Name: "main"}
	early, late := types.NamespacedName{Name: "early"}, types.NamespacedName{Name: "late"}
	var w Waiting
	now := time.Unix(1000, 0)
	w.Add(server, early, "5", now)
	w.Add(server, late, "5", now)
	if since := w.Add(server, late, "50", now); !since.Equal(now) {
		t.Errorf("another version is another wait, not one since %v", since)
	}
	if since := w.Add(server, late, "50", now.Add(time.Minute)); !since.Equal(now) {
		t.Errorf("it waits for the same version still, since %v", since)
	}
	at := func(loaded string) []types.NamespacedName {
		return w.Served(server, Replicas{Loaded: []string{loaded}})
	}
	if got := at("4"); len(got) != 0 {
		t.Errorf("nobody is served yet, got %v", got)
	}
	if got := at("5"); len(got) != 1 || got[0] != early {
		t.Errorf("got %v", got)
	}
	w.Done(early)
	if got := at("49"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if got := at("50"); len(got) != 1 || got[0] != late {
		t.Errorf("got %v", got)
	}
	w.Add(types.NamespacedName{Namespace: "s", Name: "other"}, late, "60", now)
	if got := at("1000"); len(got) != 0 {
		t.Errorf("it waits for another server now, got %v", got)
	}
}
