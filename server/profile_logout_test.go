package server

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// logoutCallback is the suite's post_logout_redirect_uri.
const logoutCallback = "https://app.example.com/bye"

// signOut opens the end_session_endpoint as a browser does that an app sends there: pairs of name and value, "" leaves out.
func (b *tab) signOut(pairs ...string) {
	b.t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	b.left, b.hops = nil, nil
	b.go1(http.MethodGet, b.w.url+"/v1/logout?"+q.Encode(), "",
		withHeader("Sec-Fetch-Site", "cross-site"), withHeader("Sec-Fetch-Mode", "navigate"), withHeader("Sec-Fetch-Dest", "document"))
	b.follow()
}

// stays wants the browser to be with the server still.
func (b *tab) stays() {
	b.t.Helper()
	if b.left != nil {
		b.t.Errorf("the browser was sent to %s", b.left)
	}
}

// signedIn asks with prompt=none, as the suite does in the end.
func (p *profile) signedIn(b *tab) bool {
	b.t.Helper()
	request := p.asked("prompt", "none")
	b.goTo(request)
	got := p.callback(b, request)
	if code := got.Get("error"); code != "" && code != "login_required" {
		b.t.Errorf("prompt=none: %v", got)
	}
	return got.Get("code") != ""
}

// TestRPInitiatedLogoutOP does what the plan oidcc-rp-initiated-logout-certification-test-plan does.
func TestRPInitiatedLogoutOP(t *testing.T) {
	p := newProfile(t, "")
	p.edit("web", func(c *registration.Client) { c.PostLogoutRedirectURIs = []string{logoutCallback} })
	asks := func(t *testing.T, b *tab) {
		t.Helper()
		b.stays()
		if b.heading() != "Sign out?" {
			t.Fatalf("no question: %d %s", b.page.status, b.page.body)
		}
		if !p.signedIn(b) {
			t.Error("signed out without an answer")
		}
	}
	// confirmed is what follows a question: a yes, and nobody is sent anywhere.
	confirmed := func(t *testing.T, b *tab, pairs ...string) {
		t.Helper()
		b.signOut(pairs...)
		asks(t, b)
		b.signOut(pairs...)
		b.submit()
		if b.stays(); b.heading() != "You are signed out" {
			t.Errorf("%q", b.heading())
		}
	}
	for name, row := range map[string]struct {
		run func(t *testing.T, b *tab, hint, state string)
		// in is true when the person is still signed in in the end.
		in bool
	}{
		"oidcc-rp-initiated-logout": {run: func(t *testing.T, b *tab, hint, state string) {
			b.signOut("id_token_hint", hint, "post_logout_redirect_uri", logoutCallback, "state", state)
			if b.left == nil || b.left.String() != logoutCallback+"?state="+state {
				t.Errorf("sent to %v: %s", b.left, b.page.body)
			}
		}},
		"oidcc-rp-initiated-logout-no-state": {run: func(t *testing.T, b *tab, hint, _ string) {
			b.signOut("id_token_hint", hint, "post_logout_redirect_uri", logoutCallback)
			if b.left == nil || b.left.String() != logoutCallback {
				t.Errorf("sent to %v: %s", b.left, b.page.body)
			}
		}},
		"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": {in: true, run: func(t *testing.T, b *tab, hint, state string) {
			b.signOut("id_token_hint", hint, "post_logout_redirect_uri", "https://app.example.com/"+rand.Text(), "state", state)
			if b.stays(); b.page.status != 400 {
				t.Errorf("%d %s", b.page.status, b.page.body)
			}
		}},
		"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": {in: true, run: func(t *testing.T, b *tab, hint, state string) {
			b.signOut("id_token_hint", hint, "post_logout_redirect_uri", logoutCallback+"?foo=bar", "state", state)
			if b.stays(); b.page.status != 400 {
				t.Errorf("%d %s", b.page.status, b.page.body)
			}
		}},
		"oidcc-rp-initiated-logout-modified-id-token-hint": {run: func(t *testing.T, b *tab, hint, state string) {
			parts := strings.Split(hint, ".")
			parts[1] = parts[1][:len(parts[1])/2] + string(parts[1][len(parts[1])/2]^1) + parts[1][len(parts[1])/2+1:]
			confirmed(t, b, "id_token_hint", strings.Join(parts, "."), "post_logout_redirect_uri", logoutCallback, "state", state)
		}},
		"oidcc-rp-initiated-logout-bad-id-token-hint": {run: func(t *testing.T, b *tab, hint, state string) {
			parts := strings.Split(hint, ".")
			confirmed(t, b, "id_token_hint", parts[0]+"."+parts[1]+".", "post_logout_redirect_uri", logoutCallback, "state", state)
		}},
		"oidcc-rp-initiated-logout-no-id-token-hint": {run: func(t *testing.T, b *tab, _, state string) {
			confirmed(t, b, "post_logout_redirect_uri", logoutCallback, "state", state)
		}},
		"oidcc-rp-initiated-logout-no-params":  {run: func(t *testing.T, b *tab, _, _ string) { confirmed(t, b) }},
		"oidcc-rp-initiated-logout-only-state": {run: func(t *testing.T, b *tab, _, state string) { confirmed(t, b, "state", state) }},
		"oidcc-rp-initiated-logout-no-post-logout-redirect-uri": {run: func(t *testing.T, b *tab, hint, state string) {
			b.signOut("id_token_hint", hint, "state", state)
			if b.stays(); b.heading() != "You are signed out" {
				t.Errorf("%q: %s", b.heading(), b.page.body)
			}
		}},
		"without an ID token, but with client_id, the person is asked and then sent back": {run: func(t *testing.T, b *tab, _, state string) {
			asked := []string{"client_id", webID, "post_logout_redirect_uri", logoutCallback, "state", state}
			b.signOut(asked...)
			asks(t, b)
			b.signOut(asked...)
			b.submit()
			if b.left == nil || b.left.String() != logoutCallback+"?state="+state {
				t.Errorf("sent to %v: %s", b.left, b.page.body)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := p.tab(t)
			hint := p.flow(b, p.asked()).text("id_token")
			state := strings.Repeat(rand.Text(), 5)[:128] // as long as the suite's
			if row.run(t, b, hint, state); p.signedIn(b) != row.in {
				t.Errorf("signed in in the end: %v", !row.in)
			}
		})
	}
}

// TestBackChannelLogoutOP does what the plan oidcc-backchannel-rp-initiated-logout-certification-test-plan does.
func TestBackChannelLogoutOP(t *testing.T) {
	p := newProfile(t, "")
	heard := make(chan *http.Request, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // a bad one is empty, and is looked at below
		heard <- r
		w.Header().Set("Cache-Control", "no-store")
	}))
	t.Cleanup(receiver.Close)
	p.party()
	p.withoutPKCE(true)
	p.edit("web", func(c *registration.Client) { c.BackChannelLogoutURI = receiver.URL + "/backchannel_logout" })

	t.Run("oidcc-backchannel-rp-initiated-logout", func(t *testing.T) {
		b := p.tab(t)
		got := p.flow(b, p.asked())
		state := strings.Repeat(rand.Text(), 5)[:128]
		b.signOut("id_token_hint", got.text("id_token"), "post_logout_redirect_uri", logoutCallback, "state", state)
		if b.left == nil || b.left.String() != logoutCallback+"?state="+state {
			t.Errorf("sent to %v", b.left)
		}
		var r *http.Request
		select {
		case r = <-heard:
		case <-time.After(15 * time.Second):
			t.Fatal("nothing was heard")
		}
		if r.Method != http.MethodPost || r.URL.Path != "/backchannel_logout" || r.URL.RawQuery != "" || r.Header.Get("Content-Type") != formType {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		if len(r.PostForm) != 1 || len(r.PostForm["logout_token"]) != 1 {
			t.Fatalf("got %v", r.PostForm)
		}
		p.checkLogoutToken(t, r.PostForm.Get("logout_token"), got)
		if p.signedIn(b) {
			t.Error("still signed in")
		}
	})
}

