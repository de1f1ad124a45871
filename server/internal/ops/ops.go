package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Registry is what readiness needs of a *registry.Registry.
type Registry interface {
	Current() *registry.Snapshot
	Synced() bool
}

// Pinger is what readiness needs of the storage.
type Pinger interface {
	// Ping asks whether the engine can commit.
	Ping(ctx context.Context) error
}

// Config says what is shown.
type Config struct {
	// Metrics is where everything is registered that /metrics shows. Make one for each server.
	Metrics *prometheus.Registry
	// Registry and Storage have to work for the server to be ready. Give the storage itself, not a measured one, or the probes
	// are measured with it.
	Registry Registry
	Storage  Pinger
	// Version of the program, for grantkeeper_build_info.
	Version string
	// Log hears of a storage that goes away and comes back.
	Log *slog.Logger
}

// Operations answers /healthz, /readyz and /metrics.
type Operations struct {
	registry Registry
	storage  *probe
	mux      *http.ServeMux
	draining atomic.Bool
}

// New registers what is known of the process in c.Metrics. The error is that of a name registered twice.
func New(c Config) (*Operations, error) {
	o := &Operations{registry: c.Registry, storage: newProbe(c.Storage, c.Log), mux: http.NewServeMux()}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "grantkeeper_build_info", Help: "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": c.Version, "go_version": runtime.Version()},
	}, func() float64 { return 1 })
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "grantkeeper_ready", Help: "Whether the server is ready for requests.",
	}, func() float64 {
		if o.Ready() {
			return 1
		}
		return 0
	})
	err := register(c.Metrics, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build, ready)
	if err != nil {
		return nil, err
	}
	o.mux.HandleFunc("GET /healthz", o.healthz)
	o.mux.HandleFunc("GET /readyz", o.readyz)
	o.mux.Handle("GET /metrics", promhttp.HandlerFor(c.Metrics, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	}))
	return o, nil
}

func register(r prometheus.Registerer, all ...prometheus.Collector) error {
	var errs []error
	for _, c := range all {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

// ServeHTTP answers the three paths for GET and HEAD, and 404 or 405 else.
func (o *Operations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	o.mux.ServeHTTP(w, r)
}

// Drain makes the server unready for good: call it before the listener of requests closes, and wait until nobody sends any
// more.
func (o *Operations) Drain() { o.draining.Store(true) }

// Ready reports whether the server can take requests. It waits for the storage, for at most two seconds; an answer of the
// storage is good for one.
func (o *Operations) Ready() bool { return len(o.Missing(context.Background())) == 0 }

// Missing names what keeps the server from being ready, in fixed words; nothing when it is.
func (o *Operations) Missing(ctx context.Context) []string {
	var missing []string
	if o.draining.Load() {
		missing = append(missing, "shutting down")
	}
	if !o.registry.Synced() {
		missing = append(missing, "registrations are not loaded yet")
	}
	s := o.registry.Current()
	if s.Server() == nil {
		missing = append(missing, "there are no settings for this server")
	}
	if s.Keys() == nil {
		missing = append(missing, "there are no signing keys for this server")
	}
	if !o.storage.answers(ctx) {
		missing = append(missing, "the storage does not answer")
	}
	return missing
}

func (o *Operations) healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

func (o *Operations) readyz(w http.ResponseWriter, r *http.Request) {
	if missing := o.Missing(r.Context()); len(missing) > 0 {
		plain(w, http.StatusServiceUnavailable, "not ready: "+strings.Join(missing, "; "))
		return
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // whoever asked has gone
}
