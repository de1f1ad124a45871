package login

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
	"github.com/grantkeeper/grantkeeper/test/browser"
)

// see waits for a heading and checks the page.
func see(t *testing.T, p *browser.Page, name, heading string) {
	t.Helper()
	p.Heading(heading)
	p.Check(name)
}

func TestInChromium(t *testing.T) {
	t.Run("a device login from sign-in to done", func(t *testing.T) {
		f := newFixture(t, fixtureOptions{displayName: "Example Login"})
		p := browser.New(t)
		code := f.startDevice()
		f.advance(2 * time.Minute)

		p.Open(f.issuer + "/device")
		see(t, p, "sign in", "Sign in")
		if at := browser.Eval[string](p, "document.activeElement.id"); at != "username" {
			t.Errorf("the focus is in %q", at)
		}
		p.Type("#username", goodUser)
		p.Type("#password", "wrong"+kb.Enter)
		p.Wait("#error")
		see(t, p, "sign in refused", "Sign in")
		p.Type("#password", goodPassword+kb.Enter)
		see(t, p, "enter code", "Connect an app or device")
		p.Type("#user_code", "bcdf ghjk"+kb.Enter)
		p.Wait("#error")
		see(t, p, "enter code refused", "Connect an app or device")
		p.Type("#user_code", strings.ToLower(oauth.DisplayUserCode(code))+kb.Enter)
		see(t, p, "confirm", "Give Acme CLI access to your account?")
		sameSize(p)
		p.Click(`button[value="approve"]`)
		see(t, p, "approved", "Approved")
		if _, err := f.redeem(code); err != nil {
			t.Errorf("after the approval: %v", err)
		}
		cookies(p)

		again := f.startDevice(func(d *storage.DeviceRequest) {
			d.Scopes, d.Audience, d.Origin = nil, nil, storage.Origin{Address: "127.0.0.1"}
		})
		p.Open(f.issuer + "/device?user_code=" + oauth.DisplayUserCode(again))
		see(t, p, "confirm without scopes", "Give Acme CLI access to your account?")
		p.Click(`button[value="deny"]`)
		see(t, p, "denied", "Denied")
		if _, err := f.redeem(again); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("after the denial: %v", err)
		}
		p.Open(f.issuer + "/login")
		see(t, p, "signed in", "You are signed in")
		p.Click("footer a")
		see(t, p, "sign out", "Sign out?")
		p.Click("form button")
		see(t, p, "signed out", "You are signed out")
	})

	t.Run("an app's request, with a second factor, to an app that leads on to another host", func(t *testing.T) {
		f := newAppFixture(t, fixtureOptions{plain: true, host: "localhost", displayName: "Example Login"})
		home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>Home</title><h1>Home</h1>"))
		}))
		defer home.Close()
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm() // a request without a code is seen below
			http.Redirect(w, r, home.URL+"/?code="+r.Form.Get("code"), http.StatusFound)
		}))
		defer app.Close()
		secret := f.enrol("ada")
		p := browser.New(t)
		open := func(more ...string) {
			p.Open(f.issuer + asks(append([]string{"redirect_uri", app.URL + "/cb"}, more...)...))
		}
		open()
		see(t, p, "sign in for an app", "Sign in")
		p.Type("#username", goodUser)
		p.Type("#password", goodPassword+kb.Enter)
		see(t, p, "second factor", "Confirm that it is you")
		p.Type("#factor", "123456"+kb.Enter)
		p.Wait("#error")
		see(t, p, "second factor refused", "Confirm that it is you")
		p.Type("#factor", factortest.Code(t, secret, f.clock())+kb.Enter)
		p.Heading("Give Reports access to your account?")
		p.Click(`button[value="approve"]`)
		p.Heading("Home")
		if at := browser.Eval[string](p, "location.search"); !strings.HasPrefix(at, "?code=gkc_") {
			t.Errorf("the app got %q", at)
		}
		f.advance(time.Second)
		open("prompt", "select_account")
		see(t, p, "select account", "Which account do you want to use?")
		p.Click(`button[value="this"]`)
		p.Click(`button[value="approve"]`) // an app on a loopback address is asked about every time
		p.Heading("Home")
		open("response_mode", "form_post")
		p.Click(`button[value="approve"]`)
		p.Heading("Back to the app")
		p.Click("form button")
		p.Heading("Home")
		if at := browser.Eval[string](p, "location.search"); !strings.HasPrefix(at, "?code=gkc_") {
			t.Errorf("the app got %q", at)
		}
		p.Open(f.issuer + asks("redirect_uri", "https://evil.example/cb"))
		see(t, p, "wrong address", "This link leads to the wrong place")
		p.Open(f.issuer + asks("client_id", "nobody"))
		see(t, p, "unknown app", "This app is not known here")
	})

	t.Run("providers elsewhere, and one that is away", func(t *testing.T) {
		f := newAppFixture(t, fixtureOptions{plain: true, displayName: "Example Login"})
		e := newElsewhere(t, f.clock)
		f.declare(e.declaration())
		p := browser.New(t)
		p.Open(f.issuer + asks())
		see(t, p, "sign in with several providers", "Sign in")
		e.set(func(e *elsewhere) { e.down = true })
		p.Click(".pick")
		p.Wait("#error")
		see(t, p, "a provider is away", "Sign in")
	})

	t.Run("long names, hostile ones, and failures", func(t *testing.T) {
		f := newFixture(t, fixtureOptions{displayName: "An authorization server with quite a long name of its own"})
		p := browser.New(t)
		c := testClient()
		c.Display.Name = `Quarterly"><script>alert(1)</script>ReportingAndReconciliationWithoutAnySpaces`
		c.Display.Publisher = strings.Repeat("Donaudampfschifffahrtsgesellschaft", 3)
		guests := testProvider(t, false)
		guests.Name, guests.UID, guests.DisplayName = "zz-guests", "zz", "Guests of the house"
		f.registry.Apply([]registry.Change{{Key: "client", Document: c}, {Key: "idp2", Document: guests}}, "2")
		f.wait(func(s *registry.Snapshot) bool { return len(s.IdentityProviders()) == 2 })
		code := f.startDevice(func(d *storage.DeviceRequest) {
			d.Origin = storage.Origin{Address: "2001:db8:1111:2222:3333:4444:5555:6666", UserAgent: "a-command-line-with-a-very-long-name-x/20260504.1+longbuild"}
		})
		p.Open(f.issuer + "/device?user_code=" + code)
		see(t, p, "sign in at one of two", "Sign in")
		p.Type("#username", goodUser)
		p.Type("#password", goodPassword+kb.Enter)
		p.Wait(`button[value="approve"]`)
		p.Check("confirm long")

		suspended := *c
		suspended.Suspended = true
		f.registry.Apply([]registry.Change{{Key: "client", Document: &suspended}}, "3")
		f.wait(func(s *registry.Snapshot) bool { got, ok := s.ClientByUID(clientUID); return ok && got.Suspended })
		p.Click(`button[value="approve"]`)
		see(t, p, "client gone", "This app cannot be connected")
		for range web.MaxCodeMisses + 1 {
			p.Open(f.issuer + "/device?user_code=BCDFGHJK")
		}
		see(t, p, "throttled", "Too many tries")
	})

	t.Run("an app that a policy does not let the person use, and a device", func(t *testing.T) {
		f := newAppFixture(t, fixtureOptions{plain: true, host: "localhost", displayName: "An authorization server with quite a long name of its own"})
		policy, c := apps(), reports()
		policy.Users = "'staff' in user.groups"
		c.Display.Name = `Quarterly"><script>alert(1)</script>ReportingAndReconciliationWithoutAnySpaces`
		f.declare(policy, c)
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>App</title><h1>Told " + html.EscapeString(r.FormValue("error")) + "</h1>"))
		}))
		defer app.Close()
		p := browser.New(t)
		p.Open(f.issuer + asks("redirect_uri", app.URL+"/cb"))
		p.Type("#username", goodUser)
		p.Type("#password", goodPassword+kb.Enter)
		see(t, p, "not allowed", "This account may not use the app")
		p.Press("Use another account")
		p.Heading("Which account do you want to use?")
		f.advance(time.Second) // who signed in before now is another account than the one that is wanted
		p.Press("Use another account")
		p.Heading("Sign in")
		p.Open(f.issuer + asks("redirect_uri", app.URL+"/cb"))
		p.Heading("This account may not use the app")
		p.Press("Go back to the app")
		p.Heading("Told access_denied")

		reports := storage.ClientRef{ID: "reports", UID: reportsUID}
		code := f.startDevice(func(d *storage.DeviceRequest) { d.Client = reports })
		p.Open(f.issuer + "/device?user_code=" + code)
		see(t, p, "not allowed for a device", "This account may not use the app")
		device, err := f.storage.codeOf(f.Context(), code, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		p.Press("Refuse the device")
		p.Heading("Denied")
		if _, err := f.storage.Storage.(storage.Devices).RedeemDevice(f.Context(), device, reports, f.clock(), nil); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("after the refusal: %v", err)
		}
	})

	t.Run("plain http on loopback, below a path", func(t *testing.T) {
		f := newFixture(t, fixtureOptions{plain: true, path: "/tenant"})
		f.address = netip.MustParseAddr("127.0.0.1")
		p := browser.New(t)
		code := f.startDevice()
		p.Open(f.issuer + "/device?user_code=" + code)
		p.Type("#username", goodUser)
		p.Type("#password", goodPassword+kb.Enter)
		p.Click(`button[value="approve"]`)
		p.Heading("Approved")
		if _, err := f.redeem(code); err != nil {
			t.Errorf("after the approval: %v", err)
		}
	})

	t.Run("F10 framed, the page is blocked", func(t *testing.T) {
		f := newFixture(t, fixtureOptions{plain: true})
		frame := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!doctype html><title>Frame</title><iframe src="` + f.issuer + `/login"></iframe>`))
		}))
		defer frame.Close()
		p := browser.New(t)
		if _, err := chromedp.Call(p.Tab, network.Enable, network.EnableParams{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(p.Tab, 20*time.Second)
		defer cancel()
		failures := chromedp.Events(ctx, network.LoadingFailed)
		p.Open(frame.URL)
		for e, err := range failures {
			if err != nil {
				t.Fatalf("the page was shown in a frame: %v", err)
			}
			if e.Type != network.ResourceTypeDocument || !strings.Contains(e.ErrorText, "BLOCKED_BY_RESPONSE") {
				t.Errorf("%+v", e)
			}
			return
		}
	})
}

// sameSize checks that denying is as easy to hit as approving.
func sameSize(p *browser.Page) {
	p.Helper()
	sizes := browser.Eval[[]float64](p, `[...document.querySelectorAll(".actions button")].flatMap(b => { const r = b.getBoundingClientRect(); return [r.width, r.height] })`)
	if len(sizes) != 4 || sizes[0] != sizes[2] || sizes[1] != sizes[3] || sizes[1] < 24 {
		p.Errorf("the buttons are %v", sizes)
	}
}

// cookies checks how Chromium took the cookies (I08).
func cookies(p *browser.Page) {
	p.Helper()
	got, err := chromedp.Call(p.Tab, network.GetCookies, network.GetCookiesParams{})
	if err != nil || len(got.Cookies) < 2 {
		p.Fatalf("%d cookies, %v", len(got.Cookies), err)
	}
	for _, c := range got.Cookies {
		if !c.Secure || !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax || !strings.HasPrefix(c.Name, "__Host-") || c.Path != "/" {
			p.Errorf("I08 %+v", c)
		}
	}
}
