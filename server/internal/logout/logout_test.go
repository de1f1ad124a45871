package logout_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// TestI07ReturnAddress is the first clause of I07: the address is one that is registered, letter by letter, or a page is shown.
func TestI07ReturnAddress(t *testing.T) {
	f := newFixture(t)
	for name, uri := range map[string]string{
		"another host":       "https://evil.example/bye",
		"another path":       "https://reports.acme.example/bye2?from=gk",
		"no query":           "https://reports.acme.example/bye",
		"more query":         acmeURI + "&x=1",
		"other case":         strings.ToUpper(acmeURI[:30]) + acmeURI[30:],
		"a fragment":         acmeURI + "#x",
		"userinfo":           "https://evil@reports.acme.example/bye?from=gk",
		"escaped":            "https://reports.acme.example/%62ye?from=gk",
		"of another client":  betaURI,
		"a script":           "javascript:alert(1)",
		"a redirect_uri":     "https://reports.acme.example/cb?from=gk",
		"relative":           "//evil.example/bye",
		"scheme alone":       "com.acme.reports:",
		"with trailing NUL?": acmeURI + "\x01",
	} {
		t.Run("I07 post_logout_redirect_uri: "+name+" gives a page", func(t *testing.T) {
			p := f.signIn("ada")
			values := url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {uri}, "state": {"s"}}
			a := f.get(p, values)
			if a.StatusCode != http.StatusBadRequest || a.leads() != "" || strings.Contains(a.body, "evil.example") {
				t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
			}
			if !p.signedIn() {
				t.Error("signed out all the same")
			}
		})
	}
	t.Run("I07 post_logout_redirect_uri given twice gives a page", func(t *testing.T) {
		p := f.signIn("ada")
		a := f.get(p, url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {acmeURI, acmeURI}})
		if a.StatusCode != http.StatusBadRequest || a.leads() != "" {
			t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
		}
	})
	for uri, want := range map[string]string{acmeURI: acmeURI + "&state=a+b%26c%3D", nativeURI: nativeURI + "?state=a+b%26c%3D"} {
		t.Run("I07 a registered address gets the browser and the state back: "+uri, func(t *testing.T) {
			p := f.signIn("ada")
			a := f.get(p, url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {uri}, "state": {"a b&c="}})
			if a.StatusCode != http.StatusSeeOther || a.leads() != want || !a.cleared() || p.signedIn() {
				t.Errorf("status %d, leads to %q, cookies %v, signed in %v", a.StatusCode, a.leads(), a.Cookies(), p.signedIn())
			}
		})
	}
	t.Run("without an address the browser stays here", func(t *testing.T) {
		p := f.signIn("ada")
		a := f.get(p, url.Values{"id_token_hint": {p.idToken(acme)}, "state": {"s"}})
		if a.StatusCode != http.StatusSeeOther || a.leads() != "/tenant/logout" || !a.cleared() || p.signedIn() {
			t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
		}
	})
	t.Run("a suspended client gets nobody back", func(t *testing.T) {
		p := f.signIn("ada")
		suspended := client(beta, betaURI)
		suspended.Suspended = true
		f.change(suspended)
		defer f.change(client(beta, betaURI))
		a := f.get(p, url.Values{"id_token_hint": {p.idToken(beta)}, "post_logout_redirect_uri": {betaURI}})
		if a.leads() != "/tenant/logout" || p.signedIn() {
			t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
		}
	})
	t.Run("a state that is too long is refused", func(t *testing.T) {
		p := f.signIn("ada")
		a := f.get(p, url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {acmeURI}, "state": {strings.Repeat("s", 3000)}})
		if a.StatusCode != http.StatusBadRequest || !p.signedIn() {
			t.Errorf("status %d", a.StatusCode)
		}
	})
}

