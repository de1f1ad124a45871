package sampleapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/test/sampleapi"
)

const identifier = "https://api.example.com"

// world is the API, and an authorization server with keys of its own that knows which tokens are live.
type world struct {
	*testing.T
	issuer   *httptest.Server
	api      http.Handler
	key      *ecdsa.PrivateKey
	now      time.Time
	live     map[string]map[string]any
	broken   atomic.Bool
	asked    atomic.Int64
	metadata string // the issuer that the metadata claims; its own when empty
}

func newWorld(t *testing.T, introspect bool) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC), live: map[string]map[string]any{}}
	var err error
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.issuer = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.issuer.Close)
	c := sampleapi.Config{
		Issuer: w.issuer.URL, Identifier: identifier, Data: sampleapi.Sample(), Now: func() time.Time { return w.now },
		Client: w.issuer.Client(), Log: slog.New(slog.DiscardHandler),
	}
	if introspect {
		c.ClientID, c.ClientSecret = "the api", "s%cret+/"
	}
	a, err := sampleapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.api = a.Handler()
	return w
}

// serve is the authorization server.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if w.broken.Load() {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		claimed := w.metadata
		if claimed == "" {
			claimed = w.issuer.URL
		}
		answer = map[string]any{"issuer": claimed, "jwks_uri": w.issuer.URL + "/jwks", "introspection_endpoint": w.issuer.URL + "/introspect"}
	case "/jwks":
		answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &w.key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}}
	case "/introspect":
		w.asked.Add(1)
		id, secret, _ := r.BasicAuth()
		if id != "the+api" || secret != "s%25cret%2B%2F" || r.Method != http.MethodPost {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer = map[string]any{"active": false}
		if c, ok := w.live[r.FormValue("token")]; ok {
			answer = c
		}
	}
	_ = json.NewEncoder(rw).Encode(answer)
}

// claims are those of a good access token, for two projects, changed.
func (w *world) claims(change ...func(map[string]any)) map[string]any {
	c := map[string]any{
		"iss": w.issuer.URL, "sub": "u1", "aud": identifier, "client_id": "chat", "scope": "openid projects.read clusters.read", "jti": "j1",
		"iat": w.now.Unix(), "exp": w.now.Add(10 * time.Minute).Unix(),
		"authorization_details": []any{
			map[string]any{"type": "project", "locations": []string{identifier}, "identifier": "proj-shop", "parent": "org-acme"},
			map[string]any{"type": "project", "locations": []string{identifier}, "identifier": "proj-lab", "parent": "org-beta"},
		},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func (w *world) sign(typ string, c map[string]any) string {
	w.Helper()
	return w.signWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: w.key, KeyID: "k1"}}, typ, c)
}

func (w *world) signWith(key jose.SigningKey, typ string, c map[string]any) string {
	w.Helper()
	s, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		w.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		w.Fatal(err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		w.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// issue makes an access token for the way the world's API checks them.
func (w *world) issue(introspect bool, c map[string]any) string {
	if !introspect {
		return w.sign("at+jwt", c)
	}
	c["active"] = true
	w.live["opaque"] = c
	return "opaque"
}

func (w *world) get(path string, headers ...string) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), http.MethodGet, path, http.NoBody)
	for _, h := range headers {
		r.Header.Add("Authorization", h)
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	if got := rec.Header().Get("Content-Type"); got != "application/json" && rec.Code != http.StatusNotFound {
		w.Errorf("%s: content type %q", path, got)
	}
	return rec
}

// ids are those of the one list in an answer.
func ids(t *testing.T, rec *httptest.ResponseRecorder) []string {
	t.Helper()
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	var answer map[string][]struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || len(answer) != 1 {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	out := []string{}
	for _, list := range answer {
		for _, e := range list {
			out = append(out, e.ID)
		}
	}
	return out
}

func both(t *testing.T, test func(t *testing.T, introspect bool)) {
	for name, introspect := range map[string]bool{"by JWT": false, "by introspection": true} {
		t.Run(name, func(t *testing.T) { test(t, introspect) })
	}
}

func TestListsOnlyWhatTheTokenAllows(t *testing.T) {
	both(t, func(t *testing.T, introspect bool) {
		w := newWorld(t, introspect)
		bearer := "Bearer " + w.issue(introspect, w.claims())
		for path, want := range map[string][]string{
			"/v1beta1/projects":                   {"proj-shop", "proj-lab"},
			"/v1beta1/organizations":              {"org-acme", "org-beta"},
			"/v1beta1/clusters":                   {"cl-1", "cl-2", "cl-5"},
			"/v1beta1/clusters?project=proj-shop": {"cl-1", "cl-2"},
		} {
			if diff := cmp.Diff(want, ids(t, w.get(path, bearer))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
		if rec := w.get("/v1beta1/projects/proj-shop", bearer); rec.Code != http.StatusOK {
			t.Errorf("a chosen project: %d", rec.Code)
		}
		for _, path := range []string{"/v1beta1/projects/proj-blog", "/v1beta1/clusters?project=proj-blog", "/v1beta1/projects/proj-none"} {
			rec := w.get(path, bearer)
			if rec.Code != http.StatusForbidden || !strings.Contains(rec.Header().Get("WWW-Authenticate"), `error="insufficient_scope"`) {
				t.Errorf("S4 %s: %d %s", path, rec.Code, rec.Header().Get("WWW-Authenticate"))
			}
		}
	})
}

func TestDetails(t *testing.T) {
	detail := func(typ string, locations []string, id string) func(map[string]any) {
		return func(c map[string]any) {
			c["authorization_details"] = []any{map[string]any{"type": typ, "locations": locations, "identifier": id}}
		}
	}
	both(t, func(t *testing.T, introspect bool) {
		for name, change := range map[string]func(map[string]any){
			"none at all":           func(c map[string]any) { delete(c, "authorization_details") },
			"of another type":       detail("shop", []string{identifier}, "proj-shop"),
			"for another API":       detail("project", []string{"https://other.example.com"}, "proj-shop"),
			"without a location":    detail("project", nil, "proj-shop"),
			"of an organization":    detail("project", []string{identifier}, "org-acme"),
			"of what is not there":  detail("project", []string{identifier}, "proj-gone"),
			"of nothing, in a list": detail("project", []string{identifier}, ""),
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, introspect)
				if got := ids(t, w.get("/v1beta1/projects", "Bearer "+w.issue(introspect, w.claims(change)))); len(got) != 0 {
					t.Errorf("it lists %v", got)
				}
			})
		}
	})
}

