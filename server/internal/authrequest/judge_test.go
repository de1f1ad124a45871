package authrequest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

func TestJudge(t *testing.T) {
	read := func(t *testing.T, pairs ...string) *Request {
		t.Helper()
		r, err := Read(snapshot(web()), params(pairs...).Encode(), input())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tests := map[string]struct {
		change func(*registration.Client)
		ok     bool
	}{
		"nothing changed":                          {func(*registration.Client) {}, true},
		"something else changed":                   {func(c *registration.Client) { c.Display.Name = "New" }, true},
		"A28 the client was made again":            {func(c *registration.Client) { c.UID = "another" }, false},
		"A28 the client was suspended":             {func(c *registration.Client) { c.Suspended = true }, false},
		"A28 the redirect URI was withdrawn":       {func(c *registration.Client) { c.RedirectURIs = []string{"https://other.example.com/cb"} }, false},
		"A28 a scope was withdrawn":                {func(c *registration.Client) { c.Scopes = []string{"openid"} }, false},
		"A28 the grant type was withdrawn":         {func(c *registration.Client) { c.GrantTypes = []string{oauth.GrantTypeDeviceCode} }, false},
		"A28 the policy refuses the client by now": {func(c *registration.Client) { c.Policy = "gone" }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Judge(snapshot(web(tt.change)), read(t))
			if page := (*PageError)(nil); (err == nil) != tt.ok || err != nil && (!errors.As(err, &page) || page.Kind != ClientGone) || (c != nil) != tt.ok {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
	t.Run("A28 the client was deleted", func(t *testing.T) {
		r := read(t)
		r.ClientID = "apps.deleted"
		if _, err := Judge(snapshot(web()), r); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("A28 an API took its scope back", func(t *testing.T) {
		other := &registration.Resource{Namespace: "oauth", Name: "orders", Identifier: ordersAPI, Scopes: []registration.Scope{{Name: "orders.write", Title: "x"}}}
		if _, err := Judge(snapshot(web(), other), read(t)); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("A28 the policy demands PKCE by now", func(t *testing.T) {
		r := read(t)
		r.Challenge = ""
		if _, err := Judge(snapshot(web()), r); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("a refusal is still the client's to know, at an address that is still its own", func(t *testing.T) {
		r := read(t, "scope", "nothing")
		if _, err := Judge(snapshot(web(func(c *registration.Client) { c.Scopes = []string{"openid"} })), r); err != nil {
			t.Error(err)
		}
		if _, err := Judge(snapshot(web(func(c *registration.Client) { c.RedirectURIs = []string{"https://other.example.com/cb"} })), r); err == nil {
			t.Error("sent to an address that was withdrawn")
		}
	})
}

func TestResponses(t *testing.T) {
	request := func(uri, state string, mode ResponseMode) *Request {
		return &Request{RedirectURI: uri, State: state, ResponseMode: mode}
	}
	const iss = "&iss=https%3A%2F%2Flogin.example.com%2Ftenant"
	tests := map[string]struct {
		got  Response
		want string
	}{
		"A18 a success carries iss":                       {Success(issuer, request(callback, "", Query), "gkc_1"), callback + "?code=gkc_1" + iss},
		"A18 a failure carries iss":                       {Failure(issuer, request(callback, "", Query), oauth.InvalidScope("no such scope")), callback + "?error=invalid_scope&error_description=no%20such%20scope" + iss},
		"A19 state comes back byte by byte":               {Success(issuer, request(callback, "a b+c%20&d=ä\"<", Query), "c"), callback + "?code=c&state=a%20b%2Bc%2520%26d%3D%C3%A4%22%3C" + iss},
		"the redirect URI's own query stays as it is":     {Success(issuer, request("https://app.example.com/q?x=1&y=%252F", "s", Query), "c"), "https://app.example.com/q?x=1&y=%252F&code=c&state=s" + iss},
		"a private scheme":                                {Success(issuer, request("com.example.app:/cb", "", Query), "c"), "com.example.app:/cb?code=c" + iss},
		"an error without a description has no empty one": {Failure(issuer, request(callback, "", Query), &oauth.Error{Code: "x"}), callback + "?error=x" + iss},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.got.Mode != Query || tt.got.URL != tt.want {
				t.Errorf("got  %s\nwant %s", tt.got.URL, tt.want)
			}
		})
	}
	t.Run("form_post has the fields in order and the address as it is", func(t *testing.T) {
		got := Success(issuer, request("https://app.example.com/q?x=1", "a\"b", FormPost), "c")
		want := Response{Mode: FormPost, Action: "https://app.example.com/q?x=1", Fields: []Field{{"code", "c"}, {"state", "a\"b"}, {"iss", issuer}}}
		if !cmp.Equal(got, want) {
			t.Error(cmp.Diff(want, got))
		}
	})
}
