package logout_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/test/browser"
)

// TestI07InChromium has a real browser say what it does: the tests above only claim to be one.
func TestI07InChromium(t *testing.T) {
	if !browser.Wanted() {
		t.Skip("NOT RUN: tests in a browser are not asked for")
	}
	f := newFixture(t)
	// The name makes the app another site than the issuer, which has the address.
	app := httptest.NewServer(nil)
	t.Cleanup(app.Close)
	home := strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
	bye := home + "/bye"
	f.change(client(acme, acmeURI, bye))

	p := f.signIn("ada")
	ask := f.issuer + "/v1/logout?" + url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {bye}, "state": {"s1"}}.Encode()
	app.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			_, _ = fmt.Fprintf(w, `<!doctype html><title>App</title><h1>App</h1><img alt="" src="%[1]s"><iframe src="%[1]s"></iframe>
<a id="out" href="%[1]s">Out</a>
<form id="post" method="post" action="%[2]s/v1/logout"><input type="hidden" name="id_token_hint" value="%[3]s">
<input type="hidden" name="post_logout_redirect_uri" value="%[4]s"><input type="hidden" name="state" value="s3"><button id="send">Out</button></form>`,
				html.EscapeString(ask), f.issuer, p.idToken(acme), bye)
		case "/bye":
			_, _ = fmt.Fprintf(w, `<!doctype html><title>Bye</title><h1>Bye %s</h1>`, html.EscapeString(r.URL.Query().Get("state")))
		}
	})

	b := browser.New(t)
	f.adopt(b, p)
	t.Run("I07 an image and a frame on the page of an app sign nobody out", func(t *testing.T) {
		b.Open(home)
		waiting := map[string]bool{"image": true, "iframe": true}
		for len(waiting) > 0 {
			select {
			case dest := <-f.answered:
				delete(waiting, dest)
			case <-time.After(10 * time.Second):
				t.Fatalf("not asked for: %v", waiting)
			}
		}
		if !p.signedIn() {
			t.Fatal("signed out")
		}
	})
	t.Run("I07 a link that the person follows does, and leads back to the app", func(t *testing.T) {
		b.Click("#out")
		b.Heading("Bye s1")
		if p.signedIn() {
			t.Fatal("still signed in")
		}
	})
	t.Run("A20 so does a form of the app", func(t *testing.T) {
		p = f.signIn("ada")
		f.adopt(b, p)
		b.Open(home)
		b.Click("#send")
		b.Heading("Bye s3")
		if p.signedIn() {
			t.Fatal("still signed in")
		}
	})
	t.Run("I07 without a hint the person is asked, and then gets back to the app", func(t *testing.T) {
		p = f.signIn("ada")
		f.adopt(b, p)
		b.Open(f.issuer + "/v1/logout?" + url.Values{"client_id": {acme}, "post_logout_redirect_uri": {bye}, "state": {"s2"}}.Encode())
		b.Heading("Sign out?")
		b.Check("logout confirm")
		b.Click("main form button")
		b.Heading("Bye s2")
		if p.signedIn() {
			t.Fatal("still signed in")
		}
	})
}

// adopt gives the browser the person's session.
func (f *fixture) adopt(b *browser.Page, p *person) {
	f.Helper()
	f.mu.Lock()
	f.adopted = p.cookie
	f.mu.Unlock()
	b.Open(f.issuer + "/adopt")
	b.Heading("Adopted")
}
