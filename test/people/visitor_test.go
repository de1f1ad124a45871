package people

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/grantkeeper/grantkeeper/test/browser"
)

// visitor is a person with a browser of their own.
type visitor struct {
	*browser.Page
	// arrived gets every request that leaves for an app.
	arrived chan *http.Request
}

// newVisitor starts a browser. Apps at example.com are answered for here; a request to anybody else but our own servers and
// loopback apps fails the test.
func newVisitor(t *testing.T, loopback ...string) *visitor {
	t.Helper()
	v := &visitor{Page: browser.New(t), arrived: make(chan *http.Request, 16)}
	v.Shots = func(l browser.Look) bool { return !l.Forced && l.Text == 0 }
	ours := loopback
	for _, issuer := range []string{world.Issuer, world.Company.Issuer} {
		ours = append(ours, strings.TrimPrefix(issuer, "http://"))
	}
	paused := chromedp.Events(v.Tab, fetch.RequestPaused)
	if _, err := chromedp.Call(v.Tab, fetch.Enable, fetch.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for e, err := range paused {
			if err != nil {
				return // the browser has ended
			}
			if v.pass(e, ours) != nil {
				return
			}
		}
	}()
	return v
}

// pass lets a request through to our own servers, and answers for apps.
func (v *visitor) pass(e fetch.EventRequestPaused, ours []string) error {
	u, err := url.Parse(e.Request.URL)
	if err == nil && slices.Contains(ours, u.Host) {
		_, err = chromedp.Call(v.Tab, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
		return err
	}
	if err != nil || !strings.HasSuffix(u.Host, ".example.com") {
		v.Errorf("the browser goes to %s", e.Request.URL)
		_, err = chromedp.Call(v.Tab, fetch.FailRequest, fetch.FailRequestParams{RequestID: e.RequestID, ErrorReason: network.ErrorReasonBlockedByClient})
		return err
	}
	if e.ResourceType == network.ResourceTypeDocument {
		var body strings.Builder
		for _, part := range e.Request.PostDataEntries {
			body.Write(part.Bytes)
		}
		r, err := http.NewRequestWithContext(v.Tab, e.Request.Method, e.Request.URL, strings.NewReader(body.String()))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		v.arrived <- r
	}
	_, err = chromedp.Call(v.Tab, fetch.FulfillRequest, fetch.FulfillRequestParams{
		RequestID: e.RequestID, ResponseCode: http.StatusOK, ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "text/html"}},
		Body: []byte("<!doctype html><title>App</title><h1>Back in the app</h1>"),
	})
	return err
}

// returns waits until the browser is back in an app and returns what the app is told there.
func (v *visitor) returns() url.Values {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.Tab, soon)
	defer cancel()
	select {
	case r := <-v.arrived:
		if err := r.ParseForm(); err != nil {
			v.Fatal(err)
		}
		v.Heading("Back in the app")
		for _, name := range []string{"code", "id_token"} {
			world.Witness.See("a "+name, r.Form.Get(name))
		}
		return r.Form
	case <-ctx.Done():
		v.Fatalf("the browser is not sent back to the app; %s", v.says())
		return nil
	}
}

// says is the text of the page.
func (v *visitor) says() string {
	v.Helper()
	return strings.Join(strings.Fields(browser.Eval[string](v.Page, `document.body ? document.body.innerText : ""`)), " ")
}

// mustSay checks that the page has texts on it.
func (v *visitor) mustSay(texts ...string) {
	v.Helper()
	said := v.says()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			v.Errorf("the page does not say %q: %s", text, said)
		}
	}
}

// see waits for a heading and checks the page in every look.
func (v *visitor) see(name, heading string) {
	v.Helper()
	v.Heading(heading)
	v.Check(name)
}

// signIn fills in the page, at one of the providers that take a password.
func (v *visitor) signIn(provider, username string) {
	v.Helper()
	v.Heading("Sign in")
	browser.Eval[string](v.Page, `document.querySelector("#provider").value = "`+provider+`"`)
	v.Type("#username", username)
	v.Type("#password", password+kb.Enter)
}

// choose ticks, or unticks, what is called so.
func (v *visitor) choose(titles ...string) {
	v.Helper()
	for _, title := range titles {
		found := browser.Eval[int](v.Page, `(() => {
			const all = [...document.querySelectorAll(".choice")].filter(e => e.querySelector("bdi")?.textContent == "`+title+`" && !e.textContent.includes("("));
			all[0]?.querySelector("input").setAttribute("id", "chosen-now"); // "All of it (3)" is another box
			return all.length;
		})()`)
		if found == 0 {
			v.Fatalf("%s cannot be chosen; %s", title, v.says())
		}
		v.Click("#chosen-now")
		browser.Eval[int](v.Page, `document.querySelector("#chosen-now").removeAttribute("id"), 0`)
	}
}

// open goes to a page of the demo.
func (v *visitor) open(path string) {
	v.Helper()
	v.Open(world.Issuer + path)
}

// until waits for something to be so.
func (v *visitor) until(what string, so func() bool) {
	v.Helper()
	again, late := time.NewTicker(50*time.Millisecond), time.NewTimer(soon)
	defer again.Stop()
	defer late.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late.C:
			v.Fatalf("%s: not in time; %s", what, v.says())
		}
	}
}
