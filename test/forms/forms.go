package forms

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Browser is one person's. It is for one goroutine.
type Browser struct {
	t      testing.TB
	client *http.Client
	inside []string
	// Jar has the cookies.
	Jar http.CookieJar
	// At is the address of the page that is shown, and Page what came from there.
	At   string
	Page Page
	// Left is the address elsewhere that the browser was sent to last; nil while it is with the issuers.
	Left *url.URL
	// Hops are the statuses of the redirects on the way here.
	Hops []int
}

// Page is an answer, read.
type Page struct {
	Status int
	Header http.Header
	Body   string
}

// Text is what the page says, without markup.
func (p Page) Text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(unseen.ReplaceAllString(p.Body, " "), " "))), " ")
}

// New is a browser without cookies that is with these issuers. An issuer that is not named can be anybody's.
func New(t testing.TB, issuers ...string) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	connections := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(connections.CloseIdleConnections)
	return &Browser{t: t, Jar: jar, inside: issuers, client: &http.Client{
		Transport: connections, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Open goes to an address, and on from there.
func (b *Browser) Open(address string) {
	b.t.Helper()
	b.Request(http.MethodGet, address, "")
	b.Follow()
}

// Request makes one request and follows nothing: Follow does.
func (b *Browser) Request(method, address, body string, change ...func(*http.Request)) {
	b.t.Helper()
	b.Left, b.Hops = nil, nil
	b.request(method, address, body, change...)
}

func (b *Browser) request(method, address, body string, change ...func(*http.Request)) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, f := range change {
		f(r)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.At, b.Page = address, Page{Status: response.StatusCode, Header: response.Header, Body: string(read)}
}

// Follow goes on while there is a redirect, or a page that leads on by itself.
func (b *Browser) Follow() {
	b.t.Helper()
	for range 24 {
		to := b.Page.Header.Get("Location")
		if _, refresh, ok := strings.Cut(b.Page.Header.Get("Refresh"), "url="); ok {
			to = strings.Trim(refresh, `"'`)
		} else if to != "" {
			b.Hops = append(b.Hops, b.Page.Status)
		}
		if to == "" {
			return
		}
		next := b.resolve(to)
		if !slices.ContainsFunc(b.inside, func(issuer string) bool { return strings.HasPrefix(next.String(), issuer+"/") }) {
			b.Left = next
			return
		}
		b.request(http.MethodGet, next.String(), "")
	}
	b.t.Fatalf("going round in circles, at %s", b.At)
}

// resolve finds an address as the page that is shown means it.
func (b *Browser) resolve(to string) *url.URL {
	b.t.Helper()
	base, err := url.Parse(b.At)
	if err != nil {
		b.t.Fatal(err)
	}
	next, err := base.Parse(to)
	if err != nil {
		b.t.Fatal(err)
	}
	return next
}

var (
	formElement  = regexp.MustCompile(`(?s)<form[^>]*method="post"[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	inputElement = regexp.MustCompile(`<input[^>]*>`)
	attribute    = regexp.MustCompile(`([a-z-]+)(?:="([^"]*)")?`)
	unseen       = regexp.MustCompile(`(?s)<style.*?</style>|<script.*?</script>`)
	tag          = regexp.MustCompile(`<[^>]*>`)
	link         = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
)

// Form reads the page's first form: where it goes, and what it would send as it stands.
func (b *Browser) Form() (action string, fields url.Values) {
	b.t.Helper()
	found := formElement.FindStringSubmatch(b.Page.Body)
	if found == nil {
		b.t.Fatalf("no form at %s: %d %s", b.At, b.Page.Status, b.Page.Body)
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

// Submit sends the page's form with some fields set: pairs of name and value.
func (b *Browser) Submit(pairs ...string) {
	b.t.Helper()
	action, fields := b.Form()
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	to := b.resolve(action)
	b.Request(http.MethodPost, to.String(), fields.Encode())
	b.Follow()
}

// Click follows the first link of the page whose address contains part.
func (b *Browser) Click(part string) {
	b.t.Helper()
	for _, found := range link.FindAllStringSubmatch(b.Page.Body, -1) {
		if to := html.UnescapeString(found[1]); strings.Contains(to, part) {
			b.Open(b.resolve(to).String())
			return
		}
	}
	b.t.Fatalf("no link to %s at %s: %d %s", part, b.At, b.Page.Status, b.Page.Text())
}

// AsksForPassword reports whether a password can be given on the page that is shown.
func (b *Browser) AsksForPassword() bool {
	return b.Left == nil && strings.Contains(b.Page.Body, `name="password"`)
}

// AsksForConsent reports whether the page that is shown asks to let an app in.
func (b *Browser) AsksForConsent() bool {
	return b.Left == nil && strings.Contains(b.Page.Body, `value="approve"`)
}
