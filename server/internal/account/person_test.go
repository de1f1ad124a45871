package account

import (
	"context"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// person is a browser with cookies.
type person struct {
	*fixture
	client  *http.Client
	jar     *cookiejar.Jar
	session storage.Session
}

// nobody is a browser in which nobody is signed in.
func (f *fixture) nobody() *person {
	f.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	transport := f.server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { // whatever the issuer's host
		return (&net.Dialer{}).DialContext(ctx, network, f.server.Listener.Addr().String())
	}
	f.Cleanup(transport.CloseIdleConnections)
	return &person{fixture: f, jar: jar, client: &http.Client{Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signedIn is a browser in which u signed in now.
func (f *fixture) signedIn(u storage.User, methods ...string) *person {
	f.Helper()
	if len(methods) == 0 {
		methods = []string{oauth.MethodPassword}
	}
	p := f.nobody()
	credential, session := f.newSession(u, methods)
	if err := f.db.CreateSession(f.Context(), session, storage.Hash{}); err != nil {
		f.Fatal(err)
	}
	p.session = session
	p.keep(web.SiteOf(f.registry.Current().Server()).SessionCookie, credential)
	return p
}

// keep gives the browser a cookie.
func (p *person) keep(name, value string) {
	p.Helper()
	at, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	p.jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

// answer is a response with the parts that tests look at.
type answer struct {
	*testing.T
	status         int
	header         http.Header
	body, path, to string
}

func (p *person) do(r *http.Request) *answer {
	p.Helper()
	res, err := p.client.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	a := &answer{T: p.T, status: res.StatusCode, header: res.Header, body: string(b), path: r.URL.Path, to: res.Header.Get("Location")}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		w := httptest.NewRecorder()
		maps.Copy(w.Header(), a.header)
		w.WriteHeader(a.status)
		_, _ = w.WriteString(a.body) // a recorder takes everything
		pagetest.Check(p, w)
	}
	if a.status != http.StatusTeapot && a.header.Get("Cache-Control") != "no-store" {
		p.Errorf("A21 %s may be stored", a.path)
	}
	for _, c := range res.Cookies() {
		if c.Domain != "" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || !c.Secure || c.Path != "/" || !strings.HasPrefix(c.Name, "__Host-") {
			p.Errorf("I08 cookie %s of %s: %s", c.Name, a.path, c.Raw)
		}
	}
	return a
}

func (p *person) get(path string) *answer {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodGet, p.issuer+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	return p.do(r)
}

// follow follows redirects.
func (p *person) follow(a *answer) *answer {
	p.Helper()
	base, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	for range 6 {
		if a.to == "" {
			return a
		}
		if a.status != http.StatusSeeOther {
			p.Errorf("A20 %s: a redirect with %d", a.path, a.status)
		}
		a = p.get(strings.TrimPrefix(a.to, base.Path))
	}
	p.Fatalf("redirects without end, at last to %s", a.to)
	return nil
}

func (p *person) post(path string, form url.Values, change ...func(*http.Request)) *answer {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("User-Agent", firefox)
	for _, c := range change {
		c(r)
	}
	return p.do(r)
}

var (
	tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)
	tags       = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|<[^>]*>`)
)

// tokens are those of the page's forms, in their order.
func (a *answer) tokens() []string {
	a.Helper()
	var out []string
	for _, m := range tokenField.FindAllStringSubmatch(a.body, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	if out == nil {
		a.Fatalf("%s (%d) has no form:\n%s", a.path, a.status, a.text())
	}
	return out
}

// field is the value of a form's field.
func (a *answer) field(name string) string {
	a.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(a.body)
	if m == nil {
		a.Fatalf("%s has no field %s:\n%s", a.path, name, a.body)
	}
	return html.UnescapeString(m[1])
}

// text is what the page says.
func (a *answer) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(a.body, " "))), " ")
}

func (a *answer) want(status int, says ...string) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d (to %q): %s", a.path, a.status, status, a.to, a.text())
	}
	for _, s := range says {
		if !strings.Contains(a.text(), s) {
			a.Errorf("%s does not say %q: %s", a.path, s, a.text())
		}
	}
	return a
}

func (a *answer) without(says ...string) *answer {
	a.Helper()
	for _, s := range says {
		if strings.Contains(a.text(), s) {
			a.Errorf("%s says %q: %s", a.path, s, a.text())
		}
	}
	return a
}
