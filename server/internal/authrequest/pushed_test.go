package authrequest

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// pushing is the policy of clients that have to push.
func pushing() *registration.Policy {
	return &registration.Policy{Namespace: "oauth", Name: "all", Require: registration.Require{PushedAuthorizationRequests: true}, Allow: registration.Allow{
		GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}, RedirectHosts: []string{"app.example.com"},
		Scopes: []string{"openid", "profile", "orders.read", "ledger.read"},
	}}
}

// push reads a request as the endpoint does.
func push(t testing.TB, s *registry.Snapshot, form url.Values) (*Request, json.RawMessage, *oauth.Error) {
	t.Helper()
	p, fail := oauth.ParseForm(form.Encode())
	if fail != nil {
		t.Fatal(fail)
	}
	client, ok := s.Client("apps.web")
	if !ok {
		t.Fatal("no client")
	}
	return ReadPushed(s, client, p, [32]byte{1}, input())
}

func TestPushed(t *testing.T) {
	s := snapshot(web())
	t.Run("G01 what is pushed is what would have come with the browser, by the time it is used", func(t *testing.T) {
		form := params("claims", `{"id_token":{"acr":{"values":["mfa"]}}}`, "prompt", "login", "id_token_hint", "token-of-ada", "resource", ordersAPI)
		want, err := Read(s, form.Encode(), input())
		if err != nil || want.Refused != nil {
			t.Fatalf("%+v, %v", want, err)
		}
		form.Set("client_secret", "gkcs_secret")
		form.Set("client_assertion", "a.b.c")
		_, kept, fail := push(t, s, form)
		if fail != nil {
			t.Fatal(fail)
		}
		for _, secret := range []string{"gkcs_secret", "a.b.c", "token-of-ada"} {
			if strings.Contains(string(kept), secret) {
				t.Errorf("%s is kept: %s", secret, kept)
			}
		}
		later := Input{ID: "later", Now: input().Now.Add(time.Minute)}
		got, err := OpenPushed(kept, later)
		if err != nil {
			t.Fatal(err)
		}
		if !got.IsPushedAs([32]byte{1}) || got.IsPushedAs([32]byte{2}) || want.IsPushedAs([32]byte{}) {
			t.Errorf("pushed as %q", got.Pushed)
		}
		want.ID, want.IssuedAt, want.Pushed = "later", later.Now.Unix(), got.Pushed
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, err := Judge(s, got); err != nil {
			t.Error(err)
		}
	})
	t.Run("what is kept is JSON of ours", func(t *testing.T) {
		if _, err := OpenPushed(json.RawMessage(`{"i":1}`), input()); err == nil {
			t.Error("read")
		}
	})
}

func TestG01PushedRequestsAreJudgedAtOnce(t *testing.T) {
	s := snapshot(web())
	tests := map[string]struct {
		form   url.Values
		code   string
		status int
	}{
		"request_uri inside":                 {params("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request", 400},
		"request_uri inside, of elsewhere":   {params("request_uri", "https://169.254.169.254/"), "invalid_request", 400},
		"a request object":                   {params("request", "eyJ"), "request_not_supported", 400},
		"no redirect URI":                    {params("redirect_uri", ""), "invalid_request", 400},
		"a redirect URI of nobody's":         {params("redirect_uri", "https://evil.example/cb"), "invalid_request", 400},
		"no challenge":                       {params("code_challenge", ""), "invalid_request", 400},
		"a challenge as it is":               {params("code_challenge_method", "plain"), "invalid_request", 400},
		"another response type":              {params("response_type", "token"), "unsupported_response_type", 400},
		"no response type":                   {params("response_type", ""), "invalid_request", 400},
		"another response mode":              {params("response_mode", "fragment"), "invalid_request", 400},
		"a scope of somebody else's":         {params("scope", "orders.write"), "invalid_scope", 400},
		"a resource of nobody's":             {params("resource", "https://elsewhere.example"), "invalid_target", 400},
		"authorization_details":              {params("authorization_details", "[]"), "invalid_authorization_details", 400},
		"prompts that exclude each other":    {params("prompt", "none login"), "invalid_request", 400},
		"a hint that names nobody, unasked":  {params("prompt", "none", "id_token_hint", "garbage"), "login_required", 400},
		"more than a browser's request has":  {params("x", strings.Repeat("x", MaxRequest)), "invalid_request", 413},
		"more than a browser keeps":          {params("state", strings.Repeat("<", 1500)), "invalid_request", 413},
		"a secret does not count as request": {params("client_secret", strings.Repeat("x", MaxRequest)), "", 0},
		"a client_id that is left out":       {params("client_id", ""), "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, kept, fail := push(t, s, tt.form)
			if tt.code == "" {
				if fail != nil || r == nil || r.ClientID != "apps.web" {
					t.Errorf("%+v, %v", r, fail)
				}
				return
			}
			if fail == nil || fail.Code != tt.code || fail.Status != tt.status || kept != nil {
				t.Errorf("got %+v, want %s %d", fail, tt.code, tt.status)
			}
		})
	}
	t.Run("a client without the grant", func(t *testing.T) {
		s := snapshot(web(func(c *registration.Client) { c.GrantTypes = []string{oauth.GrantTypeDeviceCode} }))
		if _, _, fail := push(t, s, params()); fail == nil || fail.Code != "unauthorized_client" {
			t.Errorf("%v", fail)
		}
	})
	t.Run("a client that its policy refuses", func(t *testing.T) {
		if _, _, fail := push(t, snapshot(web(func(c *registration.Client) { c.Policy = "gone" })), params()); fail == nil || fail.Code != "invalid_client" {
			t.Errorf("%v", fail)
		}
	})
}

