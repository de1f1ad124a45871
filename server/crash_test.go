package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web/webtest"
)

// serverBinary builds cmd/server, once per test binary.
var serverBinary = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "grantkeeper", "test", filepath.Base(os.Args[0]), "server")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/server").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// moment is when the proxy ends the server.
type moment int

const (
	never moment = iota
	// beforeTheAnswer: once the server has answered, of which the browser hears nothing.
	beforeTheAnswer
	// underWay: once the request is with the server, whatever has come of it by then.
	underWay
)

// process is the real server in a process of its own that can be killed, with its data in a folder that stays, behind a proxy that can
// lose an answer. Its issuer is the proxy's address. What it does not have of a world is the server in this process.
type process struct {
	*world
	data               string
	listen, operations string
	cmd                *exec.Cmd
	exited             chan struct{}

	mu   sync.Mutex
	when moment
	// lost is the body of the answer that was lost last.
	lost string
}

func newProcess(t *testing.T) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{data: filepath.Join(dir, "data.db"), world: &world{
		t: t, folder: filepath.Join(dir, "registrations"), log: &webtest.Log{}, userCodes: map[storage.Hash]storage.Hash{},
	}}
	if err := os.Mkdir(p.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, address := range []*string{&p.listen, &p.operations} {
		var err error
		if *address, err = freeport.Address(); err != nil {
			t.Fatal(err)
		}
	}
	proxy := httptest.NewServer(http.HandlerFunc(p.forward))
	t.Cleanup(proxy.Close)
	p.url = proxy.URL
	for _, d := range documents(t, &registration.Server{
		Namespace: "oauth", Name: "main", Issuer: p.url, DisplayName: "Test", TrustedProxies: []string{"127.0.0.0/8"},
		Device: registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)},
	}) {
		if d, ok := d.(*registration.IdentityProvider); ok {
			d.Local.Accounts = append(d.Local.Accounts, registration.LocalAccount{Username: "grace", PasswordHash: passwordHash, Name: "Grace"})
		}
		p.write(d)
	}
	p.begin()
	t.Cleanup(p.kill)
	return p
}

// begin starts the server over what is there, and waits until it is ready.
func (p *process) begin() {
	p.t.Helper()
	path, err := serverBinary()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(path, "--registrations", p.folder, "--sqlite", p.data, "--listen", p.listen, "--operations", p.operations)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan struct{})
	p.exited = exited
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // it was killed
		close(exited)
	}(p.cmd)
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.operations+"/readyz", http.NoBody)
		if err != nil {
			p.t.Fatal(err)
		}
		if a, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r); err == nil {
			_ = a.Body.Close() // its status is all that counts
			if a.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("the server does not become ready: %s", p.log)
		case <-exited:
			p.t.Fatalf("the server ended: %s", p.log)
		case <-again.C:
		}
	}
}

// kill ends the server as a machine that loses power does (SIGKILL).
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // or it has ended
	<-p.exited
}

// again kills the server and starts it.
func (p *process) again() {
	p.t.Helper()
	p.kill()
	p.begin()
}

// forward is the proxy.
func (p *process) forward(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	when := p.when
	p.when = never
	p.mu.Unlock()
	ctx := r.Context()
	if when == underWay {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { p.kill() }})
	}
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", p.listen, ""
	a, err := (&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	body, err := io.ReadAll(a.Body)
	_ = a.Body.Close() // it was read
	if err != nil || when != never {
		p.kill()
		p.mu.Lock()
		p.lost = string(body)
		p.mu.Unlock()
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.StatusCode)
	_, _ = w.Write(body) // or the browser is gone
}

// losing makes the next answer get lost with the server, which is started again after do.
func (p *process) losing(when moment, do func() int) {
	p.t.Helper()
	p.mu.Lock()
	p.when = when
	p.mu.Unlock()
	if status := do(); status != http.StatusBadGateway {
		p.t.Fatalf("there is an answer: %d", status)
	}
	p.again()
}

// posts sends a form of a program, and hears nothing of what became of it.
func (p *process) posts(when moment, path, body string) {
	p.t.Helper()
	p.losing(when, func() int { return p.send(http.MethodPost, path, formType, body).status })
}

// asks sends a request of the browser, which hears nothing and still shows the page before.
func (b *tab) asks(p *process, when moment, method, address, body string) {
	b.t.Helper()
	at, page := b.browser.At, b.browser.Page
	p.losing(when, func() int {
		b.go1(method, address, body)
		return b.page.status
	})
	b.browser.At, b.browser.Page = at, page
	b.look()
}

// loses sends the page's form, and hears nothing.
func (b *tab) loses(p *process, when moment, pairs ...string) {
	b.t.Helper()
	address, body := b.filled(pairs...)
	b.asks(p, when, http.MethodPost, address, body)
}

// sends sends the page's form and stops at what comes back, also where that is a redirect.
func (b *tab) sends(pairs ...string) {
	b.t.Helper()
	address, body := b.filled(pairs...)
	b.go1(http.MethodPost, address, body)
}

func (b *tab) filled(pairs ...string) (address, body string) {
	b.t.Helper()
	action, fields := b.form()
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return b.w.url + action, fields.Encode()
}
