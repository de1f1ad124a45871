package demo

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Person uses the pages as a browser does, by their forms alone.
type Person struct {
	t      testing.TB
	client *http.Client
	issuer string
	// at is where the person is, page what is shown there.
	at   *url.URL
	page string
	// left is the address of somebody else that the browser was sent to; empty while it is with the issuer.
	left string
}

// NewPerson is somebody with a browser that has no cookies.
func (d *Demo) NewPerson(t testing.TB) *Person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &Person{t: t, issuer: d.Issuer}
	p.client = &http.Client{Transport: d.Witness, Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if p.away(r.URL.String()) {
			return http.ErrUseLastResponse // an app's own address, which need not be there
		}
		return nil
	}}
	return p
}

// away reports whether an address is somebody else's.
func (p *Person) away(address string) bool { return !strings.HasPrefix(address, p.issuer+"/") }

// Authorize goes to an authorization endpoint, signs in with the demo account and allows what is asked, as it stands on the
// page. It returns the redirect URI with the response in the query, or with the form that is to be posted there (Form Post
// Response Mode).
func (d *Demo) Authorize(t testing.TB, address string) (callback, form string) {
	t.Helper()
	p := d.NewPerson(t)
	p.Open(address)
	if strings.Contains(p.page, `name="password"`) {
		p.SignIn(d.User, d.Password)
	}
	if p.left == "" && strings.Contains(p.page, `value="approve"`) {
		p.Submit(url.Values{"decision": {"approve"}})
	}
	if p.left != "" {
		return p.left, ""
	}
	action := formAction.FindStringSubmatch(p.page)
	if action == nil || !p.away(html.UnescapeString(action[1])) {
		t.Fatalf("nothing leads back to the app at %s: %s", p.at, p.Text())
	}
	fields := url.Values{}
	for _, h := range hidden.FindAllStringSubmatch(p.page, -1) {
		fields.Set(h[1], html.UnescapeString(h[2]))
	}
	return html.UnescapeString(action[1]), fields.Encode()
}

// Decide opens the complete link, signs in with the demo account where that is asked for, makes sure that the page shows the
// code, and approves or denies.
func (d *Demo) Decide(t testing.TB, link, userCode, decision string) {
	t.Helper()
	p := d.NewPerson(t)
	p.Open(link)
	p.SignIn(d.User, d.Password)
	if !strings.Contains(p.Text(), userCode) {
		t.Fatalf("the page does not show the code %s: %s", userCode, p.Text())
	}
	p.Submit(url.Values{"decision": {decision}})
	want := map[string]string{"approve": "Approved", "deny": "Denied"}[decision]
	if !strings.Contains(p.Text(), want) {
		t.Fatalf("the page does not say %s: %s", want, p.Text())
	}
}

// Open goes to an address.
func (p *Person) Open(address string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.show(req)
}

// SignIn fills in the sign-in page.
func (p *Person) SignIn(user, password string) {
	p.t.Helper()
	p.Submit(url.Values{"username": {user}, "password": {password}})
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	hidden     = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	ticked     = regexp.MustCompile(`<input type="checkbox" name="([^"]*)" value="([^"]*)" checked`)
	tag        = regexp.MustCompile(`<[^>]*>`)
)

// Submit submits the form on the page with values, its hidden ones included.
func (p *Person) Submit(values url.Values) {
	p.t.Helper()
	action := formAction.FindStringSubmatch(p.page)
	if action == nil {
		p.t.Fatalf("there is no form at %s: %s", p.at, p.Text())
	}
	target, err := p.at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range hidden.FindAllStringSubmatch(p.page, -1) {
		values.Add(h[1], html.UnescapeString(h[2]))
	}
	for _, h := range ticked.FindAllStringSubmatch(p.page, -1) {
		values.Add(h[1], html.UnescapeString(h[2]))
	}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", p.at.Scheme+"://"+p.at.Host)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	p.show(req)
}

func (p *Person) show(req *http.Request) {
	p.t.Helper()
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.at, p.page, p.left = resp.Request.URL, string(b), ""
	if to := resp.Header.Get("Location"); to != "" {
		p.left = to
		return
	}
	if _, to, ok := strings.Cut(resp.Header.Get("Refresh"), "url="); ok && p.away(to) {
		p.left = to // the page that leads out by itself
		return
	}
	if resp.StatusCode != http.StatusOK {
		p.t.Fatal(fmt.Errorf("%s %s: %s: %s", req.Method, req.URL, resp.Status, p.Text()))
	}
}

// Text is what the page says, without markup.
func (p *Person) Text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(p.page, " "))), " ")
}
