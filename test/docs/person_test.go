package docs

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// people are those at the browsers of a page, by their names: whoever asks with a link, a user and a password is told where that
// one ended, an address elsewhere or the heading of a page.
func people(t *testing.T) string {
	t.Helper()
	var mu sync.Mutex
	known := map[string]*person{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		name := r.FormValue("user")
		if known[name] == nil {
			known[name] = newPerson(name, r.FormValue("password"))
		}
		end, err := known[name].follow(r.FormValue("link"), r.Form["tick"])
		if err != nil {
			t.Errorf("%s at %s: %v", name, r.FormValue("link"), err)
			http.Error(w, "see above", http.StatusBadGateway)
			return
		}
		_, _ = fmt.Fprintln(w, end) // the shell may be gone
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// person is somebody at a browser without scripts.
type person struct {
	name, password string
	// secret is that of their authenticator app; codes is how many of its codes they have used.
	secret string
	codes  int

	browser *http.Client
	// at is the address of the page that is shown, text the page.
	at   *url.URL
	text string
}

func newPerson(name, password string) *person {
	jar, _ := cookiejar.New(nil) // without options it never fails
	stop := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &person{name: name, password: password, browser: &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: stop}}
}

// follow opens a link and does what the pages ask for, until they ask for nothing more.
func (p *person) follow(link string, ticks []string) (end string, err error) {
	elsewhere, err := p.request(http.MethodGet, link, nil)
	for range 12 {
		if err != nil || elsewhere != "" {
			return elsewhere, err
		}
		has := func(s string) bool { return strings.Contains(p.text, s) }
		switch {
		case has(`name="password"`):
			elsewhere, err = p.submit("username", p.name, "password", p.password)
		case has(`value="approve"`):
			elsewhere, err = p.approve(ticks)
		case has(`name="pending"`):
			elsewhere, err = p.setUp()
		case p.at.Path == "/login/second":
			elsewhere, err = p.code()
		case p.at.Path == "/account/security" && p.secret == "":
			elsewhere, err = p.click("/account/security/app")
		case p.at.Path == "/account/security/app": // the recovery codes are shown
			elsewhere, err = p.click("/login?flow=")
		default:
			return heading(p.text), nil
		}
	}
	return "", errors.Join(err, errors.New("no end of pages:\n"+p.text))
}

// request loads a page, and goes on while there is a redirect; elsewhere is an address that is not the server's.
func (p *person) request(method, address string, form url.Values) (elsewhere string, err error) {
	for range 12 {
		r, err := http.NewRequest(method, address, strings.NewReader(form.Encode())) //nolint:noctx // the browser has a timeout
		if err != nil {
			return "", err
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		home := p.at == nil || r.URL.Host == p.at.Host
		if !home {
			return address, nil
		}
		answer, err := p.browser.Do(r)
		if err != nil {
			return "", err
		}
		to := answer.Header.Get("Location")
		if to == "" {
			_, to, _ = strings.Cut(answer.Header.Get("Refresh"), "url=")
		}
		status := answer.StatusCode
		if to != "" {
			answer.StatusCode = http.StatusOK // which fetch wants to see
		}
		if p.text, err = fetch(answer, nil); err != nil {
			return "", err
		}
		p.at = r.URL
		if to == "" {
			return "", nil
		}
		next, err := r.URL.Parse(to)
		if err != nil {
			return "", fmt.Errorf("%d leads to %q: %w", status, to, err)
		}
		method, address, form = http.MethodGet, next.String(), nil
	}
	return "", errors.New("going round in circles at " + address)
}

var (
	formElement  = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)"[^>]*>(.*?)</form>`)
	inputElement = regexp.MustCompile(`<input [^>]*>`)
	attribute    = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	boxElement   = regexp.MustCompile(`<input type="checkbox" name="([a-z]+)" value="([^"]*)"[^>]*><span>(?:<bdi>)?([^<]*)`)
	headElement  = regexp.MustCompile(`(?s)<h1>(.*?)</h1>`)
	linkElement  = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
	anyTag       = regexp.MustCompile(`<[^>]*>`)
)

func heading(text string) string {
	if h := headElement.FindStringSubmatch(text); h != nil {
		return html.UnescapeString(anyTag.ReplaceAllString(h[1], ""))
	}
	return "a page without a heading"
}

// form reads the first form of the page: where it goes, and what it sends as it stands.
func (p *person) form() (string, url.Values, error) {
	f := formElement.FindStringSubmatch(p.text)
	if f == nil {
		return "", nil, errors.New("the page has no form:\n" + p.text)
	}
	fields := url.Values{}
	for _, input := range inputElement.FindAllString(f[2], -1) {
		a := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(input, -1) {
			a[m[1]] = html.UnescapeString(m[2])
		}
		if a["type"] != "checkbox" || strings.HasSuffix(input, " checked>") {
			fields.Add(a["name"], a["value"])
		}
	}
	return html.UnescapeString(f[1]), fields, nil
}

func (p *person) send(action string, fields url.Values) (string, error) {
	to, err := p.at.Parse(action)
	if err != nil {
		return "", err
	}
	return p.request(http.MethodPost, to.String(), fields)
}

// submit sends the form with some fields filled in: pairs of name and value.
func (p *person) submit(pairs ...string) (string, error) {
	action, fields, err := p.form()
	if err != nil {
		return "", err
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return p.send(action, fields)
}

// approve ticks what is called like one of the ticks, and lets the app in.
func (p *person) approve(ticks []string) (string, error) {
	action, fields, err := p.form()
	if err != nil {
		return "", err
	}
	for _, box := range boxElement.FindAllStringSubmatch(p.text, -1) {
		if slices.Contains(ticks, html.UnescapeString(box[3])) {
			fields.Add(box[1], html.UnescapeString(box[2]))
		}
	}
	fields.Set("decision", "approve")
	return p.send(action, fields)
}

// click follows the first link that leads to an address that begins so.
func (p *person) click(to string) (string, error) {
	for _, m := range linkElement.FindAllStringSubmatch(p.text, -1) {
		if href := html.UnescapeString(m[1]); strings.HasPrefix(href, to) {
			next, err := p.at.Parse(href)
			if err != nil {
				return "", err
			}
			return p.request(http.MethodGet, next.String(), nil)
		}
	}
	return "", errors.New("the page has no link to " + to + ":\n" + p.text)
}

var secretElement = regexp.MustCompile(`<code>([A-Z2-7 ]{20,})</code>`)

// setUp sets up an authenticator app.
func (p *person) setUp() (string, error) {
	m := secretElement.FindStringSubmatch(p.text)
	if m == nil {
		return "", errors.New("the page has no secret:\n" + p.text)
	}
	p.secret = strings.ReplaceAll(m[1], " ", "")
	return p.code()
}

// code types the next code of the authenticator app. Each counts once, and one that is a step ahead is taken.
func (p *person) code() (string, error) {
	ahead := time.Duration(p.codes) * 30 * time.Second
	p.codes++
	code, err := totp.GenerateCode(p.secret, time.Now().Add(ahead))
	if err != nil {
		return "", err
	}
	return p.submit("code", code)
}
