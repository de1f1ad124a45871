package server

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// keyHost publishes the keys of a client.
type keyHost struct {
	*httptest.Server
	calls atomic.Int32
	serve atomic.Value // of http.HandlerFunc
}

func newKeyHost(t *testing.T) *keyHost {
	t.Helper()
	h := &keyHost{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.calls.Add(1)
		h.serve.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *keyHost) answers(f http.HandlerFunc) { h.serve.Store(f) }

func (h *keyHost) publishes(t *testing.T, keys ...signingKey) {
	set := publicSet(t, keys...)
	h.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) })
}

// called fails unless the host was called so often since the last time.
func (h *keyHost) called(t *testing.T, n int32, what string) {
	t.Helper()
	if got := h.calls.Swap(0); got != n {
		t.Errorf("%s: %d calls, want %d", what, got, n)
	}
}

const publishedID = "apps.published"

func publishedWorld(t *testing.T) (*world, signingKey, *keyHost) {
	t.Helper()
	w, _, _ := assertionWorld(t)
	key, host := newSigningKey(t, "1", jose.ES256), newKeyHost(t)
	host.publishes(t, key)
	w.register(signed(t, "published", key), func(c *registration.Client) {
		c.Authentication.JWKS, c.Authentication.JWKSURI = nil, host.URL+"/jwks.json"
	})
	return w, key, host
}

func TestJWKSURI(t *testing.T) {
	t.Run("K14 keys are fetched once and kept", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		host.called(t, 0, "before anybody asks")
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 200, "") })
		}
		all.Wait()
		host.called(t, 1, "twenty at once")
		w.pass(4 * time.Minute)
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 200, "")
		host.called(t, 0, "four minutes later")
	})
	t.Run("K14 what does not hold by itself makes the server call nobody", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		w.edit("published", func(c *registration.Client) { c.Authentication.Algorithms = []string{"ES256"} })
		for _, pairs := range [][]any{{"aud", "https://other.example"}, {"iss", serviceID}, {"exp", nil}, {"jti", nil}} {
			want(t, w.present(key.sign(t, w.claimsOf(publishedID, pairs...), nil), "client_id", publishedID), 401, "invalid_client")
		}
		other := newSigningKey(t, "1", jose.RS256)
		want(t, w.present(other.sign(t, w.claimsOf(publishedID), nil)), 401, "invalid_client")
		w.edit("published", func(c *registration.Client) { c.Suspended = true })
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 401, "invalid_client")
		host.called(t, 0, "none of them")
	})
	t.Run("K14 unknown keys make the server look again, and not often", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 200, "")
		host.called(t, 1, "the first time")
		stranger := newSigningKey(t, "2", jose.ES256)
		for range 10 {
			want(t, w.present(stranger.sign(t, w.claimsOf(publishedID), nil)), 401, "invalid_client")
		}
		host.called(t, 0, "right after a look")
		w.pass(11 * time.Second)
		for range 5 {
			want(t, w.present(stranger.sign(t, w.claimsOf(publishedID), nil)), 401, "invalid_client")
		}
		host.called(t, 1, "a while later")
		same := newSigningKey(t, "1", jose.ES256)
		w.pass(11 * time.Second)
		want(t, w.present(same.sign(t, w.claimsOf(publishedID), nil)), 401, "invalid_client")
		host.called(t, 0, "a wrong signature by a key of a known name")
		host.publishes(t, key, stranger)
		want(t, w.present(stranger.sign(t, w.claimsOf(publishedID), nil)), 200, "")
		host.called(t, 1, "a new key")
	})
	t.Run("K14 a key that is withdrawn counts no more, also after a quiet night", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		next := newSigningKey(t, "2", jose.ES256)
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 200, "")
		host.publishes(t, next)
		w.pass(8 * time.Hour)
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 401, "invalid_client")
		want(t, w.present(next.sign(t, w.claimsOf(publishedID), nil)), 200, "")
	})
	t.Run("K14 the last good keys are kept while the host is away, for a day", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 200, "")
		for name, f := range map[string]http.HandlerFunc{
			"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
			"no keys":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
			"no JSON":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
			"too long": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 65<<10)) },
			"a redirect": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, host.URL+"/elsewhere", http.StatusFound)
			},
		} {
			host.answers(f)
			w.pass(time.Hour)
			host.calls.Store(0)
			if a := w.present(key.sign(t, w.claimsOf(publishedID), nil)); a.status != 200 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			host.called(t, 1, name)
		}
		w.pass(24 * time.Hour)
		if a := w.present(key.sign(t, w.claimsOf(publishedID), nil)); a.status != 503 {
			t.Errorf("a day later: %d %s", a.status, a.body)
		}
	})
	t.Run("B18 keys that cannot be had are 503, use nothing up, and are asked for again", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		host.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		assertion := key.sign(t, w.claimsOf(publishedID), nil)
		for range 5 {
			a := w.present(assertion)
			if a.status != 503 || a.header.Get("Retry-After") == "" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		host.called(t, 1, "five requests")
		host.publishes(t, key)
		w.pass(11 * time.Second)
		want(t, w.present(assertion), 200, "")
	})
	t.Run("K14 a host that the policy does not list any more is not called", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		p, _ := w.server.registry.Current().Policy("assertions")
		narrower := *p
		narrower.Allow.RedirectHosts = []string{"app.example.com"}
		w.put(&narrower, func(s *registry.Snapshot) bool { c, _ := s.Client(publishedID); return !c.Enabled() })
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 401, "invalid_client")
		host.called(t, 0, "afterwards")
	})
	t.Run("K14 loopback is for servers in development", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		settings := *w.server.registry.Current().Server()
		settings.Issuer = "https://auth.example.com"
		w.put(&settings, func(s *registry.Snapshot) bool { return s.Server().Issuer == settings.Issuer })
		assertion := key.sign(t, w.claimsOf(publishedID, "aud", settings.Issuer), nil)
		a := w.post("/v1/token", []string{"grant_type", "client_credentials", "client_assertion_type", jwtBearer, "client_assertion", assertion},
			withHeader("Host", "auth.example.com"))
		if a.status != 503 {
			t.Errorf("%d %s", a.status, a.body)
		}
		host.called(t, 0, "this machine")
	})
	t.Run("faults 28: a host that is slow holds up neither others nor what is kept", func(t *testing.T) {
		w, key, host := publishedWorld(t)
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 200, "")
		hold := make(chan struct{})
		host.answers(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		})
		defer close(hold)
		w.pass(6 * time.Minute)
		start := time.Now()
		want(t, w.present(key.sign(t, w.claimsOf(publishedID), nil)), 200, "")
		want(t, w.post("/v1/token", []string{"grant_type", "client_credentials"}, withBasic(serviceID, secret)), 200, "")
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}
