package server

import (
	"slices"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/ldap"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	directory "github.com/grantkeeper/grantkeeper/test/ldap"
)

// A refresh asks the directory that the user came from: a real one.
func TestRefreshAsksTheDirectory(t *testing.T) {
	s := directory.Start(t)
	dn := s.Person(t, "grace", "nanosecond", "mail", "grace@example.com")
	s.Group(t, "admins", dn)
	s.Group(t, "staff", dn)
	corp := &registration.IdentityProvider{Namespace: "oauth", Name: "corp", UID: "corp", DisplayName: "Corp", LDAP: &registration.LDAPProvider{
		URL: s.TLSURL, CABundle: s.CA, BindDN: directory.Service, BindPassword: directory.ServicePassword,
		Users:  registration.LDAPUsers{BaseDN: directory.People, Filter: "(uid={username})", Subject: "entryUUID", Username: "uid", Name: "cn", Email: "mail"},
		Groups: &registration.LDAPGroups{BaseDN: directory.Groups, Filter: "(member={dn})", Name: "cn"},
	}}
	w := newWorld(t)
	w.put(corp, func(s *registry.Snapshot) bool { _, ok := s.IdentityProvider("corp"); return ok })
	made, _ := ldap.Factory(ldap.Options{Loopback: func() bool { return true }})(corp)
	who, err := made.Password.Authenticate(t.Context(), "grace", "nanosecond")
	if err != nil {
		t.Fatal(err)
	}
	w.user, err = w.server.storage.SignedIn(t.Context(), storage.User{ID: "user-grace", Provider: "corp", Subject: who.Subject, Username: who.Username,
		Groups: who.Groups, CheckedAt: w.now(), CreatedAt: w.now(), UpdatedAt: w.now()})
	if err != nil {
		t.Fatal(err)
	}
	token := w.login(cliID, "scope", "openid groups offline_access").text("refresh_token")
	groups := func(a answer) []string {
		t.Helper()
		want(t, a, 200, "")
		token = a.text("refresh_token")
		list, _ := claims(t, a.text("id_token"))["groups"].([]any)
		var out []string
		for _, g := range list {
			out = append(out, g.(string))
		}
		return out
	}

	t.Run("D11 what the directory said a moment ago is believed", func(t *testing.T) {
		up := s.Down(t)
		defer up()
		if got := groups(w.refresh(cliID, token)); !slices.Equal(got, []string{"admins", "staff"}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("D11 a group that was removed is gone with the next refresh", func(t *testing.T) {
		s.Set(t, "cn=admins,"+directory.Groups, "member", directory.Service)
		w.pass(grant.UpstreamFresh)
		if got := groups(w.refresh(cliID, token)); !slices.Equal(got, []string{"staff"}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("D11 a locked account gets nothing, and goes on when it is unlocked", func(t *testing.T) {
		s.Set(t, dn, "pwdAccountLockedTime", "000001010000Z")
		w.pass(grant.UpstreamFresh)
		want(t, w.refresh(cliID, token), 400, "invalid_grant")
		want(t, w.refresh(cliID, token), 400, "invalid_grant")
		s.Set(t, dn, "pwdAccountLockedTime")
		groups(w.refresh(cliID, token))
	})
	t.Run("D11 a browser that is signed in yields no code for a locked account, and is asked to sign in", func(t *testing.T) {
		b := w.tab(t)
		b.open(authorization())
		b.submit("provider", "corp", "username", "grace", "password", "nanosecond")
		b.through()
		if b.answered(webCallback).Get("code") == "" {
			t.Fatal("no code to begin with")
		}
		s.Set(t, dn, "pwdAccountLockedTime", "000001010000Z")
		b.open(authorization("prompt", "none"))
		if b.answered(webCallback).Get("code") == "" {
			t.Error("what the directory said a moment ago is believed")
		}
		w.pass(grant.UpstreamFresh)
		b.open(authorization("prompt", "none"))
		if q := b.answered(webCallback); q.Get("error") != "login_required" || q.Get("code") != "" {
			t.Errorf("%v", q)
		}
		b.open(authorization())
		if !b.browser.AsksForPassword() {
			t.Fatalf("at %s: %d %s", b.at, b.page.status, b.page.body)
		}
		s.Set(t, dn, "pwdAccountLockedTime")
		b.submit("provider", "corp", "username", "grace", "password", "nanosecond")
		b.through()
		if b.answered(webCallback).Get("code") == "" {
			t.Error("no code for who is unlocked")
		}
	})
	t.Run("fault 28 a directory that is away stops nobody for an hour, and then nothing is consumed", func(t *testing.T) {
		up := s.Down(t)
		w.pass(grant.UpstreamGrace - time.Minute)
		groups(w.refresh(cliID, token))
		w.pass(time.Minute)
		a := w.refresh(cliID, token)
		want(t, a, 503, "temporarily_unavailable")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		up()
		w.pass(time.Minute)
		groups(w.refresh(cliID, token))
	})
	t.Run("D11 an account that is gone gets nothing", func(t *testing.T) {
		s.Delete(t, dn)
		w.pass(grant.UpstreamFresh)
		want(t, w.refresh(cliID, token), 400, "invalid_grant")
	})
}
