package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// andGrace adds a second account, with the password of the first.
func (w *world) andGrace() {
	w.t.Helper()
	w.put(&registration.IdentityProvider{Namespace: "oauth", Name: "local", UID: "idp", DisplayName: "Local", Local: &registration.LocalProvider{
		Accounts: []registration.LocalAccount{
			{Username: "ada", PasswordHash: passwordHash, Name: "Ada", Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff"}},
			{Username: "grace", PasswordHash: passwordHash, Name: "Grace", Email: "grace@example.com", EmailVerified: true},
		},
	}}, func(s *registry.Snapshot) bool { return len(s.IdentityProviders()[0].Local.Accounts) == 2 })
}

// signInAs fills in the sign-in page and allows what is asked.
func (b *tab) signInAs(username string) {
	b.t.Helper()
	b.submit("username", username, "password", "correct horse")
	b.through()
}

func TestA16SomebodyElse(t *testing.T) {
	w := newWorld(t)
	w.andGrace()
	hers := w.tab(t)
	hers.open(authorization())
	hers.signInAs("grace")
	grace := w.redeem(webID, hers.answered(webCallback).Get("code"))
	want(t, grace, 200, "")
	hint, sub := grace.text("id_token"), claims(t, grace.text("id_token"))["sub"]

	// signedIn is a browser where Ada has used the app before.
	signedIn := func(t *testing.T) *tab {
		b := w.tab(t)
		b.open(authorization())
		b.signInAs("ada")
		if b.answered(webCallback).Get("code") == "" {
			t.Fatal("no code")
		}
		return b
	}
	silently := map[string]string{
		"A16 id_token_hint of another user and prompt=none":              authorization("prompt", "none", "id_token_hint", hint),
		"A16 another user by the sub claim and prompt=none":              authorization("prompt", "none", "claims", fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, sub)),
		"A16 another user by the sub claim of userinfo, and prompt=none": authorization("prompt", "none", "claims", fmt.Sprintf(`{"userinfo":{"sub":{"value":%q}}}`, sub)),
	}
	for name, path := range silently {
		t.Run(name, func(t *testing.T) {
			b := signedIn(t)
			b.open(path)
			if q := b.answered(webCallback); q.Get("error") != "login_required" || q.Get("code") != "" {
				t.Errorf("got %v", q)
			}
			b.open(authorization("prompt", "none"))
			if q := b.answered(webCallback); q.Get("code") == "" {
				t.Errorf("and then Ada's own: %v", q)
			}
		})
	}
	t.Run("A16 with somebody to ask, the other user signs in", func(t *testing.T) {
		b := signedIn(t)
		b.open(authorization("id_token_hint", hint))
		b.see("Sign in")
		b.signInAs("grace")
		a := w.redeem(webID, b.answered(webCallback).Get("code"))
		if got := claims(t, a.text("id_token"))["sub"]; got != sub {
			t.Errorf("the code is %v's", got)
		}
	})
	t.Run("A16 with somebody to ask who is not the other user, there is no code", func(t *testing.T) {
		b := signedIn(t)
		b.open(authorization("id_token_hint", hint))
		b.see("Sign in")
		b.signInAs("ada")
		if q := b.answered(webCallback); q.Get("error") != "login_required" || q.Get("code") != "" {
			t.Errorf("got %v", q)
		}
	})
}

