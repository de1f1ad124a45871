package login

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func TestConsentOfADevice(t *testing.T) {
	f := newConsentFixture(t)
	c := testClient()
	c.Scopes = append(c.Scopes, "clusters.read", "clusters.drop")
	f.registry.Apply([]registry.Change{{Key: "client", Document: c}}, "device")
	f.wait(func(s *registry.Snapshot) bool {
		got, ok := s.ClientByUID(clientUID)
		return ok && slices.Contains(got.Scopes, "clusters.drop")
	})
	clusters := func(scopes ...string) func(*storage.DeviceRequest) {
		return func(d *storage.DeviceRequest) { d.Scopes, d.Audience = scopes, []string{clustersID} }
	}

	t.Run("S2 F09 first the page that compares the code, then the choice", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(clusters("openid", "clusters.read"))
		p := f.signedIn(goodUser, goodPassword)
		a := p.follow(p.decide(p.confirmPage(code), "approve")).want(200, "Give Acme CLI access", "Web shop")
		if strings.Contains(a.text(), "Sends you to") {
			t.Error("a device sends nobody anywhere")
		}
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("before the choice: %v", err)
		}
		p.consented(a, "approve", []string{"clusters.read"}, nil).want(400)
		p.follow(p.consented(a, "approve", []string{"clusters.read"}, []string{"p2"})).want(200, "Approved")
		g, err := f.redeem(code)
		if err != nil || !slices.Equal(chosenIn(g.AuthorizationDetails), []string{"p2"}) {
			t.Errorf("%v, %s", err, g.AuthorizationDetails)
		}

		again := f.startDevice(clusters("openid", "clusters.read"))
		p.follow(p.decide(p.confirmPage(again), "approve")).want(200, "Approved") // compared, and nothing to choose any more
		if g, err := f.redeem(again); err != nil || !slices.Equal(chosenIn(g.AuthorizationDetails), []string{"p2"}) {
			t.Errorf("%v, %s", err, g.AuthorizationDetails)
		}
	})

	t.Run("a sensitive scope is asked for on a page of its own", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(clusters("clusters.read", "clusters.drop"))
		p := f.signedIn(goodUser, goodPassword)
		a := p.follow(p.decide(p.confirmPage(code), "approve")).want(200, "Delete clusters", "Sensitive")
		p.follow(p.consented(a, "approve", []string{"clusters.read"}, []string{"p1"})).want(200, "Approved")
		g, err := f.redeem(code)
		if err != nil || !slices.Equal(g.Scopes, []string{"clusters.read"}) {
			t.Errorf("%v, %v", err, g.Scopes)
		}
	})

	t.Run("denied at the choice", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(clusters("clusters.drop"))
		p := f.signedIn(goodUser, goodPassword)
		a := p.follow(p.decide(p.confirmPage(code), "approve")).want(200)
		p.follow(p.consented(a, "deny", nil, nil)).want(200, "Denied")
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrDenied) {
			t.Errorf("%v", err)
		}
	})
}

func TestChange(t *testing.T) {
	f := newConsentFixture(t)
	p := f.signedIn(goodUser, goodPassword)
	a := p.request("openid orders.read clusters.read clusters.drop").want(200)
	p.consented(a, "approve", []string{"orders.read", "clusters.read"}, []string{"p1"}).wantCode()

	t.Run("wider and narrower, in the consent and in live grants", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app="+chatUID).want(200, "Change what Chat", "Save", "Cancel", "Read your orders", "Web shop")
		if !strings.Contains(a.body, `value="`+key("p1")+`" checked`) || strings.Contains(a.body, "Delete clusters") {
			t.Error("the page does not show what the app has")
		}
		to := p.consented(a, "approve", []string{"clusters.read"}, []string{"p2", "own"}).want(303).to
		if to != "/account/app?app="+chatUID+"&done=narrowed" {
			t.Errorf("to %s", to)
		}
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"own", "p2"})
		app, err := f.app()
		if err != nil || !slices.Equal(app.Consent.Scopes, []string{"openid", "clusters.read"}) || !slices.Equal(chosenIn(app.Consent.AuthorizationDetails), []string{"own", "p2"}) {
			t.Errorf("%v, %+v", err, app.Consent)
		}
		if api := consent.ParseDetails(app.Consent.AuthorizationDetails)[0].Location(); !slices.Equal(app.Consent.Audience, []string{api}) || !slices.Equal(app.Grants[0].Audience, []string{api}) {
			t.Errorf("an API without a scope stays in the audience: %v, %v", app.Consent.Audience, app.Grants[0].Audience)
		}
	})

	t.Run("never a scope that the app did not have", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app=" + chatUID).want(200)
		p.consented(a, "approve", []string{"clusters.read", "clusters.drop", "orders.read"}, []string{"p2"}).want(303)
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"p2"})
	})

	t.Run("cancel changes nothing", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app=" + chatUID).want(200)
		if to := p.consented(a, "deny", nil, nil).want(303).to; to != "/account/app?app="+chatUID {
			t.Errorf("to %s", to)
		}
		f.wantGrant([]string{"openid", "clusters.read"}, []string{"p2"})
	})

	t.Run("H10 somebody else's app, an unknown one and none are not found", func(t *testing.T) {
		f.in(t)
		grace := f.signedIn("grace", "nanosecond")
		for _, uid := range []string{chatUID, "unknown", ""} {
			grace.open("/consent/change?app=" + uid).want(404)
		}
	})

	t.Run("who is not signed in signs in first", func(t *testing.T) {
		f.in(t)
		f.person().open("/consent/change?app="+chatUID).want(200, "Sign in")
	})

	t.Run("an app that was revoked meanwhile stays revoked", func(t *testing.T) {
		f.in(t)
		a := p.open("/consent/change?app=" + chatUID).want(200)
		app, err := f.app()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.storage.RevokeApp(t.Context(), app.Consent.UserID, chatUID, f.clock()); err != nil {
			t.Fatal(err)
		}
		if got := p.consented(a, "approve", []string{"clusters.read"}, []string{"p2"}); got.status < 400 {
			t.Errorf("%d to %s", got.status, got.to)
		}
		if _, err := f.app(); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the app has something: %v", err)
		}
	})
}
