package leave_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/leave"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/test/browser"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, leave.New, map[string]leave.Data{
		"app":                  {To: "https://app.example/cb?code=gkc_1&state=s&iss=https%3A%2F%2Fid.example", Name: "Acme Reports"},
		"app of an own scheme": {To: "com.example.app:/cb?code=gkc_1"},
	})
}

func TestInChromium(t *testing.T) {
	if !browser.Wanted() {
		t.Skip("NOT RUN: tests in a browser are not asked for")
	}
	l, err := page.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	p, err := leave.New(l)
	if err != nil {
		t.Fatal(err)
	}
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "<!doctype html><title>Home</title><h1>Home</h1>")
	}))
	defer home.Close()
	// Another port is another origin, which the policy of the page with the form does not name.
	app := httptest.NewServer(http.RedirectHandler(home.URL, http.StatusFound))
	defer app.Close()
	id := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			d := leave.Data{To: template.URL(app.URL + "/cb;a?code=1&iss=http%3A%2F%2Fid")}
			w.Header().Set("Refresh", d.Refresh())
			if err := p.Render(w, http.StatusOK, page.Shell{}, d); err != nil {
				t.Error(err)
			}
			return
		}
		form, err := page.Parse[string](l, `{{define "title"}}F{{end}}{{define "main"}}<h1>F</h1><form method="post"><button>Go</button></form>{{end}}`)
		if err == nil {
			err = form.Render(w, http.StatusOK, page.Shell{}, "")
		}
		if err != nil || !strings.HasSuffix(w.Header().Get("Content-Security-Policy"), "form-action 'self'") {
			t.Error(err, w.Header())
		}
	}))
	defer id.Close()
	b := browser.New(t)
	b.Open(id.URL)
	b.Click("button")
	b.Heading("Home")
}
