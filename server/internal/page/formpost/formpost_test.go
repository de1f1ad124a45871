package formpost_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/formpost"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/test/browser"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, formpost.New, map[string]formpost.Data{
		"code": {Action: "https://app.example/cb?keep=1", App: "Acme Reports", Fields: []formpost.Field{
			{Name: "code", Value: "gkc_1"}, {Name: "state", Value: pagetest.Hostile}, {Name: "iss", Value: "https://id.example/tenant"},
		}},
		"error": {Action: "http://127.0.0.1:8000/cb", Fields: []formpost.Field{{Name: "error", Value: "access_denied"}}},
	})
}

func TestPolicy(t *testing.T) {
	l, err := page.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	p, err := formpost.New(l)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ action, want string }{
		"an app on the web":       {"https://app.example:8443/cb?x=1", "form-action https:"},
		"an app on this computer": {"http://[::1]:8000/cb", "form-action http: https:"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := p.Render(w, 200, pagetest.Shell(), formpost.Data{Action: c.action}); err != nil {
				t.Fatal(err)
			}
			if got := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(got, "; "+c.want) {
				t.Errorf("%s does not end in %s", got, c.want)
			}
		})
	}
}

func TestInChromium(t *testing.T) {
	if !browser.Wanted() {
		t.Skip("NOT RUN: tests in a browser are not asked for")
	}
	l, err := page.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	p, err := formpost.New(l)
	if err != nil {
		t.Fatal(err)
	}
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "<!doctype html><title>Home</title><h1>%s</h1>", r.URL.Query().Get("got"))
	}))
	defer home.Close()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, home.URL+"/?got="+r.Method+r.PostFormValue("code")+r.PostFormValue("submit"), http.StatusSeeOther)
	}))
	defer app.Close()
	id := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		// A field of this name would hide the form's own submit.
		d := formpost.Data{Action: app.URL + "/cb", Fields: []formpost.Field{{Name: "code", Value: "gkc"}, {Name: "submit", Value: "1"}}}
		if err := p.Render(w, http.StatusOK, page.Shell{}, d); err != nil {
			t.Error(err)
		}
	}))
	defer id.Close()
	t.Run("by its script, and on to another host of the app", func(t *testing.T) {
		b := browser.New(t)
		b.Scripts(true)
		b.Open(id.URL)
		b.Heading("POSTgkc1")
	})
	t.Run("by the button where scripts are off", func(t *testing.T) {
		b := browser.New(t)
		b.Open(id.URL)
		b.Heading("Back to the app")
		b.Click("button")
		b.Heading("POSTgkc1")
	})
}
