package kube_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

func TestSecretsAreFollowed(t *testing.T) {
	const ns = "followed"
	cfg := namespace(t, ns)
	create(t, ns, secret("a", "main", document(t, "a", "first")))
	create(t, ns, secret("foreign", "other", document(t, "foreign", "x")))
	untyped := secret("untyped", "main", document(t, "untyped", "x"))
	untyped.Type = corev1.SecretTypeOpaque
	create(t, ns, untyped)

	s := start(t, cfg, ns)
	if snap := s.Current(); !titled("a", "first")(snap) || snap.Documents()[registration.KindResource] != 1 || len(snap.Rejected()) != 0 {
		t.Fatalf("the first list has %v, rejected %v", snap.Documents(), snap.Rejected())
	}

	b := create(t, ns, secret("b", "main", document(t, "b", "new")))
	waitFor(t, s, "a created Secret", titled("b", "new"))
	b.Data[registration.DataKey] = document(t, "b", "edited")
	b = update(t, ns, b)
	waitFor(t, s, "an updated Secret", titled("b", "edited"))
	if order, err := resourceversion.CompareResourceVersion(s.Version(), b.ResourceVersion); err != nil || order < 0 {
		t.Errorf("the version is %s, though Secret version %s was loaded (%v)", s.Version(), b.ResourceVersion, err)
	}

	b.Data[registration.DataKey] = []byte(`{"version":1,"kind":"Resource","spec":{"nonsense":1}}`)
	b = update(t, ns, b)
	waitFor(t, s, "a bad document fails closed, alone", func(snap *registry.Snapshot) bool {
		return titled("b", "")(snap) && titled("a", "first")(snap) && len(snap.Rejected()) == 1
	})
	b.Data = map[string][]byte{"other": nil}
	b = update(t, ns, b)
	b.Data = map[string][]byte{registration.DataKey: document(t, "b", "mended")}
	b = update(t, ns, b)
	waitFor(t, s, "a mended document", func(snap *registry.Snapshot) bool { return titled("b", "mended")(snap) && len(snap.Rejected()) == 0 })

	b.Labels[registration.LabelServer] = "other"
	b = update(t, ns, b)
	waitFor(t, s, "a Secret that was given to another server", titled("b", ""))
	if order, err := resourceversion.CompareResourceVersion(s.Version(), b.ResourceVersion); err != nil || order < 0 {
		t.Errorf("the version is %s after the change of label at %s (%v)", s.Version(), b.ResourceVersion, err)
	}
	b.Labels[registration.LabelServer] = "main"
	update(t, ns, b)
	waitFor(t, s, "and back", titled("b", "mended"))

	remove(t, ns, "b")
	waitFor(t, s, "a deleted Secret", titled("b", ""))
	if n := s.lists.Load(); n != 1 {
		t.Errorf("listed %d times", n)
	}
}

func TestAnOutageOfTheAPIServer(t *testing.T) {
	const ns = "outage"
	cfg := namespace(t, ns)
	create(t, ns, secret("kept", "main", document(t, "kept", "x")))
	create(t, ns, secret("edited", "main", document(t, "edited", "before")))
	s := start(t, cfg, ns)

	api := plane.env.ControlPlane.GetAPIServer()
	if err := api.Stop(); err != nil {
		t.Fatal(err)
	}
	served := func(when string) {
		t.Helper()
		if !titled("kept", "x")(s.Current()) || !titled("edited", "before")(s.Current()) {
			t.Errorf("%s, what was loaded is not served", when)
		}
	}
	served("while the API server is away")
	if err := api.Start(); err != nil {
		t.Fatal(err)
	}
	served("when the API server is back")
	e := secret("edited", "main", document(t, "edited", "after"))
	update(t, ns, e)
	back := time.Now()
	waitFor(t, s, "an edit after the outage", titled("edited", "after"))
	if d := time.Since(back); d > 5*time.Second {
		t.Errorf("stale for %v after the outage", d)
	}
	if !titled("kept", "x")(s.Current()) {
		t.Error("what did not change is gone")
	}
}

// TestFault13 cuts every watch after a fraction of a second and answers every third one with 410 Gone, for some seconds,
// while documents come, change and go.
func TestFault13(t *testing.T) {
	const ns, stable, long = "fault13", 20, 8 * time.Second
	cfg := namespace(t, ns)
	for i := range stable {
		name := fmt.Sprintf("stable%d", i)
		create(t, ns, secret(name, "main", document(t, name, "x")))
	}
	var cuts, expired atomic.Int32
	cfg.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") == "" {
				return next.RoundTrip(r)
			}
			// A list is streamed as a watch, too; to answer that with 410 would only have it fall back to a plain list.
			if r.URL.Query().Get("sendInitialEvents") == "" && (cuts.Load()+expired.Load())%3 == 2 {
				expired.Add(1)
				return gone(r), nil
			}
			resp, err := next.RoundTrip(r)
			if err == nil {
				cuts.Add(1)
				resp.Body = cut(resp.Body, 500*time.Millisecond)
			}
			return resp, err
		})
	}
	s := start(t, cfg, ns)

	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			snap := s.Current()
			for i := range stable {
				if !titled(fmt.Sprintf("stable%d", i), "x")(snap) {
					t.Error("a document that is always there was missed")
					return
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	last := ""
	deadline := time.Now().Add(long)
	pace := time.NewTicker(20 * time.Millisecond) // of the changes; no outcome is waited for in between
	defer pace.Stop()
	for i := 0; time.Now().Before(deadline); i++ {
		name := fmt.Sprintf("passing%d", i)
		create(t, ns, secret(name, "main", document(t, name, "x")))
		if i > 0 {
			remove(t, ns, fmt.Sprintf("passing%d", i-1))
		}
		last = name
		<-pace.C
	}
	ended := time.Now()
	waitFor(t, s, "catching up", func(snap *registry.Snapshot) bool {
		return titled(last, "x")(snap) && snap.Documents()[registration.KindResource] == stable+1
	})
	if d := time.Since(ended); d > 5*time.Second {
		t.Errorf("stale for %v after the last change", d)
	}
	close(stop)
	readers.Wait()
	if cuts.Load() < 3 || expired.Load() < 2 {
		t.Errorf("only %d watches were cut and %d expired", cuts.Load(), expired.Load())
	}
	t.Logf("%d watches cut, %d expired, %d lists", cuts.Load(), expired.Load(), s.lists.Load())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// gone is the API server's answer to a watch from a version that was compacted.
func gone(r *http.Request) *http.Response {
	body := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}`
	return &http.Response{
		StatusCode: http.StatusGone, Status: "410 Gone", Proto: "HTTP/2.0", ProtoMajor: 2, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewBufferString(body)),
	}
}

// cut ends a stream after d.
func cut(body io.ReadCloser, d time.Duration) io.ReadCloser {
	timer := time.AfterFunc(d, func() { _ = body.Close() })
	return &cutBody{ReadCloser: body, timer: timer}
}

type cutBody struct {
	io.ReadCloser
	timer *time.Timer
}

func (c *cutBody) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *cutBody) Close() error {
	c.timer.Stop()
	return c.ReadCloser.Close()
}
