package server

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/account"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// gitHub stands in for GitHub: who comes is signed in at once, whatever was asked, as GitHub does with those who are.
type gitHub struct {
	server *httptest.Server

	mu         sync.Mutex
	challenges []string // by code
	prompts    []string
}

func newGitHub(t *testing.T) *gitHub {
	t.Helper()
	g := &gitHub{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/oauth/authorize", g.authorize)
	mux.HandleFunc("POST /login/oauth/access_token", g.token)
	mux.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, map[string]any{"id": 583231, "login": "ada"})
	})
	for _, path := range []string{"/user/emails", "/user/orgs", "/user/teams"} {
		mux.HandleFunc("GET /api/v3"+path, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, []any{}) })
	}
	g.server = httptest.NewServer(mux)
	t.Cleanup(g.server.Close)
	return g
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that is gone
}

func (g *gitHub) authorize(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := r.URL.Query()
	g.prompts = append(g.prompts, q.Get("prompt"))
	g.challenges = append(g.challenges, q.Get("code_challenge"))
	back := url.Values{"state": {q.Get("state")}, "code": {strconv.Itoa(len(g.challenges) - 1)}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (g *gitHub) token(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, err := strconv.Atoi(r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if err != nil || n < 0 || n >= len(g.challenges) || g.challenges[n] != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answerJSON(w, map[string]string{"error": "bad_verification_code"})
		return
	}
	g.challenges[n] = "used"
	answerJSON(w, map[string]string{"access_token": "gho_1", "token_type": "bearer", "scope": "read:org,user:email"})
}

// asked is how often people were sent there.
func (g *gitHub) asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.challenges)
}

func (g *gitHub) declaration() *registration.IdentityProvider {
	return &registration.IdentityProvider{Namespace: "oauth", Name: "github", UID: "uid-github", DisplayName: "GitHub", GitHub: &registration.GitHubProvider{
		URL: g.server.URL, APIURL: g.server.URL + "/api/v3", ClientID: "Iv1.client", ClientSecret: "0123456789abcdef0123456789abcdef01234567",
	}}
}

// tab is a browser that is with the server and with GitHub.
func (g *gitHub) tab(t *testing.T, w *world) *tab {
	t.Helper()
	return w.tab(t, &world{url: g.server.URL})
}

// What is to be fresh at a provider that cannot tell when it authenticated anybody.
func TestProviderWithoutTimes(t *testing.T) {
	g := newGitHub(t)
	demands := map[string][]string{"prompt=login": {"prompt", "login"}, "max_age=0": {"max_age", "0"}, "max_age of a day": {"max_age", "86400"}}
	tokens := func(t *testing.T, w *world, b *tab) answer {
		t.Helper()
		b.through()
		a := w.redeem(webID, b.answered(webCallback).Get("code"))
		want(t, a, 200, "")
		return a
	}
	told := func(t *testing.T, b *tab) {
		t.Helper()
		if q := b.answered(webCallback); q.Get("error") != "login_required" || q.Get("code") != "" {
			t.Errorf("the app is told %v", q)
		}
	}

	t.Run("where it is the only one", func(t *testing.T) {
		w := newWorld(t)
		w.remove(&registration.IdentityProvider{Namespace: "oauth", Name: "local"})
		w.put(g.declaration(), func(s *registry.Snapshot) bool {
			return len(s.IdentityProviders()) == 1 && s.IdentityProviders()[0].GitHub != nil
		})
		b := g.tab(t, w)

		t.Run("auth_time is when the session began here, where nothing is demanded", func(t *testing.T) {
			b.open(authorization())
			first := authenticated(t, tokens(t, w, b))
			if !recent(first, w.now()) {
				t.Errorf("auth_time %v", first)
			}
			w.pass(10 * time.Minute)
			b.open(authorization())
			if at := authenticated(t, tokens(t, w, b)); !at.Equal(first) {
				t.Errorf("auth_time %v, want %v", at, first)
			}
		})
		for name, pair := range demands {
			t.Run("A16 "+name+" is login_required, and nobody is sent there", func(t *testing.T) {
				before := g.asked()
				b.open(authorization(pair...))
				if told(t, b); g.asked() != before {
					t.Error("sent to GitHub")
				}
			})
			t.Run("A14 "+name+" of a stranger is told to the app once somebody is there", func(t *testing.T) {
				stranger, before := g.tab(t, w), g.asked()
				stranger.open(authorization(pair...))
				if told(t, stranger); g.asked() != before+1 {
					t.Errorf("sent to GitHub %d times", g.asked()-before)
				}
			})
		}
		t.Run("A15 A16 without a page too", func(t *testing.T) {
			b.open(authorization("prompt", "none", "max_age", "86400"))
			told(t, b)
			b.open(authorization("prompt", "none"))
			tokens(t, w, b)
		})
		t.Run("a page of ours that wants a new sign-in takes one", func(t *testing.T) {
			w.pass(account.FreshFor + time.Minute)
			before := g.asked()
			b.open("/account/security/app")
			if b.see("Set up an authenticator app"); g.asked() != before+1 || g.prompts[before] != "select_account" {
				t.Errorf("sent to GitHub %d times, prompts %q", g.asked()-before, g.prompts)
			}
		})
		t.Run("another account is chosen by a new sign-in there", func(t *testing.T) {
			before := g.asked()
			b.open(authorization("prompt", "select_account"))
			b.submit("account", "other")
			if tokens(t, w, b); g.asked() != before+1 {
				t.Errorf("sent to GitHub %d times", g.asked()-before)
			}
		})
	})

	t.Run("where there is another one", func(t *testing.T) {
		w := newWorld(t)
		w.put(g.declaration(), func(s *registry.Snapshot) bool { return len(s.IdentityProviders()) == 2 })
		b := g.tab(t, w)
		b.open(authorization())
		b.click("/login/with/github")
		tokens(t, w, b)
		for name, pair := range demands {
			t.Run("A16 "+name+" is for the other one, and the page says why", func(t *testing.T) {
				before := g.asked()
				b.open(authorization(pair...))
				if !b.browser.AsksForPassword() || !strings.Contains(b.browser.Page.Text(), "You cannot use GitHub this time") || strings.Contains(b.page.body, "/login/with/github") {
					t.Fatalf("at %s: %d %s", b.at, b.page.status, b.browser.Page.Text())
				}
				page := b.at
				b.visit(strings.Replace(page, "/login?", "/login/with/github?", 1))
				if g.asked() != before || b.at != page {
					t.Errorf("sent to GitHub, and at %s", b.at)
				}
				b.signIn()
				if at := authenticated(t, tokens(t, w, b)); !recent(at, w.now()) {
					t.Errorf("auth_time %v", at)
				}
				b.open(authorization("prompt", "select_account")) // back to GitHub, for the next
				b.submit("account", "other")
				b.click("/login/with/github")
				tokens(t, w, b)
			})
		}
		t.Run("where nothing is demanded the page says nothing of it", func(t *testing.T) {
			b := g.tab(t, w)
			b.open(authorization())
			if strings.Contains(b.browser.Page.Text(), "You cannot use") {
				t.Errorf("%s", b.browser.Page.Text())
			}
		})
	})
}