func TestRefuses(t *testing.T) {
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	both(t, func(t *testing.T, introspect bool) {
		for name, c := range map[string]struct {
			change func(map[string]any)
			status int
			says   string
		}{
			"another issuer":   {set("iss", "https://evil.example"), 401, "invalid_token"},
			"another audience": {set("aud", "https://other.example.com"), 401, "invalid_token"},
			"no audience":      {set("aud", nil), 401, "invalid_token"},
			"one among others": {set("aud", []string{"https://other.example.com", identifier}), 200, ""},
			"expired":          {set("exp", int64(0)), 401, "invalid_token"},
			"no end":           {set("exp", nil), 401, "invalid_token"},
			"nobody's":         {set("sub", ""), 401, "invalid_token"},
			"without scope":    {set("scope", "openid clusters.read"), 403, "insufficient_scope"},
			"a scope alike":    {set("scope", "projects.read.all projects"), 403, "insufficient_scope"},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, introspect)
				rec := w.get("/v1beta1/projects", "Bearer "+w.issue(introspect, w.claims(c.change)))
				challenge := rec.Header().Get("WWW-Authenticate")
				if rec.Code != c.status || c.says == "" != (challenge == "") || !strings.Contains(challenge, c.says) {
					t.Errorf("%d, challenge %s", rec.Code, challenge)
				}
				if c.status == 403 && !strings.Contains(challenge, `scope="projects.read"`) {
					t.Errorf("the challenge does not name the scope: %s", challenge)
				}
			})
		}
	})
}

func TestRefusesJWTs(t *testing.T) {
	w := newWorld(t, false)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := w.sign("at+jwt", w.claims())
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"an ID token":                 w.sign("JWT", w.claims()),
		"a token for choices":         w.sign("grantkeeper-choices+jwt", w.claims()),
		"a stranger's key":            w.signWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger, KeyID: "k1"}}, "at+jwt", w.claims()),
		"another algorithm":           w.signWith(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: big, KeyID: "k1"}}, "at+jwt", w.claims()),
		"a MAC with the public key":   w.signWith(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, "at+jwt", w.claims()),
		"no signature":                parts[0] + "." + parts[1] + ".",
		"none as algorithm":           "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
		"another payload":             parts[0] + "." + strings.Split(w.sign("at+jwt", w.claims(func(c map[string]any) { c["sub"] = "u2" })), ".")[1] + "." + parts[2],
		"garbage":                     "garbage",
		"an opaque token of the kind": "gka_0000000000000000000000000000000000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.get("/v1beta1/projects", "Bearer "+token)
			if rec.Code != 401 || !strings.Contains(rec.Header().Get("WWW-Authenticate"), `error="invalid_token"`) {
				t.Errorf("%d %s", rec.Code, rec.Header().Get("WWW-Authenticate"))
			}
		})
	}
	if rec := w.get("/v1beta1/projects", "bearer "+good); rec.Code != 200 {
		t.Errorf("the good one: %d", rec.Code) // and schemes have no case
	}
	w.now = w.now.Add(10*time.Minute + 29*time.Second)
	if rec := w.get("/v1beta1/projects", "Bearer "+good); rec.Code != 200 {
		t.Errorf("within the leeway: %d", rec.Code)
	}
	w.now = w.now.Add(time.Second)
	if rec := w.get("/v1beta1/projects", "Bearer "+good); rec.Code != 401 {
		t.Errorf("after it: %d", rec.Code)
	}
}

