package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// counter is a transport that notes how each token request authenticated and what it was answered.
type counter struct {
	mu       sync.Mutex
	requests []string
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/v1/token") {
		return world.Witness.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(strings.NewReader(string(body)))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	how := "none"
	if _, _, ok := r.BasicAuth(); ok {
		how = "basic"
	} else if form.Has("client_secret") {
		how = "body"
	}
	resp, err := world.Witness.RoundTrip(again)
	if err == nil {
		c.mu.Lock()
		c.requests = append(c.requests, how+" "+resp.Status[:3])
		c.mu.Unlock()
	}
	return resp, err
}

// ctx makes x/oauth2 and go-oidc use the transport.
func (c *counter) ctx(t *testing.T) context.Context {
	return context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: c})
}

// verifyID checks an ID token as go-oidc does for every app: discovery, JWKS, RS256, issuer, audience, lifetime.
func verifyID(ctx context.Context, t *testing.T, provider *oidc.Provider, raw, accessToken string) *oidc.IDToken {
	t.Helper()
	id, err := provider.Verifier(&oidc.Config{ClientID: partnerCLI, SupportedSigningAlgs: []string{oidc.RS256}}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(accessToken); err != nil {
		t.Error(err)
	}
	var claims struct {
		Email         string `json:"email"`
		EmailVerified *bool  `json:"email_verified"`
		Name          string `json:"name"`
		Username      string `json:"preferred_username"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Email != "demo@example.com" || claims.EmailVerified == nil || !*claims.EmailVerified || claims.Name != "Demo User" || claims.Username != world.User {
		t.Errorf("claims: %+v", claims)
	}
	return id
}

func TestGoLibraries(t *testing.T) {
	t.Parallel()
	t.Run("x/oauth2: device login, refresh, userinfo; go-oidc verifies the ID token", func(t *testing.T) {
		t.Parallel()
		var transport counter
		ctx := transport.ctx(t)
		provider, err := oidc.NewProvider(ctx, world.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		// AuthStyleAutoDetect: Basic with an empty secret, and in the body again after every error. So each poll of a pending
		// code comes twice within milliseconds.
		config := oauth2.Config{ClientID: partnerCLI, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "profile", "email", "offline_access"}}
		started, err := config.DeviceAuth(ctx)
		if err != nil {
			t.Fatal(err)
		}
		polled := make(chan error, 1)
		var token *oauth2.Token
		go func() {
			var err error
			token, err = config.DeviceAccessToken(ctx, started)
			polled <- err
		}()
		waitFor(t, "a poll of the pending code, twice", func() bool {
			transport.mu.Lock()
			defer transport.mu.Unlock()
			return len(transport.requests) == 2
		})
		world.Decide(t, started.VerificationURIComplete, started.UserCode, "approve")
		if err := <-polled; err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(transport.requests, ", "); strings.ReplaceAll(got, "basic 400, none 400, ", "") != "basic 200" {
			t.Errorf("the polls were %s, want pairs of basic 400, none 400, and then basic 200", got)
		}
		raw, _ := token.Extra("id_token").(string)
		id := verifyID(ctx, t, provider, raw, token.AccessToken)
		token.Expiry = time.Now() // so that the source refreshes
		source := config.TokenSource(ctx, token)
		fresh, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		if fresh.RefreshToken == token.RefreshToken || fresh.AccessToken == token.AccessToken {
			t.Error("refreshing gave nothing new")
		}
		info, err := provider.UserInfo(ctx, source)
		if err != nil {
			t.Fatal(err)
		}
		if info.Subject != id.Subject || info.Email != "demo@example.com" || !info.EmailVerified {
			t.Errorf("userinfo: %+v", info)
		}
	})
	t.Run("x/oauth2: authorization code with PKCE; go-oidc verifies the ID token and its nonce", func(t *testing.T) {
		t.Parallel()
		declareLibraries(t)
		codeLogin(t)
	})
	t.Run("x/oauth2: client credentials, each way to authenticate, and a wrong secret", func(t *testing.T) {
		t.Parallel()
		s := world.Secret(t, "partners", "reports-oauth")
		for style, want := range map[oauth2.AuthStyle]string{
			oauth2.AuthStyleAutoDetect: "basic 200", oauth2.AuthStyleInHeader: "basic 200", oauth2.AuthStyleInParams: "body 200",
		} {
			var transport counter
			config := clientcredentials.Config{ClientID: s["client-id"], ClientSecret: s["client-secret"], TokenURL: world.Issuer + "/v1/token", AuthStyle: style}
			if token, err := config.Token(transport.ctx(t)); err != nil || token.Extra("scope") != "orders.read" || strings.Join(transport.requests, ", ") != want {
				t.Errorf("%v: %v, requests %v", style, err, transport.requests)
			}
		}
		var transport counter
		config := clientcredentials.Config{ClientID: s["client-id"], ClientSecret: "gkcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", TokenURL: world.Issuer + "/v1/token"}
		_, err := config.Token(transport.ctx(t))
		if refused := (*oauth2.RetrieveError)(nil); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || strings.Join(transport.requests, ", ") != "basic 401, body 401" {
			t.Errorf("a wrong secret: %v, requests %v", err, transport.requests)
		}
	})
	t.Run("x/oauth2: a client that takes its secret in the body is not harmed by the try with Basic", func(t *testing.T) {
		t.Parallel()
		// As a library does that guesses wrong: the right secret by Basic, but spoilt on the way, then right in the body.
		d := (&commandLine{t: t}).start()
		world.Decide(t, d.complete, d.userCode, "approve")
		form := url.Values{"grant_type": {deviceGrant}, "device_code": {d.code}, "client_id": {partnerCLI}}
		bad := url.Values{"client_secret": {"gkcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}
		for k, v := range form {
			bad[k] = v
		}
		for range 3 {
			if status, answer := call(t, "/v1/token", formType, bad); status != http.StatusUnauthorized || answer["error"] != "invalid_client" {
				t.Errorf("a wrong secret: %d %v", status, answer)
			}
		}
		form.Set("client_secret", cliSecret(t))
		// Neither is the code burned, nor were those polls.
		if status, answer := call(t, "/v1/token", formType, form); status != http.StatusOK {
			t.Errorf("then the right one: %d %v", status, answer["error"])
		}
	})
	t.Run("kubelogin: polls at once, client_secret in the body, verifies the ID token, refreshes", func(t *testing.T) {
		t.Parallel()
		kubelogin(t)
	})
}

// kubelogin does what the kubectl plugin does: it is told nothing but issuer, client id and secret, prints only the complete
// link, and polls before the first interval is over.
func kubelogin(t *testing.T) {
	t.Helper()
	var transport counter
	ctx := transport.ctx(t)
	provider, err := oidc.NewProvider(ctx, world.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	var discovered struct {
		Device string `json:"device_authorization_endpoint"`
	}
	if err := provider.Claims(&discovered); err != nil || discovered.Device != world.Issuer+"/v1/device_authorization" {
		t.Fatalf("%v: %+v", err, discovered)
	}
	secret := cliSecret(t)
	status, started := call(t, strings.TrimPrefix(discovered.Device, world.Issuer), formType, url.Values{
		"client_id": {partnerCLI}, "client_secret": {secret}, "scope": {"openid email profile offline_access"},
	})
	if status != http.StatusOK {
		t.Fatalf("device authorization: %d %v", status, started)
	}
	code, _ := started["device_code"].(string)
	form := url.Values{"client_id": {partnerCLI}, "client_secret": {secret}, "grant_type": {deviceGrant}, "device_code": {code}}
	if status, answer := call(t, "/v1/token", formType, form); status != http.StatusBadRequest || answer["error"] != "authorization_pending" {
		t.Errorf("a poll at once: %d %v", status, answer)
	}
	link, _ := started["verification_uri_complete"].(string)
	userCode, _ := started["user_code"].(string)
	world.Decide(t, link, userCode, "approve")
	wait := time.NewTimer(5 * time.Second) // the interval, after which it polls again
	defer wait.Stop()
	<-wait.C
	status, answer := call(t, "/v1/token", formType, form)
	if status != http.StatusOK {
		t.Fatalf("a poll after the approval: %d %v", status, answer)
	}
	id, _ := answer["id_token"].(string)
	access, _ := answer["access_token"].(string)
	refresh, _ := answer["refresh_token"].(string)
	verifyID(ctx, t, provider, id, access)
	config := oauth2.Config{ClientID: partnerCLI, ClientSecret: secret, Endpoint: provider.Endpoint()}
	fresh, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh, Expiry: time.Now()}).Token()
	if err != nil {
		t.Fatal(err)
	}
	// kubectl sends the ID token, so that a refresh has to give a new one.
	raw, _ := fresh.Extra("id_token").(string)
	verifyID(ctx, t, provider, raw, fresh.AccessToken)
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("not in time: " + what)
		}
	}
}

// codeLogin logs in as golang.org/x/oauth2 and go-oidc are documented to: state, PKCE and nonce, for a web app with a secret
// and a native app without.
func codeLogin(t *testing.T) {
	t.Helper()
	web := world.Secret(t, "partners", "library-web-oauth")
	for name, config := range map[string]oauth2.Config{
		"web app":    {ClientID: web["client-id"], ClientSecret: web["client-secret"], RedirectURL: webRedirect},
		"native app": {ClientID: world.Secret(t, "partners", "library-native-oauth")["client-id"], RedirectURL: "http://127.0.0.1:50123/callback"},
	} {
		var transport counter
		ctx := transport.ctx(t)
		provider, err := oidc.NewProvider(ctx, world.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		config.Endpoint, config.Scopes = provider.Endpoint(), []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}
		verifier, state, nonce := oauth2.GenerateVerifier(), "state of "+name, "nonce of "+name
		callback, _ := world.Authorize(t, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)))
		back, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		if q := back.Query(); !strings.HasPrefix(callback, config.RedirectURL+"?") || q.Get("state") != state || q.Get("iss") != world.Issuer {
			t.Fatalf("%s: came back to %s", name, callback)
		}
		token, err := config.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		raw, _ := token.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, raw)
		if err != nil || id.Nonce != nonce {
			t.Fatalf("%s: the ID token: %v, %+v", name, err, id)
		}
		token.Expiry = time.Now() // so that the source refreshes
		info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
		if err != nil || info.Subject != id.Subject || info.Email != "demo@example.com" {
			t.Errorf("%s: userinfo: %v, %+v", name, err, info)
		}
		// The code was good for once. A replay ends what it gave (RFC 6749 section 4.1.2); within two seconds, and by the app
		// that has authenticated, it is taken for a retry.
		if _, err := config.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier)); err == nil {
			t.Errorf("%s: the code was good twice", name)
		}
	}
}
