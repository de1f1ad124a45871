package edge

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// settings are those of a server of the issuer.
func settings(issuer string, proxies ...string) *registration.Server {
	return &registration.Server{
		Namespace: "oauth", Name: "main", Issuer: issuer, TrustedProxies: proxies,
		Device: registration.Device{CodeTTL: registration.Duration(time.Minute), Interval: registration.Duration(time.Second)},
	}
}

// newEdge is an Edge of a server with those settings.
func newEdge(s *registration.Server, log *slog.Logger) *Edge {
	r := registry.New(slog.New(slog.DiscardHandler))
	r.Replace([]registry.Change{{Key: "server", Document: s}}, "1")
	return New(r, log)
}

// through is the status that a request gets of an Edge before a handler that answers 204.
func through(e *Edge, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })).ServeHTTP(w, r)
	return w
}

func TestA23WhichHostIsTheIssuers(t *testing.T) {
	const yes, no = http.StatusNoContent, http.StatusMisdirectedRequest
	for issuer, hosts := range map[string]map[string]int{
		"https://login.example.com": {
			"login.example.com": yes, "LOGIN.Example.com": yes, "login.example.com:443": yes,
			"login.example.com:80": no, "login.example.com:8443": no, "login.example.com.": no, "evil.example": no, "": no,
			"login.example.com.evil.example": no, "evil.example:443": no, "login.example.com:443:443": no,
		},
		"https://login.example.com:8443": {"login.example.com:8443": yes, "login.example.com": no, "login.example.com:443": no, "login.example.com:8443:443": no},
		"http://[::1]:9000":              {"[::1]:9000": yes, "[::1]": no, "[0:0:0:0:0:0:0:1]:9000": no},
		"http://localhost":               {"localhost": yes, "localhost:80": yes, "localhost:443": no},
	} {
		e := newEdge(settings(issuer), slog.New(slog.DiscardHandler))
		for host, want := range hosts {
			r := httptest.NewRequest(http.MethodGet, "/v1/jwks", nil)
			r.Host = host
			if got := through(e, r).Code; got != want {
				t.Errorf("A23 issuer %s, Host %q: %d, want %d", issuer, host, got, want)
			}
		}
	}
}

func TestB03RepeatedAuthorizationIsRefused(t *testing.T) {
	e := newEdge(settings("https://login.example.com"), slog.New(slog.DiscardHandler))
	for _, path := range []string{"/v1/token", "/v1/par", "/v1/device_authorization", "/v1/revoke", "/v1/introspect", "/v1/userinfo", "/login"} {
		r := httptest.NewRequest(http.MethodPost, "https://login.example.com"+path, nil)
		r.Header.Add("Authorization", "Basic YTpi")
		if got := through(e, r).Code; got != http.StatusNoContent {
			t.Errorf("%s with one: %d", path, got)
		}
		r.Header.Add("Authorization", "Basic YTpi")
		if got := through(e, r).Code; got != http.StatusBadRequest {
			t.Errorf("B03 %s with two: %d", path, got)
		}
	}
}

func TestI09TransportSecurityIsForTheIssuersHostAlone(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "https://login.example.com/v1/jwks", nil)
	w := through(newEdge(settings("https://login.example.com"), slog.New(slog.DiscardHandler)), r)
	if got := w.Header().Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("I09 %q: what the pages say, and nothing about hosts below the issuer's", got)
	}
}

func TestWhereARequestComesFrom(t *testing.T) {
	for name, c := range map[string]struct {
		peer    string
		headers []string
		proxies []string
		want    string
		warns   bool
	}{
		"the peer itself": {peer: "192.0.2.1:1", want: "192.0.2.1"},
		"K10 a header from anybody counts for nothing":        {peer: "192.0.2.1:1", headers: []string{"198.51.100.7"}, proxies: []string{"10.0.0.0/8"}, want: "192.0.2.1", warns: true},
		"a proxy that is not declared is warned about":        {peer: "10.0.0.1:1", headers: []string{"198.51.100.7"}, want: "10.0.0.1", warns: true},
		"the last address that is not a declared proxy":       {peer: "10.0.0.1:1", headers: []string{"203.0.113.9, 198.51.100.7, 10.0.0.2"}, proxies: []string{"10.0.0.0/8"}, want: "198.51.100.7"},
		"K10 what a client put in front is passed over":       {peer: "10.0.0.1:1", headers: []string{"10.0.0.9", "203.0.113.9", "198.51.100.7"}, proxies: []string{"10.0.0.0/8"}, want: "198.51.100.7"},
		"what is no address ends the search":                  {peer: "10.0.0.1:1", headers: []string{"203.0.113.9, unknown"}, proxies: []string{"10.0.0.0/8"}, want: "10.0.0.1"},
		"a v4 address in v6 clothes, and a zone, are undone":  {peer: "[::ffff:10.0.0.1]:1", headers: []string{"fe80::1%eth0"}, proxies: []string{"10.0.0.0/8"}, want: "fe80::1"},
		"a declared proxy without the header is taken itself": {peer: "10.0.0.1:1", proxies: []string{"10.0.0.0/8"}, want: "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			e := newEdge(settings("https://login.example.com", c.proxies...), slog.New(slog.NewTextHandler(&log, nil)))
			for range 2 {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.RemoteAddr = c.peer
				for _, h := range c.headers {
					r.Header.Add("X-Forwarded-For", h)
				}
				if got := e.Address(r).String(); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
			if got := strings.Count(log.String(), "trustedProxies"); got > 1 || (got == 1) != c.warns {
				t.Errorf("warned %d times: %s", got, log.String())
			}
		})
	}
}