func TestRevokedIsRefusedAtOnce(t *testing.T) {
	w := newWorld(t, true)
	bearer := "Bearer " + w.issue(true, w.claims())
	if rec := w.get("/v1beta1/projects", bearer); rec.Code != 200 {
		t.Fatalf("%d", rec.Code)
	}
	delete(w.live, "opaque")
	if rec := w.get("/v1beta1/projects", bearer); rec.Code != 401 {
		t.Errorf("S7 after the revocation: %d", rec.Code)
	}
}

func TestChallenges(t *testing.T) {
	w := newWorld(t, false)
	metadata := `resource_metadata="` + identifier + `/.well-known/oauth-protected-resource"`
	token := w.sign("at+jwt", w.claims())
	for name, c := range map[string]struct {
		path    string
		headers []string
		status  int
		want    string
	}{
		"no token":            {"/v1beta1/projects", nil, 401, "Bearer " + metadata},
		"a token in the URL":  {"/v1beta1/projects?access_token=" + token, nil, 401, "Bearer " + metadata},
		"another scheme":      {"/v1beta1/projects", []string{"Basic YTpi"}, 400, `Bearer error="invalid_request", error_description="send one bearer token in the Authorization header", ` + metadata},
		"two headers":         {"/v1beta1/projects", []string{"Bearer " + token, "Bearer " + token}, 400, `Bearer error="invalid_request", error_description="send one bearer token in the Authorization header", ` + metadata},
		"an empty token":      {"/v1beta1/clusters", []string{"Bearer "}, 400, `Bearer error="invalid_request", error_description="send one bearer token in the Authorization header", ` + metadata},
		"no token for choice": {"/.oauth/choices", nil, 401, "Bearer " + metadata},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.get(c.path, c.headers...)
			if got := rec.Header().Get("WWW-Authenticate"); rec.Code != c.status || got != c.want {
				t.Errorf("%d %s", rec.Code, got)
			}
		})
	}
}

func TestServerAway(t *testing.T) {
	both(t, func(t *testing.T, introspect bool) {
		w := newWorld(t, introspect)
		bearer := "Bearer " + w.issue(introspect, w.claims())
		w.broken.Store(true)
		rec := w.get("/v1beta1/projects", bearer)
		if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" || rec.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%d %v", rec.Code, rec.Header())
		}
		w.broken.Store(false)
		if rec := w.get("/v1beta1/projects", bearer); rec.Code != http.StatusOK {
			t.Errorf("when it is back: %d", rec.Code)
		}
		w.broken.Store(true)
		want := http.StatusOK // the keys are known
		if introspect {
			want = http.StatusServiceUnavailable // nothing is guessed
		}
		if rec := w.get("/v1beta1/projects", bearer); rec.Code != want {
			t.Errorf("when it is away again: %d", rec.Code)
		}
	})
	t.Run("metadata of another issuer", func(t *testing.T) {
		w := newWorld(t, false)
		w.metadata = "https://evil.example"
		if rec := w.get("/v1beta1/projects", "Bearer "+w.sign("at+jwt", w.claims())); rec.Code != http.StatusServiceUnavailable {
			t.Errorf("%d", rec.Code)
		}
	})
}

func TestChoices(t *testing.T) {
	w := newWorld(t, false)
	rec := w.get("/.oauth/choices", "Bearer "+w.sign("grantkeeper-choices+jwt", w.claims()))
	want := `{"choices":[{"id":"org-acme","title":"Acme"},{"id":"proj-shop","title":"Web shop","parent":"org-acme"},{"id":"proj-blog","title":"Company blog","parent":"org-acme"},` +
		`{"id":"proj-reports","title":"Reports","parent":"org-acme"},{"id":"org-beta","title":"Beta Laboratories"},{"id":"proj-lab","title":"Lab","parent":"org-beta"},{"id":"proj-archive","title":"Archive","parent":"org-beta"}]}` + "\n"
	if rec.Code != 200 || rec.Body.String() != want {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	for name, token := range map[string]string{
		"an access token":  w.sign("at+jwt", w.claims()),
		"an ID token":      w.sign("JWT", w.claims()),
		"another audience": w.sign("grantkeeper-choices+jwt", w.claims(func(c map[string]any) { c["aud"] = "https://other.example.com" })),
		"expired":          w.sign("grantkeeper-choices+jwt", w.claims(func(c map[string]any) { c["exp"] = w.now.Add(-time.Minute).Unix() })),
	} {
		t.Run(name, func(t *testing.T) {
			if rec := w.get("/.oauth/choices", "Bearer "+token); rec.Code != 401 {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	w := newWorld(t, false)
	var got map[string]any
	if err := json.Unmarshal(w.get("/.well-known/oauth-protected-resource").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"resource": identifier, "authorization_servers": []any{w.issuer.URL}, "resource_name": "Clusters", "scopes_supported": []any{"projects.read", "clusters.read"},
		"bearer_methods_supported": []any{"header"}, "authorization_details_types_supported": []any{"project"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNew(t *testing.T) {
	for name, c := range map[string]sampleapi.Config{
		"no identifier":             {},
		"an identifier with a path": {Identifier: "https://api.example.com/v1"},
		"a secret without an id":    {Identifier: identifier, ClientSecret: "s"},
		"an id without a secret":    {Identifier: identifier, ClientID: "c"},
	} {
		if _, err := sampleapi.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
