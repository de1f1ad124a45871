package people

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/test/browser"
)

// portal is the app that people go to every day.
func portal(t *testing.T) (a *app, verifier string) {
	t.Helper()
	return newApp(t, "portal-oauth", "https://portal.example.com/callback", "openid", "profile", "email"), oauth2.GenerateVerifier()
}

// enter signs Ada in, with a browser that is new, and lets the portal in.
func enter(t *testing.T) (v *visitor, a *app, token *oauth2.Token) {
	t.Helper()
	v = newVisitor(t)
	a, verifier := portal(t)
	v.Open(a.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	v.signIn("local", "ada")
	v.until("consent, or the way back", func() bool {
		return browser.Eval[bool](v.Page, `document.querySelector('button[value="approve"]') !== null || location.host === "portal.example.com"`)
	})
	if browser.Eval[bool](v.Page, `location.host !== "portal.example.com"`) {
		v.Press("Approve")
	}
	return v, a, a.redeem(v.returns(), oauth2.VerifierOption(verifier))
}

// endSession is an app's link to sign somebody out (OpenID Connect RP-Initiated Logout).
func endSession(a *app, values url.Values) string {
	a.Helper()
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := a.provider.Claims(&metadata); err != nil || metadata.EndSession == "" {
		a.Fatalf("no end_session_endpoint: %v", err)
	}
	return metadata.EndSession + "?" + values.Encode()
}

func signingOut(t *testing.T) {
	t.Run("an app asks, and knows who it is", func(t *testing.T) {
		v, a, token := enter(t)
		hint, _ := token.Extra("id_token").(string)
		v.Open(endSession(a, url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://portal.example.com/bye"}, "state": {"bye"}}))
		if got := v.returns(); got.Get("state") != "bye" {
			t.Errorf("the app is told %v", got)
		}
		a.over(token) // without offline_access it ends with the session
		v.open("/account")
		v.Heading("Sign in")
	})
	t.Run("an app asks, and the person is asked", func(t *testing.T) {
		v, a, _ := enter(t)
		v.Open(endSession(a, url.Values{"client_id": {a.ClientID}, "post_logout_redirect_uri": {"https://portal.example.com/bye"}}))
		v.see("sign-out-asked", "Sign out?")
		v.mustSay("Team Portal")
		v.Press("Sign out")
		v.returns()
		v.open("/account")
		v.Heading("Sign in")
	})
	t.Run("on the page", func(*testing.T) {
		v, _, _ := enter(t)
		v.open("/login")
		v.see("signed-in", "You are signed in")
		v.Click("footer a")
		v.see("sign-out", "Sign out?")
		v.Click("form button")
		v.see("signed-out", "You are signed out")
	})
}

func accountsAndForms(t *testing.T) {
	v, a, _ := enter(t)
	verifier := oauth2.GenerateVerifier()
	v.Open(a.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "select_account")))
	v.see("select-account", "Which account do you want to use?")
	v.Click(`button[value="this"]`)
	a.redeem(v.returns(), oauth2.VerifierOption(verifier))

	v.Open(a.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("response_mode", "form_post")))
	v.see("form-post", "Back to the app")
	v.Press("Continue")
	a.redeem(v.returns(), oauth2.VerifierOption(verifier))

	v.Scripts(true)
	v.Open(a.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("response_mode", "form_post")))
	a.redeem(v.returns(), oauth2.VerifierOption(verifier)) // by the page's own script
}