// TestI07Hint is the second clause: without a valid hint about this session, the person is asked.
func TestI07Hint(t *testing.T) {
	f := newFixture(t)
	stranger := f.signIn("eve")
	earlier := f.signIn("ada")
	for name, hint := range map[string]func(p *person) url.Values{
		"no parameters":  func(*person) url.Values { return url.Values{} },
		"no hint":        func(*person) url.Values { return url.Values{"client_id": {acme}} },
		"no token":       func(*person) url.Values { return url.Values{"id_token_hint": {"x"}} },
		"another issuer": func(p *person) url.Values { return url.Values{"id_token_hint": {p.idToken(acme, elsewhere)}} },
		"a broken signature": func(p *person) url.Values {
			token := p.idToken(acme)
			return url.Values{"id_token_hint": {token[:len(token)-6] + "AAAAAA"}}
		},
		"an access token": func(p *person) url.Values {
			access := &token.Access{Issuer: f.issuer, Subject: p.user.ID, ClientID: acme, Audience: []string{acme}, ExpiresAt: f.clock().Add(time.Hour)}
			return url.Values{"id_token_hint": {must[string](t)(f.tokens.Access(access))}}
		},
		"a logout token": func(p *person) url.Values {
			logout := &token.Logout{Issuer: f.issuer, Subject: p.user.ID, ClientID: acme, SID: p.session.SID, IssuedAt: f.clock()}
			return url.Values{"id_token_hint": {must[string](t)(f.tokens.Logout(logout))}}
		},
		"another client": func(p *person) url.Values {
			return url.Values{"id_token_hint": {p.idToken(acme)}, "client_id": {beta}, "post_logout_redirect_uri": {acmeURI}}
		},
		"another user":    func(*person) url.Values { return url.Values{"id_token_hint": {stranger.idToken(acme)}} },
		"another session": func(*person) url.Values { return url.Values{"id_token_hint": {earlier.idToken(acme)}} },
		"nothing but other hints": func(p *person) url.Values {
			return url.Values{"logout_hint": {p.user.ID}, "ui_locales": {"en"}}
		},
	} {
		t.Run("I07 "+name+": asks, and signs out once the person says so", func(t *testing.T) {
			p := f.signIn("ada")
			a := f.get(p, hint(p))
			if !a.asks() || !p.signedIn() || len(a.Cookies()) != 0 {
				t.Fatalf("status %d, signed in %v: %s", a.StatusCode, p.signedIn(), a.body)
			}
			done := f.yes(p, a)
			if done.leads() != "/tenant/logout" || !done.cleared() || p.signedIn() {
				t.Errorf("status %d, leads to %q, signed in %v", done.StatusCode, done.leads(), p.signedIn())
			}
		})
	}
	for name, change := range map[string]func(*token.ID){
		"of this session":             func(*token.ID) {},
		"that has expired":            func(id *token.ID) { id.ExpiresAt = f.clock().Add(-24 * time.Hour) },
		"of no session in particular": func(id *token.ID) { id.SID = "" },
	} {
		t.Run("I07 a hint "+name+" signs out at once", func(t *testing.T) {
			p := f.signIn("ada")
			a := f.get(p, url.Values{"id_token_hint": {p.idToken(acme, change)}, "client_id": {acme}})
			if a.leads() != "/tenant/logout" || p.signedIn() {
				t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
			}
		})
	}
	t.Run("the page says which app asks, and that it means somebody else", func(t *testing.T) {
		p := f.signIn("ada")
		a := f.get(p, url.Values{"id_token_hint": {stranger.idToken(acme)}})
		if !strings.Contains(a.body, "App acme") || !strings.Contains(a.body, "another account") {
			t.Error(a.body)
		}
		if a := f.get(p, url.Values{"id_token_hint": {earlier.idToken(acme)}}); strings.Contains(a.body, "another account") {
			t.Error(a.body)
		}
	})
	t.Run("I07 once the person says so, the browser goes where the client has it registered", func(t *testing.T) {
		p := f.signIn("ada")
		a := f.get(p, url.Values{"client_id": {acme}, "post_logout_redirect_uri": {acmeURI}, "state": {"s"}})
		done := f.yes(p, a)
		if done.leads() != acmeURI+"&state=s" || !done.cleared() || p.signedIn() {
			t.Errorf("leads to %q", done.leads())
		}
	})
	t.Run("A28 an address that was taken back meanwhile gets nobody", func(t *testing.T) {
		p := f.signIn("ada")
		a := f.get(p, url.Values{"client_id": {beta}, "post_logout_redirect_uri": {betaURI}})
		f.change(client(beta, "https://beta.example/bye2"))
		defer f.change(client(beta, betaURI))
		if done := f.yes(p, a); done.leads() != "/tenant/logout" || p.signedIn() {
			t.Errorf("leads to %q", done.leads())
		}
	})
	t.Run("A24 a question of another session is not answered by this one", func(t *testing.T) {
		p, other := f.signIn("ada"), f.signIn("ada")
		if done := f.yes(p, f.get(other, url.Values{})); done.StatusCode != http.StatusForbidden || !p.signedIn() {
			t.Errorf("status %d", done.StatusCode)
		}
	})
	t.Run("A24 an answer that another site sends is refused", func(t *testing.T) {
		p := f.signIn("ada")
		a := f.send(p, http.MethodPost, "/logout/confirm", url.Values{}, http.Header{"Sec-Fetch-Site": {"cross-site"}})
		if a.StatusCode != http.StatusForbidden || !p.signedIn() {
			t.Errorf("status %d", a.StatusCode)
		}
		a = f.send(p, http.MethodPost, "/logout/confirm", url.Values{}, nil)
		if a.StatusCode != http.StatusForbidden || !p.signedIn() {
			t.Errorf("without a token: status %d", a.StatusCode)
		}
	})
}

