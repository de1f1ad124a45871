package authrequest

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

const (
	issuer    = "https://login.example.com/tenant"
	callback  = "https://app.example.com/cb"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	ordersAPI = "https://api.example.com"
	ledgerAPI = "https://ledger.example.com"
)

// app is a confidential web client with some ways to be called back.
func app(change ...func(*registration.Client)) *registration.Client {
	c := &registration.Client{
		Namespace: "apps", Name: "web", UID: "uid-web", Generation: 1, ClientID: "apps.web", Type: registration.TypeWeb,
		Display:      registration.Display{Name: "Web"},
		RedirectURIs: []string{callback, "https://app.example.com/q?x=1&y=%252F", "http://127.0.0.1/cb", "http://[::1]:4000/cb?a=b", "http://localhost", "com.example.app:/cb"},
		GrantTypes:   []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken},
		Scopes:       []string{"openid", "profile", "orders.read", "ledger.read"}, Policy: "all",
		CreatedAt:      time.Unix(1, 0),
		Authentication: registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationClientSecret}},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

// snapshot declares what the tests ask about, and the documents given in place of those of the same kind and name.
func snapshot(docs ...registration.Document) *registry.Snapshot {
	all := []registration.Document{
		&registration.Server{Namespace: "oauth", Name: "main", Issuer: issuer},
		&registration.Keys{Namespace: "oauth", Name: "main"},
		&registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
			GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode},
			Scopes:     []string{"openid", "profile", "orders.read", "ledger.read"}, RedirectHosts: []string{"app.example.com", "other.example.com"},
		}},
		&registration.Resource{Namespace: "oauth", Name: "orders", Identifier: ordersAPI, Scopes: []registration.Scope{{Name: "orders.read", Title: "Orders"}}},
		&registration.Resource{Namespace: "oauth", Name: "ledger", Identifier: ledgerAPI, Scopes: []registration.Scope{{Name: "ledger.read", Title: "Ledger"}}},
		app(),
	}
	for _, d := range docs {
		all = slices.DeleteFunc(all, func(o registration.Document) bool {
			return o.DocumentKind() == d.DocumentKind() && o.DocumentName() == d.DocumentName()
		})
		all = append(all, d)
	}
	var changes []registry.Change
	for _, d := range all {
		changes = append(changes, registry.Change{Key: registry.Key(string(d.DocumentKind()) + d.DocumentName()), Document: d})
	}
	r := registry.New(slog.New(slog.DiscardHandler))
	r.Replace(changes, "1")
	return r.Current()
}

// without private schemes, which the policy refuses.
func web(change ...func(*registration.Client)) *registration.Client {
	return app(append([]func(*registration.Client){func(c *registration.Client) { c.RedirectURIs = c.RedirectURIs[:5] }}, change...)...)
}

