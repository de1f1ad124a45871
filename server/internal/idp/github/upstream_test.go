package github

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	clientID     = "Iv1.client"
	clientSecret = "0123456789abcdef0123456789abcdef01234567"
)

// upstream is a stand-in for GitHub: the documented endpoints, with their ways. Errors of the token endpoint have status 200, and
// answers there are forms unless JSON is asked for; lists have pages and links.
type upstream struct {
	srv *httptest.Server

	mu        sync.Mutex
	n         int
	down      bool
	locked    bool // the user took the authorization back
	suspended bool
	limited   bool
	expires   bool // tokens end, as those of GitHub Apps
	endless   bool // lists never end
	pending   map[string]url.Values
	access    map[string]bool
	refresh   map[string]bool
	emails    []map[string]any
	orgs      []string
	teams     []string
	asked     map[string]int
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{pending: map[string]url.Values{}, access: map[string]bool{}, refresh: map[string]bool{}, asked: map[string]int{},
		emails: []map[string]any{
			{"email": "old@example.com", "primary": false, "verified": true}, {"email": "ada@example.com", "primary": true, "verified": true},
		},
		orgs: []string{"acme", "Other"}, teams: []string{"acme/dev", "Other/all"}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login/oauth/access_token", u.token)
	mux.HandleFunc("GET /api/v3/user", u.api(func(http.ResponseWriter, *http.Request) any {
		return map[string]any{"id": 583231, "login": "Ada", "name": "Ada Lovelace", "html_url": "https://github.com/Ada", "type": "User",
			"avatar_url": "https://avatars.githubusercontent.com/u/583231", "blog": "https://ada.example", "company": "@acme", "email": nil}
	}))
	mux.HandleFunc("GET /api/v3/user/emails", u.api(func(w http.ResponseWriter, r *http.Request) any { return u.page(w, r, u.emails) }))
	mux.HandleFunc("GET /api/v3/user/orgs", u.api(func(w http.ResponseWriter, r *http.Request) any {
		var all []map[string]any
		for i, o := range u.orgs {
			all = append(all, map[string]any{"id": i, "login": o})
		}
		return u.page(w, r, all)
	}))
	mux.HandleFunc("GET /api/v3/user/teams", u.api(func(w http.ResponseWriter, r *http.Request) any {
		var all []map[string]any
		for i, t := range u.teams {
			org, slug, _ := strings.Cut(t, "/")
			all = append(all, map[string]any{"id": i, "name": "Team " + slug, "slug": slug, "organization": map[string]any{"login": org}})
		}
		return u.page(w, r, all)
	}))
	u.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.asked[r.URL.Path]++
		if u.down {
			http.Error(w, "unicorn", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(u.srv.Close)
	return u
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// api is what every endpoint of the API does first.
func (u *upstream) api(answer func(http.ResponseWriter, *http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case r.UserAgent() == "":
			http.Error(w, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header", http.StatusForbidden)
		case u.limited:
			w.Header().Set("X-RateLimit-Remaining", "0")
			reply(w, http.StatusForbidden, map[string]any{"message": "API rate limit exceeded for user ID 583231."})
		case u.locked || !u.access[token]:
			reply(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials", "status": "401"})
		case u.suspended:
			reply(w, http.StatusForbidden, map[string]any{"message": "Sorry. Your account was suspended."})
		case r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28":
			reply(w, http.StatusBadRequest, map[string]any{"message": "Unsupported version"})
		default:
			reply(w, http.StatusOK, answer(w, r))
		}
	}
}

func (u *upstream) page(w http.ResponseWriter, r *http.Request, all []map[string]any) []map[string]any {
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if size == 0 {
		size = 30
	}
	from, to := min((page-1)*size, len(all)), min(page*size, len(all))
	if to < len(all) || u.endless {
		// A link that would lead a token elsewhere.
		w.Header().Set("Link", fmt.Sprintf(`<https://evil.example/steal?page=%d>; rel="next", <%s>; rel="last"`, page+1, r.URL.Path))
	}
	return append([]map[string]any{}, all[from:to]...)
}

// authorize is the user at GitHub who signs in, or does not.
func (u *upstream) authorize(t *testing.T, location string, in bool) url.Values {
	t.Helper()
	at, err := url.Parse(location)
	if err != nil || at.Path != "/login/oauth/authorize" {
		t.Fatalf("location %q, error %v", location, err)
	}
	q := at.Query()
	if q.Get("client_id") != clientID || q.Get("scope") != "user:email read:org" || q.Get("state") == "" {
		t.Fatal(location)
	}
	if !in {
		return url.Values{"state": {q.Get("state")}, "error": {"access_denied"}, "error_description": {"The user has denied your application access."}}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n++
	code := fmt.Sprintf("%020x", u.n)
	u.pending[code] = q
	return url.Values{"state": {q.Get("state")}, "code": {code}}
}

func (u *upstream) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f := r.PostForm
	answer := url.Values{}
	switch {
	case f.Get("client_id") != clientID || f.Get("client_secret") != clientSecret:
		answer.Set("error", "incorrect_client_credentials")
	case f.Get("grant_type") == "refresh_token":
		if !u.refresh[f.Get("refresh_token")] || u.locked {
			answer.Set("error", "bad_refresh_token")
			break
		}
		delete(u.refresh, f.Get("refresh_token"))
		u.issue(answer)
	default:
		q, ok := u.pending[f.Get("code")]
		delete(u.pending, f.Get("code"))
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		switch {
		case !ok, base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge"):
			answer.Set("error", "bad_verification_code")
		case f.Get("redirect_uri") != q.Get("redirect_uri"):
			answer.Set("error", "redirect_uri_mismatch")
		default:
			u.issue(answer)
		}
	}
	if answer.Get("error") != "" {
		answer.Set("error_description", "secret-of-the-upstream")
	}
	if r.Header.Get("Accept") == "application/json" {
		object := map[string]any{}
		for k := range answer {
			object[k] = answer.Get(k)
		}
		reply(w, http.StatusOK, object)
		return
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = w.Write([]byte(answer.Encode()))
}

func (u *upstream) issue(answer url.Values) {
	u.n++
	access := fmt.Sprint("gho_", u.n)
	u.access[access] = true
	answer.Set("access_token", access)
	answer.Set("token_type", "bearer")
	answer.Set("scope", "read:org,user:email")
	if u.expires {
		clear(u.access)
		u.access[access] = true
		refresh := fmt.Sprint("ghr_", u.n)
		u.refresh[refresh] = true
		answer.Set("refresh_token", refresh)
		answer.Set("expires_in", "28800")
		answer.Set("refresh_token_expires_in", "15897600")
	}
}
