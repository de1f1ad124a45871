package logout_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/server/internal/logout"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// party is a relying party that is told of logouts and verifies what it is told as section 2.6 says, with keys that it fetches.
type party struct {
	f      *fixture
	id     string
	keys   *oidc.RemoteKeySet
	server *httptest.Server

	mu      sync.Mutex
	answers []int // the next ones; 200 when there are none left
	tokens  []logoutToken
}

type logoutToken struct {
	Issuer    string                     `json:"iss"`
	Subject   string                     `json:"sub"`
	Audience  string                     `json:"aud"`
	IssuedAt  int64                      `json:"iat"`
	ExpiresAt int64                      `json:"exp"`
	ID        string                     `json:"jti"`
	SID       string                     `json:"sid"`
	Events    map[string]json.RawMessage `json:"events"`
	Nonce     *string                    `json:"nonce"`
	// algorithm and typ are of the header.
	algorithm, typ string
}

// party makes a client one that is told.
func (f *fixture) party(id, algorithm string) *party {
	f.Helper()
	p := &party{f: f, id: id, keys: oidc.NewRemoteKeySet(f.Context(), f.issuer+"/v1/jwks")}
	p.server = httptest.NewServer(p)
	f.Cleanup(p.server.Close)
	d := client(id, acmeURI)
	d.BackChannelLogoutURI, d.IDTokenAlgorithm = p.server.URL+"/backchannel?tenant=1", algorithm
	f.change(d)
	return p
}

// next sets the answers to come.
func (p *party) next(status ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = status
}

// heard takes what was heard since.
func (p *party) heard() []logoutToken {
	p.mu.Lock()
	defer p.mu.Unlock()
	tokens := p.tokens
	p.tokens = nil
	return tokens
}

func (p *party) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := p.f.T
	raw := r.PostFormValue("logout_token")
	if r.Method != http.MethodPost || r.URL.RequestURI() != "/backchannel?tenant=1" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	payload, err := p.keys.VerifySignature(r.Context(), raw)
	if err != nil {
		t.Errorf("signature of %q: %v", raw, err)
	}
	var l logoutToken
	if err := json.Unmarshal(payload, &l); err != nil {
		t.Error(err)
	}
	head, _, _ := strings.Cut(raw, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	var header struct{ Alg, Typ string }
	if err != nil || json.Unmarshal(decoded, &header) != nil {
		t.Errorf("header %q", head)
	}
	l.algorithm, l.typ = header.Alg, header.Typ
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = append(p.tokens, l)
	status := http.StatusOK
	if len(p.answers) > 0 {
		status, p.answers = p.answers[0], p.answers[1:]
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(status)
}

// round works on the queue once and returns how many deliveries that was.
func (f *fixture) round() int {
	f.Helper()
	return must[int](f.T)(f.notifier.Round(f.Context()))
}

func TestBackChannel(t *testing.T) {
	f := newFixture(t)
	a, b := f.party(acme, "ES256"), f.party(beta, "")
	t.Run("every client of the session is told, in a token that it can verify", func(t *testing.T) {
		p := f.signIn("ada")
		p.uses(acme, "openid")
		p.uses(beta, "openid", "offline_access")
		f.get(p, url.Values{"id_token_hint": {p.idToken(acme)}})
		if n := f.round(); n != 2 {
			t.Fatalf("%d deliveries", n)
		}
		for _, c := range []struct {
			*party
			algorithm string
		}{{a, "ES256"}, {b, "RS256"}} {
			heard := c.heard()
			if len(heard) != 1 || heard[0].ID == "" {
				t.Fatalf("%s heard %+v", c.id, heard)
			}
			now := f.clock().Unix()
			want := []logoutToken{{
				Issuer: f.issuer, Subject: p.user.ID, Audience: c.id, IssuedAt: now, ExpiresAt: now + 120, ID: heard[0].ID, SID: p.session.SID,
				Events:    map[string]json.RawMessage{"http://schemas.openid.net/event/backchannel-logout": json.RawMessage("{}")},
				algorithm: c.algorithm, typ: "logout+jwt",
			}}
			if diff := cmp.Diff(want, heard, cmp.AllowUnexported(logoutToken{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.id, diff)
			}
		}
		f.advance(2 * time.Hour)
		if n := f.round(); n != 0 || len(a.heard())+len(b.heard()) != 0 {
			t.Errorf("told again: %d", n)
		}
	})
	t.Run("who signs out everywhere, or is erased, is told of without a session", func(t *testing.T) {
		tell := logout.Tell(f.registry.Current())
		for _, end := range []func(p *person) error{
			func(p *person) error { return f.db.EndUserSession(t.Context(), p.user.ID, "", f.clock(), tell) },
			func(p *person) error { return f.db.EraseUser(t.Context(), p.user.ID, f.clock(), tell) },
		} {
			p := f.signIn("grace")
			p.uses(acme, "openid")
			check(t, end(p))
			f.round()
			if heard := a.heard(); len(heard) != 1 || heard[0].SID != "" || heard[0].Subject != p.user.ID {
				t.Errorf("heard %+v", heard)
			}
		}
	})
}

// deliver makes one delivery to acme and forgets what was counted.
func (f *fixture) deliver() {
	f.Helper()
	p := f.signIn("ada")
	p.uses(acme, "openid")
	check(f.T, f.db.EndUserSession(f.Context(), p.user.ID, p.session.SID, f.clock(), func(storage.ClientRef) bool { return true }))
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.results)
	f.logs.Reset()
}

func (f *fixture) counted() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.results)
}