// params of a good request, with changes: pairs of name and value; "" removes.
func params(pairs ...string) url.Values {
	v := url.Values{
		"client_id": {"apps.web"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid orders.read"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "state": {"s t/ä&=+%"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
			continue
		}
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func input() Input {
	return Input{ID: "id", Now: time.Unix(1_800_000_000, 0), ReadHint: func(t string) (string, string, bool) {
		sub, ok := strings.CutPrefix(t, "token-of-")
		return sub, "", ok
	}}
}

func TestPages(t *testing.T) {
	repeated := func(name, value string) string { return params().Encode() + "&" + url.Values{name: {value}}.Encode() }
	tests := map[string]struct {
		raw  string
		kind PageKind
	}{
		"A01 client_id missing":                               {params("client_id", "").Encode(), UnknownClient},
		"A01 client_id unknown":                               {params("client_id", "apps.nobody").Encode(), UnknownClient},
		"A01 client_id repeated":                              {repeated("client_id", "apps.web"), UnknownClient},
		"A01 client_id repeated and empty":                    {repeated("client_id", ""), UnknownClient},
		"A01 client_id three times":                           {repeated("client_id", "apps.web") + "&client_id=apps.web", UnknownClient},
		"A01 client_id repeated in another spelling":          {params().Encode() + "&client%5Fid=apps.web", UnknownClient},
		"A01 client_id that is not text":                      {params("client_id", "apps.web\x00").Encode(), UnknownClient},
		"A05 redirect_uri missing":                            {params("redirect_uri", "").Encode(), BadRedirect},
		"A05 redirect_uri repeated":                           {repeated("redirect_uri", callback), BadRedirect},
		"A05 redirect_uri with a bad escape":                  {params("redirect_uri", "").Encode() + "&redirect_uri=https%3A//app.example.com/cb%zz", BadRedirect},
		"A38 more than 64 parameters":                         {params().Encode() + strings.Repeat("&a=b", 65), Unreadable},
		"A38 more than 8 KiB":                                 {params("nonce", strings.Repeat("a", 9<<10)).Encode(), Unreadable},
		"A38 64 parameters are read":                          {"client_id=x" + strings.Repeat("&a=b", 63), UnknownClient},
		"an empty request":                                    {"", UnknownClient},
		"a request of nothing but separators is an empty one": {strings.Repeat("&", 4000), UnknownClient},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Read(snapshot(web()), tt.raw, input())
			if page := (*PageError)(nil); !errors.As(err, &page) || page.Kind != tt.kind || r != nil {
				t.Errorf("got %+v, %v, want the page %s", r, err, tt.kind)
			}
		})
	}
	t.Run("a client that is suspended has a page that says whose it is", func(t *testing.T) {
		_, err := Read(snapshot(web(func(c *registration.Client) { c.Suspended = true })), params().Encode(), input())
		if page := (*PageError)(nil); !errors.As(err, &page) || *page != (PageError{Kind: ClientGone, Owner: "apps/web"}) {
			t.Error(err)
		}
	})
	t.Run("a client that its policy refuses has a page, too", func(t *testing.T) {
		_, err := Read(snapshot(app()), params().Encode(), input())
		if page := (*PageError)(nil); !errors.As(err, &page) || page.Kind != ClientGone {
			t.Error(err)
		}
	})
}

