package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkTokenHandler is the client credentials grant without the network: what the server adds to net/http.
func BenchmarkTokenHandler(b *testing.B) {
	w := newWorld(b)
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	w.server.deps.Log = slog.New(slog.NewJSONHandler(log, nil))
	if err := w.server.wire(); err != nil {
		b.Fatal(err)
	}
	if err := w.server.signer.Load(w.server.registry.Current().Keys()); err != nil {
		b.Fatal(err)
	}
	h := w.server.handler()
	body := "grant_type=client_credentials&scope=orders.read"
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, w.url+"/v1/token", strings.NewReader(body))
		r.SetBasicAuth(serviceID, secret)
		r.Header.Set("Content-Type", formType)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatal(rec.Body.String())
		}
	}
}
