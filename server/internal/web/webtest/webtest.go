package webtest

import (
	"bytes"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

// Check checks what holds for every answer to a browser, whose body was read already: redirects turn a POST into a GET (A20),
// pages are as pages have to be, nothing is stored (A21) or open to other origins (A22), and cookies are ours alone (I08). Over
// http, which is for loopback, cookies cannot be bound to the host, and pages name no Strict-Transport-Security.
func Check(t testing.TB, res *http.Response, body string) {
	t.Helper()
	at, secure := res.Request.URL.Path, res.Request.URL.Scheme == "https"
	if res.StatusCode >= 300 && res.StatusCode < 400 && res.StatusCode != http.StatusSeeOther {
		t.Errorf("A20 %s: a redirect with %d", at, res.StatusCode)
	}
	if secure && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		w := httptest.NewRecorder()
		maps.Copy(w.Header(), res.Header)
		w.WriteHeader(res.StatusCode)
		_, _ = w.WriteString(body) // a recorder takes everything
		pagetest.Check(t, w)
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("A21 %s may be stored", at)
	}
	if res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("A22 %s allows another origin", at)
	}
	for _, c := range res.Cookies() {
		if c.Domain != "" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode ||
			secure && (!c.Secure || c.Path != "/" || !strings.HasPrefix(c.Name, "__Host-")) {
			t.Errorf("I08 cookie %s of %s: %s", c.Name, at, c.Raw)
		}
	}
}

var tags = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|<[^>]*>`)

// Text is what a page says, without markup.
func Text(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(body, " "))), " ")
}

// Fields are the values of a page's fields with a name, in their order.
func Fields(body, name string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`name="`+regexp.QuoteMeta(name)+`" value="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// Log keeps what is logged. It is for many goroutines.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Reset forgets what was logged.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}
