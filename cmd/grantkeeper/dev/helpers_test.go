package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
)

// terminal is what a run prints.
type terminal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *terminal) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *terminal) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// run is one `grantkeeper dev` under test.
type run struct {
	t        *testing.T
	options  Options
	out, err *terminal
	cancel   context.CancelFunc
	done     chan error
}

// begin starts a run; it is ended with the test.
func begin(t *testing.T, o Options) *run {
	t.Helper()
	r := &run{t: t, out: &terminal{}, err: &terminal{}, done: make(chan error, 1)}
	o.Out, o.Err = r.out, r.err
	for _, p := range []*string{&o.Listen, &o.Operations} {
		if *p == "" {
			*p = freeAddress(t)
		}
	}
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	r.options = o
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.done <- Run(ctx, o) }()
	t.Cleanup(func() { _, _ = r.end() }) // how it ends is for the test to look at
	return r
}

// end is Ctrl-C. It says how long that took, and gives what Run returned.
func (r *run) end() (time.Duration, error) {
	began := time.Now()
	r.cancel()
	select {
	case err := <-r.done:
		r.done <- err
		return time.Since(began), err
	case <-time.After(30 * time.Second):
		r.t.Error("the run does not end")
		return time.Since(began), nil
	}
}

// await waits until a condition holds, or the run ends.
func (r *run) await(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !holds() {
		select {
		case err := <-r.done:
			r.done <- err
			r.t.Fatalf("it ended (%v) before: %s\n%s%s", err, what, r.err, r.out)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("not in time: %s\n%s%s", what, r.err, r.out)
		}
	}
}

// up waits for the summary.
func (r *run) up() {
	r.t.Helper()
	r.await("the summary", func() bool { return strings.Contains(r.out.String(), "Ctrl-C ends everything") })
}

// token asks for a token by client credentials; the answer's status and its scope or error.
func (r *run) token(id, secret string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.options.Listen+"/v1/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close() // nothing was written
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var answer struct {
		Scope string `json:"scope"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return resp.StatusCode, string(b)
	}
	return resp.StatusCode, answer.Scope + answer.Error
}

// secretOf reads a client's credentials in files mode.
func (r *run) secretOf(namespace, secret string) (id, value string) {
	r.t.Helper()
	read := func(key string) string {
		b, err := os.ReadFile(filepath.Join(r.options.Data, "secrets", namespace, secret, key))
		if err != nil {
			r.t.Fatal(err)
		}
		return string(b)
	}
	return read("client-id"), read("client-secret")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// write puts a file into a folder as an editor does.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, name), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

const platformManifests = `apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: main, namespace: oauth}
spec: {issuer: "https://login.example.com"}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: services, namespace: oauth}
spec:
  serverRef: {name: main}
  clients: {namespaceSelector: {}}
  allow: {grantTypes: [client_credentials], scopes: [orders.read, orders.write]}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthResource
metadata: {name: orders, namespace: oauth}
spec:
  identifier: https://api.example.com
  scopes: [{name: orders.read, title: Read}, {name: orders.write, title: Write}, {name: orders.delete, title: Delete}]
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthIdentityProvider
metadata: {name: local, namespace: oauth}
spec: {local: {accountsSecretRef: {name: accounts}}}
`

const batchClient = `apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata: {name: batch, namespace: apps}
spec:
  serverRef: {name: main, namespace: oauth}
  type: Service
  scopes: [orders.read]
`
