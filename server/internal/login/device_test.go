package login

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func TestDeviceLogin(t *testing.T) {
	f := newFixture(t, fixtureOptions{displayName: "Example Login"})

	t.Run("F07 sign in, enter the code, approve", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		f.advance(2 * time.Minute)
		p := f.person()
		a := p.open("/device").want(200, "Sign in", "Example Login", "connect the app or device")
		if a.path != "/login" {
			t.Fatalf("the sign-in is at %s", a.path)
		}
		a = p.follow(p.signIn(a, "  ADA ", goodPassword)).want(200, "Enter the code", "Ada Lovelace (Ada)")
		if a.path != "/device" {
			t.Fatalf("the code is asked for at %s", a.path)
		}
		typed := strings.ToLower(code[:3] + " " + code[3:6] + "—" + code[6:]) // F08
		a = p.follow(p.submit(a, url.Values{"user_code": {typed}}))
		a.want(200, "Give Acme CLI access to your account?", "Did you start this just now?", oauth.DisplayUserCode(code), "Acme GmbH", "partners/acme-cli",
			"2 minutes ago", "At 13:00 UTC", "198.51.100.7", "Not the address of this browser", "A command-line program (Go)",
			"Know who you are", "Read your orders", "Past and open ones, with prices", "Keep its access while you are away", "Approve", "Deny")
		if strings.Contains(a.body, "javascript:") {
			t.Error("a link that is not https is on the page")
		}
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("before the decision: %v", err)
		}
		p.follow(p.decide(a, "approve")).want(200, "Approved", "Acme CLI has access now", "You can close this page")
		g, err := f.redeem(code)
		if err != nil {
			t.Fatal(err)
		}
		if g.ID == "" || g.UserID == "" || g.SID == "" {
			t.Errorf("grant %+v", g)
		}
		want := storage.Grant{ID: g.ID, UserID: g.UserID, Client: storage.ClientRef{ID: "acme", UID: clientUID},
			Scopes: []string{"openid", "offline_access", "orders.read"}, Audience: []string{"https://api.example.com"},
			SID: g.SID, AuthenticatedAt: f.clock(), Methods: []string{"pwd"}, CreatedAt: f.clock()}
		g.LastUsedAt = time.Time{}
		if diff := cmp.Diff(want, g, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("grant (-want +got):\n%s", diff)
		}
	})

	t.Run("F09 the complete link asks as well, and its code leaves the address", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.person()
		a := p.open("/device?user_code="+oauth.DisplayUserCode(code)).want(200, "Sign in")
		a = p.follow(p.signIn(a, goodUser, goodPassword)).want(200, "Did you start this just now?", oauth.DisplayUserCode(code), "Acme CLI")
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("approved without being asked: %v", err)
		}
		p.follow(p.decide(a, "approve")).want(200, "Approved")

		again := f.startDevice() // signed in already, consent given before: still asked
		to := p.get("/device?user_code=" + again).want(303).to
		if !strings.HasPrefix(to, "/device/confirm?flow=") {
			t.Errorf("to %s", to)
		}
		p.open(to).want(200, "Did you start this just now?", oauth.DisplayUserCode(again))
		if _, err := f.redeem(again); !errors.Is(err, storage.ErrPending) {
			t.Fatalf("approved without being asked: %v", err)
		}
	})

	t.Run("F09 a request without scopes asks as well", func(t *testing.T) {
		f.in(t)
		code := f.startDevice(func(d *storage.DeviceRequest) { d.Scopes, d.Audience = nil, nil })
		p := f.signedIn(goodUser, goodPassword)
		a := p.confirmPage(code).want(200, "It asks for no access to data", "Did you start this just now?")
		p.follow(p.decide(a, "approve")).want(200, "Approved")
	})

	t.Run("deny ends it", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		p.follow(p.decide(p.confirmPage(code), "deny")).want(200, "Denied", "gets no access")
		if _, err := f.redeem(code); !errors.Is(err, storage.ErrDenied) {
			t.Fatalf("error %v", err)
		}
	})

	t.Run("F07 unknown, expired and used codes are answered the same", func(t *testing.T) {
		f.in(t)
		expired, used := f.startDevice(), f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		p.follow(p.decide(p.confirmPage(used), "deny"))
		f.advance(16 * time.Minute)
		texts := map[string][]string{}
		for name, code := range map[string]string{"unknown": "BCDFGHJK", "expired": expired, "used": used, "not a code": "hello"} {
			p := f.signedIn(goodUser, goodPassword)
			a := p.open("/device")
			a = p.submit(a, url.Values{"user_code": {code}}).want(400, "This code is wrong, has expired or was used already.")
			texts[a.text()] = append(texts[a.text()], name)
			f.advance(11 * time.Minute)
			if name == "not a code" {
				continue
			}
			a = p.open("/device?user_code="+code).want(400, "This code is wrong, has expired or was used already.")
			texts[a.text()] = append(texts[a.text()], name+" by link")
			f.advance(11 * time.Minute)
		}
		if len(texts) != 1 {
			t.Errorf("they differ: %v", texts)
		}
	})

	t.Run("A30 no parameter says where to go", func(t *testing.T) {
		f.in(t)
		p := f.person()
		for _, evil := range []string{"//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"} {
			q := "?return_to=" + url.QueryEscape(evil) + "&back=" + url.QueryEscape(evil) + "&redirect_uri=" + url.QueryEscape(evil)
			a := p.open("/login" + q)
			a = p.post(a.form()+"&"+q[1:], url.Values{"token": {a.token()}, "username": {goodUser}, "password": {goodPassword}, "return_to": {evil}, "back": {evil}}).want(303)
			if !strings.HasPrefix(a.to, "/login?flow=") {
				t.Errorf("to %s", a.to)
			}
			p.client.Jar, p.jar = f.person().jar, nil
		}
	})

	t.Run("A23 forwarded headers change neither links nor cookies", func(t *testing.T) {
		f.in(t)
		p := f.person()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.issuer+"/device", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X_Forwarded_Host", "Forwarded", "X-Original-URL"} {
			r.Header.Set(h, "http://evil.example")
		}
		if a := p.do(r).want(303); !strings.HasPrefix(a.to, "/login?flow=") {
			t.Errorf("to %s", a.to)
		}
	})

	t.Run("I10 logs hold no code, password, cookie or token", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		p := f.person()
		a := p.open("/device?user_code=" + code)
		secrets := []string{code, oauth.DisplayUserCode(code), goodPassword, "wrong horse", a.token()}
		a = p.signIn(a, goodUser, "wrong horse").want(400)
		a = p.signIn(a, goodPassword, goodPassword).want(400) // a password in the wrong box
		a = p.follow(p.signIn(a, goodUser, goodPassword))
		secrets = append(secrets, a.token(), p.cookie("session"), p.cookie("flow"))
		p.follow(p.decide(a, "approve")).want(200)
		logs := f.logs.String()
		for _, s := range secrets {
			if s == "" || strings.Contains(logs, s) {
				t.Errorf("%q is empty or in the logs", s)
			}
		}
		for _, want := range []string{`"msg":"signin.succeeded"`, `"msg":"signin.refused"`, `"msg":"device.approved","client":"acme","namespace":"partners","user":"`, `"address":"203.0.113.9"`} {
			if !strings.Contains(logs, want) {
				t.Errorf("the audit lacks %s in\n%s", want, logs)
			}
		}
	})
}
