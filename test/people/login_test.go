package people

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/test/browser"
)

// S2: a device login, with a choice of organization and project.
func commandLine(t *testing.T) {
	v := newVisitor(t)
	a := newApp(t, "sample-cli-oauth", "")
	started, err := a.DeviceAuth(a.ctx)
	if err != nil {
		t.Fatal(err)
	}
	world.Witness.See("a user code", started.UserCode)
	v.Open(started.VerificationURI)
	v.see("sign-in", "Sign in")
	v.mustSay("Acme SSO", "Where your account is")
	browser.Eval[string](v.Page, `document.querySelector("#provider").value = "local"`)
	v.Type("#username", "ada")
	v.Type("#password", "wrong"+kb.Enter)
	v.Wait("#error")
	v.see("sign-in-refused", "Sign in")
	v.Type("#password", password+kb.Enter)
	v.see("device-code", "Connect an app or device")
	v.Type("#user_code", "bcdf ghjk"+kb.Enter)
	v.Wait("#error")
	v.see("device-code-refused", "Connect an app or device")
	v.Type("#user_code", strings.ToLower(strings.ReplaceAll(started.UserCode, "-", " "))+kb.Enter)
	v.see("device-confirm", "Give Clusters CLI access to your account?")
	v.mustSay(started.UserCode, "Example Cloud", "This computer")
	v.Press("Continue")
	v.Wait("fieldset.choices")
	v.see("device-choices", "Give Clusters CLI access to your account?")
	v.mustSay("Acme", "Web shop", "Company blog", "Beta Laboratories", "Lab")
	v.choose("Web shop", "Lab")
	v.Press("Approve")
	v.see("device-approved", "Approved")

	token, err := a.DeviceAccessToken(a.ctx, started)
	if err != nil {
		t.Fatal(err)
	}
	if got := details(token, "project"); !slices.Equal(got, []string{"proj-lab", "proj-shop"}) {
		t.Errorf("the token is for %v", got)
	}
	lists(t, token.AccessToken, "proj-shop", "proj-lab")
	refuses(t, token.AccessToken, "/v1beta1/projects/proj-shop", http.StatusOK)
	refuses(t, token.AccessToken, "/v1beta1/projects/proj-blog", http.StatusForbidden)
	refuses(t, token.AccessToken, "/v1beta1/clusters?project=proj-archive", http.StatusForbidden)

	denied, err := a.DeviceAuth(a.ctx)
	if err != nil {
		t.Fatal(err)
	}
	v.Open(denied.VerificationURIComplete)
	v.Heading("Give Clusters CLI access to your account?")
	v.Press("Deny")
	v.see("device-denied", "Denied")
	if _, err := a.DeviceAccessToken(a.ctx, denied); err == nil || !strings.Contains(err.Error(), "access_denied") {
		t.Errorf("after the denial: %v", err)
	}

	v.open("/account")
	v.Press("Open")
	v.Heading("Clusters CLI")
	v.mustSay("Web shop", "Lab")
	v.Press("Take back access")
	v.Heading("Take back the access of Clusters CLI?")
	v.Press("Take back access")
	v.Wait("[role=status]")
	if status, body := get(t, world.asks, "/v1beta1/projects", token.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("after it was taken back the API answers %d %v", status, body)
	}
	a.over(token)
}

