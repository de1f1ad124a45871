package account

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func TestSignedOut(t *testing.T) {
	f := newFixture(t, options{path: "/tenant"})
	t.Run("A30 whoever is not signed in signs in first, and comes back to a page of ours", func(t *testing.T) {
		f.signIn.user, f.signIn.methods = f.ada, []string{oauth.MethodPassword}
		for _, path := range []string{"/account", "/account/sessions", "/account/security", "/account/data", "/account/security?flow=abc"} {
			p := f.nobody()
			a := p.get(path).want(http.StatusSeeOther)
			if !strings.HasPrefix(a.to, "/tenant/login?errand=") {
				t.Errorf("%s leads to %s", path, a.to)
			}
			back := p.get(strings.TrimPrefix(a.to, "/tenant")).want(http.StatusSeeOther)
			if back.to != "/tenant"+path {
				t.Errorf("%s: back to %s", path, back.to)
			}
			p.follow(back).want(http.StatusOK)
		}
		p := f.nobody()
		sealed, err := f.web.SealJSON("errand", map[string]string{"path": "/account"}, f.clock().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		for _, errand := range []string{"https://attacker.example", "//attacker.example", "L2FjY291bnQ", sealed[:len(sealed)-1], ""} {
			p.get("/login?errand=" + url.QueryEscape(errand)).want(http.StatusBadRequest)
		}
	})
	t.Run("I08 a session that has ended shows nobody signed in, on every page", func(t *testing.T) {
		p := f.signedIn(f.ada)
		f.advance(12 * time.Hour)
		for _, r := range f.account.Routes() {
			if r.Method == http.MethodGet {
				if a := p.get(r.Path).want(http.StatusSeeOther); !strings.HasPrefix(a.to, "/tenant/login?errand=") {
					t.Errorf("%s leads to %s", r.Path, a.to)
				}
			}
		}
	})
}

func TestCSRF(t *testing.T) {
	f := newFixture(t, options{host: "login.example.com"})
	f.authorize(f.ada, acme(), nil)
	_, before := f.authorize(f.ada, other(), nil)
	p, mallory := f.signedIn(f.ada), f.signedIn(f.grace)
	for _, r := range f.account.Routes() {
		if r.Method != http.MethodPost {
			continue
		}
		path := r.Path
		if path == "/account/revoke" {
			path += "?app=" + acmeUID
		}
		form := func(token string) url.Values {
			return url.Values{"token": {token}, "app": {acmeUID}, "sure": {"yes"}, "code": {"000000"}, "pending": {"x"}}
		}
		t.Run("A24 "+r.Path+" from another site", func(t *testing.T) {
			p.post(path, form(""), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).want(http.StatusForbidden)
		})
		for name, token := range map[string]string{
			"without a token": "", "with garbage": "AAAA", "with a token of another form": p.get("/account/data").tokens()[0] + "A",
			"with a token of another session": mallory.get("/account/sessions").tokens()[0],
		} {
			t.Run("A24 "+r.Path+" "+name, func(t *testing.T) {
				a := p.post(path, form(token))
				if a.status != http.StatusForbidden {
					t.Errorf("%d: %s", a.status, a.text())
				}
			})
		}
		t.Run("A24 "+r.Path+" after the form was open for too long", func(t *testing.T) {
			if r.Path != "/account/data/erase" { // one whose token is easily had
				t.Skip("the token's end is the same for all forms")
			}
			q := f.signedIn(f.grace)
			token := q.get("/account/data").tokens()[1]
			f.advance(21 * time.Minute)
			f.signIn.user = f.grace
			if a := q.post(path, form(token)); a.status == http.StatusOK {
				t.Error("taken")
			}
		})
	}
	if err := f.refresh(before, other()); err != nil {
		t.Errorf("something was changed: %v", err)
	}
	for _, action := range []string{"grant.revoked", "session.ended", "factor.added", "factor.removed", "data.exported", "data.erased"} {
		if got := f.audited(action); got != nil {
			t.Errorf("%s: %v", action, got)
		}
	}
}

func TestSessions(t *testing.T) {
	f := newFixture(t, options{})
	here, there := f.signedIn(f.ada), f.signedIn(f.ada)
	stranger := f.signedIn(f.grace)
	f.advance(time.Second)
	third := f.signedIn(f.ada)

	a := here.get("/account/sessions").want(http.StatusOK, "Firefox, Linux", "198.51.100.7", "This browser")
	if n := strings.Count(a.text(), "Firefox, Linux"); n != 3 || strings.Count(a.text(), "This browser") != 1 {
		t.Errorf("%d sessions: %s", n, a.text())
	}
	// The latest is first.
	here.follow(here.post("/account/sessions", url.Values{"token": a.tokens()[:1]})).want(http.StatusOK, "That browser is signed out")
	third.get("/account").want(http.StatusSeeOther)
	there.get("/account").want(http.StatusOK)
	here.post("/account/sessions", url.Values{"token": a.tokens()[:1]}).want(http.StatusNotFound)
	if got := f.audited("session.ended"); len(got) != 1 || got[0]["user"] != f.ada.ID || got[0]["address"] != "203.0.113.9" {
		t.Errorf("K21 %v", got)
	}

	t.Run("the browser in hand", func(t *testing.T) {
		q := f.signedIn(f.ada)
		f.advance(time.Second)
		list := q.get("/account/sessions")
		for i, row := range strings.Split(list.body, `<li class="row">`)[1:] {
			if strings.Contains(row, "This browser") {
				if out := q.post("/account/sessions", url.Values{"token": {list.tokens()[i]}}).want(http.StatusSeeOther); out.to != "/logout" {
					t.Errorf("leads to %s", out.to)
				}
			}
		}
		q.get("/account").want(http.StatusSeeOther)
	})

	t.Run("everywhere", func(t *testing.T) {
		ask := here.get("/account/sessions/all").want(http.StatusOK, "Sign out everywhere?")
		if out := here.post("/account/sessions/all", url.Values{"token": ask.tokens()}).want(http.StatusSeeOther); out.to != "/logout" {
			t.Errorf("leads to %s", out.to)
		}
		here.get("/account").want(http.StatusSeeOther)
		there.get("/account").want(http.StatusSeeOther)
		stranger.get("/account").want(http.StatusOK)
	})
}

// setUp sets up an authenticator app on the pages, and returns its secret and the page that follows.
func (p *person) setUp(query string) (string, *answer) {
	p.Helper()
	a := p.get("/account/security/app" + query).want(http.StatusOK)
	_, rest, _ := strings.Cut(a.body, "<code>")
	secret, _, _ := strings.Cut(rest, "</code>")
	secret = strings.ReplaceAll(secret, " ", "")
	form := url.Values{"token": a.tokens(), "pending": {a.field("pending")}, "code": {"000000"}}
	if query != "" {
		form.Set("flow", a.field("flow"))
	}
	wrong := p.post("/account/security/app", form).want(http.StatusBadRequest, "The code is wrong")
	if !strings.Contains(wrong.body, rest[:30]) {
		p.Error("a wrong code made another secret, while the first one is in the app")
	}
	form.Set("token", wrong.tokens()[0])
	form.Set("pending", wrong.field("pending"))
	form.Set("code", factortest.Code(p, secret, p.clock()))
	return secret, p.post("/account/security/app", form)
}

func TestSecurity(t *testing.T) {
	t.Run("an authenticator app, recovery codes at once, and back to the login that asked", func(t *testing.T) {
		f := newFixture(t, options{})
		p := f.signedIn(f.ada)
		p.get("/account/security?flow=abc").want(http.StatusOK, "To go on, you need a second factor")
		cookie := p.cookie("session")
		secret, codes := p.setUp("?flow=abc")
		codes.want(http.StatusOK, "Your recovery codes", "not shown again")
		if !strings.Contains(codes.body, `href="/login?flow=abc"`) {
			t.Error("no way back to the login")
		}
		if n := strings.Count(codes.body, "<li><code>"); n != 10 {
			t.Errorf("%d codes", n)
		}
		if p.cookie("session") == cookie {
			t.Error("A26 the cookie has its value from before")
		}
		s := f.sessionOf(p)
		if !slices.Equal(s.Methods, []string{"pwd", "otp", "mfa"}) || s.SID != p.session.SID || !s.AuthenticatedAt.Equal(p.session.AuthenticatedAt) {
			t.Errorf("the session is %+v", s)
		}
		p.get("/account/security").want(http.StatusOK, "It is set up", "10 codes are left").without(secret)
		var kinds []any
		for _, e := range f.audited("factor.added") {
			if e["user"] != f.ada.ID || e["address"] != "203.0.113.9" {
				t.Errorf("K21 %v", e)
			}
			kinds = append(kinds, e["factor"])
		}
		if !slices.Equal(kinds, []any{"totp", "recovery_codes"}) {
			t.Errorf("K21 %v", kinds)
		}
		if strings.Contains(f.logs.String(), secret) {
			t.Error("I10 the secret is in the log")
		}
		ask := p.get("/account/security/app/remove").want(http.StatusOK, "Remove the authenticator app?")
		p.follow(p.post("/account/security/app/remove", url.Values{"token": ask.tokens()})).want(http.StatusOK, "The authenticator app is removed").without("codes are left")
		if got := f.audited("factor.removed"); len(got) != 1 || got[0]["factor"] != "totp" || got[0]["user"] != f.ada.ID {
			t.Errorf("K21 %v", got)
		}
		p.get("/account/security/app/remove").want(http.StatusNotFound)
	})

	t.Run("factors change after a recent sign-in only", func(t *testing.T) {
		f := newFixture(t, options{host: "login.example.com"})
		p := f.signedIn(f.ada)
		open := p.get("/account/security/app").want(http.StatusOK)
		f.advance(FreshFor + time.Second)
		for _, path := range []string{"/account/security/app", "/account/security/passkey", "/account/security/codes"} {
			p.get(path).want(http.StatusSeeOther)
		}
		a := p.post("/account/security/app", url.Values{"token": open.tokens(), "pending": {open.field("pending")}, "code": {"000000"}}).want(http.StatusSeeOther)
		p.get(strings.TrimPrefix(a.to, "")).want(http.StatusTeapot) // still signed in, and must sign in again
		p.get("/account/security").want(http.StatusOK)              // looking is allowed
		in := p.post("/account/security/app", url.Values{"token": open.tokens(), "flow": {"abc"}}).want(http.StatusSeeOther)
		f.signIn.user, f.signIn.methods = f.ada, []string{oauth.MethodPassword}
		if back := p.get(in.to).want(http.StatusSeeOther); back.to != "/account/security/app?flow=abc" {
			t.Errorf("back to %s: the login that asked is forgotten", back.to)
		}
		f.advance(FreshFor + time.Second)
		p.follow(p.get("/account/security/app")).want(http.StatusOK, "Set up an authenticator app")
	})

	t.Run("a password alone does not change the factors of who has one", func(t *testing.T) {
		f := newFixture(t, options{host: "login.example.com"})
		f.signedIn(f.ada).setUp("")
		thief := f.signedIn(f.ada) // with the password
		for _, path := range []string{"/account/security/app", "/account/security/app/remove", "/account/security/passkey", "/account/security/codes"} {
			a := thief.get(path).want(http.StatusSeeOther)
			thief.get(a.to).want(http.StatusTeapot)
			thief.post(path, url.Values{"token": {"x"}}).want(http.StatusSeeOther)
		}
		thief.post("/account/data/erase", url.Values{"token": thief.get("/account/data").tokens()[1:2], "sure": {"yes"}}).want(http.StatusSeeOther)
		f.signedIn(f.ada, "pwd", "otp", "mfa").get("/account/security/app/remove").want(http.StatusOK)
	})

	t.Run("a passkey is added, named and removed", func(t *testing.T) {
		f := newFixture(t, options{host: "login.example.com"})
		p, device := f.signedIn(f.ada), factortest.New(t, f.issuer)
		a := p.get("/account/security/passkey").want(http.StatusOK, "Add a passkey")
		form := url.Values{"token": a.tokens(), "passkey": {string(device.Create(a.passkeyOptions()))}, "name": {"My laptop"}}
		mallory := f.signedIn(f.grace)
		mallory.post("/account/security/passkey", form).want(http.StatusForbidden)
		p.post("/account/security/passkey", form).want(http.StatusOK, "Your recovery codes")
		p.get("/account/security").want(http.StatusOK, "My laptop")
		if s := f.sessionOf(p); !slices.Contains(s.Methods, "hwk") || !slices.Contains(s.Methods, "mfa") {
			t.Errorf("methods %v", s.Methods)
		}
		again := p.get("/account/security/passkey")
		form = url.Values{"token": again.tokens(), "passkey": form["passkey"]}
		p.post("/account/security/passkey", form).want(http.StatusBadRequest, "was not added")

		second := p.get("/account/security/passkey")
		form = url.Values{"token": second.tokens(), "passkey": {string(factortest.New(t, f.issuer).Create(second.passkeyOptions()))}}
		list := p.follow(p.post("/account/security/passkey", form)).want(http.StatusOK, "The passkey is added", "Firefox, Linux")
		_, link, _ := strings.Cut(list.body, `href="/account/security/passkey/remove?passkey=`)
		id, _, _ := strings.Cut(link, `"`)
		f.signedIn(f.grace).get("/account/security/passkey/remove?passkey=" + id).want(http.StatusNotFound)
		ask := p.get("/account/security/passkey/remove?passkey="+id).want(http.StatusOK, "Remove the passkey My laptop?")
		p.follow(p.post("/account/security/passkey/remove", url.Values{"token": ask.tokens()})).want(http.StatusOK, "The passkey is removed", "10 codes are left").without("My laptop")
		p.post("/account/security/passkey/remove", url.Values{"token": ask.tokens()}).want(http.StatusNotFound)
		if got := f.audited("factor.removed"); len(got) != 1 || got[0]["factor"] != "passkey" {
			t.Errorf("K21 %v", got)
		}
	})
}

// passkeyOptions is what the page's script reads.
func (a *answer) passkeyOptions() string {
	a.Helper()
	_, rest, ok := strings.Cut(a.body, `data-passkey="`)
	options, _, ended := strings.Cut(rest, `"`)
	if !ok || !ended {
		a.Fatalf("no options in %s", a.body)
	}
	return unescape(options)
}

// cookie is the value of a cookie of the jar whose name contains part.
func (p *person) cookie(part string) string {
	p.Helper()
	u, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	for _, c := range p.jar.Cookies(u) {
		if strings.Contains(c.Name, part) {
			return c.Value
		}
	}
	return ""
}

// sessionOf is the session of a browser as it is stored.
func (f *fixture) sessionOf(p *person) storage.Session {
	f.Helper()
	id, ok := oauth.ParseCredential(oauth.PrefixSession, p.cookie("session"))
	if !ok {
		f.Fatal("no session cookie")
	}
	s, _, err := f.db.Session(f.Context(), id, f.clock())
	if err != nil {
		f.Fatal(err)
	}
	return s
}

func TestOutOfReach(t *testing.T) {
	t.Run("B18 storage out of reach is 503, nothing is changed, and nothing is said to be", func(t *testing.T) {
		f := newFixture(t, options{})
		_, token := f.authorize(f.ada, acme(), nil)
		p := f.signedIn(f.ada)
		revoke, all, data := p.get("/account/revoke?app="+acmeUID).tokens(), p.get("/account/sessions/all").tokens(), p.get("/account/data").tokens()
		f.down.Store(true)
		for path, form := range map[string]url.Values{
			"/account/revoke?app=" + acmeUID: {"token": revoke}, "/account/sessions/all": {"token": all}, "/account/data/erase": {"token": data[1:2], "sure": {"yes"}},
		} {
			a := p.post(path, form).want(http.StatusServiceUnavailable, "Nothing was changed").without("secret detail")
			if a.header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", path)
			}
		}
		f.down.Store(false)
		for _, action := range []string{"grant.revoked", "session.ended", "data.erased"} {
			if got := f.audited(action); got != nil {
				t.Errorf("K21 %v", got)
			}
		}
		p.get("/account").want(http.StatusOK, "Acme CLI")
		if err := f.refresh(token, acme()); err != nil {
			t.Error(err)
		}
	})

	t.Run("without a key at rest no authenticator app is set up", func(t *testing.T) {
		f := newFixture(t, options{})
		f.registry.Apply([]registry.Change{{Key: "keys", Document: &registration.Keys{Namespace: "oauth", Name: "main",
			Sealing: f.registry.Current().Keys().Sealing}}}, "2")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := f.registry.WaitFor(ctx, func(s *registry.Snapshot) bool { return len(s.Keys().AtRest) == 0 }); err != nil {
			t.Fatal(err)
		}
		f.signedIn(f.ada).get("/account/security/app").want(http.StatusServiceUnavailable)
	})
}
