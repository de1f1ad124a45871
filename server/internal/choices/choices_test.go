package choices

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuer = "http://127.0.0.1:9080"

type fixture struct {
	*testing.T
	lister *Lister
	signer *signer.Signer
	now    time.Time
	asked  atomic.Int64
	last   atomic.Pointer[http.Request]
	api    *httptest.Server
}

func newFixture(t *testing.T, answer http.HandlerFunc) *fixture {
	t.Helper()
	f := &fixture{T: t, signer: signer.New(), now: time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.signer.Load(&registration.Keys{Signing: []registration.SigningKey{{ID: "k", Algorithm: "ES256", State: registration.KeyActive, PKCS8: der}}}); err != nil {
		t.Fatal(err)
	}
	f.lister, err = New(token.NewIssuer(f.signer, rand.Reader), func() time.Time { return f.now })
	if err != nil {
		t.Fatal(err)
	}
	f.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		f.last.Store(r)
		answer(w, r)
	}))
	t.Cleanup(func() { f.lister.Close(); f.api.Close() })
	return f
}

func (f *fixture) query() Query {
	return Query{
		Issuer: issuer, Scopes: []string{"clusters.read", "clusters.write"}, Client: storage.ClientRef{ID: "acme", UID: "uid-1"},
		User: storage.User{ID: "u1", Username: "ada", Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff"}},
		Resource: &registration.Resource{Name: "clusters", Identifier: "https://clusters.example.com",
			Choices: &registration.Choices{Type: "project", Title: "Projects", URL: f.api.URL + "/.oauth/choices?v=1"}},
	}
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write([]byte(body))
	}
}

const good = `{"choices":[{"id":"acme","title":"Acme"},{"id":"p1","title":"Shop","parent":"acme","more":1}],"more":true}`

