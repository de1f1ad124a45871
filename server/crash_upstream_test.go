package server

import (
	"net/http"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// TestKilledDuringASignInElsewhere kills the real server while somebody signs in at a provider: another Grantkeeper server, which lives on.
func TestKilledDuringASignInElsewhere(t *testing.T) {
	p, far := newProcess(t), newWorld(t)
	party := redirected(client("party", registration.TypeWeb, []string{"authorization_code", "refresh_token"},
		[]string{"openid", "profile", "email", "offline_access"}, registration.AuthenticationClientSecret), p.url+"/login/callback/company")
	far.put(party, func(s *registry.Snapshot) bool { _, ok := s.Client(party.ClientID); return ok })
	p.remove(&registration.IdentityProvider{Namespace: "oauth", Name: "local"})
	p.write(&registration.IdentityProvider{Namespace: "oauth", Name: "company", UID: "uid-company", DisplayName: "Company", OIDC: &registration.OIDCProvider{
		Issuer: far.url, ClientID: party.ClientID, ClientSecret: secret, Scopes: []string{"openid", "profile", "email"},
	}})
	p.again()

	// away is the browser at the provider, where the person signs in and lets the server in; it ends on the way back.
	away := func(t *testing.T, s *scene, there *tab) string {
		t.Helper()
		if s.b.left == nil {
			t.Fatalf("nobody is sent to the provider: %d %s", s.b.page.status, s.b.page.body)
		}
		there.visit(s.b.left.String())
		there.through()
		if there.left == nil {
			t.Fatalf("nobody comes back: %d %s", there.page.status, there.page.body)
		}
		return there.left.String()
	}
	steps := []string{"the app's request", "the way to the provider", "the sign-in there", "the way back", "the consent page", "the consent", "the end"}
	run := func(t *testing.T, before func(step string) bool) {
		s, there := p.scene(t, "ada"), far.tab(t)
		var back string
		for _, step := range steps {
			if before(step) {
				p.again()
			}
			switch step {
			case "the app's request":
				s.request()
			case "the way to the provider":
				s.follow()
			case "the sign-in there":
				back = away(t, s, there)
			case "the way back":
				s.b.go1(http.MethodGet, back, "")
			case "the consent page":
				s.follow()
			case "the consent":
				s.sendConsent()
			case "the end":
				s.end()
			}
		}
	}
	t.Run("killed before every step", func(t *testing.T) { run(t, func(string) bool { return true }) })
	for _, step := range steps {
		t.Run("killed before "+step, func(t *testing.T) { run(t, func(s string) bool { return s == step }) })
	}
	t.Run("killed before the answer to the way back: what came back is used up, and the person goes once more", func(t *testing.T) {
		s, there := p.scene(t, "ada"), far.tab(t)
		s.request()
		s.follow()
		back := away(t, s, there)
		s.b.asks(p, beforeTheAnswer, http.MethodGet, back, "")
		s.b.visit(back) // the browser tries again by itself, or the person does
		if s.b.left != nil || s.b.heading() != "Sign in" {
			t.Fatalf("%d %s, sent to %v", s.b.page.status, s.b.page.body, s.b.left)
		}
		s.b.click("/login/with/")
		s.b.go1(http.MethodGet, away(t, s, there), "")
		s.follow()
		s.sendConsent()
		s.end()
	})
}