// A policy lets the staff alone use the payroll: Ada is told so and what to do, and Hedy, whose groups the company's server tells, gets in.
func certainPeople(t *testing.T) {
	a, verifier := newApp(t, "payroll-oauth", "https://payroll.example.com/callback", "openid", "profile"), oauth2.GenerateVerifier()
	link := a.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier))
	const refused = "This account may not use the app"
	v := newVisitor(t)
	v.Open(link)
	v.signIn("local", "ada")
	v.see("not-allowed", refused)
	v.mustSay("Acme Payroll", "Ada Lovelace", "If you should be one of them, ask those who run this service")
	v.Press("Go back to the app")
	if got := v.returns(); got.Get("error") != "access_denied" || got.Get("code") != "" || got.Get("state") != "state" || got.Get("iss") != world.Issuer {
		t.Errorf("the app is told %v", got)
	}

	v.Open(link)
	v.Heading(refused) // who is signed in is not asked again
	v.Press("Use another account")
	v.Heading("Which account do you want to use?")
	v.Press("Use another account")
	v.Heading("Sign in")
	v.Press("Acme SSO")
	v.until("the company's sign-in", func() bool { return strings.Contains(v.says(), "Acme Login") })
	v.Type("#username", "hedy")
	v.Type("#password", password+kb.Enter)
	v.Heading("Give Acme Payroll access to your account?")
	v.Press("Approve")
	if got := a.claims(a.redeem(v.returns(), oauth2.VerifierOption(verifier))); got.Name != "Hedy Lamarr" {
		t.Errorf("the ID token says %+v", got)
	}
}

func failures(t *testing.T) {
	v := newVisitor(t)
	authorize := func(name string, changes url.Values) {
		q := url.Values{"client_id": {"chat-assistant"}, "response_type": {"code"}, "redirect_uri": {"https://chat.example.com/oauth/callback"}}
		for k := range changes {
			q.Set(k, changes.Get(k))
		}
		v.open("/v1/authorize?" + q.Encode())
		v.Wait("h1")
		v.Check(name)
		select {
		case r := <-v.arrived:
			t.Errorf("%s: the browser is sent to %s", name, r.URL)
		default:
		}
	}
	authorize("unknown-app", url.Values{"client_id": {"nobody"}})
	authorize("wrong-address", url.Values{"redirect_uri": {"https://chat.example.com/elsewhere"}})
	v.signInAt("/account")
	v.open("/v1/logout?client_id=portal&post_logout_redirect_uri=https%3A%2F%2Fportal.example.com%2Felsewhere")
	v.Wait("h1")
	v.Check("wrong-way-out")
	v.open("/account/app?app=none")
	v.see("not-there", "This is not there")
}

// signInAt opens a page that wants a sign-in, as Ada.
func (v *visitor) signInAt(path string) {
	v.Helper()
	v.open(path)
	v.signIn("local", "ada")
	v.Wait("nav.tabs")
}

func accountPages(t *testing.T) {
	v, a, token := enter(t)
	v.open("/account/sessions")
	v.see("account-sessions", "Where you are signed in")
	v.open("/account/security")
	v.Heading("Sign-in security")
	v.open("/account/revoke")
	v.see("account-revoke-all", "Take back the access of all apps?")
	v.open("/account/data")
	v.see("account-data", "Your data")
	v.Click("input[name=sure]")
	v.Click("main button.danger")
	v.see("account-erased", "Your data is erased")
	a.over(token)
	v.open("/account")
	v.Heading("Sign in")
}

func rightToLeft(t *testing.T) {
	v := newVisitor(t)
	v.Language("ar")
	a := newApp(t, "sample-chat-oauth", "https://chat.example.com/oauth/callback")
	v.Open(a.AuthCodeURL("state"))
	v.Wait("#username")
	if dir := browser.Eval[string](v.Page, "document.documentElement.dir"); dir != "rtl" {
		t.Errorf("the direction is %q", dir)
	}
	v.Check("arabic-sign-in")
	browser.Eval[string](v.Page, `document.querySelector("#provider").value = "local"`)
	v.Type("#username", "ada")
	v.Type("#password", password)
	v.Click("form button")
	v.Wait(`button[value="approve"]`)
	v.Check("arabic-consent")
	v.choose("Web shop", "Ireland")
	v.Click(`button[value="approve"]`)
	a.redeem(v.returns())
	v.open("/account")
	v.Wait("nav.tabs")
	v.Check("arabic-account-apps")
	v.Click("main .row a")
	v.Wait("main dl")
	v.Check("arabic-account-app")
	started, err := newApp(t, "sample-cli-oauth", "").DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v.Open(started.VerificationURIComplete)
	v.Wait("output.code")
	v.Check("arabic-device-confirm")
}
