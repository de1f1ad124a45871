package usage

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

var now = time.Date(2026, 11, 20, 12, 0, 30, 0, time.UTC)

// snapshot has one client per list of ids of secrets, the current one first, with the UIDs client-0, client-1 and so on.
func snapshot(secrets ...[]string) *registry.Snapshot {
	r := registry.New(slog.New(slog.DiscardHandler))
	var all []registry.Change
	for i, ids := range secrets {
		c := &registration.Client{Namespace: "apps", Name: strconv.Itoa(i), UID: uid(i), ClientID: strconv.Itoa(i)}
		for _, id := range ids {
			c.Authentication.Secrets = append(c.Authentication.Secrets, registration.SecretHash{ID: id})
		}
		all = append(all, registry.Change{Key: registry.Key(c.Name), Document: c})
	}
	r.Replace(all, "1")
	return r.Current()
}

func uid(i int) string { return fmt.Sprintf("%08d-client", i) }

func TestReport(t *testing.T) {
	two := []string{"s2", "s1"}
	for name, c := range map[string]struct {
		uses     func(*Tracker)
		snapshot *registry.Snapshot
		want     map[registration.SecretUse]time.Time
	}{
		"nothing was used": {func(*Tracker) {}, snapshot(two), nil},
		"an old secret, to the minute": {func(x *Tracker) { x.Used(uid(0), "s1", now) }, snapshot(two),
			map[registration.SecretUse]time.Time{{ClientUID: uid(0), SecretID: "s1"}: now.Truncate(time.Minute)}},
		"the latest use": {func(x *Tracker) {
			x.Used(uid(0), "s1", now.Add(time.Hour))
			x.Used(uid(0), "s1", now)
		}, snapshot(two), map[registration.SecretUse]time.Time{{ClientUID: uid(0), SecretID: "s1"}: now.Add(time.Hour).Truncate(time.Minute)}},
		"a secret that is gone is forgotten":                {func(x *Tracker) { x.Used(uid(0), "s1", now) }, snapshot([]string{"s2"}), nil},
		"a secret that is the current one again is not old": {func(x *Tracker) { x.Used(uid(0), "s1", now) }, snapshot([]string{"s1", "s0"}), nil},
		"a client that is gone is forgotten":                {func(x *Tracker) { x.Used(uid(7), "s1", now) }, snapshot(two), nil},
	} {
		t.Run(name, func(t *testing.T) {
			x := New()
			c.uses(x)
			if got, want := x.Report(c.snapshot), registration.EncodeUses(c.want); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if len(x.minutes) != len(c.want) {
				t.Errorf("%d are remembered", len(x.minutes))
			}
		})
	}
}

func TestMemoryIsBoundedAndAReportSaysWhatItLeavesOut(t *testing.T) {
	x := New()
	const uses = most + 100
	for i := range uses {
		x.Used(uid(i), "s1", now.Add(time.Duration(i)*time.Minute))
		if len(x.minutes) > most {
			t.Fatalf("%d are remembered", len(x.minutes))
		}
	}
	clients := make([][]string, uses)
	for i := range clients {
		clients[i] = []string{"s2", "s1"}
	}
	got := registration.DecodeUses(x.Report(snapshot(clients...)))
	if _, ok := got.At(registration.SecretUse{ClientUID: uid(uses - 1), SecretID: "s1"}); !got.More || len(got.Last) != registration.MaxUses || !ok {
		t.Errorf("more %v, %d uses, the latest %v", got.More, len(got.Last), ok)
	}
}

func TestManyAtOnceLeaveTheLatest(t *testing.T) {
	x, s := New(), snapshot([]string{"s2", "s1"})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			x.Used(uid(0), "s1", now.Add(time.Duration(i)*time.Minute))
			x.Report(s)
		})
	}
	all.Wait()
	at, ok := registration.DecodeUses(x.Report(s)).At(registration.SecretUse{ClientUID: uid(0), SecretID: "s1"})
	if want := now.Add(63 * time.Minute).Truncate(time.Minute); !ok || !at.Equal(want) {
		t.Errorf("got %v, want %v", at, want)
	}
}

func BenchmarkUsed(b *testing.B) {
	x := New()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			x.Used(uid0, "s1", now)
		}
	})
}

const uid0 = "00000000-client"
