package ops_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/ops"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// pinger is a storage that works, fails or hangs as it is told.
type pinger struct {
	fail, hang atomic.Bool
	pings      atomic.Int32
}

func (p *pinger) Ping(ctx context.Context) error {
	p.pings.Add(1)
	if p.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if p.fail.Load() {
		return errors.New("disk full at /secret/path")
	}
	return nil
}

func settings() []registry.Change {
	return []registry.Change{
		{Key: "server", Document: &registration.Server{Name: "main", Issuer: "https://login.example.com"}},
		{Key: "keys", Document: &registration.Keys{Name: "main", Signing: []registration.SigningKey{
			{ID: "1", Algorithm: "ES256", State: registration.KeyActive, ActiveAt: now.Add(-time.Hour)},
			{ID: "2", Algorithm: "ES256", State: registration.KeyRetired, ActiveAt: now.Add(-1000 * time.Hour)},
			{ID: "3", Algorithm: "RS256", State: registration.KeyActive, ActiveAt: now.Add(-time.Minute)},
		}}},
		{Key: "c", Document: &registration.Client{Namespace: "apps", Name: "a-client", UID: "some-uid", ClientID: "very-secret-client-id", Policy: "none"}},
		{Key: "bad", Err: errors.New("unreadable")},
	}
}

func get(h http.Handler, method, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String()
}

func newOperations(t *testing.T, r *registry.Registry, p ops.Pinger, metrics *prometheus.Registry) *ops.Operations {
	t.Helper()
	o, err := ops.New(ops.Config{Metrics: metrics, Registry: r, Storage: p, Version: "v1.2.3", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.New(slog.New(slog.DiscardHandler))
		p := &pinger{}
		o := newOperations(t, r, p, prometheus.NewRegistry())
		// How long an answer of the storage holds is what is tested, so time passes, on the bubble's clock.
		pass := func(d time.Duration) { <-time.After(d) }
		expect := func(when string, status int, text string) {
			t.Helper()
			if code, body := get(o, "GET", "/readyz"); code != status || body != text+"\n" {
				t.Errorf("%s: %d %q, want %d %q", when, code, body, status, text)
			}
			if o.Ready() != (status == http.StatusOK) {
				t.Errorf("%s: Ready is %v", when, o.Ready())
			}
			if code, body := get(o, "GET", "/healthz"); code != http.StatusOK || body != "ok\n" {
				t.Errorf("%s: /healthz says %d %q", when, code, body)
			}
		}
		expect("at first", 503, "not ready: registrations are not loaded yet; there are no settings for this server; there are no signing keys for this server")
		docs := settings()
		r.Replace(docs[:1], "1")
		expect("without keys", 503, "not ready: there are no signing keys for this server")
		r.Replace(docs, "2")
		expect("when all is there", 200, "ready")
		if n := p.pings.Load(); n != 1 {
			t.Errorf("%d pings for many probes within a second", n)
		}
		p.fail.Store(true)
		pass(time.Second)
		expect("while the storage fails", 503, "not ready: the storage does not answer")
		p.fail.Store(false)
		pass(time.Second)
		expect("when it works again", 200, "ready")
		p.hang.Store(true)
		pass(time.Second)
		begun := time.Now()
		expect("while the storage hangs", 503, "not ready: the storage does not answer")
		if d := time.Since(begun); d > 5*time.Second {
			t.Errorf("it took %v to notice that the storage hangs", d)
		}
		p.hang.Store(false)
		pass(3 * time.Second)
		expect("when it answers again", 200, "ready")
		o.Drain()
		expect("while it drains", 503, "not ready: shutting down")
	})
}

func TestPaths(t *testing.T) {
	r := registry.New(slog.New(slog.DiscardHandler))
	o := newOperations(t, r, &pinger{}, prometheus.NewRegistry())
	tests := map[string]struct {
		method, path string
		status       int
	}{
		"HEAD is answered":             {"HEAD", "/healthz", 200},
		"other methods are not":        {"POST", "/readyz", 405},
		"I09 profiles are not exposed": {"GET", "/debug/pprof/", 404},
		"nothing at the root":          {"GET", "/", 404},
		"no route of the issuer":       {"POST", "/v1/token", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if code, _ := get(o, test.method, test.path); code != test.status {
				t.Errorf("%s %s: %d, want %d", test.method, test.path, code, test.status)
			}
		})
	}
}

