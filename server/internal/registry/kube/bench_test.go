package kube_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/registry/kube"
)

// serviceDocument encodes a client such as the compile step makes.
func serviceDocument(tb testing.TB, i int) []byte {
	tb.Helper()
	name := fmt.Sprintf("client-%05d", i)
	b, err := registration.Encode(&registration.Client{
		Namespace: "apps", Name: name, UID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Generation: 1, ClientID: "apps." + name, Type: "Service",
		Display: registration.Display{Name: name, Publisher: "Acme GmbH"}, GrantTypes: []string{"client_credentials"},
		Scopes: []string{"orders.read", "orders.write"}, Policy: "default", CreatedAt: time.Unix(1_750_000_000, 0).UTC(),
		Authentication: registration.Authentication{
			Methods: []registration.AuthenticationMethod{registration.AuthenticationClientSecret},
			Secrets: []registration.SecretHash{{ID: "s1", SHA256: fmt.Sprintf("%064x", i)}},
		},
		Tokens: registration.Tokens{AccessTokenTTL: registration.Duration(10 * time.Minute), RefreshTokenTTL: registration.Duration(720 * time.Hour), RefreshTokenIdle: registration.Duration(168 * time.Hour)},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// BenchmarkTenThousandClients measures what a replica needs to have 10,000 clients at its start, what it keeps, how it
// follows while they are made, and how long one more takes to be served.
func BenchmarkTenThousandClients(b *testing.B) {
	const ns, n = "bench", 10_000
	cfg := namespace(b, ns)
	follower := start(b, cfg, ns)
	admin := unlimited(b)
	begun := time.Now()
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		content := serviceDocument(b, i)
		group.Go(func() error {
			_, err := admin.CoreV1().Secrets(ns).Create(context.Background(), secret(fmt.Sprintf("client-%05d", i), "main", content), metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	made := time.Now()
	waitFor(b, follower, "all clients", func(s *registry.Snapshot) bool { return s.Clients() == n })
	toMake, behind := made.Sub(begun), time.Since(made)

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun = time.Now()
	second := start(b, cfg, ns)
	toStart := time.Since(begun)
	runtime.GC()
	runtime.ReadMemStats(&after)
	for range 4 { // the least of five, because whatever else the machine does counts
		begun = time.Now()
		start(b, cfg, ns)
		toStart = min(toStart, time.Since(begun))
	}
	if second.Current().Clients() != n {
		b.Fatal("not all clients are there")
	}

	i := n
	for b.Loop() {
		create(b, ns, secret(fmt.Sprintf("client-%05d", i), "main", serviceDocument(b, i)))
		id := fmt.Sprintf("apps.client-%05d", i)
		waitFor(b, second, "one more", func(s *registry.Snapshot) bool { _, ok := s.Client(id); return ok })
		i++
	}
	b.ReportMetric(toMake.Seconds(), "s-to-make")
	b.ReportMetric(float64(behind.Microseconds())/1000, "ms-behind")
	b.ReportMetric(float64(toStart.Microseconds())/1000, "ms-to-start")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
}

// unlimited is an administrator whose requests are not limited.
func unlimited(tb testing.TB) kubernetes.Interface {
	tb.Helper()
	cfg := kube.Tune(plane.env.Config)
	cfg.QPS = -1
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
