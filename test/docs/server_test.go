package docs

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/cmd/grantkeeper/dev"
	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/test/sampleapi"
)

// The addresses that the documentation has: those of `grantkeeper dev`, and of the sample API beside it.
const issuerAddress, operationsAddress, apiAddress = "127.0.0.1:9080", "127.0.0.1:9081", "127.0.0.1:9090"

// running is `grantkeeper dev --files manifests --data data` in a folder of its own.
type running struct {
	dir, listen, operations string
	// api is where the sample API listens; on the pages that say how to start it.
	api string
	// password is that of the demo account; empty where there is none.
	password string
}

// here puts the addresses of this server in the place of those of the documentation.
func (r *running) here(text string) string {
	return strings.NewReplacer(issuerAddress, r.listen, operationsAddress, r.operations, apiAddress, r.api).Replace(text)
}

// serve starts the server of a page and ends it with the test.
func serve(t *testing.T, p *page) *running {
	t.Helper()
	r := &running{dir: t.TempDir(), listen: freeAddress(t), operations: freeAddress(t), api: freeAddress(t)}
	manifests := filepath.Join(r.dir, "manifests")
	blocks := p.of("yaml test")
	if len(blocks) == 0 {
		copySamples(t, r, manifests)
	} else if err := os.Mkdir(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, b := range blocks {
		if err := os.WriteFile(filepath.Join(manifests, fmt.Sprintf("%d.yaml", i)), []byte(r.here(b.text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := &output{up: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- dev.Run(ctx, dev.Options{
			Files: manifests, Data: filepath.Join(r.dir, "data"), Listen: r.listen, Operations: r.operations, Out: out, Err: out,
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	select {
	case <-out.up:
	case err := <-done:
		done <- nil
		t.Fatalf("the server did not start: %v\n%s", err, out)
	case <-time.After(time.Minute):
		t.Fatalf("the server did not start within a minute:\n%s", out)
	}
	if m := regexp.MustCompile(`(?m)^  password +(\S+)`).FindStringSubmatch(out.String()); m != nil {
		r.password = m[1]
	}
	serveAPI(t, p, r)
	return r
}

// copySamples is what a reader does with config/samples, at the addresses of this server.
func copySamples(t *testing.T, r *running, into string) {
	t.Helper()
	if err := os.CopyFS(into, os.DirFS(filepath.Join(root, "config/samples"))); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(into, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, []byte(r.here(string(text))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// startsAPI is how a page says that the sample API is to be started.
const startsAPI = "go run ./test/sampleapi/cmd/sampleapi"

// serveAPI starts the sample API beside the server, if the page says so.
func serveAPI(t *testing.T, p *page, r *running) {
	t.Helper()
	if !slices.ContainsFunc(p.of("sh"), func(b block) bool { return strings.Contains(b.text, startsAPI) }) {
		return
	}
	api, err := sampleapi.New(sampleapi.Config{
		Issuer: "http://" + r.listen, Identifier: "http://" + r.api, Data: sampleapi.Sample(), Now: time.Now,
		Client: &http.Client{Timeout: 5 * time.Second}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", r.api)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(api.Handler())
	_ = s.Listener.Close() // its own, which nobody needs
	s.Listener = listener
	s.Start()
	t.Cleanup(s.Close)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// output collects what dev prints, and tells when it is up.
type output struct {
	mu  sync.Mutex
	b   bytes.Buffer
	up  chan struct{}
	was bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p)
	// The last line of the summary, so that all of it is there.
	if !o.was && strings.Contains(o.b.String(), "Ctrl-C ends everything") {
		o.was = true
		close(o.up)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func fetch(r *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	var b bytes.Buffer
	if _, err = b.ReadFrom(r.Body); err != nil {
		return "", err
	}
	if r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s\n%s", r.Request.URL, r.Status, b.String())
	}
	return b.String(), nil
}