func openSQLite(t *testing.T) storage.Storage {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "data.db"), Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestEveryMetricAppears(t *testing.T) {
	metrics := prometheus.NewRegistry()
	r := registry.New(slog.New(slog.DiscardHandler))
	m, err := ops.NewMetrics(ops.MetricsConfig{Metrics: metrics, Registry: r, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	db := openSQLite(t)
	o := newOperations(t, r, db, metrics)
	r.Replace(settings(), "4711")

	token := m.Endpoint("token")
	token.Observe("POST", 200, time.Millisecond)
	token.Observe("POST", 200, time.Millisecond)
	m.Endpoint("token").Observe("BREW", 418, time.Millisecond)
	m.TokenIssued(oauth.GrantTypeClientCredentials)
	m.TokenIssued("made up by someone")
	m.Refused("invalid_client")
	m.Refused("made up by someone")
	s := m.Storage(db)
	if _, err := s.User(t.Context(), "nobody"); !errors.Is(err, storage.ErrNotFound) {
		t.Fatal(err)
	}
	ended, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := s.Collect(ended, now, 1); err == nil {
		t.Fatal("collecting without time left works")
	}

	_, body := get(o, "GET", "/metrics")
	for _, line := range []string{
		`grantkeeper_http_requests_total{code="200",endpoint="token",method="POST"} 2`,
		`grantkeeper_http_requests_total{code="other",endpoint="token",method="other"} 1`,
		`grantkeeper_http_request_duration_seconds_count{endpoint="token"} 3`,
		`grantkeeper_tokens_issued_total{grant_type="client_credentials"} 1`,
		`grantkeeper_tokens_issued_total{grant_type="urn:ietf:params:oauth:grant-type:device_code"} 0`,
		`grantkeeper_tokens_issued_total{grant_type="other"} 1`,
		`grantkeeper_oauth_errors_total{error="invalid_client"} 1`,
		`grantkeeper_oauth_errors_total{error="server_error"} 0`,
		`grantkeeper_oauth_errors_total{error="other"} 1`,
		`grantkeeper_registry_clients 1`,
		`grantkeeper_registry_clients_refused 1`,
		`grantkeeper_registry_documents{kind="Keys"} 1`,
		`grantkeeper_registry_documents{kind="Policy"} 0`,
		`grantkeeper_registry_documents_rejected 1`,
		`grantkeeper_registry_version 4711`,
		`grantkeeper_registry_age_seconds `,
		`grantkeeper_registry_publish_lag_seconds_count 1`,
		`grantkeeper_signing_key_age_seconds{algorithm="ES256"} 3600`,
		`grantkeeper_signing_key_age_seconds{algorithm="RS256"} 60`,
		`grantkeeper_storage_operation_duration_seconds_count{operation="user"} 1`,
		`grantkeeper_storage_failures_total{operation="user"} 0`,
		`grantkeeper_storage_failures_total{operation="collect"} 1`,
		`grantkeeper_storage_failures_total{operation="rotate"} 0`,
		`grantkeeper_ready 1`,
		`version="v1.2.3"`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	for _, never := range []string{"very-secret-client-id", "a-client", "some-uid", "made up", "BREW"} {
		if strings.Contains(body, never) {
			t.Errorf("/metrics has %q", never)
		}
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	for _, f := range families {
		if n := len(f.Metric); n > 60 { // the operations of the storage are the most
			t.Errorf("%s has %d children", f.GetName(), n)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestNamesAreRegisteredOnce(t *testing.T) {
	metrics := prometheus.NewRegistry()
	r := registry.New(slog.New(slog.DiscardHandler))
	if _, err := ops.NewMetrics(ops.MetricsConfig{Metrics: metrics, Registry: r}); err != nil {
		t.Fatal(err)
	}
	if _, err := ops.NewMetrics(ops.MetricsConfig{Metrics: metrics, Registry: r}); err == nil {
		t.Error("the second of two servers that share metrics is no error")
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	r := registry.New(slog.New(slog.DiscardHandler))
	m, err := ops.NewMetrics(ops.MetricsConfig{Metrics: prometheus.NewRegistry(), Registry: r})
	if err != nil {
		t.Fatal(err)
	}
	e := m.Endpoint("token")
	if n := testing.AllocsPerRun(100, func() {
		e.Observe("POST", 200, time.Millisecond)
		m.TokenIssued(oauth.GrantTypeClientCredentials)
		m.Refused("invalid_client")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	r := registry.New(slog.New(slog.DiscardHandler))
	m, err := ops.NewMetrics(ops.MetricsConfig{Metrics: prometheus.NewRegistry(), Registry: r})
	if err != nil {
		b.Fatal(err)
	}
	e := m.Endpoint("token")
	b.ReportAllocs()
	for b.Loop() {
		e.Observe("POST", 200, time.Millisecond)
		m.TokenIssued(oauth.GrantTypeClientCredentials)
	}
}
