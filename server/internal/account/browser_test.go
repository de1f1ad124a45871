package account

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/passkey"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
	"github.com/grantkeeper/grantkeeper/test/browser"
)

// proof is a page that asks for a passkey, as the sign-in's do.
type proof struct{ Token, Options string }

const proofSource = `{{define "title"}}Prove{{end}}{{define "main"}}<h1>Prove</h1>
<form method="post" action="{{.Base}}/prove" data-passkey="{{.Data.Options}}" hidden><input type="hidden" name="token" value="{{.Data.Token}}"><input type="hidden" name="passkey"><p role="alert" hidden>{{t "passkey.failed"}}</p><button>{{t "passkey.use"}}</button></form>{{end}}`

// mountProof serves the page, for whoever has a passkey; what was proved is sent to the channel.
func (f *fixture) mountProof(proved chan<- []string) {
	p, err := page.ParseScript[proof](f.web.Layout, proofSource, passkey.Script())
	if err != nil {
		f.Fatal(err)
	}
	f.mux.Handle("GET /prove", f.web.Handle(func(v *web.Visit) error {
		c, err := f.account.Factors.BeginPasskey(v.R.Context(), nil, v.Now)
		if err != nil {
			return err
		}
		token, err := f.web.FormToken(v, "prove", string(c.Kept))
		if err != nil {
			return err
		}
		return p.Render(v.W, http.StatusOK, v.Shell(), proof{Token: token, Options: c.Options})
	}))
	f.mux.Handle("POST /prove", f.web.Handle(func(v *web.Visit) error {
		kept, err := f.web.CheckToken(v, "prove")
		if err != nil {
			return web.Forbidden(err)
		}
		u, methods, err := f.account.Factors.FinishPasskey(v.R.Context(), []byte(kept), []byte(v.R.PostForm.Get(passkey.Field)), v.Now)
		if err != nil {
			return web.BadRequest(err)
		}
		proved <- append([]string{u.ID}, methods...)
		return web.Redirect(v, PathApps)
	}))
}

// scripts lets the pages' own scripts run.
func scripts(p *browser.Page) {
	p.Helper()
	if _, err := chromedp.Call(p.Tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false}); err != nil {
		p.Fatal(err)
	}
}

// device gives the browser a virtual authenticator.
func device(p *browser.Page) webauthn.AuthenticatorID {
	p.Helper()
	if _, err := chromedp.Call(p.Tab, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		p.Fatal(err)
	}
	r, err := chromedp.Call(p.Tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		p.Fatal(err)
	}
	return r.AuthenticatorID
}

func TestInChromium(t *testing.T) {
	t.Run("a passkey is made and proved by the page's script", func(t *testing.T) {
		f := newFixture(t, options{host: "localhost", plain: true})
		proved := make(chan []string, 1)
		f.mountProof(proved)
		f.signIn.user, f.signIn.methods = f.ada, []string{"pwd"}
		p := browser.New(t)
		p.Open(f.issuer + "/account/security/passkey")
		p.Heading("Add a passkey")
		if browser.Eval[bool](p, `document.querySelector("main form button").checkVisibility()`) {
			t.Error("without scripts the button is to be seen")
		}
		authenticator := device(p)
		scripts(p)
		p.Open(f.issuer + "/account/security/passkey")
		p.Wait("main form button")
		p.Check("add a passkey")
		scripts(p)
		p.Open(f.issuer + "/account/security/passkey")
		p.Click("main form button")
		p.Heading("Your recovery codes")
		p.Check("recovery codes")

		scripts(p)
		p.Open(f.issuer + "/prove")
		p.Click("main form button")
		p.Heading("Authorized apps")
		got := <-proved
		if len(got) != 3 || got[0] != f.ada.ID || got[2] != "mfa" {
			t.Errorf("proved %v", got)
		}

		if _, err := chromedp.Call(p.Tab, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: authenticator, IsUserVerified: false}); err != nil {
			t.Fatal(err)
		}
		scripts(p)
		p.Open(f.issuer + "/prove")
		p.Click("main form button")
		p.Wait("[role=alert]") // the browser refuses: the user was not verified
		if !browser.Eval[bool](p, `document.querySelector("main form").checkVisibility()`) {
			t.Error("there is no way to try again")
		}
	})

	t.Run("every page", func(t *testing.T) {
		f := newFixture(t, options{host: "localhost", plain: true})
		f.signIn.user, f.signIn.methods = f.ada, []string{"pwd", "otp", "mfa"}
		f.authorize(f.ada, acme(), details("p1", "p2"))
		f.authorize(f.ada, other(), nil)
		f.authorize(f.ada, storage.ClientRef{ID: "gone", UID: "gone"}, nil)
		f.advance(time.Hour)
		p := browser.New(t)
		visit := func(path, heading string) {
			t.Helper()
			p.Open(f.issuer + path)
			p.Heading(heading)
			p.Check("account " + strings.NewReplacer("/", " ", "?", " ").Replace(strings.TrimPrefix(path, "/account")))
		}
		visit("/account", "Authorized apps")
		visit("/account/app?app="+acmeUID, "Acme CLI")
		visit("/account/revoke?app="+acmeUID, "Take back the access of Acme CLI?")
		visit("/account/sessions", "Where you are signed in")
		visit("/account/security", "Sign-in security")
		visit("/account/security/app", "Set up an authenticator app")
		secret := strings.ReplaceAll(browser.Eval[string](p, `document.querySelector("main code").textContent`), " ", "")
		p.Type("#code", factortest.Code(t, secret, f.clock()))
		p.Click("main form button")
		p.Heading("Your recovery codes")
		visit("/account/security?flow=abc", "Sign-in security")
		visit("/account/data", "Your data")
		p.Open(f.issuer + "/account/app?app=" + acmeUID)
		p.Click(`input[name=choice][value="0"]`)
		p.Click("main form button")
		p.Wait("[role=status]")
		p.Check("account app narrowed")
		p.Open(f.issuer + "/account/data")
		p.Click("input[name=sure]")
		p.Click("main button.danger")
		p.Heading("Your data is erased")
		p.Check("account erased")
	})
}
