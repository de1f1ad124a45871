package login

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/web/webtest"
)

// person is a browser with cookies.
type person struct {
	*fixture
	client *http.Client
	jar    *cookiejar.Jar
}

func (f *fixture) person() *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	transport := f.server.Client().Transport
	return &person{fixture: f, jar: jar, client: &http.Client{Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is a response with the parts that tests look at.
type answer struct {
	*testing.T
	status int
	header http.Header
	body   string
	path   string // it was had from
	to     string // Location
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
	webtest.Check(p, res, a.body)
	return a
}

// get opens a path below the issuer's without following redirects.
func (p *person) get(path string) *answer {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodGet, p.issuer+path, nil)
	if err != nil {
		p.Fatal(err)
	}
	return p.do(r)
}

// open opens a path and follows redirects.
func (p *person) open(path string) *answer {
	p.Helper()
	return p.follow(p.get(path))
}

func (p *person) follow(a *answer) *answer {
	p.Helper()
	for range 6 {
		if a.to == "" {
			return a
		}
		a = p.get(strings.TrimPrefix(a.to, p.base()))
	}
	p.Fatalf("redirects without end, at last to %s", a.to)
	return nil
}

func (p *person) base() string {
	u, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	return u.Path
}

func (p *person) post(path string, form url.Values, change ...func(*http.Request)) *answer {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range change {
		c(r)
	}
	return p.do(r)
}

// token is the hidden field of the page's form.
func (a *answer) token() string {
	a.Helper()
	tokens := webtest.Fields(a.body, "token")
	if len(tokens) == 0 {
		a.Fatalf("%s (%d) has no form:\n%s", a.path, a.status, a.text())
	}
	return tokens[0]
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)

// form is where the page's first form leads, relative to the issuer's path.
func (a *answer) form() string {
	a.Helper()
	m := formAction.FindStringSubmatch(a.body)
	if m == nil {
		a.Fatalf("%s (%d) has no form:\n%s", a.path, a.status, a.text())
	}
	return html.UnescapeString(m[1])
}

// submit sends the page's first form, with its token unless the values have one.
func (p *person) submit(a *answer, form url.Values, change ...func(*http.Request)) *answer {
	p.Helper()
	if !form.Has("token") {
		form = maps.Clone(form)
		form.Set("token", a.token())
	}
	return p.post(strings.TrimPrefix(a.form(), p.base()), form, change...)
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

// signIn signs in on the page a.
func (p *person) signIn(a *answer, username, password string) *answer {
	p.Helper()
	return p.submit(a, url.Values{"username": {username}, "password": {password}})
}

// signedIn is a person who has signed in.
func (f *fixture) signedIn(username, password string) *person {
	f.Helper()
	p := f.person()
	p.signIn(p.open("/login"), username, password).want(http.StatusSeeOther)
	return p
}

// confirmPage brings a signed-in person to the page that asks.
func (p *person) confirmPage(code string) *answer {
	p.Helper()
	a := p.open("/device")
	return p.follow(p.submit(a, url.Values{"user_code": {code}})).want(http.StatusOK)
}

func (p *person) decide(a *answer, decision string) *answer {
	p.Helper()
	return p.submit(a, url.Values{"decision": {decision}})
}

// cookie is the value of a cookie of the jar whose name contains part.
func (p *person) cookie(part string) string {
	p.Helper()
	u, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	for _, c := range p.jar.Cookies(u) {
		if strings.Contains(c.Name, part) {
			return c.Value
		}
	}
	return ""
}
