package people

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// app is a client that uses the libraries everybody uses.
type app struct {
	*testing.T
	oauth2.Config
	provider *oidc.Provider
	ctx      context.Context
}

// newApp finds the endpoints by discovery. secret is the name of its Secret among the partners.
func newApp(t *testing.T, secret, redirect string, scopes ...string) *app {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), world.Witness.Client())
	provider, err := oidc.NewProvider(ctx, world.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	own := world.Secret(t, "partners", secret)
	return &app{T: t, provider: provider, ctx: ctx, Config: oauth2.Config{
		ClientID: own["client-id"], ClientSecret: own["client-secret"], Endpoint: provider.Endpoint(), RedirectURL: redirect, Scopes: scopes,
	}}
}

// redeem exchanges a code.
func (a *app) redeem(answer url.Values, options ...oauth2.AuthCodeOption) *oauth2.Token {
	a.Helper()
	if answer.Get("iss") != world.Issuer || answer.Get("state") != "state" || answer.Get("code") == "" {
		a.Fatalf("the app is told %s: %s", answer.Get("error"), answer.Get("error_description"))
	}
	token, err := a.Exchange(a.ctx, answer.Get("code"), options...)
	if err != nil {
		a.Fatal(err)
	}
	return token
}

// refresh uses the refresh token.
func (a *app) refresh(t *oauth2.Token) (*oauth2.Token, error) {
	return a.TokenSource(a.ctx, &oauth2.Token{RefreshToken: t.RefreshToken}).Token()
}

// mustRefresh is refresh for a token that is good.
func (a *app) mustRefresh(t *oauth2.Token) *oauth2.Token {
	a.Helper()
	next, err := a.refresh(t)
	if err != nil {
		a.Fatal(err)
	}
	return next
}

// over checks that the next refresh fails.
func (a *app) over(t *oauth2.Token) {
	a.Helper()
	_, err := a.refresh(t)
	if refused := (*oauth2.RetrieveError)(nil); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		a.Errorf("the next refresh: %v", err)
	}
}

// claims verifies the ID token.
func (a *app) claims(t *oauth2.Token) (claims struct {
	Name     string   `json:"name"`
	Username string   `json:"preferred_username"`
	Email    string   `json:"email"`
	Groups   []string `json:"groups"`
	Methods  []string `json:"amr"`
}) {
	a.Helper()
	raw, _ := t.Extra("id_token").(string)
	verified, err := a.provider.VerifierContext(a.ctx, &oidc.Config{ClientID: a.ClientID}).Verify(a.ctx, raw)
	if err != nil {
		a.Fatal(err)
	}
	if err := verified.Claims(&claims); err != nil {
		a.Fatal(err)
	}
	return claims
}

// details are the identifiers of the authorization details of one type (RFC 9396) in a token response.
func details(t *oauth2.Token, kind string) []string {
	var out []string
	all, _ := t.Extra("authorization_details").([]any)
	for _, d := range all {
		if d, ok := d.(map[string]any); ok && d["type"] == kind {
			id, _ := d["identifier"].(string)
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// get asks the sample API with a token.
func get(t *testing.T, api net.Listener, path, token string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+api.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	body := map[string]any{}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// lists checks that the API lists the projects, and nothing else, whichever way it finds out what the token is for.
func lists(t *testing.T, token string, projects ...string) {
	t.Helper()
	for name, api := range map[string]net.Listener{"JWT": world.judges, "introspection": world.asks} {
		status, body := get(t, api, "/v1beta1/projects", token)
		var got []string
		all, _ := body["projects"].([]any)
		for _, p := range all {
			if p, ok := p.(map[string]any); ok {
				got = append(got, p["id"].(string))
			}
		}
		if status != http.StatusOK || strings.Join(got, " ") != strings.Join(projects, " ") {
			t.Errorf("by %s the API lists %v (%d), want %v", name, got, status, projects)
		}
		_, body = get(t, api, "/v1beta1/clusters", token)
		clusters, _ := body["clusters"].([]any)
		for _, c := range clusters {
			if c, ok := c.(map[string]any); !ok || !slices.Contains(projects, c["project"].(string)) {
				t.Errorf("by %s the API lists the cluster %v", name, c)
			}
		}
		if len(clusters) == 0 {
			t.Errorf("by %s the API lists no clusters", name)
		}
	}
}

// refuses checks that the API refuses something, either way.
func refuses(t *testing.T, token, path string, want int) {
	t.Helper()
	for name, api := range map[string]net.Listener{"JWT": world.judges, "introspection": world.asks} {
		if status, body := get(t, api, path, token); status != want {
			t.Errorf("by %s the API answers %s with %d %v, want %d", name, path, status, body, want)
		}
	}
}
