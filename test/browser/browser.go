package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Timeout bounds one test in the browser, and patience one step of it.
const (
	Timeout  = 3 * time.Minute
	patience = 45 * time.Second
)

// Page is a tab of a browser of its own. Each method ends the test when it cannot do what it says.
type Page struct {
	testing.TB
	// Tab is the context for what the methods do not cover, with chromedp.Do, Run and Call.
	Tab context.Context

	// Shots chooses the looks that screenshots are kept of; nil for all.
	Shots func(Look) bool

	scripted bool
	look     Look
}

// New starts a browser that ends with the test. It accepts the certificates of httptest. Scripts of pages do not run: our
// pages need none; see [Page.Scripts].
func New(t testing.TB) *Page {
	t.Helper()
	path := chromium(t)
	ctx, cancelTimeout := context.WithTimeout(t.Context(), Timeout)
	t.Cleanup(cancelTimeout)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless,
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors, chromedp.ProxyServer("direct://"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("lang", "en"),
	)
	ctx, cancelBrowser := chromedp.NewContext(ctx)
	p := &Page{TB: t, Tab: ctx}
	t.Cleanup(func() {
		// Ends Chromium and waits for it, so that its folder can be removed. The test's context has ended by now, which ends
		// Chromium as well; then there is nothing left to say.
		_ = chromedp.Cancel(ctx)
		cancelBrowser()
		cancelAllocator()
	})
	p.do("start Chromium", chromedp.Steps())
	p.scripts(false)
	// As a window in front of somebody, so that boxes take the focus.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	p.Look(Light)
	return p
}

// do runs one step.
func (p *Page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx := p.Tab
	if what != "start Chromium" { // which lives as long as the context it is started with
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.Fatalf("%s: %v; %s", what, err, p.where())
	}
}

// where says which page is shown.
func (p *Page) where() string {
	ctx, cancel := context.WithTimeout(p.Tab, time.Second)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	return fmt.Sprintf("at %s: %s", at, strings.Join(strings.Fields(text), " "))
}

// Scripts says whether scripts of pages run from the next page on. They do not in a new browser.
func (p *Page) Scripts(on bool) {
	p.Helper()
	p.scripted = on
	p.scripts(on)
}

func (p *Page) scripts(on bool) {
	p.Helper()
	if _, err := chromedp.Call(p.Tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		p.Fatal(err)
	}
}

// Open goes to an address.
func (p *Page) Open(url string) {
	p.Helper()
	p.do("open "+url, chromedp.Navigate(url))
}

