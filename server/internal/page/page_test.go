package page

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func layout(t *testing.T) *Layout {
	t.Helper()
	l, err := NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Keys that templates and the login flow put together from parts.
var composed = []string{"signin.problem.", "devicecode.problem.", "failure.", "deviceconfirm.where.", "deviceconfirm.program.", "scope."}

func TestCatalogues(t *testing.T) {
	m := layout(t).messages
	used := map[string]bool{}
	call := regexp.MustCompile(`(?:\bt|\brich) "([a-z_.]+)"`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".html" || strings.Contains(path, "testdata") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, match := range call.FindAllStringSubmatch(string(b), -1) {
			used[match[1]] = true
			if !m.Has(match[1]) {
				t.Errorf("%s: there is no message %q", path, match[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range m.texts[DefaultLanguage] {
		if !used[key] && !slices.ContainsFunc(composed, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("no page uses the message %q", key)
		}
	}
	place := regexp.MustCompile(`\{\w+\}`)
	places := func(s string) []string {
		p := place.FindAllString(s, -1)
		slices.Sort(p)
		return p
	}
	for _, lang := range m.Languages() {
		for key, text := range m.texts[lang] {
			want, ok := m.texts[DefaultLanguage][key]
			if !ok {
				t.Errorf("%s: %q is not in the default language", lang, key)
			}
			if !slices.Equal(places(want), places(text)) {
				t.Errorf("%s: %q has other places than %q", lang, text, want)
			}
		}
	}
}

func TestText(t *testing.T) {
	m := &Messages{texts: map[string]map[string]string{"en": {"a": "Hello {name}", "b": "only English <b>"}, "de": {"a": "Hallo {name}"}}}
	for name, c := range map[string]struct {
		lang, key string
		args      []any
		want      string
		fails     bool
	}{
		"a place is filled":                           {"en", "a", []any{"name", "Ada"}, "Hello Ada", false},
		"in the language asked for":                   {"de", "a", []any{"name", "Ada"}, "Hallo Ada", false},
		"what a language lacks is English":            {"de", "b", nil, "only English <b>", false},
		"a language that there is not is English":     {"xx", "b", nil, "only English <b>", false},
		"a value that looks like a place stays as is": {"en", "a", []any{"name", "{name}"}, "Hello {name}", false},
		"an unknown key is an error":                  {"en", "c", nil, "", true},
		"a place that there is not is an error":       {"en", "a", []any{"surname", "Ada"}, "", true},
		"a missing value is an error":                 {"en", "a", []any{"name"}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := m.Text(c.lang, c.key, c.args...)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestRender(t *testing.T) {
	l := layout(t)
	p, err := Parse[string](l, `{{define "title"}}T{{end}}{{define "main"}}<p>{{.Data}}</p>{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("A21 no HSTS without https", func(t *testing.T) {
		w := httptest.NewRecorder()
		if err := p.Render(w, 418, Shell{}, "<b>"); err != nil {
			t.Fatal(err)
		}
		if w.Code != 418 || w.Header().Get("Strict-Transport-Security") != "" || w.Header().Get("Content-Language") != "en" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		if !strings.Contains(w.Body.String(), "<p>&lt;b&gt;</p>") || !strings.Contains(w.Body.String(), `<html lang="en" dir="ltr">`) {
			t.Error(w.Body)
		}
	})
	t.Run("a page that fails writes nothing", func(t *testing.T) {
		p, err := Parse[string](l, `{{define "title"}}T{{end}}{{define "main"}}{{t "no.such.message"}}{{end}}`)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if err := p.Render(w, 200, Shell{}, ""); err == nil || w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("%v, %q", err, w.Body)
		}
	})
	t.Run("a template that does not parse is an error", func(t *testing.T) {
		if _, err := Parse[string](l, `{{define "title"}}`); err == nil {
			t.Error("none")
		}
	})
}

func TestMinify(t *testing.T) {
	if got := minify("/* x\n y */\na {\n  b: c;\n}\n/* end"); got != "a {b: c;}" {
		t.Errorf("%q", got)
	}
}
