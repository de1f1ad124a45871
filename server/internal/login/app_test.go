package login

import (
	"database/sql"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	reportsUID      = "33333333-2222-3333-4444-555555555555"
	reportsCallback = "https://reports.example/cb"
)

// reports is an app on the web.
func reports() *registration.Client {
	c := testClient()
	c.Name, c.UID, c.ClientID, c.Type, c.Policy = "reports", reportsUID, "reports", "Browser", "apps"
	c.Display = registration.Display{Name: "Reports"}
	c.GrantTypes = []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode}
	c.RedirectURIs = []string{reportsCallback, "http://127.0.0.1/cb"}
	return c
}

// apps is the policy that governs it.
func apps() *registration.Policy {
	return &registration.Policy{Namespace: "oauth", Name: "apps", Allow: registration.Allow{
		GrantTypes:    []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode},
		Scopes:        []string{"openid", "profile", "email", "offline_access", "orders.read"},
		RedirectHosts: []string{"reports.example"}, SkipConsent: true,
		Authentication: []registration.AuthenticationMethod{registration.AuthenticationNone},
	}}
}

// declare makes documents the registry's, and waits until they are.
func (f *fixture) declare(documents ...registration.Document) {
	f.Helper()
	version := strconv.FormatInt(time.Now().UnixNano(), 10)
	var changes []registry.Change
	for _, d := range documents {
		changes = append(changes, registry.Change{Key: registry.Key(fmt.Sprintf("%s %s", d.DocumentKind(), d.DocumentName())), Document: d})
	}
	f.registry.Apply(changes, version)
	f.wait(func(s *registry.Snapshot) bool { return s.Version() == version })
	if rejected := f.registry.Current().Rejected(); len(rejected) > 0 {
		f.Fatalf("refused: %v", rejected)
	}
}

// replace puts a provider in the place of the one that the fixture began with.
func (f *fixture) replace(d registration.Document) {
	f.Helper()
	version := strconv.FormatInt(time.Now().UnixNano(), 10)
	f.registry.Apply([]registry.Change{{Key: "idp", Document: d}}, version)
	f.wait(func(s *registry.Snapshot) bool { return s.Version() == version })
}

// newAppFixture has the app on the web.
func newAppFixture(t *testing.T, o fixtureOptions) *fixture {
	t.Helper()
	f := newFixture(t, o)
	f.declare(apps(), reports())
	return f
}