func elsewhere(id *token.ID) { id.Issuer = "https://elsewhere.example" }

// TestI07Image is the third clause: a GET alone, as an image tag sends it, signs nobody out.
func TestI07Image(t *testing.T) {
	f := newFixture(t)
	for name, header := range map[string]http.Header{
		"an image":                 {"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}, "Sec-Fetch-Site": {"cross-site"}},
		"a frame":                  {"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}, "Sec-Fetch-Site": {"cross-site"}},
		"a script's request":       {"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-site"}},
		"an embedded object":       {"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"object"}},
		"a browser that says less": {"Sec-Fetch-Mode": {"navigate"}},
		"an old browser":           {},
		"a page fetched ahead":     {"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Purpose": {"prefetch;prerender"}},
	} {
		t.Run("I07 "+name+" signs nobody out, not with a valid hint either", func(t *testing.T) {
			p := f.signIn("ada")
			a := f.send(p, http.MethodGet, "/v1/logout?"+url.Values{"id_token_hint": {p.idToken(acme)}}.Encode(), nil, header)
			if !a.asks() || !p.signedIn() || len(a.Cookies()) != 0 || a.Header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("status %d, signed in %v, %v", a.StatusCode, p.signedIn(), a.Header)
			}
		})
	}
	t.Run("I07 HEAD signs nobody out", func(t *testing.T) {
		p := f.signIn("ada")
		f.send(p, http.MethodHead, "/v1/logout?"+url.Values{"id_token_hint": {p.idToken(acme)}}.Encode(), nil, opens())
		if !p.signedIn() {
			t.Error("signed out")
		}
	})
}

// TestPost is a request by POST, which comes from another site and so without cookies.
func TestPost(t *testing.T) {
	f := newFixture(t)
	post := func(values url.Values, header http.Header) answer {
		t.Helper()
		return f.send(nil, http.MethodPost, "/v1/logout", values, header)
	}
	crossSite := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Origin": {"https://reports.acme.example"}}
	t.Run("A20 it goes on as a GET of ours with what was asked, and works like one", func(t *testing.T) {
		p := f.signIn("ada")
		a := post(url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {acmeURI}, "state": {strings.Repeat("s", 2000)}}, crossSite)
		if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.leads(), "/tenant/v1/logout?request=") || len(a.leads()) > 8<<10 {
			t.Fatalf("status %d, leads to %.100s (%d)", a.StatusCode, a.leads(), len(a.leads()))
		}
		if !p.signedIn() {
			t.Fatal("the POST alone signed out")
		}
		done := f.send(p, http.MethodGet, strings.TrimPrefix(a.leads(), "/tenant"), nil, opens())
		if done.leads() != acmeURI+"&state="+strings.Repeat("s", 2000) || !done.cleared() || p.signedIn() {
			t.Errorf("leads to %q", done.leads())
		}
	})
	t.Run("I07 what it goes on with signs nobody out who is not meant, nor in a frame, nor later", func(t *testing.T) {
		p, other := f.signIn("ada"), f.signIn("eve")
		to := strings.TrimPrefix(post(url.Values{"id_token_hint": {p.idToken(acme)}}, crossSite).leads(), "/tenant")
		if a := f.send(other, http.MethodGet, to, nil, opens()); !a.asks() || !other.signedIn() {
			t.Errorf("another user: status %d", a.StatusCode)
		}
		if a := f.send(p, http.MethodGet, to, nil, nil); !a.asks() || !p.signedIn() {
			t.Errorf("not opened: status %d", a.StatusCode)
		}
		f.advance(2 * time.Minute)
		if a := f.send(p, http.MethodGet, to, nil, opens()); !a.asks() || !p.signedIn() {
			t.Errorf("later: status %d", a.StatusCode)
		}
		if a := f.send(p, http.MethodGet, "/v1/logout?request=made-up", nil, opens()); !a.asks() || !p.signedIn() {
			t.Errorf("made up: status %d", a.StatusCode)
		}
	})
	t.Run("I07 an address that is not registered gives a page", func(t *testing.T) {
		p := f.signIn("ada")
		a := post(url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {"https://evil.example/"}}, crossSite)
		if a.StatusCode != http.StatusBadRequest || a.leads() != "" {
			t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
		}
	})
	t.Run("B01 only a form of a sensible size is read", func(t *testing.T) {
		if a := post(url.Values{"id_token_hint": {strings.Repeat("x", 20_000)}}, crossSite); a.StatusCode != http.StatusBadRequest {
			t.Errorf("large: status %d", a.StatusCode)
		}
		a := f.send(nil, http.MethodPost, "/v1/logout", nil, http.Header{"Content-Type": {"application/json"}})
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("JSON: status %d", a.StatusCode)
		}
	})
}

