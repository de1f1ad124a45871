package login

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// What an app asks by name (OpenID Connect Core section 5.5) is asked of the person like any other scope.

const namesName = `{"userinfo":{"name":{"essential":true}},"id_token":{"nickname":null,"auth_time":null}}`

func TestClaimsAskedByName(t *testing.T) {
	claimsOf := func(f *consentFixture) string {
		app, err := f.app()
		if err != nil || len(app.Grants) == 0 {
			f.Fatalf("%+v, %v", app, err)
		}
		return string(app.Grants[0].Claims)
	}
	start := func(t *testing.T) (*consentFixture, *person) {
		f := newConsentFixture(t)
		p := f.person()
		a := p.follow(p.signIn(p.request("openid orders.read").want(200, "Sign in"), goodUser, goodPassword))
		p.consented(a.want(200, "Read your orders"), "approve", []string{"orders.read"}, nil).wantCode()
		p.request("openid orders.read").wantCode() // and nothing is asked from now on
		return f, p
	}
	t.Run("A15 a claim that nobody agreed to is asked for, whatever else is remembered, and prompt=none does not get it", func(t *testing.T) {
		_, p := start(t)
		if got := p.request("openid orders.read", "claims", namesName, "prompt", "none").response().Get("error"); got != "consent_required" {
			t.Errorf("unasked: %q", got)
		}
		p.request("openid orders.read", "claims", namesName).want(200, "Know who you are")
	})
	t.Run("what is allowed goes with the grant and no token has a scope for it; it is remembered", func(t *testing.T) {
		f, p := start(t)
		a := p.request("openid orders.read", "claims", namesName)
		p.consented(a, "approve", []string{"profile", "orders.read"}, nil).wantCode()
		f.wantGrant([]string{"openid", "orders.read"}, nil)
		if got := claimsOf(f); got != `{"name":{"essential":true}}` {
			t.Errorf("claims %s", got)
		}
		p.request("openid orders.read", "claims", namesName, "prompt", "none").wantCode()
	})
	t.Run("what is not ticked is not given", func(t *testing.T) {
		f, p := start(t)
		a := p.request("openid orders.read", "claims", namesName)
		p.consented(a, "approve", []string{"orders.read"}, nil).wantCode()
		f.wantGrant([]string{"openid", "orders.read"}, nil)
		if got := claimsOf(f); got != "" {
			t.Errorf("claims %s", got)
		}
	})
	t.Run("what was allowed by name can be taken away where choices are changed", func(t *testing.T) {
		f, p := start(t)
		a := p.request("openid orders.read", "claims", namesName)
		p.consented(a, "approve", []string{"profile", "orders.read"}, nil).wantCode()
		a = p.open(pathChange+"?app="+chatUID).want(200, "Know who you are", "Read your orders")
		p.consented(a, "approve", []string{"orders.read"}, nil)
		app, err := f.app()
		if err != nil || slices.Contains(app.Consent.Scopes, "profile") {
			t.Fatalf("%+v, %v", app.Consent, err)
		}
		for _, g := range app.Grants {
			if strings.Contains(string(g.Claims), "name") {
				t.Errorf("a grant keeps %s", g.Claims)
			}
		}
	})
}

var switchLink = regexp.MustCompile(`href="([^"]*/login/account\?flow=[^"]*)"`)

func TestConfirmingADeviceIsOnePersonsWord(t *testing.T) {
	f := newConsentFixture(t)
	c := chat()
	c.GrantTypes = append(c.GrantTypes, "urn:ietf:params:oauth:grant-type:device_code")
	f.apply(c)
	code := f.startDevice(func(d *storage.DeviceRequest) {
		d.Client = storage.ClientRef{ID: "chat", UID: chatUID}
		d.Scopes = []string{"openid", "clusters.read"}
	})
	// Ada has let the app in before, so that her approving would need no more than the page that asks.
	ada := f.person()
	a := ada.follow(ada.signIn(ada.request("openid clusters.read"), goodUser, goodPassword))
	ada.consented(a, "approve", []string{"clusters.read"}, []string{"own"}).wantCode()

	// Somebody else goes on from the page that asks, in a browser that Ada uses next.
	p := f.signedIn("grace", "nanosecond")
	a = p.confirmPage(code)
	a = p.follow(p.decide(a, "approve")).want(200, "Projects")
	f.advance(time.Second)
	a = p.open(html.UnescapeString(switchLink.FindStringSubmatch(a.body)[1]))
	a = p.follow(p.submit(a, url.Values{"account": {"other"}})).want(200, "Sign in")
	a = p.follow(p.signIn(a, goodUser, goodPassword))
	if strings.HasSuffix(a.path, pathDone) {
		t.Fatalf("F09 a device was connected to an account whose owner was not asked: %s", a.text())
	}
	a.want(200, "Chat", "Compare")
}
