package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/cmd/grantkeeper/dev"
	"github.com/grantkeeper/grantkeeper/internal/freeport"
)

// The addresses that the documentation has.
const issuerAddress, operationsAddress = "127.0.0.1:9080", "127.0.0.1:9081"

// running is `grantkeeper dev --files manifests --data data` in a folder of its own.
type running struct {
	dir, listen, operations string
	// password is that of the demo account; empty where there is none.
	password string
}

// here puts the addresses of this server in the place of those of the documentation.
func (r *running) here(text string) string {
	return strings.NewReplacer(issuerAddress, r.listen, operationsAddress, r.operations).Replace(text)
}

// serve starts the server of a page and ends it with the test.
func serve(t *testing.T, p *page) *running {
	t.Helper()
	r := &running{dir: t.TempDir(), listen: freeAddress(t), operations: freeAddress(t)}
	manifests := filepath.Join(r.dir, "manifests")
	blocks := p.of("yaml test")
	if len(blocks) == 0 {
		if err := os.CopyFS(manifests, os.DirFS(filepath.Join(root, "config/samples"))); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Mkdir(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, b := range blocks {
		if err := os.WriteFile(filepath.Join(manifests, fmt.Sprintf("%d.yaml", i)), []byte(b.text), 0o600); err != nil {
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
	return r
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

// approver is the person at the browser: it takes a link, a user and a password, signs in and approves.
func approver(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := approve(r.FormValue("link"), r.FormValue("user"), r.FormValue("password")); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

var formToken = regexp.MustCompile(`name="token" value="([^"]*)"`)

func approve(link, user, password string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	base, _, _ := strings.Cut(link, "/device")
	text, err := fetch(browser.Get(link))
	for _, step := range []struct {
		path string
		form url.Values
	}{
		{"/login", url.Values{"username": {user}, "password": {password}}},
		{"/device/confirm", url.Values{"decision": {"approve"}}},
	} {
		if err != nil {
			return err
		}
		token := formToken.FindStringSubmatch(text)
		if token == nil {
			return errors.New("the page before " + step.path + " has no form:\n" + text)
		}
		step.form.Set("token", html.UnescapeString(token[1]))
		text, err = fetch(browser.PostForm(base+step.path, step.form))
	}
	if err == nil && !strings.Contains(text, "<h1>Approved</h1>") {
		err = errors.New("not approved:\n" + text)
	}
	return err
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
