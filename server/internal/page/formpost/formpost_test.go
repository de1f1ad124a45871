package formpost_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/formpost"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
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
