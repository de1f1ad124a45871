package login

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

func TestSecondFactor(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	secret := f.enrol("ada")

	t.Run("a password alone begins no session where there is a second factor", func(t *testing.T) {
		f.in(t)
		p := f.person()
		before := f.rows()["sessions"]
		a := p.on(p.signIn(p.asked(), goodUser, goodPassword)).stays().want(200, "Confirm that it is you", "Ada Lovelace (Ada)", "The 6 digits")
		if p.cookie("session") != "" || f.rows()["sessions"] != before {
			t.Error("there is a session")
		}
		if !strings.Contains(a.body, `autocomplete="one-time-code"`) {
			t.Error("the code is not filled in")
		}
		key := strings.TrimPrefix(a.form(), "/login/second?flow=")
		for _, path := range []string{PathConsent, PathLogin, "/device/confirm", "/login/account"} { // no way around it
			p.on(p.get(path+"?flow="+key)).stays().want(200, "Confirm that it is you")
		}
		p.submit(a, url.Values{"code": {""}}).stays().want(400, "Enter a code.")
		p.submit(a, url.Values{"code": {"123456"}, "token": {"x"}}).stays().want(403, "open for too long")
		p.submit(a, url.Values{"code": {"12345"}}).stays().want(400, "This code is wrong or was used already.")
		signedIn := f.clock()
		f.advance(time.Minute)
		a = p.on(p.prove(a, secret)).want(200, "Reports")
		c, g := f.redeemCode(p.allow(a).told())
		if !slices.Equal(g.Methods, []string{"pwd", "otp", "mfa"}) || c.ACR != oauth.ACRMultiFactor || !g.AuthenticatedAt.Equal(signedIn) {
			t.Errorf("%v %s %v", g.Methods, c.ACR, g.AuthenticatedAt)
		}
		for _, want := range []string{`"msg":"signin.first_factor","user":"`, `"msg":"secondfactor.refused","user":"`} {
			if !strings.Contains(f.logs.String(), want) {
				t.Errorf("the audit lacks %s", want)
			}
		}
	})

	t.Run("a code counts once", func(t *testing.T) {
		f.in(t)
		f.advance(time.Minute)
		p, q := f.person(), f.person()
		a, b := p.on(p.signIn(p.asked(), goodUser, goodPassword)), q.on(q.signIn(q.asked(), goodUser, goodPassword))
		p.on(p.prove(a, secret)).told()
		q.prove(b, secret).stays().want(400, "was used already")
	})

	t.Run("a first factor lasts ten minutes, and for one browser", func(t *testing.T) {
		f.in(t)
		f.advance(time.Minute)
		p := f.person()
		a := p.on(p.signIn(p.asked(), goodUser, goodPassword))
		f.person().submit(a, url.Values{"code": {factortest.Code(t, secret, f.clock())}}).stays().want(403)
		f.advance(secondFactorTTL + time.Second)
		p.on(p.prove(a, secret)).stays().want(400, "Sign in", "open for too long")
		if p.cookie("session") != "" {
			t.Error("there is a session")
		}
	})

	t.Run("another account may be used instead", func(t *testing.T) {
		f.in(t)
		f.advance(time.Minute)
		p := f.person()
		a := p.on(p.signIn(p.asked(), goodUser, goodPassword)).want(200, "Use another account")
		a = p.on(p.get(a.links("/login/again?flow="))).stays().want(200, "Sign in to go on to Reports")
		p.allow(p.on(p.signIn(a, "grace", "nanosecond"))).told()
	})

	t.Run("a recovery code counts, once", func(t *testing.T) {
		f.in(t)
		f.advance(time.Minute)
		codes, err := f.factors.NewRecoveryCodes(t.Context(), f.user("ada").ID, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []bool{true, false} {
			p := f.person()
			a := p.on(p.signIn(p.asked(), goodUser, goodPassword)).want(200, "one of your recovery codes")
			a = p.submit(a, url.Values{"code": {strings.ToLower(codes[0])}}).want(map[bool]int{true: 200, false: 400}[want])
			if (a.left() != nil) != want {
				t.Errorf("%s", a.text())
			}
		}
	})

	t.Run("five wrong codes of an account, then 429, wherever from, and the app is told nothing", func(t *testing.T) {
		f.in(t)
		f.advance(web.GuessWindow + time.Second)
		p := f.person()
		a := p.on(p.signIn(p.asked(), goodUser, goodPassword))
		for i := range web.MaxFactorMisses {
			f.from("192.0.2." + strconv.Itoa(i+1))
			got := p.submit(a, url.Values{"code": {"000000"}}).want(400)
			if want := `"factor-user";r=` + strconv.Itoa(web.MaxFactorMisses-i-1) + `;t=600`; got.header.Get("RateLimit") != want {
				t.Errorf("RateLimit: %s, want %s", got.header.Get("RateLimit"), want)
			}
		}
		got := p.prove(a, secret).stays().want(429, "Too many tries")
		if got.header.Get("Retry-After") == "" || got.header.Get("RateLimit-Policy") != `"factor-address";q=50;w=600, "factor-user";q=5;w=600` {
			t.Errorf("%v", got.header)
		}
		if !strings.Contains(f.logs.String(), `"msg":"secondfactor.refused"`) || !strings.Contains(f.logs.String(), `"error":"throttled"`) {
			t.Error("audit")
		}
		f.advance(web.GuessWindow)
		f.from("203.0.113.9")
	})

	t.Run("an account that is disabled meanwhile does not get in", func(t *testing.T) {
		f.in(t)
		f.advance(time.Minute)
		p := f.person()
		a := p.on(p.signIn(p.asked(), goodUser, goodPassword))
		f.replace(testProvider(t, true))
		p.on(p.prove(a, secret)).stays().want(400, "Sign in")
		f.replace(testProvider(t, false))
	})
}

func TestDemandedFactors(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{})
	strict := apps()
	strict.Require.MFA = true

	t.Run("a policy that wants two factors leads who has none to set one up, and back", func(t *testing.T) {
		f.in(t)
		f.declare(strict)
		defer f.declare(apps())
		p := f.person()
		a := p.signIn(p.asked(), "grace", "nanosecond").want(303)
		if !regexp.MustCompile(`^/account/security\?flow=[0-9a-v]{13}$`).MatchString(a.to) {
			t.Fatalf("to %s", a.to)
		}
		key := strings.TrimPrefix(a.to, "/account/security?flow=")
		if a := p.get("/login?flow=" + key).want(303); a.to != "/account/security?flow="+key {
			t.Errorf("to %s", a.to) // still none
		}
		if got := p.asked("prompt", "none").told().Get("error"); got != "interaction_required" {
			t.Errorf("A15 %s", got)
		}
		secret := f.enrol("grace")
		a = p.on(p.get("/login?flow="+key)).stays().want(200, "Confirm that it is you")
		_, g := f.redeemCode(p.allow(p.on(p.prove(a, secret))).told())
		if !slices.Equal(g.Methods, []string{"pwd", "otp", "mfa"}) {
			t.Errorf("%v", g.Methods)
		}
	})
	t.Run("acr: essential, voluntary, and beyond reach", func(t *testing.T) {
		f.in(t)
		p := f.signedIn(goodUser, goodPassword)
		p.allow(p.asked()).told()
		essential := func(acr string) string { return `{"id_token":{"acr":{"essential":true,"values":["` + acr + `"]}}}` }
		if got := p.asked("claims", essential("gold")).told().Get("error"); got != "unmet_authentication_requirements" {
			t.Errorf("%s", got)
		}
		if c, _ := f.redeemCode(p.asked("acr_values", "mfa phr").told()); c.ACR != oauth.ACRSingleFactor {
			t.Errorf("%s", c.ACR)
		}
		if a := p.get(asks("claims", essential("mfa"))); !strings.HasPrefix(a.to, "/account/security?flow=") {
			t.Errorf("to %s", a.to)
		}
		secret := f.enrol("ada")
		a := p.asked("acr_values", "mfa").stays().want(200, "Confirm that it is you")
		p.get(a.links("/login/account?flow=")).want(200, "Which account do you want to use?")
		if c, _ := f.redeemCode(p.on(p.prove(a, secret)).told()); c.ACR != oauth.ACRMultiFactor {
			t.Errorf("%s", c.ACR)
		}
		if c, _ := f.redeemCode(p.asked("claims", essential("1fa")).told()); c.ACR != "1fa" {
			t.Errorf("%s", c.ACR)
		}
		if got := p.asked("claims", essential("phr")).told().Get("error"); got != "unmet_authentication_requirements" {
			t.Errorf("%s", got)
		}
	})
	t.Run("a device of an app that wants two factors", func(t *testing.T) {
		f.in(t)
		f.declare(strict)
		defer f.declare(apps())
		f.advance(time.Minute)
		code := f.startDevice(func(d *storage.DeviceRequest) { d.Client = storage.ClientRef{ID: "reports", UID: reportsUID} })
		mallory := testProvider(t, false)
		mallory.Local.Accounts[2].Disabled = false
		f.replace(mallory)
		p := f.signedIn("mallory", "let me in")
		a := p.submit(p.open("/device"), url.Values{"user_code": {code}}).want(303)
		if !strings.HasPrefix(a.to, "/account/security?flow=") {
			t.Errorf("to %s", a.to)
		}
	})
	t.Run("a provider that takes nobody in without two factors", func(t *testing.T) {
		f.in(t)
		d := testProvider(t, false)
		d.Local.SecondFactor, d.Local.Accounts[2].Disabled = true, false
		f.replace(d)
		p := f.person()
		if a := p.signIn(p.open("/login"), "mallory", "let me in").want(303); !strings.HasPrefix(a.to, "/account/security?flow=") {
			t.Errorf("to %s", a.to)
		}
		f.replace(testProvider(t, false))
	})
	t.Run("a page of ours that wants a recent sign-in gets one, and nothing else says where it leads", func(t *testing.T) {
		f.in(t)
		f.advance(time.Hour)
		secret := f.enrol("ada")
		p := f.person()
		a := p.on(p.signIn(p.open("/login"), goodUser, goodPassword))
		p.on(p.prove(a, secret)).want(200, "You are signed in")
		f.advance(time.Hour)
		sealed, err := f.web.SealJSON("errand", web.Errand{Path: "/account/security/app", NotBefore: f.clock().Add(-time.Minute), ACR: "mfa"}, f.clock().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		a = p.open("/login?errand="+sealed).stays().want(200, "Sign in")
		a = p.on(p.signIn(a, goodUser, goodPassword)).want(200, "Confirm that it is you")
		if a := p.prove(a, secret).want(303); a.to != "/account/security/app" {
			t.Errorf("A30 to %s", a.to)
		}
		p.open("/login?errand="+sealed[:len(sealed)-4]+"AAAA").want(200, "You are signed in")
	})
}

func TestPasskeys(t *testing.T) {
	f := newAppFixture(t, fixtureOptions{plain: true, host: "localhost"})
	authenticator := factortest.New(t, f.issuer)
	ada := f.user("ada")
	ceremony, err := f.factors.BeginPasskeyRegistration(t.Context(), ada, f.clock())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.factors.FinishPasskeyRegistration(t.Context(), ada, ceremony.Kept, authenticator.Create(ceremony.Options), "", f.clock()); err != nil {
		t.Fatal(err)
	}

	t.Run("a passkey alone signs in, with two factors", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.asked().want(200, "Use a passkey")
		got := p.passkey(a, "/login/passkey", authenticator)
		c, g := f.redeemCode(p.allow(p.on(got)).told())
		if g.UserID != ada.ID || !slices.Contains(g.Methods, "mfa") || c.ACR != oauth.ACRPhishingResistant {
			t.Errorf("%+v %s", g, c.ACR)
		}
		if got.status != http.StatusSeeOther {
			t.Errorf("A20 %d", got.status)
		}
	})
	t.Run("an answer counts once, in its browser, and for a while", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.asked()
		form := p.passkeyForm(a, "/login/passkey", authenticator)
		f.person().post(a.links("/login/passkey"), form).stays().want(403)
		p.post(a.links("/login/passkey"), url.Values{"token": form["token"], "passkey": {"{}"}}).stays().want(400, "This passkey does not sign in here.")
		p.post(a.links("/login/passkey"), form).stays().want(400, "This passkey does not sign in here.") // the challenge is used up
		a = p.asked()
		form = p.passkeyForm(a, "/login/passkey", authenticator)
		f.advance(6 * time.Minute)
		p.post(a.links("/login/passkey"), form).stays().want(400, "This passkey does not sign in here.")
		if p.cookie("session") != "" {
			t.Error("there is a session")
		}
	})
	t.Run("a passkey as the second factor", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.on(p.signIn(p.asked(), goodUser, goodPassword)).want(200, "Confirm that it is you", "Use a passkey")
		_, g := f.redeemCode(p.on(p.passkey(a, "/login/second/passkey", authenticator)).told())
		if g.Methods[0] != "pwd" || !slices.Contains(g.Methods, "mfa") {
			t.Errorf("%v", g.Methods)
		}
	})
	t.Run("A34 tries with passkeys from one address are limited, and those that succeed do not count", func(t *testing.T) {
		f.in(t)
		f.advance(web.GuessWindow + time.Second)
		before := f.address.String()
		f.from("198.51.100.200")
		defer f.from(before)
		p := f.person()
		a := p.asked()
		p.passkey(a, "/login/passkey", authenticator).want(200, "One moment")
		p = f.person()
		a = p.asked()
		wrong := url.Values{"token": p.passkeyForm(a, "/login/passkey", authenticator)["token"], "passkey": {"{}"}}
		for range web.MaxSignInsOfAddress {
			p.post(a.links("/login/passkey"), wrong).want(400)
		}
		p.post(a.links("/login/passkey"), wrong).want(429, "Too many tries")
		f.advance(web.GuessWindow + time.Second)
	})

	for name, c := range map[string]struct{ end, undo func() }{
		"F12 the account is disabled at its provider": {func() { f.replace(testProvider(t, true)) }, func() { f.replace(testProvider(t, false)) }},
		"F12 the account is gone from its provider": {func() {
			p := testProvider(t, false)
			p.Local.Accounts = nil
			f.replace(p)
		}, func() { f.replace(testProvider(t, false)) }},
		"A35 the app may not have users of its provider": {func() {
			policy := apps()
			policy.Allow.IdentityProviders = []string{"corp"}
			f.declare(policy)
		}, func() { f.declare(apps()) }},
	} {
		t.Run(name+": a passkey does not sign in, alone or as the second factor", func(t *testing.T) {
			f.in(t)
			alone, second := f.person(), f.person()
			a := alone.asked()
			form := alone.passkeyForm(a, "/login/passkey", authenticator)
			b := second.on(second.signIn(second.asked(), goodUser, goodPassword)).want(200, "Confirm that it is you")
			answer := second.passkeyForm(b, "/login/second/passkey", authenticator)
			c.end()
			defer c.undo()
			if got := alone.post(a.links("/login/passkey"), form).stays(); got.status < 400 || alone.cookie("session") != "" {
				t.Errorf("alone: %d %s", got.status, got.text())
			}
			got := second.on(second.post(b.links("/login/second/passkey"), answer))
			if left := got.left(); left != nil {
				t.Errorf("the second factor leads to %s", left)
			}
			// A session is for no app: one of an account that is not for this app is fine, of one that has ended it is not.
			if second.cookie("session") != "" && !strings.HasPrefix(name, "A35") {
				t.Error("there is a session of the second factor")
			}
		})
	}
	t.Run("F12 a passkey of an account that was ended here signs in no more", func(t *testing.T) {
		f.in(t)
		p := f.person()
		a := p.asked()
		if err := f.storage.Storage.(storage.Users).DisableUser(t.Context(), ada.ID, f.clock()); err != nil {
			t.Fatal(err)
		}
		p.passkey(a, "/login/passkey", authenticator).stays().want(400, "This passkey does not sign in here.")
		if p.cookie("session") != "" {
			t.Error("there is a session")
		}
	})
}

var optionsField = regexp.MustCompile(`action="([^"]*)" data-passkey="([^"]*)" hidden>\n<input type="hidden" name="token" value="([^"]*)">`)

// passkeyForm is the page's form with the answer of an authenticator, as the script makes it.
func (p *person) passkeyForm(a *answer, path string, with *factortest.Authenticator) url.Values {
	p.Helper()
	m := optionsField.FindStringSubmatch(a.body)
	if m == nil || !strings.HasPrefix(m[1], path+"?flow=") {
		p.Fatalf("no form for %s: %s", path, a.body)
	}
	return url.Values{"token": {html.UnescapeString(m[3])}, "passkey": {string(with.Get(html.UnescapeString(m[2])))}}
}

func (p *person) passkey(a *answer, path string, with *factortest.Authenticator) *answer {
	p.Helper()
	return p.post(a.links(path), p.passkeyForm(a, path, with))
}