func TestRetries(t *testing.T) {
	f := newFixture(t)
	a := f.party(acme, "")
	t.Run("a client that fails is tried again, later and later, with a new token", func(t *testing.T) {
		f.deliver()
		a.next(503, 500, 404, 302, 204)
		for i, wait := range []time.Duration{0, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second} {
			if wait > 0 {
				f.advance(wait - time.Second)
				if n := f.round(); n != 0 {
					t.Fatalf("attempt %d came before %v", i+1, wait)
				}
				f.advance(time.Second)
			}
			if n := f.round(); n != 1 {
				t.Fatalf("attempt %d did not come after %v", i+1, wait)
			}
		}
		heard := a.heard()
		ids := map[string]bool{}
		for _, l := range heard {
			ids[l.ID] = true
		}
		if len(heard) != 5 || len(ids) != 5 {
			t.Errorf("heard %+v", heard)
		}
		if diff := cmp.Diff(map[string]int{"retried": 4, "delivered": 1}, f.counted()); diff != "" {
			t.Error(diff)
		}
		f.advance(24 * time.Hour)
		if n := f.round(); n != 0 {
			t.Error("told again")
		}
	})
	t.Run("a client that never answers is given up after an hour, and the log says so", func(t *testing.T) {
		f.deliver()
		begun := f.clock()
		a.server.CloseClientConnections()
		a.next(make503(100)...)
		for f.counted()["dropped"] == 0 {
			f.round()
			f.advance(5 * time.Second)
			if f.clock().Sub(begun) > 2*logout.GiveUpAfter {
				t.Fatal("never given up")
			}
		}
		if took := f.clock().Sub(begun); took > logout.GiveUpAfter || took < logout.GiveUpAfter/2 {
			t.Errorf("given up after %v", took)
		}
		if !strings.Contains(f.logs.String(), "not tried again") || !strings.Contains(f.logs.String(), "client=acme") {
			t.Error(f.logs.String())
		}
		f.advance(24 * time.Hour)
		if n := f.round(); n != 0 {
			t.Error("it is still there")
		}
		a.next()
		a.heard()
	})
	t.Run("a client that says the token is wrong is not asked again", func(t *testing.T) {
		f.deliver()
		f.deliver()
		a.next(400, 200)
		f.round()
		if diff := cmp.Diff(map[string]int{"refused": 1, "delivered": 1}, f.counted()); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(f.logs.String(), "refused") || strings.Contains(f.logs.String(), "eyJ") {
			t.Error(f.logs.String())
		}
		a.heard()
	})
	t.Run("what waits for a client that does not answer is put off together", func(t *testing.T) {
		for range 5 {
			f.deliver()
		}
		a.next(503)
		f.round()
		if n := len(a.heard()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if diff := cmp.Diff(map[string]int{"retried": 5}, f.counted()); diff != "" {
			t.Error(diff)
		}
		f.advance(5 * time.Second)
		f.round()
		if n := len(a.heard()); n != 5 {
			t.Errorf("heard %d", n)
		}
	})
	t.Run("a round that is given up leaves the queue as it was, and nobody is lost", func(t *testing.T) {
		f.deliver()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.notifier.Round(gone)
		if err == nil || len(a.heard()) != 0 {
			t.Errorf("error is %v", err)
		}
		f.advance(time.Hour)
		if f.round() != 1 || len(a.heard()) != 1 {
			t.Error("lost")
		}
	})
	t.Run("a client that is suspended or asks for it no more is not told, and not tried again", func(t *testing.T) {
		f.deliver()
		quiet := client(acme, acmeURI)
		f.change(quiet)
		f.round()
		suspended := client(acme, acmeURI)
		suspended.BackChannelLogoutURI, suspended.Suspended = a.server.URL, true
		f.deliver()
		f.change(suspended)
		f.round()
		f.advance(time.Hour)
		if n := f.round(); n != 0 || len(a.heard()) != 0 || len(f.counted()) != 0 {
			t.Errorf("%d left, %v", n, f.counted())
		}
	})
}

func make503(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = http.StatusServiceUnavailable
	}
	return out
}

// TestAddresses is who a server that is not one for development tells: nobody inside.
func TestAddresses(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct{ issuer, uri string }{
		"the machine itself":                {"https://id.example", "https://127.0.0.1:1/x"},
		"a private network":                 {"https://id.example", "https://10.0.0.1/x"},
		"a private network for development": {f.issuer, "https://10.0.0.1/x"},
		"a metadata service":                {f.issuer, "https://169.254.169.254/x"},
	} {
		t.Run(strings.TrimPrefix(name, "")+" is never asked", func(t *testing.T) {
			d := client(acme, acmeURI)
			d.BackChannelLogoutURI = c.uri
			s := *f.registry.Current().Server()
			s.Issuer = c.issuer
			f.registry.Apply([]registry.Change{{Key: "server", Document: &s}, {Key: "policy", Document: policyOf("127.0.0.1", "10.0.0.1", "169.254.169.254")}}, name)
			f.change(d)
			f.deliver()
			f.round()
			if diff := cmp.Diff(map[string]int{"retried": 1}, f.counted()); diff != "" {
				t.Error(diff)
			}
			f.advance(logout.GiveUpAfter)
			f.round()
			if !strings.Contains(f.logs.String(), outbound.ErrAddress.Error()) {
				t.Error(f.logs.String())
			}
		})
	}
}

func TestRun(t *testing.T) {
	f := newFixture(t)
	a := f.party(acme, "")
	f.deliver()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.notifier.Run(ctx) }()
	select {
	case <-f.told:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
	cancel()
	check(t, <-ended)
	if len(a.heard()) != 1 {
		t.Error("not told once")
	}
}