func TestG02APolicyThatRequiresPushedRequests(t *testing.T) {
	s := snapshot(web(), pushing())
	t.Run("a request that came with the browser is invalid_request, for the client", func(t *testing.T) {
		r, err := Read(s, params().Encode(), input())
		if err != nil || r.Refused == nil || r.Refused.Code != "invalid_request" || r.State == "" || r.RedirectURI != callback {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("one to an address of nobody's is a page all the same", func(t *testing.T) {
		if r, err := Read(s, params("redirect_uri", "https://evil.example/").Encode(), input()); err == nil {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a pushed one is read", func(t *testing.T) {
		r, _, fail := push(t, s, params())
		if fail != nil {
			t.Fatal(fail)
		}
		if _, err := Judge(s, r); err != nil {
			t.Error(err)
		}
	})
	t.Run("A28 one that came with the browser before the policy required it yields nothing any more", func(t *testing.T) {
		r, err := Read(snapshot(web()), params().Encode(), input())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Judge(s, r); err == nil {
			t.Error("accepted")
		}
	})
}

func TestReferences(t *testing.T) {
	const uri = "urn:ietf:params:oauth:request_uri:gkp_x"
	tests := map[string]struct {
		raw  string
		want Reference
		ok   bool
	}{
		"client and reference":          {"client_id=a&request_uri=" + url.QueryEscape(uri), Reference{"a", uri}, true},
		"G02 with parameters beside it": {params().Encode() + "&request_uri=" + uri, Reference{"apps.web", uri}, true},
		"names in other spellings":      {"client%5Fid=a&%72equest_uri=" + uri, Reference{"a", uri}, true},
		"without a client":              {"request_uri=" + uri, Reference{"", uri}, true},
		"A17 of an address":             {"client_id=a&request_uri=https://e.example/r", Reference{"a", "https://e.example/r"}, false},
		"twice":                         {"client_id=a&request_uri=" + uri + "&request_uri=" + uri, Reference{"a", ""}, false},
		"none":                          {params().Encode(), Reference{"apps.web", ""}, false},
		"too large":                     {"client_id=a&request_uri=" + uri + "&x=" + strings.Repeat("x", MaxRequest), Reference{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := FindReference(tt.raw)
			if ok != tt.ok || got != tt.want {
				t.Errorf("%+v, %v", got, ok)
			}
		})
	}
	t.Run("too many parameters", func(t *testing.T) {
		if _, ok := FindReference("request_uri=" + uri + strings.Repeat("&a=b", oauth.MaxParams)); ok {
			t.Error("found")
		}
	})
}

// FuzzReadPushed compares the two ways in: whatever is pushed and accepted would have been accepted from a browser, as the same.
func FuzzReadPushed(f *testing.F) {
	s := snapshot(web())
	client, _ := s.Client("apps.web")
	f.Add(params().Encode())
	f.Add(params("claims", `{"id_token":{"acr":{"values":["mfa"]}}}`, "prompt", "none", "max_age", "1").Encode())
	f.Add(params("redirect_uri", "http://127.0.0.1:1234/cb").Encode() + "&client_secret=x")
	f.Add("client_id=apps.web&request_uri=urn:ietf:params:oauth:request_uri:gkp_x")
	f.Fuzz(func(t *testing.T, raw string) {
		FindReference(raw)
		p, fail := oauth.ParseForm(raw)
		if fail != nil || p.Get("client_id") != "apps.web" {
			return
		}
		r, kept, fail := ReadPushed(s, client, p, [32]byte{1}, input())
		same, err := Read(s, raw, input())
		if fail != nil {
			if r != nil || kept != nil || fail.Status < 400 {
				t.Fatalf("%v, %s, %+v", r, kept, fail)
			}
			if err == nil && same.Refused == nil && fail.Status != 413 {
				t.Fatalf("refused when pushed alone: %v", fail)
			}
			return
		}
		if page := (*PageError)(nil); errors.As(err, &page) && page.Kind == Unreadable {
			return // the encoding alone may be too large for an address
		}
		if err != nil || same.Refused != nil {
			t.Fatalf("accepted when pushed alone: %v, %v", same, err)
		}
		opened, err := OpenPushed(kept, input())
		if err != nil || len(kept) > maxKept {
			t.Fatalf("%d bytes, %v", len(kept), err)
		}
		same.Pushed = opened.Pushed
		a, _ := json.Marshal(same)
		b, _ := json.Marshal(opened)
		if string(a) != string(b) {
			t.Fatalf("%s when pushed, %s from a browser", b, a)
		}
	})
}
