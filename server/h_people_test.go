package server

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// at reports on which page the browser is, by its heading.
func (b *tab) heading() string {
	m := regexp.MustCompile(`(?s)<h1>(.*?)</h1>`).FindStringSubmatch(b.page.body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], ""))
}

func (b *tab) see(heading string) {
	b.t.Helper()
	if got := b.heading(); got != heading || b.left != nil {
		b.t.Fatalf("%q at %s (left for %v), want %q: %d %s", got, b.at, b.left, heading, b.page.status, b.page.body)
	}
}

// setUp sets up an authenticator app on the page for it, and returns its secret and the recovery codes.
func (b *tab) setUp() (secret string, codes []string) {
	b.t.Helper()
	b.see("Set up an authenticator app")
	all := regexp.MustCompile(`<code>([^<]*)</code>`)
	secret = strings.ReplaceAll(all.FindStringSubmatch(b.page.body)[1], " ", "")
	b.submit("code", factortest.Code(b.t, secret, b.w.now()))
	b.see("Your recovery codes")
	for _, m := range all.FindAllStringSubmatch(b.page.body, -1) {
		codes = append(codes, m[1])
	}
	return secret, codes
}

func TestH10NextAuthorizePrompts(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t)
	asks := func() bool {
		b.open(authorization("scope", "openid email offline_access"))
		b.signIn()
		return b.left == nil
	}
	if !asks() {
		t.Fatal("the first time nobody was asked")
	}
	b.through()
	a := w.redeem(webID, b.answered(webCallback).Get("code"))
	want(t, a, 200, "")
	if asks() {
		t.Fatalf("what was allowed was asked again: %s", b.page.body)
	}
	b.open("/account")
	b.see("Authorized apps")
	c, _ := w.server.registry.Current().Client(webID)
	if !strings.Contains(b.page.body, c.UID) {
		t.Fatalf("the app is not listed: %s", b.page.body)
	}
	b.open("/account/revoke?app=" + c.UID)
	b.submit()
	b.see("Authorized apps")
	if strings.Contains(b.page.body, c.UID) {
		t.Error("the app is still listed")
	}
	want(t, w.post("/v1/token", []string{"grant_type", "refresh_token", "refresh_token", a.text("refresh_token")}, withBasic(webID, secret)), 400, "invalid_grant")
	if !asks() {
		t.Error("H10 the next authorization did not ask")
	}
}

func TestSecondFactor(t *testing.T) {
	t.Run("set up on the account page, asked for from then on, and replaced by a recovery code", func(t *testing.T) {
		w := newWorld(t)
		b := w.tab(t)
		b.open("/account/security/app")
		b.signIn()
		totp, codes := b.setUp()
		b.open("/account/security")
		b.see("Sign-in security")

		w.pass(time.Minute)
		for name, code := range map[string]func() string{
			"a code": func() string { return factortest.Code(t, totp, w.now()) }, "a recovery code": func() string { return codes[0] },
		} {
			again := w.tab(t)
			again.open("/account")
			again.signIn()
			again.see("Confirm that it is you")
			again.submit("code", "000000")
			again.see("Confirm that it is you")
			if again.open("/account"); again.heading() == "Authorized apps" {
				t.Fatalf("%s: in without a second factor", name)
			}
			again.signIn()
			again.see("Confirm that it is you")
			used := code()
			again.submit("code", used)
			again.see("Authorized apps")
			thief := w.tab(t)
			thief.open("/account")
			thief.signIn()
			thief.submit("code", used)
			thief.see("Confirm that it is you")
		}
	})

	t.Run("who must have one and has none sets it up on the way to an app", func(t *testing.T) {
		w := newWorld(t)
		w.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
			Accounts: []registration.LocalAccount{{Username: "ada", PasswordHash: passwordHash}}, SecondFactor: true,
		}}, func(s *registry.Snapshot) bool { return s.IdentityProviders()[0].Local.SecondFactor })
		b := w.tab(t)
		b.open(authorization("scope", "openid"))
		b.signIn()
		b.see("Sign-in security")
		link := regexp.MustCompile(`href="(/account/security/app\?flow=[^"]+)"`).FindStringSubmatch(b.page.body)
		if link == nil {
			t.Fatalf("no way to set it up: %s", b.page.body)
		}
		b.open(link[1])
		b.setUp()
		on := regexp.MustCompile(`href="(/login\?flow=[^"]+)"`).FindStringSubmatch(b.page.body)
		if on == nil {
			t.Fatalf("no way back: %s", b.page.body)
		}
		b.open(on[1])
		b.through()
		a := w.redeem(webID, b.answered(webCallback).Get("code"))
		want(t, a, http.StatusOK, "")
		got := claims(t, a.text("id_token"))
		amr, _ := got["amr"].([]any)
		if got["acr"] != "mfa" || !slices.Equal(amr, []any{"pwd", "otp", "mfa"}) {
			t.Errorf("acr %v, amr %v", got["acr"], amr)
		}
	})
}