func TestAsksTheAPI(t *testing.T) {
	f := newFixture(t, says(good))
	got, err := f.lister.List(t.Context(), f.query())
	if err != nil {
		t.Fatal(err)
	}
	want := consent.List{{ID: "acme", Title: "Acme"}, {ID: "p1", Title: "Shop", Parent: "acme"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r := f.last.Load()
	if r.Method != http.MethodGet || r.URL.RequestURI() != "/.oauth/choices?v=1" || r.Header.Get("Accept") != "application/json" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	credential, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		t.Fatal("no bearer token")
	}
	f.verify(credential)
}

// verify checks the token as an API does: by the published keys, with a library.
func (f *fixture) verify(credential string) {
	f.Helper()
	parsed, err := jose.ParseSignedCompact(credential, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		f.Fatal(err)
	}
	if typ := parsed.Signatures[0].Header.ExtraHeaders["typ"]; typ != "grantkeeper-choices+jwt" {
		f.Errorf("typ %v", typ)
	}
	var keys jose.JSONWebKeySet
	body, _ := f.signer.JWKS()
	if err := json.Unmarshal(body, &keys); err != nil {
		f.Fatal(err)
	}
	payload, err := parsed.Verify(&keys)
	if err != nil {
		f.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		f.Fatal(err)
	}
	if jti, _ := claims["jti"].(string); len(jti) < 20 {
		f.Errorf("jti %q", jti)
	}
	delete(claims, "jti")
	want := map[string]any{
		"iss": issuer, "aud": "https://clusters.example.com", "sub": "u1", "client_id": "acme", "scope": "clusters.read clusters.write",
		"username": "ada", "email": "ada@example.com", "email_verified": true, "groups": []any{"staff"},
		"iat": float64(f.now.Unix()), "exp": float64(f.now.Unix() + 60),
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		f.Errorf("claims (-want +got):\n%s", diff)
	}
	for _, typ := range []signer.Type{signer.TypeAccessToken, signer.TypeIDToken} {
		if _, err := f.signer.Verify(typ, credential); !errors.Is(err, signer.ErrInvalid) {
			f.Errorf("it passes as %s: %v", typ, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	many := func(n int) string {
		entries := make([]string, n)
		for i := range entries {
			entries[i] = fmt.Sprintf(`{"id":"%d"}`, i)
		}
		return `{"choices":[` + strings.Join(entries, ",") + `]}`
	}
	for name, c := range map[string]struct {
		body string
		want string // titles, or an error
		bad  bool
	}{
		"nothing to choose":                     {`{"choices":[]}`, "", false},
		"a title that is missing":               {`{"choices":[{"id":"p1"}]}`, "p1", false},
		"A29 a title that turns text around":    {`{"choices":[{"id":"p1","title":"Shop\u202Egpj"}]}`, "p1", false},
		"A29 a title with an invisible space":   {`{"choices":[{"id":"p1","title":"Sh\u200Bop"}]}`, "p1", false},
		"A29 a title with a line end":           {`{"choices":[{"id":"p1","title":"Shop\nApproved"}]}`, "p1", false},
		"a title that is too long":              {`{"choices":[{"id":"p1","title":"` + strings.Repeat("ä", 101) + `"}]}`, strings.Repeat("ä", 99) + "…", false},
		"a thousand":                            {many(1000), "", false},
		"more":                                  {many(1001), "more than 1000", true},
		"not JSON":                              {`<html>`, "not the JSON", true},
		"two objects":                           {good + good, "not the JSON", true},
		"a list":                                {`[]`, "not the JSON", true},
		"no choices":                            {`{}`, "no member", true},
		"null":                                  {`{"choices":null}`, "no member", true},
		"an id that is missing":                 {`{"choices":[{"title":"x"}]}`, "choices[0].id", true},
		"an id with a space":                    {`{"choices":[{"id":"p1"},{"id":"p 1"}]}`, "choices[1].id", true},
		"an id that is not ASCII":               {`{"choices":[{"id":"ä"}]}`, "choices[0].id", true},
		"an id of 200 characters":               {`{"choices":[{"id":"` + strings.Repeat("x", 200) + `","title":"x"}]}`, "x", false},
		"an id of 201":                          {`{"choices":[{"id":"` + strings.Repeat("x", 201) + `"}]}`, "choices[0].id", true},
		"an id that is a number":                {`{"choices":[{"id":1}]}`, "not the JSON", true},
		"an id that is there twice":             {`{"choices":[{"id":"a"},{"id":"a"}]}`, "that of choices[0]", true},
		"a parent that is unknown":              {`{"choices":[{"id":"a","parent":"b"}]}`, "choices[0].parent", true},
		"a parent that is itself":               {`{"choices":[{"id":"a","parent":"a"}]}`, "two levels", true},
		"a circle":                              {`{"choices":[{"id":"a","parent":"b"},{"id":"b","parent":"a"}]}`, "two levels", true},
		"three levels":                          {`{"choices":[{"id":"c","parent":"b"},{"id":"a"},{"id":"b","parent":"a"}]}`, "two levels", true},
		"a parent that comes after its child":   {`{"choices":[{"id":"b","title":"B","parent":"a"},{"id":"a","title":"A"}]}`, "B A", false},
		"an answer that is longer than 64 KiB":  {`{"choices":[],"x":"` + strings.Repeat("x", 64<<10) + `"}`, "too long", true},
		"an answer that is nested beyond sense": {`{"choices":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "not the JSON", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, says(c.body))
			got, err := f.lister.List(t.Context(), f.query())
			if c.bad {
				if !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want one about %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var titles []string
			for _, e := range got {
				titles = append(titles, e.Title)
			}
			if s := strings.Join(titles, " "); c.want != "" && s != c.want {
				t.Errorf("titles %q, want %q", s, c.want)
			}
		})
	}
}

func TestAway(t *testing.T) {
	hung := make(chan struct{})
	for name, answer := range map[string]http.HandlerFunc{
		"an error":            func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"no content":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"a page":              func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(good)) },
		"a redirect":          func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"nothing at all": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-hung:
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, answer)
			ctx := t.Context()
			if name == "nothing at all" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond) // the client itself waits five seconds
				defer cancel()
			}
			if _, err := f.lister.List(ctx, f.query()); !errors.Is(err, ErrAway) {
				t.Fatalf("error %v", err)
			}
			if n := f.asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
			if _, err := f.lister.List(ctx, f.query()); err == nil {
				t.Error("a failure was kept as an answer")
			}
		})
	}
	close(hung)
	t.Run("loopback, of a server that is not on loopback", func(t *testing.T) {
		f := newFixture(t, says(good))
		q := f.query()
		q.Issuer = "https://login.example.com"
		for _, url := range []string{f.api.URL, strings.Replace(f.api.URL, "http://", "https://", 1)} {
			q.Resource.Choices.URL = url
			_, err := f.lister.List(t.Context(), q)
			if !errors.Is(err, ErrAway) || !errors.Is(err, outbound.ErrScheme) && !errors.Is(err, outbound.ErrAddress) {
				t.Errorf("%s: error %v", url, err)
			}
		}
		if n := f.asked.Load(); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
	t.Run("no key to sign with is not the API's fault", func(t *testing.T) {
		f := newFixture(t, says(good))
		f.lister.minter = token.NewIssuer(signer.New(), rand.Reader)
		if _, err := f.lister.List(t.Context(), f.query()); !errors.Is(err, signer.ErrNoKey) || errors.Is(err, ErrAway) {
			t.Errorf("error %v", err)
		}
	})
}

func TestStatic(t *testing.T) {
	f := newFixture(t, says(good))
	q := f.query()
	q.Resource.Choices.URL, q.Resource.Choices.Static = "", []registration.Choice{{ID: "eu", Title: "Europe"}}
	got, err := f.lister.List(t.Context(), q)
	if err != nil || len(got) != 1 || got[0].ID != "eu" || f.asked.Load() != 0 {
		t.Errorf("%v, %v, asked %d times", got, err, f.asked.Load())
	}
}

func TestCache(t *testing.T) {
	f := newFixture(t, says(good))
	list := func(change func(*Query)) {
		q := f.query()
		change(&q)
		if _, err := f.lister.List(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	same := func(*Query) {}
	want := func(n int64, what string) {
		t.Helper()
		if got := f.asked.Load(); got != n {
			t.Fatalf("%s: asked %d times, want %d", what, got, n)
		}
	}
	list(same)
	list(same)
	f.now = f.now.Add(cacheTTL - time.Second)
	list(same)
	want(1, "within a minute")
	list(func(q *Query) { q.User.ID = "u2" })
	want(2, "another person")
	list(func(q *Query) { q.Client.UID = "uid-2" })
	want(3, "another app")
	list(func(q *Query) { q.Scopes = q.Scopes[:1] })
	want(4, "other scopes")
	list(func(q *Query) { q.Resource.Choices.URL += "2" })
	want(5, "another address")
	f.now = f.now.Add(time.Second)
	list(same)
	want(6, "after a minute")

	f.lister.cache.budget = weight(cacheKey{}, nil) * 20
	for i := range 100 {
		list(func(q *Query) { q.User.ID = fmt.Sprintf("many-%d", i) })
	}
	if c := f.lister.cache; c.size > c.budget || c.order.Len() != len(c.byKey) || c.order.Len() == 0 {
		t.Errorf("%d bytes in %d entries, %d keys; allowed %d bytes", c.size, c.order.Len(), len(c.byKey), c.budget)
	}
	n := f.asked.Load()
	list(func(q *Query) { q.User.ID = "many-99" })
	want(n, "the last one is kept")
	list(func(q *Query) { q.User.ID = "many-0" })
	want(n+1, "the first one is not")
}
