//go:build !race

// The suite runs with the race detector where engines are tested; twice would only take twice as long.

package ops_test

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grantkeeper/grantkeeper/server/internal/ops"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/storagetest"
)

// A measured storage is a storage: it passes the suite that every engine passes.
func TestMeasuredStorage(t *testing.T) {
	r := registry.New(slog.New(slog.DiscardHandler))
	m, err := ops.NewMetrics(ops.MetricsConfig{Metrics: prometheus.NewRegistry(), Registry: r})
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Run(t, func(t *testing.T) storage.Storage { return m.Storage(openSQLite(t)) })
}
