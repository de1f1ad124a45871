package server

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// tab is a person's browser without scripts: it keeps cookies, follows redirects within the issuer, and stops where it is sent
// elsewhere.
type tab struct {
	t   testing.TB
	w   *world
	jar http.CookieJar
	// at is the address of the page that is shown, page what it is.
	at   string
	page answer
	// left is the address elsewhere that the browser was sent to last.
	left *url.URL
	// hops are the statuses of the redirects on the way.
	hops []int
}

func (w *world) tab(t testing.TB) *tab {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &tab{t: t, w: w, jar: jar}
}

func (b *tab) go1(method, address, body string, options ...option) {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	kind := ""
	if method == http.MethodPost {
		kind = formType
	}
	options = append(options, func(r *http.Request) {
		for _, c := range b.jar.Cookies(u) {
			r.AddCookie(c)
		}
	})
	b.at, b.page = address, b.w.send(method, strings.TrimPrefix(address, b.w.url), kind, body, options...)
	b.jar.SetCookies(u, (&http.Response{Header: b.page.header}).Cookies())
}

// follow goes on while there is a redirect, or a page that leads on by itself.
func (b *tab) follow() {
	b.t.Helper()
	for range 12 {
		to := b.page.header.Get("Location")
		if _, refresh, ok := strings.Cut(b.page.header.Get("Refresh"), "url="); ok {
			to = strings.Trim(refresh, `"'`)
		} else if to != "" {
			b.hops = append(b.hops, b.page.status)
		}
		if to == "" {
			return
		}
		base, err := url.Parse(b.at)
		if err != nil {
			b.t.Fatal(err)
		}
		next, err := base.Parse(to)
		if err != nil {
			b.t.Fatal(err)
		}
		if !strings.HasPrefix(next.String(), b.w.url+"/") {
			b.left = next
			return
		}
		b.go1(http.MethodGet, next.String(), "")
	}
	b.t.Fatalf("going round in circles, at %s", b.at)
}

// open goes to a path of the issuer.
func (b *tab) open(path string) {
	b.t.Helper()
	b.left, b.hops = nil, nil
	b.go1(http.MethodGet, b.w.url+path, "")
	b.follow()
}

var (
	formElement  = regexp.MustCompile(`(?s)<form[^>]*method="post"[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	inputElement = regexp.MustCompile(`<input[^>]*>`)
	attribute    = regexp.MustCompile(`([a-z-]+)(?:="([^"]*)")?`)
)

// form reads the page's form: where it goes, and what it would send as it stands.
func (b *tab) form() (action string, fields url.Values) {
	b.t.Helper()
	found := formElement.FindStringSubmatch(b.page.body)
	if found == nil {
		b.t.Fatalf("no form at %s: %d %s", b.at, b.page.status, b.page.body)
	}
	fields = url.Values{}
	for _, input := range inputElement.FindAllString(found[2], -1) {
		a := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(strings.TrimPrefix(input, "<input"), -1) {
			a[m[1]] = html.UnescapeString(m[2])
		}
		_, checked := a["checked"]
		if a["name"] != "" && (a["type"] != "checkbox" || checked) {
			fields.Add(a["name"], a["value"])
		}
	}
	return html.UnescapeString(found[1]), fields
}

// submit sends the page's form with some fields set: pairs of name and value.
func (b *tab) submit(pairs ...string) {
	b.t.Helper()
	action, fields := b.form()
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	base, err := url.Parse(b.at)
	if err != nil {
		b.t.Fatal(err)
	}
	to, err := base.Parse(action)
	if err != nil {
		b.t.Fatal(err)
	}
	b.left, b.hops = nil, nil
	b.go1(http.MethodPost, to.String(), fields.Encode())
	b.follow()
}

// signIn signs in if that is what is asked.
func (b *tab) signIn() {
	b.t.Helper()
	if b.left == nil && strings.Contains(b.page.body, `name="password"`) {
		b.submit("username", "ada", "password", "correct horse")
	}
}

// through signs in and allows what is asked, until the browser is sent elsewhere or a form is to be posted there.
func (b *tab) through() {
	b.t.Helper()
	b.signIn()
	for range 3 {
		if b.left != nil || !strings.Contains(b.page.body, `value="approve"`) {
			return
		}
		b.submit("decision", "approve")
	}
}
