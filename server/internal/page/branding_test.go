package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/test/browser"
)

// TestBrandedInChromium looks at a page with what branding colours, in colours that are hard to read.
func TestBrandedInChromium(t *testing.T) {
	if !browser.Wanted() {
		t.Skip("NOT RUN: tests in a browser are not asked for")
	}
	l, err := page.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	p, err := page.Parse[string](l, `{{define "title"}}T{{end}}{{define "main"}}<nav class="tabs" aria-label="N"><a href="#1" aria-current="page">One</a> <a href="#2">Two</a></nav>
<h1>T</h1><p>Text and <a href="#3">a link</a></p><label class="choice"><input type="checkbox" checked><span>C</span></label>
<div class="actions"><button class="plain">Deny</button><button>Approve</button></div><p class="links"><a href="#4">Another</a></p>{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	shell := page.Shell{Language: "en", Service: "Acme Cloud", Account: "Ada", Logo: "/brand/logo?v=1"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/brand/logo" {
			w.Header().Set("Content-Type", "image/svg+xml")
			_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><path fill="#c00" d="M0 0h1v1H0z"/><path fill="#00c" d="M1 0h1v1H1z"/></svg>`))
			return
		}
		branded := shell
		branded.Accent, branded.AccentDark = "#"+r.URL.Query().Get("accent"), "#"+r.URL.Query().Get("dark")
		if err := p.Render(w, http.StatusOK, branded, ""); err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	b := browser.New(t)
	for _, q := range []string{"accent=ffcc00", "accent=b00020", "dark=3355ff", "accent=0b57d0&dark=a8c7fa", "accent=808080&dark=808080"} {
		b.Open(s.URL + "/?" + q)
		b.Check("branded " + q)
	}
	if wide := browser.Eval[int](b, `document.querySelector(".mark").naturalWidth`); wide == 0 {
		t.Error("the logo is not shown")
	}
}
