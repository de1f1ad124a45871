package registry

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Whatever order changes come in, incrementally made snapshots equal one made from scratch.
func TestIncrementalSnapshotsEqualThoseMadeFromScratch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newForTest(t)
		contents := map[Key]Change{}
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			var batch []Change
			for range rapid.IntRange(1, 4).Draw(rt, "batch") {
				n := name.Draw(rt, "name")
				var c Change
				switch rapid.IntRange(0, 5).Draw(rt, "what") {
				case 0:
					c = gone(n)
				case 1:
					c = bad(n)
				case 2:
					c = doc("p", grantPolicy("default", rapid.SampledFrom([]string{"read", "write"}).Draw(rt, "scope")))
				case 3:
					c = gone("p")
				default:
					c = doc(n, client(n, withID(rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "id"))))
				}
				batch = append(batch, c)
				contents[c.Key] = c
			}
			r.Apply(batch, "")
			r.publish()
			checkSnapshot(t, r.Current())
		}
		scratch := newForTest(t)
		var docs []Change
		for _, c := range contents {
			if c.Document != nil || c.Err != nil {
				docs = append(docs, c)
			}
		}
		scratch.Replace(docs, "1")
		if got, want := fmt.Sprint(list(r.Current()), r.Current().Rejected()), fmt.Sprint(list(scratch.Current()), scratch.Current().Rejected()); got != want {
			rt.Fatalf("got %s, want %s", got, want)
		}
		r.Replace(docs, "2")
		if got, want := fmt.Sprint(list(r.Current())), fmt.Sprint(list(scratch.Current())); got != want {
			rt.Fatalf("after Replace got %s, want %s", got, want)
		}
	})
}

// Readers meet only whole snapshots: a client that is in every list is never missed, not even while lists are replaced.
func TestNoReaderMeetsAnEmptyList(t *testing.T) {
	r := newForTest(t)
	r.Replace(manyClients(300), "1")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				s := r.Current()
				if _, ok := s.Client(fmt.Sprintf("client-%05d", i%300)); !ok || !s.Complete() {
					t.Error("a client that is always there was missed")
					return
				}
				_, _ = r.Version(), r.Synced()
				runtime.Gosched()
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 50 {
				extra := fmt.Sprintf("extra-%d-%d", w, i)
				switch i % 3 {
				case 0:
					r.Apply([]Change{doc(extra, client(extra))}, strconv.Itoa(i))
				case 1:
					r.Apply([]Change{doc("policy", grantPolicy("default", "read", extra))}, "")
				default:
					r.Replace(manyClients(300), strconv.Itoa(i))
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func TestLookUpsDoNotAllocate(t *testing.T) {
	r := newForTest(t)
	r.Replace(manyClients(1000), "1")
	if n := testing.AllocsPerRun(100, func() {
		s := r.Current()
		c, ok := s.Client("client-00500")
		if _, found := s.ClientByUID(c.UID); !ok || !found {
			t.Error("not found")
		}
		if _, ok := s.Client("nobody"); ok {
			t.Error("found nobody")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if _, ok := new(Snapshot).Client("x"); ok {
		t.Error("the zero snapshot knows a client")
	}
}

func BenchmarkLookUp(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			r := newForTest(b)
			r.Replace(manyClients(n), "1")
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := r.Current().Client("client-00005"); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkPublishOneChange(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			r := newForTest(b)
			r.Replace(manyClients(n), "1")
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				r.Apply([]Change{doc("client-00005", client("client-00005", withUID(strconv.Itoa(i%2))))}, "")
				r.publish()
				i++
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	b.Run("first", func(b *testing.B) {
		docs := manyClients(10_000)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var r *Registry
		for b.Loop() {
			r = newForTest(b)
			r.Replace(docs, "1")
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
		runtime.KeepAlive(r)
		runtime.KeepAlive(docs)
	})
	b.Run("unchanged", func(b *testing.B) {
		r := newForTest(b)
		r.Replace(manyClients(10_000), "1")
		docs := manyClients(10_000)
		for b.Loop() {
			r.Replace(docs, "1")
		}
	})
}

func BenchmarkPolicyChange(b *testing.B) {
	r := newForTest(b)
	r.Replace(manyClients(10_000), "1")
	i := 0
	for b.Loop() {
		r.Apply([]Change{doc("policy", grantPolicy("default", "read", strconv.Itoa(i)))}, "")
		r.publish()
		i++
	}
}
