// Package pagetest compares pages with golden files and checks what holds for every page.
package pagetest

import (
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/test/browser"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Shell is the shell of golden pages.
func Shell() page.Shell {
	return page.Shell{Language: "en", Service: "Example & Co", Base: "/tenant", Account: "Ada Lovelace", Secure: true}
}

// Hostile is text that a manifest or a device might hold: a tag, an attribute's end, a script URL.
const Hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>`

// Golden renders each of the pages and compares it with testdata/<name>.html, checks it in every language, and, where tests in
// a browser are asked for, looks at it in Chromium.
func Golden[D any](t *testing.T, parse func(*page.Layout) (*page.Page[D], error), pages map[string]D) {
	t.Helper()
	layout, err := page.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse(layout)
	if err != nil {
		t.Fatal(err)
	}
	languages := layout.Messages().Languages()
	answers := map[string]*httptest.ResponseRecorder{} // by path: language and name
	for name, data := range pages {
		file := strings.ReplaceAll(name, " ", "-")
		t.Run(name, func(t *testing.T) {
			for _, lang := range languages {
				shell := Shell()
				shell.Language = lang
				w := httptest.NewRecorder()
				if err := p.Render(w, 200, shell, data); err != nil {
					t.Fatal(lang, err)
				}
				answers["/"+lang+"/"+file] = w
				if Check(t, w); t.Failed() {
					t.Fatalf("in %s", lang)
				}
			}
			compare(t, filepath.Join("testdata", file+".html"), answers["/"+page.DefaultLanguage+"/"+file].Body.String())
		})
	}
	if browser.Wanted() {
		t.Run("in Chromium", func(t *testing.T) { look(t, answers) })
	}
}

// look opens the pages in a browser: in the default language in every look, in one that is read from right to left narrow and
// dark, and in all others whether it fits when narrow.
func look(t *testing.T, answers map[string]*httptest.ResponseRecorder) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		maps.Copy(w.Header(), a.Header())
		_, _ = w.Write(a.Body.Bytes())
	}))
	defer s.Close()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	p := browser.New(t)
	for _, path := range slices.Sorted(maps.Keys(answers)) {
		lang, file, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		name := filepath.Base(dir) + " " + file
		p.Open(s.URL + path)
		switch {
		case lang == page.DefaultLanguage:
			p.Check(name)
		case strings.Contains(answers[path].Body.String(), ` dir="rtl">`):
			p.CheckLook(name+" "+lang, browser.Narrow)
			p.CheckLook(name+" "+lang, browser.Dark)
		default:
			p.CheckFit(name+" "+lang, browser.Narrow)
		}
	}
}

// Check checks what holds for every page: headers (A21), size, no script that the policy does not name, nothing from elsewhere.
func Check(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.String()
	const colours = 200 // what a server's own colours add to the style
	if len(body) > page.MaxSize-colours {
		t.Errorf("%d bytes, more than %d", len(body), page.MaxSize-colours)
	}
	for name, want := range map[string]string{
		"Content-Type":              "text/html; charset=utf-8",
		"X-Frame-Options":           "DENY",
		"X-Content-Type-Options":    "nosniff",
		"Referrer-Policy":           "no-referrer",
		"Cache-Control":             "no-store",
		"Strict-Transport-Security": "max-age=31536000",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("A21 %s: %q", name, got)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'sha256-", "form-action ", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("A21 the policy lacks %s: %s", want, policy)
		}
	}
	structure(t, body)
	lower := strings.ToLower(script(t, body, policy))
	for _, never := range []string{"<script", "<img", " style=", "javascript:", "@import", "url(", "<iframe", "<no value>", "%!", "zgotmplz"} {
		if strings.Contains(lower, never) {
			t.Errorf("the page has %s", never)
		}
	}
	if m := regexp.MustCompile(`\son\w+="?`).FindString(regexp.MustCompile(`&[#\w]+;.*?&[#\w]+;`).ReplaceAllString(body, "")); m != "" {
		t.Errorf("the page has a handler: %s", m)
	}
}

// structure checks what people with assistive technology find their way by. A browser with axe-core checks more; this is what
// can be told without one.
func structure(t testing.TB, body string) {
	t.Helper()
	if !regexp.MustCompile(`<html lang="[\w-]+" dir="(ltr|rtl)">`).MatchString(body) {
		t.Error("the page does not say its language and direction")
	}
	if n := strings.Count(body, "<h1"); n != 1 {
		t.Errorf("the page has %d h1", n)
	}
	if m := regexp.MustCompile(`<title>([^<]*)</title>`).FindStringSubmatch(body); m == nil || strings.HasPrefix(m[1], " ") {
		t.Error("the page has no title")
	}
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		if ids[m[1]]++; ids[m[1]] == 2 {
			t.Errorf("the id %q is there twice", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\s(?:for|aria-describedby|aria-labelledby)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		for id := range strings.FieldsSeq(m[1]) {
			if ids[id] == 0 {
				t.Errorf("nothing has the id %q", id)
			}
		}
	}
	for _, at := range regexp.MustCompile(`<(?:input|select|textarea)\b[^>]*>`).FindAllStringIndex(body, -1) {
		field := body[at[0]:at[1]]
		named := regexp.MustCompile(`type="(hidden|submit)"|\saria-label(ledby)?="`).MatchString(field)
		if id := regexp.MustCompile(`\sid="([^"]*)"`).FindStringSubmatch(field); id != nil {
			named = named || strings.Contains(body, `for="`+id[1]+`"`)
		}
		before := body[:at[0]]
		if !named && strings.LastIndex(before, "<label") <= strings.LastIndex(before, "</label>") {
			t.Errorf("a field has no label: %s", field)
		}
	}
	for _, picture := range regexp.MustCompile(`<(?:svg|img)\b[^>]*>`).FindAllString(body, -1) {
		if !regexp.MustCompile(`aria-hidden="true"|alt=|role="img".*aria-label|aria-label.*role="img"`).MatchString(picture) {
			t.Errorf("a picture is neither named nor hidden: %s", picture)
		}
	}
}

var ownScript = regexp.MustCompile(`(?s)<script>(.*?)</script></body>`)

// script checks that the script at the end of the page, if there is one, is what the policy allows, and returns the page
// without it.
func script(t testing.TB, body, policy string) string {
	t.Helper()
	m := ownScript.FindStringSubmatch(body)
	if m == nil {
		if strings.Contains(policy, "script-src") {
			t.Error("the policy allows a script, and there is none")
		}
		return body
	}
	sum := sha256.Sum256([]byte(m[1]))
	if want := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.HasPrefix(policy, want) {
		t.Errorf("the policy does not begin with %s: %s", want, policy)
	}
	return strings.Replace(body, m[0], "</body>", 1)
}

var style = regexp.MustCompile(`(?s)<style>.*</style>`)

func compare(t *testing.T, file, got string) {
	t.Helper()
	got = style.ReplaceAllString(got, "<style>(style.css)</style>")
	got = ownScript.ReplaceAllString(got, "<script>(script)</script></body>")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./server/internal/page/*/ -update", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; go test ./server/internal/page/*/ -update writes it anew):\n%s", file, diff)
	}
}
