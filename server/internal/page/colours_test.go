package page

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// variables are the colours of a style in one mode: the first and, for dark, the second of each name.
func variables(t *testing.T, css string, mode int) map[string]colour {
	t.Helper()
	out, seen := map[string]colour{}, map[string]int{}
	for _, m := range regexp.MustCompile(`--([a-z-]+):\s*(#[0-9a-f]+)`).FindAllStringSubmatch(css, -1) {
		text := m[2]
		if len(text) == 4 {
			text = fmt.Sprintf("#%c%c%c%c%c%c", text[1], text[1], text[2], text[2], text[3], text[3])
		}
		c, ok := parseColour(text)
		if !ok {
			t.Fatalf("%s is no colour", m[0])
		}
		if seen[m[1]] == mode {
			out[m[1]] = c
		}
		seen[m[1]]++
	}
	return out
}

// readableColours checks the contrast of what is put on what.
func readableColours(t *testing.T, v map[string]colour) {
	t.Helper()
	for _, pair := range []struct {
		fore, back string
		least      float64
	}{
		{"text", "bg card tint warn-bg good-bg bad-bg", 7},
		{"soft", "bg card tint", readable},
		{"link", "bg card tint", readable},
		{"bad", "card bad-bg", readable},
		{"on", "brand hover", readable},
		{"edge", "card", 3},
		{"good", "good-bg", 3},
	} {
		for back := range strings.FieldsSeq(pair.back) {
			fore, ok := v[pair.fore]
			ground, okGround := v[back]
			if !ok || !okGround {
				t.Errorf("there is no --%s or no --%s", pair.fore, back)
			} else if got := contrast(fore, ground); got < pair.least {
				t.Errorf("--%s %s on --%s %s: contrast %.2f", pair.fore, fore, back, ground, got)
			}
		}
	}
}

func TestColours(t *testing.T) {
	css := minify(styleSource)
	for mode, name := range []string{"light", "dark"} {
		own := variables(t, css, mode)
		t.Run("our own are readable, "+name, func(t *testing.T) { readableColours(t, own) })
		t.Run("backgrounds are those of the style sheet, "+name, func(t *testing.T) {
			want := fmt.Sprint(own["bg"], own["card"], own["tint"])
			if got := []string{lightBackgrounds, darkBackgrounds}[mode]; got != strings.ReplaceAll(want, "##", "# #") {
				t.Errorf("%s, not %s", got, want)
			}
		})
		t.Run("whatever the accent, everything is readable, "+name, func(t *testing.T) {
			for n := range 512 {
				accent := colour{float64(n>>6) / 7, float64(n>>3&7) / 7, float64(n&7) / 7}.String()
				for _, style := range []string{accentStyle(accent, ""), accentStyle("", accent), accentStyle(accent, accent)} {
					v := variables(t, css, mode)
					for k, c := range variables(t, style, mode) {
						v[k] = c
					}
					readableColours(t, v)
				}
				if t.Failed() {
					t.Fatalf("accent %s", accent)
				}
			}
		})
	}
}

func TestAccents(t *testing.T) {
	for name, c := range map[string]struct{ light, dark, want string }{
		"none is none":              {"", "", ""},
		"what is no colour":         {"red", "#12345", ""},
		"what would end the rule":   {"#1}*{{}", "", ""},
		"an accent is kept as is":   {"#0b57d0", "#a8c7fa", "--brand:#0b57d0;"},
		"the dark one as well":      {"#0b57d0", "#a8c7fa", "--brand:#a8c7fa;"},
		"a light one gets black":    {"#ffcc00", "", "--brand:#ffcc00;--hover:#ffd426;--on:#000000"},
		"and links that are darker": {"#ffcc00", "", "--link:#806600"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := accentStyle(c.light, c.dark); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Error(got)
			}
		})
	}
}

func TestBranding(t *testing.T) {
	l := layout(t)
	p, err := Parse[string](l, `{{define "title"}}T{{end}}{{define "main"}}<h1>T</h1>{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	render := func(s Shell) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		if err := p.Render(w, 200, s, ""); err != nil {
			t.Fatal(err)
		}
		return w
	}
	plain, branded, again := render(Shell{}), render(Shell{Accent: "#0b57d0", Logo: "/tenant/brand/logo?v=1"}), render(Shell{})
	if plain.Body.String() != again.Body.String() || plain.Header().Get("Content-Security-Policy") != again.Header().Get("Content-Security-Policy") {
		t.Error("branding stays with a page that has none")
	}
	for _, w := range []*httptest.ResponseRecorder{plain, branded} {
		style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(w.Body.String())
		if style == nil || !strings.Contains(w.Header().Get("Content-Security-Policy"), "style-src '"+hash(style[1])+"';") {
			t.Error("the policy does not allow the style")
		}
	}
	body := branded.Body.String()
	if !strings.Contains(body, `<img class="mark" src="/tenant/brand/logo?v=1" alt="">`) || !strings.Contains(body, `<link rel="icon" href="/tenant/brand/logo?v=1">`) || strings.Contains(body, "<svg") {
		t.Error(body)
	}
	if strings.Contains(plain.Body.String(), "<img") {
		t.Error("there is a picture without a logo")
	}
}