// checkLogoutToken verifies a logout token as Back-Channel Logout section 2.6 has it.
func (p *profile) checkLogoutToken(t *testing.T, raw string, got tokens) {
	t.Helper()
	verified, err := p.provider.VerifierContext(t.Context(), &oidc.Config{ClientID: webID, Now: p.now}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := verified.Claims(&c); err != nil {
		t.Fatal(err)
	}
	events, _ := c["events"].(map[string]any)
	if event, ok := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any); !ok || len(events) != 1 || len(event) != 0 {
		t.Errorf("events: %v", c["events"])
	}
	for _, claim := range []string{"sub", "sid", "iss", "aud"} {
		if c[claim] == nil || c[claim] != got.claims[claim] {
			t.Errorf("%s is %v, the ID token's %v", claim, c[claim], got.claims[claim])
		}
	}
	jti, _ := c["jti"].(string)
	if _, nonce := c["nonce"]; nonce || jti == "" || p.now().Sub(verified.IssuedAt).Abs() > time.Minute || verified.Expiry.Sub(verified.IssuedAt) > 2*time.Minute {
		t.Errorf("claims: %v", c)
	}
	if header := decodeHeader(t, raw); header["typ"] != "logout+jwt" || !slices.Contains([]string{"RS256", "ES256"}, header["alg"]) || header["alg"] != decodeHeader(t, got.text("id_token"))["alg"] {
		t.Errorf("header: %v", header)
	}
}
