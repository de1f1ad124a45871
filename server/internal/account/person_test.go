package account

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
	"github.com/grantkeeper/grantkeeper/server/internal/web/webtest"
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
	if a.status != http.StatusTeapot { // the stand-in's
		webtest.Check(p, res, a.body)
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

// tokens are those of the page's forms, in their order.
func (a *answer) tokens() []string {
	a.Helper()
	out := webtest.Fields(a.body, "token")
	if out == nil {
		a.Fatalf("%s (%d) has no form:\n%s", a.path, a.status, a.text())
	}
	return out
}

// field is the value of a form's field.
func (a *answer) field(name string) string {
	a.Helper()
	values := webtest.Fields(a.body, name)
	if len(values) == 0 {
		a.Fatalf("%s has no field %s:\n%s", a.path, name, a.body)
	}
	return values[0]
}

// text is what the page says.
func (a *answer) text() string {
	return webtest.Text(a.body)
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