// S3, S4 and S7: a link, sign-in at the company's own server, a choice, and what it is worth until it is taken back.
func chatAssistant(t *testing.T) {
	v := newVisitor(t)
	a := newApp(t, "sample-chat-oauth", "https://chat.example.com/oauth/callback")
	link := a.AuthCodeURL("state") // neither PKCE nor a scope: all that the client may have
	v.Open(link)
	v.Heading("Sign in")
	v.Press("Acme SSO")
	v.Heading("Sign in")
	v.mustSay("Acme Login") // at the company's server
	v.Type("#username", "hedy")
	v.Type("#password", password+kb.Enter)
	v.see("consent", "Give Chat Assistant access to your account?")
	v.mustSay("Example Chat", "chat.example.com", "hedy", "Sensitive")
	if browser.Eval[bool](v.Page, `document.querySelector('input[value="backups.delete"]').checked`) {
		t.Error("what is sensitive is ticked")
	}
	v.Press("Approve")
	v.Wait("#error")
	v.see("consent-unchosen", "Give Chat Assistant access to your account?")
	v.choose("Web shop", "Ireland")
	v.Press("Approve")
	token := a.redeem(v.returns())
	if got := a.claims(token); got.Name != "Hedy Lamarr" || got.Username != "hedy" {
		t.Errorf("the ID token says %+v", got)
	}
	if scope := token.Extra("scope").(string); strings.Contains(scope, "backups.delete") || !strings.Contains(scope, "backups.read") {
		t.Errorf("the scope is %q", scope)
	}
	if got := details(token, "region"); !slices.Equal(got, []string{"eu-west"}) {
		t.Errorf("the token is for the regions %v", got)
	}
	lists(t, token.AccessToken, "proj-shop")
	refuses(t, token.AccessToken, "/v1beta1/projects/proj-lab", http.StatusForbidden)

	t.Run("it is remembered", func(t *testing.T) {
		again := *a
		again.Scopes = strings.Fields(token.Extra("scope").(string)) // what was not let in before is asked for again
		v.Open(again.AuthCodeURL("state"))
		a.redeem(v.returns())
	})
	t.Run("the choice is changed on the account page", func(t *testing.T) {
		v.open("/account")
		v.see("account-apps", "Authorized apps")
		v.mustSay("Chat Assistant", "Example Chat")
		v.Press("Open")
		v.see("account-app", "Chat Assistant")
		v.mustSay("Web shop", "Ireland")
		v.Press("Change what it may touch")
		v.see("consent-change", "Change what Chat Assistant may do?")
		v.choose("Company blog")
		v.Press("Save")
		v.Heading("Chat Assistant")
		v.mustSay("Saved", "Company blog")
		token = a.mustRefresh(token)
		lists(t, token.AccessToken, "proj-shop", "proj-blog")
		v.choose("Web shop")
		v.Press("Save")
		v.Wait("[role=status]")
		v.see("account-app-narrowed", "Chat Assistant")
		token = a.mustRefresh(token)
		lists(t, token.AccessToken, "proj-blog")
	})
	t.Run("it is taken back", func(t *testing.T) {
		v.Press("Take back access")
		v.see("account-revoke", "Take back the access of Chat Assistant?")
		v.Press("Take back access")
		v.Wait("[role=status]")
		v.see("account-apps-none", "Authorized apps")
		if status, body := get(t, world.asks, "/v1beta1/projects", token.AccessToken); status != http.StatusUnauthorized {
			t.Errorf("by introspection the API answers %d %v", status, body)
		}
		a.over(token)
		v.Open(link)
		v.Heading("Give Chat Assistant access to your account?")
		v.Press("Deny")
		if got := v.returns(); got.Get("error") != "access_denied" || got.Get("state") != "state" || got.Get("iss") != world.Issuer {
			t.Errorf("after the denial the app is told %v", got)
		}
	})
}

// nativeApp is an app that listens on a port that the system chooses (RFC 8252 section 7.3).
func nativeApp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan url.Values, 1)
	server := &http.Server{ReadHeaderTimeout: soon, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/callback" {
			http.NotFound(w, r) // what browsers fetch by themselves
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<!doctype html><title>Desktop</title><h1>You are logged in</h1>") // the browser may be gone
		arrived <- r.URL.Query()
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer func() { _ = server.Close() }()      // nothing is lost with it

	v := newVisitor(t, listener.Addr().String())
	a := newApp(t, "desktop-oauth", "http://"+listener.Addr().String()+"/callback", "openid", "profile", "email", "offline_access", "orders.read")
	verifier := oauth2.GenerateVerifier()
	v.Open(a.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	v.signIn("directory", "rosalind")
	v.see("consent-native", "Give Partner Desktop access to your account?")
	v.mustSay("A program on this device", "Read your orders", "rosalind")
	v.Press("Approve")
	v.Heading("You are logged in")
	answer := <-arrived
	world.Witness.See("a code", answer.Get("code"))
	token := a.redeem(answer, oauth2.VerifierOption(verifier))
	if got := a.claims(token); got.Username != "rosalind" || got.Email != "rosalind@acme.example" {
		t.Errorf("the ID token says %+v", got)
	}
	if next := a.mustRefresh(token); next.RefreshToken == token.RefreshToken {
		t.Error("the refresh token of a public client is not rotated")
	}
	if _, err := a.Exchange(a.ctx, answer.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
		t.Error("the code is good twice")
	}
}
