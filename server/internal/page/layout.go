package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the files below
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

//go:embed layout.html
var layoutSource string

//go:embed style.css
var styleSource string

// MaxSize is what a page may weigh, style included, in bytes.
const MaxSize = 20 << 10

// Layout is what all pages share. It is safe for concurrent use.
type Layout struct {
	plain    *look
	branded  atomic.Pointer[look] // the last one that was asked for: a server has one branding
	messages *Messages
}

// look is the style of pages with a branding, and the policy that allows it, up to the targets of forms.
type look struct {
	accent, accentDark string
	style              template.CSS
	policy             string
}

func newLook(accent, accentDark string) *look {
	css := minify(styleSource) + accentStyle(accent, accentDark)
	return &look{
		accent: accent, accentDark: accentDark, style: template.CSS(css),
		// frame-ancestors, form-action and base-uri do not fall back to default-src. Images are icons in the page, QR codes and the
		// server's logo.
		policy: "default-src 'none'; style-src '" + hash(css) + "'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action ",
	}
}

// look finds the look of a shell.
func (l *Layout) look(s Shell) *look {
	if s.Accent == "" && s.AccentDark == "" {
		return l.plain
	}
	if b := l.branded.Load(); b != nil && b.accent == s.Accent && b.accentDark == s.AccentDark {
		return b
	}
	b := newLook(s.Accent, s.AccentDark)
	l.branded.Store(b)
	return b
}

// NewLayout prepares style sheet and policy and reads the catalogues.
func NewLayout() (*Layout, error) {
	m, err := loadMessages()
	if err != nil {
		return nil, err
	}
	return &Layout{plain: newLook("", ""), messages: m}, nil
}

// Messages are the catalogues.
func (l *Layout) Messages() *Messages { return l.messages }

// Shell is what a page is rendered in.
type Shell struct {
	// Language is a tag for which there is a catalogue; see [Messages.Match].
	Language string
	// Service is what the authorization server calls itself.
	Service string
	// Base is the path of the issuer, "" or "/tenant": what local links begin with.
	Base string
	// Account is who is signed in, as shown; empty for nobody.
	Account string
	// Secure is true when the issuer is https.
	Secure bool
	// Logo is the address of the server's logo, on this host; empty for the project's own mark.
	Logo string
	// Accent and AccentDark are the server's colours, "#rrggbb"; see [accentStyle]. Empty for the project's own.
	Accent, AccentDark string
}

// Page renders one page from its typed data.
type Page[D any] struct {
	layout    *Layout
	templates map[string]*template.Template // by language
	script    template.JS
	// scriptSource is what the policy allows the script by; empty without one.
	scriptSource string
}

type view[D any] struct {
	Shell
	Style  template.CSS
	Script template.JS
	Data   D
}

// ParseScript is Parse for a page with a script of its own, which is put at the end of the page and allowed by its hash. Only
// what cannot be done without one has a script.
func ParseScript[D any](l *Layout, source, script string) (*Page[D], error) {
	p, err := Parse[D](l, source)
	if err != nil {
		return nil, err
	}
	script = shorten(script)
	p.script, p.scriptSource = template.JS(script), "'"+hash(script)+"'"
	return p, nil
}

// hash is how a policy names what a page has inline (CSP Level 3 section 2.3.1).
func hash(inline string) string {
	sum := sha256.Sum256([]byte(inline))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Parse makes a page of a template that defines "title" and "main".
func Parse[D any](l *Layout, source string) (*Page[D], error) {
	p := &Page[D]{layout: l, templates: map[string]*template.Template{}}
	for _, lang := range l.messages.Languages() {
		t, err := template.New("layout").Funcs(l.messages.funcs(lang)).Option("missingkey=error").Parse(layoutSource)
		if err == nil {
			t, err = t.New("page").Parse(source)
		}
		if err != nil {
			return nil, err
		}
		p.templates[lang] = t.Lookup("layout")
	}
	return p, nil
}

// Render writes the page with a status. Nothing is written before the whole page is made, so that a page is never cut off
// in the middle; an error means that nothing was written.
func (p *Page[D]) Render(w http.ResponseWriter, status int, s Shell, data D) error {
	t, ok := p.templates[s.Language]
	if !ok {
		s.Language = DefaultLanguage
		t = p.templates[DefaultLanguage]
	}
	var b bytes.Buffer
	look := p.layout.look(s)
	if err := t.Execute(&b, view[D]{Shell: s, Style: look.style, Script: p.script, Data: data}); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	h := w.Header()
	headers(h, look, s, data)
	if p.scriptSource != "" {
		h.Set("Content-Security-Policy", "script-src "+p.scriptSource+"; "+h.Get("Content-Security-Policy"))
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", s.Language)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	// The peer may be gone; there is nobody to tell.
	_, _ = b.WriteTo(w)
	return nil
}

// Targeted is data that says itself where the forms of its page may lead, in the words of CSP: there, and not to our own
// origin.
type Targeted interface{ FormSources() []string }

// headers sets what every HTML answer carries (RFC 9700 sections 4.2.4 and 4.16).
func headers(h http.Header, l *look, s Shell, data any) {
	targets := []string{"'self'"} // where else a form leads in the end, package leave says how
	if d, ok := data.(Targeted); ok {
		targets = d.FormSources()
	}
	h.Set("Content-Security-Policy", l.policy+strings.Join(targets, " "))
	SecurityHeaders(h, s.Secure)
}

// SecurityHeaders sets the headers that a redirect between pages carries as well.
func SecurityHeaders(h http.Header, secure bool) {
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if secure {
		// Not includeSubDomains: hosts below the issuer's are not ours to decide about.
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// shorten drops the indentation, the empty lines and the lines of comment of a script.
func shorten(script string) string {
	var lines []string
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// minify drops comments and space that says nothing. It knows just what style.css uses.
func minify(css string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(css, "/*")
		b.WriteString(before)
		if !found {
			break
		}
		_, css, _ = strings.Cut(rest, "*/")
	}
	out := strings.Join(strings.Fields(b.String()), " ")
	for _, sign := range []string{"{", "}", ";", ",", ">", "+"} {
		out = strings.ReplaceAll(strings.ReplaceAll(out, " "+sign, sign), sign+" ", sign)
	}
	return strings.ReplaceAll(strings.ReplaceAll(out, ": ", ":"), ";}", "}")
}