func TestRedirectURIs(t *testing.T) {
	registered := app().RedirectURIs
	tests := map[string]map[string]bool{
		"the same bytes": {
			callback: true, "https://app.example.com/q?x=1&y=%252F": true, "com.example.app:/cb": true, "http://localhost": true,
		},
		"A02 anything but the same bytes": {
			"https://APP.example.com/cb": false, "HTTPS://app.example.com/cb": false, "https://app.example.com/CB": false, "https://app.example.com/cb/": false,
			"https://app.example.com:443/cb": false, "https://app.example.com/cb?x=1": false, "https://app.example.com/cb?": false, "https://app.example.com/cb#": false,
			"https://app.example.com/%2e%2e/cb": false, "https://app.example.com/x/..;/cb": false, "https://app.example.com/x/../cb": false,
			"https://app.example.com//cb": false, "https://app.example.com/%63b": false, "https://app.example.com%2Fcb": false, "https://app.example.com./cb": false,
			"https://app.example.com/cb%00": false, "https://app.example.com.evil.example/cb": false, "app.example.com/cb": false, "//app.example.com/cb": false,
			"javascript:alert(1)//https://app.example.com/cb": false, "https://evil.example/https://app.example.com/cb": false, "com.example.app:/cb/x": false, "com.example.app://cb": false,
		},
		"A03 whatever parsers disagree about": {
			"https://app.example.com@evil.example/cb": false, "https://a@app.example.com/cb": false, "https://a@b@app.example.com/cb": false, `https://app.example.com\@evil.example/cb`: false,
			`https:\\app.example.com/cb`: false, "https://app.example.com\t/cb": false, "https://app.example.com/\ncb": false, "https://аpp.example.com/cb": false, "https://app。example.com/cb": false,
		},
		"A04 loopback takes any port, for the same host and nothing else": {
			"http://127.0.0.1:49152/cb": true, "http://127.0.0.1:1/cb": true, "http://127.0.0.1:65535/cb": true, "http://127.0.0.1/cb": true,
			"http://[::1]:4001/cb?a=b": true, "http://[::1]/cb?a=b": true, "http://localhost:8080": true,
			"http://127.0.0.1:0/cb": false, "http://127.0.0.1:65536/cb": false, "http://127.0.0.1:080/cb": false, "http://127.0.0.1:/cb": false, "http://127.0.0.1:+80/cb": false,
			"http://127.0.0.1:80:80/cb": false, "http://127.0.0.1:8080/cb?x=1": false, "http://127.0.0.1:8080/cb/": false, "http://127.0.0.1:8080/": false, "http://127.0.0.1:8080": false,
			"http://127.0.0.1.evil.example/cb": false, "http://127.0.0.1:80@evil.example/cb": false, "http://127.0.0.1@evil.example/cb": false, "http://127.0.0.1%2Fcb": false,
			"http://localhost:8080/cb": false, "http://[::1]:8080/cb": false, "http://127.0.0.2:8080/cb": false, "http://127.1:8080/cb": false, "http://0:8080/cb": false,
			"https://127.0.0.1:8080/cb": false, "http://localhost.evil.example": false, "http://localhost:8080/": false, "http://localhostx": false, "http://LOCALHOST": false,
			"http://[::1]:4000/cb": false, "http://[0:0:0:0:0:0:0:1]:4000/cb?a=b": false, "http://localhost:80\x00": false,
		},
		"A06 nothing is decoded twice": {
			"https://app.example.com/q?x=1&y=%2F": false, "https://app.example.com/q?x=1&y=/": false, "https://app.example.com/q?x=1&y=%25252F": false,
		},
	}
	for name, sent := range tests {
		t.Run(name, func(t *testing.T) {
			for uri, want := range sent {
				if got := matches(registered, uri); got != want {
					t.Errorf("%q: %v", uri, got)
				}
			}
		})
	}
	t.Run("A06 what is registered with an escape is sent with the escape of it", func(t *testing.T) {
		r, err := Read(snapshot(web()), params("redirect_uri", "https://app.example.com/q?x=1&y=%252F").Encode(), input())
		if err != nil || r.RedirectURI != "https://app.example.com/q?x=1&y=%252F" {
			t.Errorf("%v, %v", r, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	public := func(c *registration.Client) {
		c.Authentication.Methods = []registration.AuthenticationMethod{registration.AuthenticationNone}
	}
	long := strings.Repeat("s", MaxState+1)
	tests := map[string]struct {
		pairs  []string
		raw    string // added as it is
		change func(*registration.Client)
		code   string
	}{
		"A07 a repeated parameter":                             {raw: "&scope=openid", code: "invalid_request"},
		"A07 a repeated state":                                 {raw: "&state=x", code: "invalid_request"},
		"A07 a repeated response_mode":                         {raw: "&response_mode=query&response_mode=form_post", code: "invalid_request"},
		"A07 a repeated parameter that is not known":           {raw: "&foo=1&foo=2", code: "invalid_request"},
		"A09 response_type missing":                            {pairs: []string{"response_type", ""}, code: "invalid_request"},
		"A09 response_type token":                              {pairs: []string{"response_type", "token"}, code: "unsupported_response_type"},
		"A09 response_type id_token":                           {pairs: []string{"response_type", "id_token"}, code: "unsupported_response_type"},
		"A09 response_type code id_token":                      {pairs: []string{"response_type", "code id_token"}, code: "unsupported_response_type"},
		"A09 response_type none":                               {pairs: []string{"response_type", "none"}, code: "unsupported_response_type"},
		"A09 response_type code code":                          {pairs: []string{"response_type", "code code"}, code: "unsupported_response_type"},
		"A10 a client without the authorization code grant":    {change: func(c *registration.Client) { c.GrantTypes = []string{oauth.GrantTypeDeviceCode} }, code: "unauthorized_client"},
		"A11 no code_challenge":                                {pairs: []string{"code_challenge", "", "code_challenge_method", ""}, code: "invalid_request"},
		"A11 no code_challenge of a public client":             {pairs: []string{"code_challenge", "", "code_challenge_method", ""}, change: public, code: "invalid_request"},
		"A12 code_challenge_method missing":                    {pairs: []string{"code_challenge_method", ""}, code: "invalid_request"},
		"A12 code_challenge_method plain":                      {pairs: []string{"code_challenge_method", "plain"}, code: "invalid_request"},
		"A12 code_challenge_method in lower case":              {pairs: []string{"code_challenge_method", "s256"}, code: "invalid_request"},
		"A12 code_challenge of 42 characters":                  {pairs: []string{"code_challenge", challenge[:42]}, code: "invalid_request"},
		"A12 code_challenge of 44 characters":                  {pairs: []string{"code_challenge", challenge + "A"}, code: "invalid_request"},
		"A12 code_challenge with padding":                      {pairs: []string{"code_challenge", challenge + "="}, code: "invalid_request"},
		"A12 code_challenge in the other alphabet":             {pairs: []string{"code_challenge", strings.ReplaceAll(challenge, "-", "+")}, code: "invalid_request"},
		"A13 a scope that nothing declares":                    {pairs: []string{"scope", "openid nothing"}, code: "invalid_scope"},
		"A13 a scope that the client does not have":            {pairs: []string{"scope", "openid email"}, code: "invalid_scope"},
		"A13 a scope with characters that are not allowed":     {pairs: []string{"scope", `openid "`}, code: "invalid_scope"},
		"A15 prompt none and another value":                    {pairs: []string{"prompt", "none login"}, code: "invalid_request"},
		"A15 a prompt that is not known":                       {pairs: []string{"prompt", "create"}, code: "invalid_request"},
		"A15 a hint that cannot be verified, with prompt=none": {pairs: []string{"prompt", "none", "id_token_hint", "x"}, code: "login_required"},
		"A17 request":                                                {pairs: []string{"request", "eyJ"}, code: "request_not_supported"},
		"A17 request_uri":                                            {pairs: []string{"request_uri", "https://169.254.169.254/"}, code: "request_uri_not_supported"},
		"A17 registration":                                           {pairs: []string{"registration", "{}"}, code: "registration_not_supported"},
		"A19 a state of more than 4 KiB":                             {pairs: []string{"state", long}, code: "invalid_request"},
		"A19 a state with a line feed":                               {pairs: []string{"state", "a\nb"}, code: "invalid_request"},
		"A19 a state with a carriage return":                         {pairs: []string{"state", "a\rb"}, code: "invalid_request"},
		"A19 a state with a NUL":                                     {pairs: []string{"state", "a\x00b"}, code: "invalid_request"},
		"B14 a resource that is not known":                           {pairs: []string{"resource", "https://elsewhere.example.com"}, code: "invalid_target"},
		"B14 a resource that none of the scopes is for":              {pairs: []string{"resource", ledgerAPI}, code: "invalid_target"},
		"B21 invalid UTF-8":                                          {raw: "&nonce=%ff", code: "invalid_request"},
		"B21 a NUL in the name of a parameter":                       {raw: "&a%00=1", code: "invalid_request"},
		"a bad escape":                                               {raw: "&nonce=%zz", code: "invalid_request"},
		"a response mode that is not supported":                      {pairs: []string{"response_mode", "fragment"}, code: "invalid_request"},
		"authorization_details, which are not passed over":           {pairs: []string{"authorization_details", `[{"type":"project"}]`}, code: "invalid_authorization_details"},
		"max_age that is no number":                                  {pairs: []string{"max_age", "-1"}, code: "invalid_request"},
		"a nonce beyond reason":                                      {pairs: []string{"nonce", strings.Repeat("n", MaxNonce+1)}, code: "invalid_request"},
		"a dpop_jkt that is no thumbprint":                           {pairs: []string{"dpop_jkt", challenge[:42]}, code: "invalid_request"},
		"claims that are not JSON":                                   {pairs: []string{"claims", "{"}, code: "invalid_request"},
		"claims of another shape":                                    {pairs: []string{"claims", `{"id_token":[]}`}, code: "invalid_request"},
		"claims with a repeated member":                              {pairs: []string{"claims", `{"id_token":{"acr":null,"acr":null}}`}, code: "invalid_request"},
		"claims nested beyond reason":                                {pairs: []string{"claims", `{"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`}, code: "invalid_request"},
		"claims with value and values":                               {pairs: []string{"claims", `{"id_token":{"acr":{"value":"mfa","values":["mfa"]}}}`}, code: "invalid_request"},
		"claims that ask for two users":                              {pairs: []string{"claims", `{"id_token":{"sub":{"values":["a","b"]}}}`}, code: "invalid_request"},
		"claims and id_token_hint that name different users":         {pairs: []string{"claims", `{"id_token":{"sub":{"value":"ada"}}}`, "id_token_hint", "token-of-eve"}, code: "invalid_request"},
		"two faults: the one of the whole request is told":           {pairs: []string{"scope", "nothing"}, raw: "&foo=1&foo=2", code: "invalid_request"},
		"A12 a challenge of an exempted client has to be right, too": {pairs: []string{"code_challenge_method", "plain"}, code: "invalid_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := web()
			if tt.change != nil {
				tt.change(c)
			}
			r, err := Read(snapshot(c), params(tt.pairs...).Encode()+tt.raw, input())
			if err != nil {
				t.Fatal(err)
			}
			if r.Refused == nil || r.Refused.Code != tt.code {
				t.Fatalf("got %v, want %s", r.Refused, tt.code)
			}
			if strings.HasPrefix(name, "A19") && r.State != "" {
				t.Errorf("the state is echoed: %q", r.State)
			}
		})
	}
}

func TestRead(t *testing.T) {
	base := Request{
		ID: "id", IssuedAt: 1_800_000_000, ClientID: "apps.web", ClientUID: "uid-web", RedirectURI: callback, ResponseMode: Query,
		State: "s t/ä&=+%", Scopes: []string{"openid", "orders.read"}, Challenge: challenge,
	}
	age := int64(0)
	tests := map[string]struct {
		pairs []string
		raw   string
		want  func(*Request)
	}{
		"a plain request":                            {},
		"A08 an empty value is an omitted one":       {raw: "&prompt=&max_age=&claims=&request=&nonce="},
		"A08 a parameter that is not known":          {raw: "&foo=bar&dpop=x"},
		"no scope asks for all of the client's":      {pairs: []string{"scope", ""}, want: func(r *Request) { r.Scopes = []string{"openid", "profile", "orders.read", "ledger.read"} }},
		"a resource leaves the scopes of others out": {pairs: []string{"scope", "openid orders.read ledger.read", "resource", ordersAPI}, want: func(r *Request) { r.Resources = []string{ordersAPI} }},
		"resource may be repeated": {pairs: []string{"scope", "", "resource", ordersAPI}, raw: "&resource=" + url.QueryEscape(ledgerAPI), want: func(r *Request) {
			r.Resources = []string{ordersAPI, ledgerAPI}
			r.Scopes = []string{"openid", "profile", "orders.read", "ledger.read"}
		}},
		"response_mode form_post":                       {pairs: []string{"response_mode", "form_post"}, want: func(r *Request) { r.ResponseMode = FormPost }},
		"response_mode query":                           {pairs: []string{"response_mode", "query"}},
		"prompt login consent":                          {pairs: []string{"prompt", "login consent login"}, want: func(r *Request) { r.Prompt = []string{"login", "consent"} }},
		"A16 max_age 0 is there":                        {pairs: []string{"max_age", "0"}, want: func(r *Request) { r.MaxAge = &age }},
		"A16 id_token_hint, verified":                   {pairs: []string{"id_token_hint", "token-of-ada", "prompt", "none"}, want: func(r *Request) { r.HintSubject = "ada"; r.Prompt = []string{"none"} }},
		"a hint that cannot be verified, with a person": {pairs: []string{"id_token_hint", "x"}},
		"acr_values that can be reached, nonce, hints": {pairs: []string{"acr_values", "phr urn:x mfa", "nonce", "n", "login_hint", "ada", "ui_locales", "de-CH en", "display", "popup", "claims_locales", "de"}, want: func(r *Request) {
			r.ACRValues, r.Nonce, r.LoginHint, r.UILocales = []string{"phr", "mfa"}, "n", "ada", []string{"de-CH", "en"}
		}},
		"the key that the code is to be bound to": {pairs: []string{"dpop_jkt", challenge}, want: func(r *Request) { r.KeyThumbprint = challenge }},
		"a login_hint beyond reason is left out":  {pairs: []string{"login_hint", strings.Repeat("a", 300)}},
		"claims: what is not known, and what the client has no scope for, is left out": {pairs: []string{"claims", `{"userinfo":{"nickname":null,"name":{"essential":true,"x":1},"http://x/y":null,"email":null},"id_token":{"acr":{"values":["mfa"]}},"x":{}}`}, want: func(r *Request) {
			r.Claims = &oauth.ClaimsRequest{UserInfo: map[string]oauth.ClaimRequest{"nickname": {}, "name": {Essential: true}}, IDToken: map[string]oauth.ClaimRequest{"acr": {Values: []any{"mfa"}}}}
		}},
		"claims: a sub is a hint": {pairs: []string{"claims", `{"id_token":{"sub":{"value":"ada"}}}`}, want: func(r *Request) {
			r.HintSubject = "ada"
			r.Claims = &oauth.ClaimsRequest{IDToken: map[string]oauth.ClaimRequest{"sub": {Values: []any{"ada"}}}}
		}},
		"claims of nothing": {pairs: []string{"claims", `{"id_token":null,"userinfo":{}}`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want := base
			if tt.want != nil {
				tt.want(&want)
			}
			r, err := Read(snapshot(web()), params(tt.pairs...).Encode()+tt.raw, input())
			if err != nil {
				t.Fatal(err)
			}
			if r.Refused != nil {
				t.Fatal(r.Refused)
			}
			if diff := cmp.Diff(&want, r); diff != "" {
				t.Error(diff)
			}
			var kept Request
			b, err := json.Marshal(r)
			if err != nil || json.Unmarshal(b, &kept) != nil || !cmp.Equal(&kept, r) {
				t.Errorf("kept and read again: %s", cmp.Diff(r, &kept))
			}
		})
	}
	t.Run("A11 a policy exempts a confidential client, and no public one", func(t *testing.T) {
		exempt := &registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
			GrantTypes: app().GrantTypes, Scopes: app().Scopes, RedirectHosts: []string{"app.example.com"}, WithoutPKCE: true}}
		raw := params("code_challenge", "", "code_challenge_method", "").Encode()
		if r, err := Read(snapshot(web(), exempt), raw, input()); err != nil || r.Refused != nil || r.Challenge != "" {
			t.Errorf("%+v, %v", r, err)
		}
		public := web(func(c *registration.Client) {
			c.Authentication.Methods = []registration.AuthenticationMethod{registration.AuthenticationNone}
		})
		if r, err := Read(snapshot(public, exempt), raw, input()); err != nil || r.Refused == nil {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := Read(snapshot(web(), exempt), params("code_challenge", "").Encode(), input()); err != nil || r.Refused == nil {
			t.Errorf("a method without a challenge: %+v, %v", r, err)
		}
	})
}

// A browser would send the form, with the code, to us instead.
func TestNoFormIsSentToAPrivateScheme(t *testing.T) {
	native := app(func(c *registration.Client) { c.Type = registration.TypeNative })
	lets := &registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{
		GrantTypes: app().GrantTypes, Scopes: app().Scopes, RedirectHosts: []string{"app.example.com", "com.example.app:"}}}
	for uri, wrong := range map[string]bool{"com.example.app:/cb": true, callback: false, "http://127.0.0.1:4000/cb": false} {
		r, err := Read(snapshot(native, lets), params("redirect_uri", uri, "response_mode", "form_post").Encode(), input())
		if err != nil || (r.Refused != nil) != wrong || (r.ResponseMode == FormPost) == wrong {
			t.Errorf("%s: %+v, %v", uri, r, err)
		}
	}
}

func TestClaimsThatGoWithWhatWasGiven(t *testing.T) {
	claims := map[string]oauth.ClaimRequest{"name": {}, "acr": {}, "email": {}}
	r := &Request{Scopes: []string{"openid", "email"}, Claims: &oauth.ClaimsRequest{UserInfo: claims, IDToken: claims}}
	if got, want := r.ClaimScopes(), []string{"profile"}; !slices.Equal(got, want) {
		t.Errorf("people are told of %v", got)
	}
	if got := r.GivenClaims([]string{"openid", "profile"}); len(got.UserInfo) != 2 || len(got.IDToken) != 2 || len(claims) != 3 {
		t.Errorf("an e-mail address that was refused as a scope is given by name: %v", got)
	}
	if got := r.GivenClaims([]string{"openid", "email"}); len(got.UserInfo) != 2 || len(got.IDToken) != 2 {
		t.Errorf("a name that nobody allowed is given: %v", got)
	}
	if got := r.GivenClaims([]string{"openid", "email", "profile"}); len(got.UserInfo) != 3 {
		t.Errorf("%v", got)
	}
	if none := new(Request); none.GivenClaims(nil) != nil || none.ClaimScopes() != nil {
		t.Error("something out of nothing")
	}
}

func FuzzRead(f *testing.F) {
	s := snapshot(web())
	f.Add(params().Encode())
	f.Add(params("claims", `{"id_token":{"acr":{"values":["mfa"]}}}`, "prompt", "none", "max_age", "1").Encode())
	f.Add(params("redirect_uri", "http://127.0.0.1:1234/cb").Encode() + "&state=x")
	f.Add("client_id=apps.web&redirect_uri=http://[::1]:1/cb?a=b&response_mode=form_post")
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := Read(s, raw, input())
		if err != nil {
			if page := (*PageError)(nil); !errors.As(err, &page) || r != nil {
				t.Fatalf("%v, %v", r, err)
			}
			return
		}
		if _, err := Judge(s, r); err != nil {
			t.Fatalf("read and not accepted a moment later: %v", err)
		}
		if !strings.HasPrefix(r.RedirectURI, "https://app.example.com/") && !strings.HasPrefix(r.RedirectURI, "http://127.0.0.1") && !strings.HasPrefix(r.RedirectURI, "http://[::1]") && !strings.HasPrefix(r.RedirectURI, "http://localhost") {
			t.Fatalf("sent to %q", r.RedirectURI)
		}
		response := Success(issuer, r, "gkc_1")
		if r.Refused != nil {
			response = Failure(issuer, r, r.Refused)
		} else if !slices.Contains(r.Scopes, "openid") && !slices.Contains(r.Scopes, "profile") && !slices.Contains(r.Scopes, "orders.read") && !slices.Contains(r.Scopes, "ledger.read") {
			t.Fatalf("scopes %q", r.Scopes)
		}
		if strings.ContainsFunc(response.URL, func(c rune) bool { return c <= ' ' || c > '~' }) {
			t.Fatalf("%q is no address", response.URL)
		}
		if last := response.Fields[len(response.Fields)-1]; last != (Field{"iss", issuer}) {
			t.Fatalf("the last field is %v", last)
		}
		if r.ResponseMode == FormPost {
			return
		}
		u, err := url.Parse(response.URL)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query(); got.Get("state") != r.State || got.Get("iss") != issuer || len(got["state"]) > 1 {
			t.Fatalf("%q for the state %q", response.URL, r.State)
		}
	})
}
