package server

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/grantkeeper/grantkeeper/test/forms"
)

// tab is a person's browser without scripts, which is with the issuer of a world.
type tab struct {
	t       testing.TB
	w       *world
	browser *forms.Browser
	jar     http.CookieJar
	// at is the address of the page that is shown, page what it is.
	at   string
	page answer
	// left is the address elsewhere that the browser was sent to last.
	left *url.URL
	// hops are the statuses of the redirects on the way.
	hops []int
}

// tab opens a browser that is with w, and with the issuers of others.
func (w *world) tab(t testing.TB, others ...*world) *tab {
	t.Helper()
	issuers := []string{w.url}
	for _, o := range others {
		issuers = append(issuers, o.url)
	}
	browser := forms.New(t, issuers...)
	return &tab{t: t, w: w, browser: browser, jar: browser.Jar}
}

// look takes over what the browser shows.
func (b *tab) look() {
	at := b.browser
	b.at, b.left, b.hops = at.At, at.Left, at.Hops
	b.page = answer{status: at.Page.Status, header: at.Page.Header, body: at.Page.Body}
}

// go1 makes one request and follows nothing.
func (b *tab) go1(method, address, body string, options ...option) {
	b.t.Helper()
	changes := make([]func(*http.Request), len(options))
	for i, o := range options {
		changes[i] = o
	}
	b.browser.Request(method, address, body, changes...)
	b.look()
}

// follow goes on while there is a redirect, or a page that leads on by itself.
func (b *tab) follow() {
	b.t.Helper()
	b.browser.Follow()
	b.look()
}

// open goes to a path of the issuer.
func (b *tab) open(path string) {
	b.t.Helper()
	b.visit(b.w.url + path)
}

// visit goes to an address.
func (b *tab) visit(address string) {
	b.t.Helper()
	b.browser.Open(address)
	b.look()
}

// form reads the page's form: where it goes, and what it would send as it stands.
func (b *tab) form() (action string, fields url.Values) {
	b.t.Helper()
	return b.browser.Form()
}

// submit sends the page's form with some fields set: pairs of name and value.
func (b *tab) submit(pairs ...string) {
	b.t.Helper()
	b.browser.Submit(pairs...)
	b.look()
}

// click follows the first link whose address contains part.
func (b *tab) click(part string) {
	b.t.Helper()
	b.browser.Click(part)
	b.look()
}

// signIn signs in if that is what is asked.
func (b *tab) signIn() {
	b.t.Helper()
	if b.browser.AsksForPassword() {
		b.submit("username", "ada", "password", "correct horse")
	}
}

// through signs in and allows what is asked, until the browser is sent elsewhere or a form is to be posted there.
func (b *tab) through() {
	b.t.Helper()
	b.signIn()
	for range 6 {
		switch {
		case b.browser.AsksForPassword():
			b.signIn()
		case b.browser.AsksForConsent():
			b.submit("decision", "approve")
		default:
			return
		}
	}
}