// TestNobody is a request of a browser where nobody is signed in.
func TestNobody(t *testing.T) {
	f := newFixture(t)
	p := f.signIn("ada")
	t.Run("an app that shows an ID token gets the browser back", func(t *testing.T) {
		a := f.get(nil, url.Values{"id_token_hint": {p.idToken(acme)}, "post_logout_redirect_uri": {acmeURI}, "state": {"s"}})
		if a.leads() != acmeURI+"&state=s" {
			t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
		}
	})
	t.Run("A14 without one nobody is sent on unseen", func(t *testing.T) {
		a := f.get(nil, url.Values{"client_id": {acme}, "post_logout_redirect_uri": {acmeURI}})
		if a.StatusCode != http.StatusOK || a.leads() != "" || !strings.Contains(a.body, `href="`+acmeURI+`"`) || !strings.Contains(a.body, "Back to App acme") {
			t.Errorf("status %d, leads to %q: %s", a.StatusCode, a.leads(), a.body)
		}
	})
	t.Run("an answer that comes after the session ended is no error", func(t *testing.T) {
		a := f.send(nil, http.MethodPost, "/logout/confirm", url.Values{"token": {"stale"}}, nil)
		if a.StatusCode != http.StatusSeeOther || a.leads() != "/tenant/logout" {
			t.Errorf("status %d, leads to %q", a.StatusCode, a.leads())
		}
	})
	if !p.signedIn() {
		t.Error("signed out somebody else")
	}
}

// TestGrants is what ends with a session (OpenID Connect Back-Channel Logout section 2.7).
func TestGrants(t *testing.T) {
	f := newFixture(t)
	told := client(acme, acmeURI)
	told.BackChannelLogoutURI = "http://127.0.0.1:1/logout"
	f.change(told)
	p, elsewhere := f.signIn("ada"), f.signIn("ada")
	online, offline := p.uses(acme, "openid"), p.uses(acme, "openid", "offline_access")
	silent, other := p.uses(beta, "openid"), elsewhere.uses(acme, "openid")
	f.get(p, url.Values{"id_token_hint": {p.idToken(acme)}})
	for name, c := range map[string]struct{ is, want bool }{
		"openid alone ends":                      {f.alive(online), false},
		"offline_access lives on":                {f.alive(offline), true},
		"of a client that is not told ends too":  {f.alive(silent), false},
		"made in another session lives on":       {f.alive(other), true},
		"the other session of the user lives on": {elsewhere.signedIn(), true},
	} {
		if c.is != c.want {
			t.Errorf("a grant with %s: %v", name, c.is)
		}
	}
	if got := strings.Join(f.queued(), ","); got != "acme "+p.session.SID {
		t.Errorf("deliveries are %q", got)
	}
}

// TestLanguage is ui_locales; there is one catalogue here, so that nothing is all there is to see.
func TestLanguage(t *testing.T) {
	f := newFixture(t)
	a := f.get(f.signIn("ada"), url.Values{"ui_locales": {"xx-YY en"}})
	if !a.asks() || !strings.Contains(a.body, `lang="en"`) {
		t.Error(a.body)
	}
}
