package people

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/pquerna/otp/totp"
	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/test/browser"
)

// vault is the app that wants two factors.
type vault struct {
	*app
	verifier string
}

func newVault(t *testing.T) *vault {
	t.Helper()
	return &vault{newApp(t, "vault-oauth", "https://vault.example.com/callback", "openid", "profile"), oauth2.GenerateVerifier()}
}

// link starts a login.
func (a *vault) link(options ...oauth2.AuthCodeOption) string {
	return a.AuthCodeURL("state", append(options, oauth2.S256ChallengeOption(a.verifier))...)
}

// mustBe checks how the person was authenticated (RFC 8176).
func (a *vault) mustBe(v *visitor, methods ...string) {
	a.Helper()
	token := a.redeem(v.returns(), oauth2.VerifierOption(a.verifier))
	got := a.claims(token).Methods
	for _, m := range methods {
		if !slices.Contains(got, m) {
			a.Errorf("amr is %v, want %s in it", got, m)
		}
	}
}

// now is what an authenticator app shows so many steps from now: a code counts once.
func now(t *testing.T, secret string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func authenticatorApp(t *testing.T) {
	a := newVault(t)
	v := newVisitor(t)
	v.Open(a.link())
	v.signIn("local", "grace")
	v.see("second-factor-needed", "Sign-in security")
	v.mustSay("To go on, you need a second factor")
	v.Press("Set up an authenticator app")
	v.see("authenticator-app", "Set up an authenticator app")
	secret := strings.ReplaceAll(browser.Eval[string](v.Page, `document.querySelector("main code").textContent`), " ", "")
	world.Witness.See("the key of an authenticator app", secret)
	v.Type("#code", "000000"+kb.Enter)
	v.Wait("#error")
	v.see("authenticator-app-refused", "Set up an authenticator app")
	v.Type("#code", now(t, secret, 0)+kb.Enter)
	v.see("recovery-codes", "Your recovery codes")
	recovery := browser.Eval[[]string](v.Page, `[...document.querySelectorAll(".codes code")].map(e => e.textContent)`)
	if len(recovery) != 10 {
		t.Fatalf("%d recovery codes", len(recovery))
	}
	for _, code := range recovery {
		world.Witness.See("a recovery code", code)
	}
	v.Press("Continue")
	v.Heading("Give Company Vault access to your account?")
	v.Press("Approve")
	a.mustBe(v, "pwd", "otp", "mfa")

	again := newVisitor(t)
	again.Open(a.link())
	again.signIn("local", "grace")
	again.see("second-factor", "Confirm that it is you")
	again.Type("#factor", recovery[0][:4]+"x"+kb.Enter)
	again.Wait("#error")
	again.see("second-factor-refused", "Confirm that it is you")
	again.Type("#factor", now(t, secret, 1)+kb.Enter)
	a.mustBe(again, "pwd", "otp", "mfa")

	lost := newVisitor(t)
	lost.Open(a.link())
	lost.signIn("local", "grace")
	lost.Heading("Confirm that it is you")
	lost.Type("#factor", strings.ToLower(recovery[0])+kb.Enter)
	a.mustBe(lost, "pwd", "mfa")
}

// device gives the browser an authenticator that knows its user.
func device(v *visitor) {
	v.Helper()
	_, err := chromedp.Call(v.Tab, webauthn.Enable, webauthn.EnableParams{})
	if err == nil {
		_, err = chromedp.Call(v.Tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
	}
	if err != nil {
		v.Fatal(err)
	}
}

func passkeys(t *testing.T) {
	a := newVault(t)
	v := newVisitor(t)
	device(v)
	v.Scripts(true)
	v.Open(a.link())
	v.signIn("local", "joan")
	v.Heading("Sign-in security")
	v.Press("Add a passkey")
	v.Wait("main form button")
	v.see("passkey", "Add a passkey")
	v.Scripts(true)
	v.Type("#name", "My laptop")
	v.Click("main form button")
	v.Heading("Your recovery codes")
	for _, code := range browser.Eval[[]string](v.Page, `[...document.querySelectorAll(".codes code")].map(e => e.textContent)`) {
		world.Witness.See("a recovery code", code)
	}
	v.Press("Continue")
	v.Heading("Give Company Vault access to your account?")
	v.Press("Approve")
	a.mustBe(v, "mfa")

	t.Run("as the only factor", func(*testing.T) {
		v.Open(a.link(oauth2.SetAuthURLParam("prompt", "login")))
		v.Heading("Sign in")
		v.Wait("form[data-passkey] button")
		v.see("sign-in-passkey", "Sign in")
		v.Click("form[data-passkey] button")
		a.mustBe(v, "mfa")
	})
	t.Run("as the second factor", func(*testing.T) {
		v.Open(a.link(oauth2.SetAuthURLParam("prompt", "login")))
		v.signIn("local", "joan")
		v.see("second-factor-passkey", "Confirm that it is you")
		v.Click("form[data-passkey] button")
		a.mustBe(v, "pwd", "mfa")
	})
	v.Scripts(false)
	v.open("/account/security")
	v.see("account-security", "Sign-in security")
	v.mustSay("My laptop")
}