// Type types into the box that a CSS selector finds, in place of what it holds. kb.Enter at the end submits.
func (p *Page) Type(selector, text string) {
	p.Helper()
	p.Wait(selector)
	p.scripts(true) // emptying the box takes the page's own interpreter
	p.do("empty "+selector, chromedp.Clear(chromedp.CSS(selector)))
	p.scripts(p.scripted)
	p.do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Click clicks what a CSS selector finds.
func (p *Page) Click(selector string) {
	p.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Press clicks the first button, link or label that has a text in it.
func (p *Page) Press(text string) {
	p.Helper()
	p.do("press "+text, chromedp.Click(`//*[(self::button or self::a or self::label or self::summary) and contains(normalize-space(.), "`+text+`")]`))
}

// Wait waits until what a CSS selector finds is there to be seen.
func (p *Page) Wait(selector string) {
	p.Helper()
	p.do("wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// Heading waits until the page has this heading.
func (p *Page) Heading(text string) {
	p.Helper()
	p.do("wait for the heading "+text, chromedp.WaitVisible(`//h1[normalize-space(.)="`+text+`"]`))
}

// Eval evaluates an expression on the page, as its developer tools would, and decodes the result.
func Eval[T any](p *Page, expression string) T {
	p.Helper()
	v, err := chromedp.Run(p.Tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("evaluate: %v; %s", err, p.where())
	}
	return v
}

func chromium(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("CHROMIUM"); p != "" {
		return p
	}
	for _, name := range []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	notRun(t, "there is no Chromium")
	return ""
}

// notRun ends a test that cannot run here.
func notRun(t testing.TB, why string) {
	t.Helper()
	if required() {
		t.Fatalf("%s; test/browser/install gets it", why)
	}
	t.Skipf("NOT RUN: %s; test/browser/install gets it", why)
}

// required reports whether tests that cannot run here fail.
func required() bool {
	tiers := strings.FieldsFunc(os.Getenv("GRANTKEEPER_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(tiers, "browser") || slices.Contains(tiers, "all")
}

// Wanted reports whether tests in a browser are asked for, for those that are too many to run wherever there is one.
func Wanted() bool { return required() || os.Getenv("GRANTKEEPER_SCREENSHOTS") != "" }

// Look is how a page is looked at.
type Look struct {
	Name          string
	Width, Height int64
	// Scheme is light or dark.
	Scheme string
	// Forced is true where the colours are the reader's own (forced-colors, high contrast).
	Forced bool
	// Text is the size of plain text in pixels, for those who set it so; 0 is the usual one.
	Text int64
}

// The looks in which pages are checked. WCAG 2.2 asks for 320 px (1.4.10 Reflow) and text of twice the size (1.4.4).
var (
	Light  = Look{Name: "light", Width: 1000, Height: 900, Scheme: "light"}
	Dark   = Look{Name: "dark", Width: 1000, Height: 900, Scheme: "dark"}
	Narrow = Look{Name: "320px", Width: 320, Height: 640, Scheme: "light"}
	Forced = Look{Name: "forced-colors", Width: 640, Height: 900, Scheme: "dark", Forced: true}
	Large  = Look{Name: "large-text", Width: 720, Height: 900, Scheme: "light", Text: 32}
)

// Look sets how the page is looked at.
func (p *Page) Look(l Look) {
	p.Helper()
	forced := "none"
	if l.Forced {
		forced = "active"
	}
	p.look = l
	err := p.window(l.Width, l.Height)
	if err == nil {
		_, err = chromedp.Call(p.Tab, emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: l.Scheme}, {Name: "forced-colors", Value: forced},
			}})
	}
	if err != nil {
		p.Fatalf("look %s: %v", l.Name, err)
	}
	size := ""
	if l.Text > 0 {
		size = fmt.Sprintf("%dpx", l.Text)
	}
	Eval[string](p, `document.documentElement.style.fontSize = "`+size+`"`)
}

func (p *Page) window(width, height int64) error {
	_, err := chromedp.Call(p.Tab, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	return err
}

// Language makes the browser ask for pages in a language from now on, as Accept-Language says it.
func (p *Page) Language(accept string) {
	p.Helper()
	agent := Eval[string](p, "navigator.userAgent")
	if _, err := chromedp.Call(p.Tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: accept}); err != nil {
		p.Fatalf("language %s: %v", accept, err)
	}
}

// Check looks at the page dark, narrow, with forced colours, with large text, and light: axe-core finds no violation, nothing is
// wider than the window, the page is small and from one host, and a screenshot of each is kept under the name when a folder is
// set. The page is light afterwards.
func (p *Page) Check(name string) {
	p.Helper()
	p.weight(name)
	for _, l := range []Look{Forced, Large, Dark, Narrow, Light} {
		p.CheckLook(name, l)
	}
}

// CheckLook is [Page.Check] in one look.
func (p *Page) CheckLook(name string, l Look) {
	p.Helper()
	p.Look(l)
	what := name + ", " + l.Name
	if !l.Forced && l.Text == 0 { // these are of the same elements and have no colours of ours
		p.axe(what)
	}
	p.fits(what)
	p.Screenshot(name + " " + l.Name)
}

// CheckFit checks one look without axe-core: that texts of another length fit the page.
func (p *Page) CheckFit(name string, l Look) {
	p.Helper()
	p.Look(l)
	p.fits(name + ", " + l.Name)
	p.Screenshot(name + " " + l.Name)
}

// fits checks that nothing is wider than the window, and that what people click is at least 24 px wide and high (WCAG 2.2,
// 2.5.8), but for links within a sentence and boxes whose label can be clicked.
func (p *Page) fits(what string) {
	p.Helper()
	if wider := Eval[int](p, `document.documentElement.scrollWidth - window.innerWidth`); wider > 0 {
		p.Errorf("%s: the page is %d px wider than the window", what, wider)
	}
	outside := Eval[[]string](p, `[...document.querySelectorAll("main, main *")].filter(e => {
		const r = e.getBoundingClientRect();
		return r.width > 1 && (r.left < 0 || r.right > window.innerWidth);
	}).map(e => e.outerHTML)`)
	for _, e := range outside[:min(1, len(outside))] {
		p.Errorf("%s: beyond the edge: %s", what, e)
	}
	small := Eval[[]string](p, `[...document.querySelectorAll("a, button, summary, select, input:not([type=hidden], label *)")].filter(e => {
		const r = e.getBoundingClientRect();
		return r.width > 0 && (r.width < 24 || r.height < 24) && !(e.matches("p a, dd a") && getComputedStyle(e).display == "inline");
	}).map(e => e.outerHTML)`)
	for _, e := range small {
		p.Errorf("%s: hard to hit: %s", what, e)
	}
}

// MaxWeight is what a page may weigh, in bytes, with what is in it.
const MaxWeight = 20 << 10

// weight checks what was loaded for the page.
func (p *Page) weight(what string) {
	p.Helper()
	if n := Eval[int](p, `performance.getEntriesByType("navigation")[0].decodedBodySize`); n > MaxWeight {
		p.Errorf("%s: the page has %d bytes, more than %d", what, n, MaxWeight)
	}
	foreign := Eval[[]string](p, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:") && new URL(n).origin != location.origin)`)
	for _, address := range foreign {
		p.Errorf("%s: the page loads %s from elsewhere", what, address)
	}
}

// Screenshot keeps a picture of the whole page in the folder that GRANTKEEPER_SCREENSHOTS names, if it does.
func (p *Page) Screenshot(name string) {
	p.Helper()
	dir := os.Getenv("GRANTKEEPER_SCREENSHOTS")
	if dir == "" || p.Shots != nil && !p.Shots(p.look) {
		return
	}
	// A window as high as the page: what Chromium captures beyond its window is off where text runs from right to left.
	err := p.window(p.look.Width, max(p.look.Height, Eval[int64](p, `document.documentElement.scrollHeight`)))
	var png []byte
	if err == nil {
		png, err = chromedp.Run(p.Tab, chromedp.CaptureScreenshot())
	}
	if err == nil {
		err = p.window(p.look.Width, p.look.Height)
	}
	if err == nil {
		png, err = compress(png)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".png"), png, 0o644)
	}
	if err != nil {
		p.Errorf("screenshot %s: %v", name, err)
	}
}

// report is what axe-core finds.
type report struct {
	Passes     int `json:"passes"`
	Violations []struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			HTML    string `json:"html"`
			Summary string `json:"failureSummary"`
		} `json:"nodes"`
	} `json:"violations"`
}

// axe runs axe-core's rules for WCAG 2.2 AA, and its best practices, on the page.
func (p *Page) axe(what string) {
	p.Helper()
	script, err := os.ReadFile(filepath.Join(folder(), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		notRun(p, "axe-core is not installed")
	}
	// The developer tools' own evaluation is not the page's: no policy of the page is loosened for it.
	p.scripts(true)
	defer p.scripts(p.scripted)
	Eval[int](p, string(script)+";0")
	out := Eval[string](p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
		.then(r => JSON.stringify({violations: r.violations, passes: r.passes.length}))`)
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		p.Fatalf("axe-core on %s: %v", what, err)
	}
	if r.Passes < 10 {
		p.Errorf("axe-core on %s: only %d rules applied", what, r.Passes)
	}
	for _, v := range r.Violations {
		var nodes strings.Builder
		for _, n := range v.Nodes {
			fmt.Fprintf(&nodes, "\n  %s\n  %s", n.HTML, n.Summary)
		}
		p.Errorf("axe-core on %s: %s: %s%s", what, v.ID, v.Help, nodes.String())
	}
}

// folder is where this file is.
func folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}