// asks is the app's request: pairs of names and values change it, "" removes.
func asks(pairs ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {"reports"}, "redirect_uri": {reportsCallback}, "state": {"s t+ä"}, "scope": {"openid"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return PathAuthorize + "?" + q.Encode()
}

// asked opens the app's request and follows what leads on here.
func (p *person) asked(pairs ...string) *answer { p.Helper(); return p.on(p.get(asks(pairs...))) }

// on follows redirects, up to those that leave.
func (p *person) on(a *answer) *answer {
	p.Helper()
	for range 8 {
		if a.to == "" || !strings.HasPrefix(a.to, p.base()+"/") {
			return a
		}
		a = p.get(strings.TrimPrefix(a.to, p.base()))
	}
	p.Fatalf("redirects without end, at last to %s", a.to)
	return nil
}

var leads = regexp.MustCompile(`<a class="button" href="([^"]+)" rel="noreferrer">`)

// left is where the browser is sent, by a redirect or by a page; nil when it stays.
func (a *answer) left() *url.URL {
	a.Helper()
	to := a.to
	if m := leads.FindStringSubmatch(a.body); m != nil {
		to = html.UnescapeString(m[1])
		if refresh := a.header.Get("Refresh"); refresh != "0; url="+to {
			a.Errorf("Refresh: %s", refresh)
		}
	}
	u, err := url.Parse(to)
	if err != nil {
		a.Fatal(err)
	}
	if u.Host == "" {
		return nil
	}
	return u
}

// told is what the app is told.
func (a *answer) told() url.Values {
	a.Helper()
	u := a.left()
	if u == nil || !strings.HasPrefix(u.String(), reportsCallback+"?") {
		a.Fatalf("%s (%d): the app is told nothing; to %v: %s", a.path, a.status, u, a.text())
	}
	return u.Query()
}

// stays fails when the browser is sent anywhere else.
func (a *answer) stays() *answer {
	a.Helper()
	if u := a.left(); u != nil {
		a.Fatalf("%s (%d) sends the browser to %s", a.path, a.status, u)
	}
	return a
}

// allow consents on the consent page.
func (p *person) allow(a *answer) *answer {
	p.Helper()
	if a.path != p.base()+PathConsent {
		p.Fatalf("%s (%d) is not the consent page: %s", a.path, a.status, a.text())
	}
	return p.on(p.submit(a, url.Values{"decision": {"approve"}, "scope": {"profile", "orders.read", "offline_access"}}))
}

// redeemCode takes the code of a response, as the grant does.
func (f *fixture) redeemCode(told url.Values) (storage.Code, storage.Grant) {
	f.Helper()
	hash, ok := oauth.ParseCredential(oauth.PrefixCode, told.Get("code"))
	if !ok {
		f.Fatalf("no code: %v", told)
	}
	check := func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error) { return nil, nil }
	c, r, err := f.storage.Storage.(storage.Codes).RedeemCode(f.Context(), hash, storage.ClientRef{ID: "reports", UID: reportsUID}, f.clock(), 0, check, nil)
	if err != nil {
		f.Fatal(err)
	}
	return c, r.Grant
}

// rows counts what is in the database.
func (f *fixture) rows() map[string]int {
	f.Helper()
	db, err := sql.Open("sqlite", "file:"+f.file+"?mode=ro")
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	names, err := db.QueryContext(f.Context(), `SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = names.Close() }()
	out := map[string]int{}
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			f.Fatal(err)
		}
		out[name] = -1
	}
	if err := names.Err(); err != nil {
		f.Fatal(err)
	}
	for name := range out {
		var n int
		if err := db.QueryRowContext(f.Context(), `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			f.Fatal(err)
		}
		out[name] = n
	}
	return out
}

// user is somebody's account, which is made if need be.
func (f *fixture) user(subject string) storage.User {
	f.Helper()
	u, err := f.storage.Storage.SignedIn(f.Context(), storage.User{ID: "id-" + subject, Provider: providerUID, Subject: subject, Username: subject})
	if err != nil {
		f.Fatal(err)
	}
	return u
}

// enrol sets up an authenticator app for somebody and returns its secret.
func (f *fixture) enrol(subject string) string {
	f.Helper()
	u := f.user(subject)
	start, err := f.factors.StartTOTP(u, "Example", f.clock())
	if err != nil {
		f.Fatal(err)
	}
	if err := f.factors.ConfirmTOTP(f.Context(), u.ID, start.Pending, factortest.Code(f, start.Secret, f.clock()), f.clock()); err != nil {
		f.Fatal(err)
	}
	f.advance(time.Minute) // that code is used up
	return start.Secret
}

// prove gives the code that an authenticator app shows.
func (p *person) prove(a *answer, secret string) *answer {
	p.Helper()
	return p.submit(a, url.Values{"code": {factortest.Code(p, secret, p.clock())}})
}

// flowCookies are the names and sizes of the browser's flow cookies.
func (p *person) flowCookies() (flows, size int) {
	p.Helper()
	keys := map[string]bool{}
	for _, c := range p.jar.Cookies(mustURL(p.T, p.issuer)) {
		if rest, ok := strings.CutPrefix(c.Name, p.login.site().FlowCookie+"_"); ok {
			key, _, _ := strings.Cut(rest, ".")
			keys[key] = true
			size += len(c.Value)
		}
	}
	return len(keys), size
}

// crossSite makes a request one of another site.
func crossSite(r *http.Request) {
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://reports.example")
}