// TestAnswersToTheApp looks at every kind of answer, in both response modes.
func TestAnswersToTheApp(t *testing.T) {
	w := newWorld(t)
	p := &profile{world: w}
	with := func(request url.Values, pairs ...string) url.Values {
		for i := 0; i+1 < len(pairs); i += 2 {
			request.Set(pairs[i], pairs[i+1])
		}
		return request
	}
	challenge := []string{"code_challenge", s256(verifier), "code_challenge_method", "S256"}
	for _, mode := range []string{"query", "form_post"} {
		for code, do := range map[string]func(b *tab) url.Values{
			"": func(b *tab) url.Values {
				r := with(p.asked(challenge...), "response_mode", mode)
				b.goTo(r)
				b.through()
				return r
			},
			"access_denied": func(b *tab) url.Values {
				r := with(p.asked(challenge...), "response_mode", mode, "prompt", "consent")
				b.goTo(r)
				b.signIn()
				b.submit("decision", "deny")
				return r
			},
			"login_required": func(b *tab) url.Values {
				r := with(p.asked(challenge...), "response_mode", mode, "prompt", "none")
				b.goTo(r)
				return r
			},
			"consent_required": func(b *tab) url.Values {
				b.open("/login")
				b.signIn()
				r := with(p.asked(challenge...), "response_mode", mode, "prompt", "none", "client_id", spaID, "redirect_uri", spaCallback)
				b.goTo(r)
				return r
			},
			"invalid_request": func(b *tab) url.Values {
				r := with(p.asked(challenge...), "response_mode", mode, "prompt", "none login")
				b.goTo(r)
				b.through()
				return r
			},
			"invalid_scope": func(b *tab) url.Values {
				r := with(p.asked(challenge...), "response_mode", mode, "scope", "openid nothing", "state", "€ &=%\"'<>")
				b.goTo(r)
				b.through()
				return r
			},
		} {
			t.Run("A18 A19 A15 "+mode+" "+code, func(t *testing.T) {
				b := w.tab(t)
				r := do(b)
				if got := p.callback(b, r); got.Get("error") != code || (got.Get("code") == "") == (code == "") { // iss and state are looked at there
					t.Errorf("got %v", got)
				}
			})
		}
	}
	t.Run("A19 a state that would break a header or a log is invalid_request, and stands nowhere", func(t *testing.T) {
		for _, state := range []string{"marker\r\nSet-Cookie: x=y", "marker\nInjected: 1", "marker\x00", "marker" + strings.Repeat("a", 4<<10)} {
			b := w.tab(t)
			b.open(authorization("state", state))
			b.signIn()
			if q := b.answered(webCallback); q.Get("error") != "invalid_request" || q["state"] != nil {
				t.Errorf("got %v", q)
			}
			if b.page.header.Get("Injected") != "" || strings.Contains(b.page.header.Get("Set-Cookie"), "x=y") || strings.Contains(w.log.String(), "marker") {
				t.Errorf("%q is in %v or in the log", state, b.page.header)
			}
		}
	})
	t.Run("A19 4 KiB come back as they were", func(t *testing.T) {
		r := with(p.asked(challenge...), "state", strings.Repeat("s-._~", 1000)[:4<<10])
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			b := w.tab(t)
			if method == http.MethodGet {
				b.goTo(r)
			} else {
				b.go1(method, w.url+"/v1/authorize", r.Encode())
				b.follow()
			}
			b.through()
			if got := p.callback(b, r); got.Get("code") == "" { // state is looked at there
				t.Errorf("%s: got %v", method, got)
			}
		}
	})
}

