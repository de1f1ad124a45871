package page

import (
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"
)

func layout(t *testing.T) *Layout {
	t.Helper()
	l, err := NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// literals finds in the sources of pages and of what hands them texts: whole keys, and parts that keys are put together from,
// "scope." and "failure.%s.title".
func literals(t *testing.T) (whole map[string]bool, parts []*regexp.Regexp) {
	t.Helper()
	whole = map[string]bool{}
	literal := regexp.MustCompile(`"([a-z][a-z_]*(?:\.(?:[a-z_]+|%[sv]))*\.?)"`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		ext := filepath.Ext(path)
		if err != nil || ext != ".html" && ext != ".go" || strings.Contains(path, "testdata") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
			switch key := m[1]; {
			case strings.Contains(key, "%"), strings.HasSuffix(key, ".") && key != ".":
				pattern := strings.NewReplacer("%s", `[a-z_]+`, "%v", `[a-z_]+`).Replace(regexp.QuoteMeta(key))
				if strings.HasSuffix(key, ".") {
					pattern += ".*"
				}
				parts = append(parts, regexp.MustCompile("^"+pattern+"$"))
			default:
				whole[key] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole, parts
}

// form is a suffix of a plural form.
var form = regexp.MustCompile(`\.(zero|one|two|few|many|other)$`)

func TestCatalogues(t *testing.T) {
	m := layout(t).messages
	english := m.texts[DefaultLanguage]
	whole, parts := literals(t)
	for key := range english {
		base := form.ReplaceAllString(key, "")
		if !whole[key] && !whole[base] && !slices.ContainsFunc(parts, func(p *regexp.Regexp) bool { return p.MatchString(key) || p.MatchString(base) }) {
			t.Errorf("no page uses the message %q", key)
		}
	}
	t.Run("templates use messages that there are", func(t *testing.T) { templatesUse(t, m) })
	for _, lang := range m.Languages() {
		t.Run(lang, func(t *testing.T) { complete(t, m, lang) })
	}
}

// templatesUse checks the keys that templates write down whole.
func templatesUse(t *testing.T, m *Messages) {
	t.Helper()
	call := regexp.MustCompile(`\b(t|rich|count|"errors") "([a-z_.]+)"`)
	files, err := filepath.Glob("*/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range call.FindAllStringSubmatch(string(b), -1) {
			key := match[2]
			if match[1] == "count" {
				key += ".other"
			}
			if !m.Has(key) {
				t.Errorf("%s: there is no message %q", file, key)
			}
		}
	}
}

// same are texts that are the same in English and in another language, for a reason: names, formats, loanwords.
var same = map[string][]string{
	"*":  {"layout.direction", "layout.date", "layout.datetime"},
	"de": {"layout.problem", "account.tab.apps", "accountpasskey.name", "accountsecurity.passkey", "accountsecurity.passkeys", "accounttotp.code", "devicecode.label", "deviceconfirm.app", "deviceconfirm.homepage", "secondfactor.label.both", "secondfactor.label.totp"},
}

// complete checks one catalogue against the English one: it has each text, with the same places and the plural forms that the
// language has, and nothing else; and none is left in English.
func complete(t *testing.T, m *Messages, lang string) {
	t.Helper()
	english, texts := m.texts[DefaultLanguage], m.texts[lang]
	want := map[string]string{} // key to English text
	for key, text := range english {
		base := form.ReplaceAllString(key, "")
		if _, one := english[base+".one"]; one && base != key {
			for n := range 1000 {
				want[base+"."+category(language.Make(lang), n)] = english[base+".other"]
			}
			want[base+".other"] = english[base+".other"]
			continue
		}
		want[key] = text
	}
	place := regexp.MustCompile(`\{\w+\}`)
	places := func(s string) []string {
		p := place.FindAllString(s, -1)
		slices.Sort(p)
		return p
	}
	missing := slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(key string) bool { _, ok := texts[key]; return ok })
	if len(missing) > 0 {
		t.Errorf("%d texts are missing: %s", len(missing), strings.Join(missing[:min(5, len(missing))], ", "))
	}
	for key, text := range want {
		got, ok := texts[key]
		if !ok {
			continue
		}
		few := strings.HasSuffix(key, ".zero") || strings.HasSuffix(key, ".one") || strings.HasSuffix(key, ".two")
		wants, has := places(text), places(got)
		if few { // "one minute" needs no number
			wants, has = slices.DeleteFunc(wants, isNumber), slices.DeleteFunc(has, isNumber)
		}
		if !slices.Equal(wants, has) {
			t.Errorf("%q: %q has other places than %q", key, got, text)
		}
		if lang != DefaultLanguage && got == text && !slices.Contains(same["*"], key) && !slices.Contains(same[lang], key) {
			t.Errorf("%q is English: %s", key, got)
		}
	}
	for key, text := range texts {
		if _, ok := want[key]; !ok {
			t.Errorf("%q is not in the default language, or is a plural form that this one does not have", key)
		}
		if strings.TrimSpace(text) != text || text == "" {
			t.Errorf("%q is empty or has space around it", key)
		}
	}
	if d := texts["layout.direction"]; d != "ltr" && d != "rtl" {
		t.Errorf("the direction is %q", d)
	}
	if n := len(strings.Split(texts["layout.months"], "|")); n != 12 {
		t.Errorf("there are %d months", n)
	}
}

func isNumber(place string) bool { return place == "{n}" }

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

func TestMatch(t *testing.T) {
	m, err := newMessages(map[string]map[string]string{"ar": {}, "de": {}, "en": {}, "zh-Hans": {}})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Languages(); got[0] != DefaultLanguage || len(got) != 4 {
		t.Error(got)
	}
	for name, c := range map[string]struct{ accept, want string }{
		"nothing":                      {"", "en"},
		"a language that there is not": {"mn", "en"},
		"a header of nobody":           {strings.Repeat("de,", 100), "en"},
		"the best of some":             {"mn, de-CH;q=0.9, en;q=0.8", "de"},
		"Chinese of the mainland":      {"zh-CN", "zh-Hans"},
	} {
		t.Run("Accept-Language: "+name, func(t *testing.T) {
			if got := m.Match(c.accept); got != c.want {
				t.Error(got)
			}
		})
	}
	for name, c := range map[string]struct {
		tags  string
		want  string
		found bool
	}{
		"nothing":                      {"", "en", false},
		"a language that there is not": {"mn", "en", false},
		"no tags":                      {"!! %%", "en", false},
		"the first that there is":      {"mn ar-EG de", "ar", true},
		"English":                      {"en-GB", "en", true},
	} {
		t.Run("ui_locales: "+name, func(t *testing.T) {
			if got, found := m.MatchTags(strings.Fields(c.tags)); got != c.want || found != c.found {
				t.Error(got, found)
			}
		})
	}
}

func TestCount(t *testing.T) {
	m := &Messages{texts: map[string]map[string]string{
		"en": {"a.one": "{n} day", "a.other": "{n} days", "b.one": "{n} hour of {what}", "b.other": "{n} hours of {what}"},
		"ar": {"a.zero": "0", "a.one": "1", "a.two": "2", "a.few": "few {n}", "a.many": "many {n}", "a.other": "other {n}"},
		"zh": {"a.other": "{n} 天"},
	}}
	for name, c := range map[string]struct {
		lang, key string
		n         int
		args      []any
		want      string
	}{
		"one":                                   {"en", "a", 1, nil, "1 day"},
		"none":                                  {"en", "a", 0, nil, "0 days"},
		"many":                                  {"en", "a", 1_000_000_001, nil, "1000000001 days"},
		"with a place":                          {"en", "b", 2, []any{"what", "work"}, "2 hours of work"},
		"two have a word":                       {"ar", "a", 2, nil, "2"},
		"few":                                   {"ar", "a", 3, nil, "few 3"},
		"many in Arabic":                        {"ar", "a", 11, nil, "many 11"},
		"a hundred":                             {"ar", "a", 100, nil, "other 100"},
		"a language with one form":              {"zh", "a", 1, nil, "1 天"},
		"what a language lacks follows English": {"zh", "b", 1, []any{"what", "work"}, "1 hour of work"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := m.Count(c.lang, c.key, c.n, c.args...); got != c.want || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if _, err := m.Count("en", "c", 1); err == nil {
		t.Error("an unknown key is no error")
	}
}

func TestDates(t *testing.T) {
	m := layout(t).messages
	at := time.Date(2026, 3, 9, 23, 5, 0, 0, time.FixedZone("west", -2*3600))
	for lang, want := range map[string]string{
		"ar":      "10 مارس 2026، 01:05 بالتوقيت العالمي (UTC)",
		"de":      "10. März 2026, 01:05 UTC",
		"en":      "10 March 2026, 01:05 UTC",
		"es":      "10 de marzo de 2026, 01:05 UTC",
		"fr":      "10 mars 2026 à 01:05 UTC",
		"zh-Hans": "2026年3月10日 01:05 UTC",
	} {
		t.Run(lang, func(t *testing.T) {
			if got, err := m.DateTime(lang, at); got != want || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestIsolation(t *testing.T) {
	l := layout(t)
	p, err := Parse[string](l, `{{define "title"}}T{{end}}{{define "main"}}<p title="{{t "signin.lead" "service" .Data}}">{{rich "signin.lead" "service" .Data}}</p>{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{
		"ar": "\u2068A &amp; B\u2069",
		"en": `title="Use your A &amp; B account."`,
	} {
		t.Run(lang, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := p.Render(w, 200, Shell{Language: lang}, "A & B"); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), "<strong><bdi>A &amp; B</bdi></strong>") {
				t.Error(w.Body)
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

func TestShorten(t *testing.T) {
	if got := shorten("// A comment.\n  f('//');\n\n\tg() // not a line\n"); got != "f('//');\ng() // not a line" {
		t.Errorf("%q", got)
	}
}

func TestStyleIsSmall(t *testing.T) {
	if n := len(minify(styleSource)); n > 8<<10 {
		t.Errorf("the style has %d bytes: pages have no room left for what they are about", n)
	}
}

func TestMinify(t *testing.T) {
	if got := minify("/* x\n y */\na {\n  b: c;\n}\n/* end"); got != "a{b:c}" {
		t.Errorf("%q", got)
	}
}
