package clientauth

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// One app team may have many clients, and name a host for each that never answers.
func TestFetchesPerNamespace(t *testing.T) {
	hang := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), ReadHeaderTimeout: time.Minute}
	defer func() { _ = hang.Close() }()
	var hosts []string
	for range fetchesPerNamespace + 2 {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = hang.Serve(listener) }() // it ends with the test
		hosts = append(hosts, listener.Addr().String())
	}
	r, err := NewRemoteKeys(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	begin := func(namespace string, i int) bool {
		key := remoteKey{fmt.Sprintf("%s-%d", namespace, i), "http://" + hosts[i] + "/jwks"}
		return r.begin(key, namespace, true, now) != nil
	}
	begun := 0
	for i := range fetchesPerNamespace + 1 {
		if begin("mallory", i) {
			begun++
		}
	}
	if begun != fetchesPerNamespace {
		t.Errorf("%d fetches for one namespace", begun)
	}
	if !begin("alice", fetchesPerNamespace+1) {
		t.Error("nobody else can have keys fetched")
	}
	r.Close()
	if r.under != 0 || len(r.byHost) != 0 || len(r.byNamespace) != 0 {
		t.Errorf("%d fetches, %d hosts and %d namespaces are left over", r.under, len(r.byHost), len(r.byNamespace))
	}
}