func TestBrowsersAtTheEdge(t *testing.T) {
	w := newWorld(t)
	t.Run("A20 after every form there is 303, or a page", func(t *testing.T) {
		b := w.tab(t)
		b.go1(http.MethodPost, w.url+"/v1/authorize", strings.TrimPrefix(authorization("prompt", "consent"), "/v1/authorize?"), withHeader("Sec-Fetch-Site", "cross-site"))
		seen := []int{b.page.status}
		b.follow()
		for _, pairs := range [][]string{{"username", "ada", "password", "wrong"}, {"username", "ada", "password", "correct horse"}, {"decision", "approve"}} {
			action, fields := b.form()
			for i := 0; i < len(pairs); i += 2 {
				fields.Set(pairs[i], pairs[i+1])
			}
			b.go1(http.MethodPost, w.url+action, fields.Encode())
			seen = append(seen, b.page.status)
			if strings.Contains(pairs[1], "ada") && b.page.status == http.StatusSeeOther {
				b.follow()
			}
		}
		b.follow()
		if b.answered(webCallback).Get("code") == "" || slices.ContainsFunc(seen, func(s int) bool { return s >= 300 && s < 400 && s != http.StatusSeeOther }) || seen[0] != 303 || seen[2] != 303 {
			t.Errorf("got %v", seen)
		}
	})
	t.Run("A22 no origin is let read anything, whatever is asked and answered", func(t *testing.T) {
		for _, origin := range []string{spaOrigin, "https://evil.example", "null", w.url} {
			for name, a := range map[string]answer{
				"a request": w.send("GET", authorization("client_id", spaID, "redirect_uri", spaCallback), "", "", withHeader("Origin", origin)),
				"a page":    w.send("GET", authorization("client_id", "apps.nobody"), "", "", withHeader("Origin", origin)),
				"an answer": w.send("GET", authorization("prompt", "none"), "", "", withHeader("Origin", origin)),
				"by POST":   w.send("POST", "/v1/authorize", formType, strings.TrimPrefix(authorization(), "/v1/authorize?"), withHeader("Origin", origin)),
				"preflight": w.send("OPTIONS", "/v1/authorize", "", "", withHeader("Origin", origin), withHeader("Access-Control-Request-Method", "POST")),
			} {
				for header := range a.header {
					if strings.HasPrefix(header, "Access-Control-") {
						t.Errorf("%s from %s: %s", name, origin, header)
					}
				}
			}
		}
	})
	t.Run("A23 the host is the issuer's, and nothing that is forwarded changes links or cookies", func(t *testing.T) {
		want(t, w.send("GET", authorization(), "", "", withHeader("Host", "evil.example")), 421, "invalid_request")
		for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Prefix", "X-Original-Host", "X_Forwarded_Host", "X-Forwarded-Server", "X-Rewrite-URL"} {
			b := w.tab(t)
			b.go1("GET", w.url+authorization(), "", withHeader(header, "/evil.example"), withHeader("Forwarded", "host=evil.example;proto=https"))
			for step := range 2 {
				if strings.Contains(fmt.Sprint(b.page.header)+b.page.body, "evil") || strings.Contains(strings.Join(b.page.header["Set-Cookie"], ";"), "Domain") {
					t.Errorf("%s, step %d: %v", header, step, b.page.header)
				}
				b.follow()
			}
			b.through()
			if b.answered(webCallback).Get("code") == "" { // which looks at iss
				t.Error("no code")
			}
		}
	})
	t.Run("A38 what is too much is refused in less than 5 ms", func(t *testing.T) {
		h := w.server.handler()
		for status, paths := range map[int][]string{
			http.StatusRequestURITooLong: {authorization("state", strings.Repeat("a", 9<<10)), authorization("claims", strings.Repeat("[", 9<<10))},
			http.StatusBadRequest:        {authorization() + strings.Repeat("&a=b", 65), authorization() + strings.Repeat("&%", 1<<10)},
		} {
			for _, path := range paths {
				least := time.Hour
				for range 20 { // the least of several: other processes want the processor as well
					r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, http.NoBody)
					rec := newRecorder()
					start := time.Now()
					h.ServeHTTP(rec, r)
					least = min(least, time.Since(start))
					if rec.status != status {
						t.Fatalf("%.60s: %d, want %d", path, rec.status, status)
					}
				}
				if least > 5*time.Millisecond {
					t.Errorf("%.60s took %v", path, least)
				}
			}
		}
	})
}

func TestF11CodesOfAppsAndDevices(t *testing.T) {
	w := newWorld(t)
	b := w.tab(t)
	started := w.device(otherID, "client_secret", secret, "scope", "openid")
	b.open("/login")
	b.signIn()
	b.open(authorization("prompt", "consent"))
	_, app := b.form()
	b.submit("decision", "approve")
	code := b.answered(webCallback).Get("code")
	b.open(strings.TrimPrefix(started.text("verification_uri_complete"), w.url))
	action, device := b.form()

	t.Run("F11 an app's code is no device's, whoever sends it", func(t *testing.T) {
		want(t, w.poll(otherID, code, "client_secret", secret), 400, "invalid_grant")
		want(t, w.poll(webID, code, "client_secret", secret), 400, "unauthorized_client")
		want(t, w.redeem(webID, started.text("device_code")), 400, "invalid_grant")
	})
	t.Run("F11 what the person was asked about an app decides nothing about a device", func(t *testing.T) {
		device.Set("token", app.Get("token"))
		device.Set("decision", "approve")
		if b.go1(http.MethodPost, w.url+action, device.Encode()); b.page.status != http.StatusForbidden {
			t.Errorf("%d %s", b.page.status, b.page.body)
		}
		want(t, w.poll(otherID, started.text("device_code"), "client_secret", secret), 400, "authorization_pending")
	})
	t.Run("F11 a client's secret is in no address that anybody is sent to", func(t *testing.T) {
		if strings.Contains(started.body, secret) {
			t.Error(started.body)
		}
		b := w.tab(t)
		b.go1(http.MethodGet, w.url+authorization("client_secret", secret), "")
		for range 2 {
			if to := b.page.header.Get("Location") + b.page.header.Get("Refresh"); strings.Contains(to+b.page.body, secret) {
				t.Errorf("sent to %s", to)
			}
			b.follow()
		}
		b.through()
		if strings.Contains(b.left.String()+b.page.body, secret) || strings.Contains(w.log.String(), secret) {
			t.Errorf("sent to %s", b.left)
		}
	})
	want(t, w.redeem(webID, code), 200, "")
}
