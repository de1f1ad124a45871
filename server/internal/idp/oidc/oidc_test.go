package oidc

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/idptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func always() bool { return true }

func declared(u *upstream) *registration.OIDCProvider {
	return &registration.OIDCProvider{Issuer: u.issuer(), ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"openid", "profile", "offline_access"}}
}

func provider(t *testing.T, d *registration.OIDCProvider) *Provider {
	t.Helper()
	p, ok := Factory(Options{Loopback: always})(&registration.IdentityProvider{Name: "corp", UID: "uid", OIDC: d})
	if !ok {
		t.Fatal("the factory does not know an OpenID provider")
	}
	made := p.Redirect.(*Provider)
	t.Cleanup(made.client.Close)
	return made
}

func want() idp.Identity {
	return idp.Identity{
		Subject: "248289761001", Username: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true,
		Groups:  []string{"staff", "admins"},
		Profile: registration.Profile{GivenName: "Ada", FamilyName: "Lovelace", Locale: "en-GB", Address: &registration.Address{Country: "UK"}},
		Methods: []string{"pwd", "otp"}, AuthenticatedAt: start(),
	}
}

// signIn goes through all of it.
func signIn(t *testing.T, u *upstream, p idp.Redirector) (idp.Identity, error) {
	t.Helper()
	location, kept, err := p.Begin(t.Context(), idp.BeginRequest{CallbackURL: "https://issuer.example/login/callback", State: "state", Now: start()})
	if err != nil {
		return idp.Identity{}, err
	}
	return p.Finish(t.Context(), kept, u.authorize(t, location, true), start())
}

func (u *upstream) takeDown(*testing.T) (up func()) {
	set := func(down bool) { u.mu.Lock(); defer u.mu.Unlock(); u.down = down }
	set(true)
	return func() { set(false) }
}

func TestSuite(t *testing.T) {
	u := newUpstream(t, start())
	p := provider(t, declared(u))
	t.Run("redirect", idptest.Redirect{
		Provider: p, Now: start(), Want: want(), Down: u.takeDown,
		SignIn: func(t *testing.T, location string) url.Values { return u.authorize(t, location, true) },
		Deny:   func(t *testing.T, location string) url.Values { return u.authorize(t, location, false) },
	}.Run)
	for name, noID := range map[string]bool{"refresh": false, "refresh without an ID token": true} {
		u.noID, u.groups = noID, []string{"staff", "admins"}
		t.Run(name, idptest.Refresh{
			Provider: p, Now: start(), Down: u.takeDown,
			SignIn: func(t *testing.T) idp.Identity {
				i, err := signIn(t, u, p)
				if err != nil {
					t.Fatal(err)
				}
				return i
			},
			RemoveGroup: func(_ *testing.T, g string) {
				u.groups = slices.DeleteFunc(u.groups, func(s string) bool { return s == g })
			},
			Lock: func(*testing.T) { u.locked = true }, Unlock: func(*testing.T) { u.locked = false },
		}.Run)
	}
	t.Run("rules", idptest.Rules{
		Factory: Factory(Options{Loopback: always}), Declared: registration.IdentityProvider{Name: "corp", UID: "uid", OIDC: declared(u)}, Now: start(),
		Username: `claims.preferred_username`,
		SignIn: func(t *testing.T, p idp.Provider) (idp.Identity, error) {
			return signIn(t, u, p.Redirect)
		},
	}.Run)
}

func TestAnotherKind(t *testing.T) {
	if _, ok := Factory(Options{})(&registration.IdentityProvider{Name: "corp"}); ok {
		t.Error("took a declaration of another kind")
	}
}

// TestIDToken has one case for each thing that can be wrong with an ID token.
func TestIDToken(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func(*upstream) {
		return func(u *upstream) {
			u.claims = func(c map[string]any) {
				if c[name] = value; value == nil {
					delete(c, name)
				}
			}
		}
	}
	signed := func(sign func(u *upstream, payload []byte) string) func(*upstream) {
		return func(u *upstream) { u.sign = func(p []byte) string { return sign(u, p) } }
	}
	hs256 := func(key, header string, payload []byte) string {
		b := base64.RawURLEncoding.EncodeToString
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(b([]byte(header)) + "." + b(payload)))
		return raw(header, payload, m.Sum(nil))
	}
	for name, change := range map[string]func(*upstream){
		"A32 alg none":                        signed(func(_ *upstream, p []byte) string { return raw(`{"alg":"none"}`, p, nil) }),
		"A32 alg None":                        signed(func(_ *upstream, p []byte) string { return raw(`{"alg":"None","kid":"rsa"}`, p, nil) }),
		"A32 alg HS256 keyed with the secret": signed(func(_ *upstream, p []byte) string { return hs256(clientSecret, `{"alg":"HS256"}`, p) }),
		"A32 alg HS256 keyed with the public key": signed(func(u *upstream, p []byte) string {
			der, _ := x509.MarshalPKIXPublicKey(u.rsa.Public())
			return hs256(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), `{"alg":"HS256","kid":"rsa"}`, p)
		}),
		"A32 an algorithm that is not advertised": signed(func(u *upstream, p []byte) string { return u.signed(jose.PS256, u.rsa, "rsa", p) }),
		"A32 a key of nobody's":                   signed(func(u *upstream, p []byte) string { return u.signed(jose.RS256, other, "rsa", p) }),
		"A32 a key of nobody's with another kid":  signed(func(u *upstream, p []byte) string { return u.signed(jose.RS256, other, "new", p) }),
		"A32 a key that the token brings along": signed(func(_ *upstream, p []byte) string {
			s, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: other}, (&jose.SignerOptions{EmbedJWK: true}))
			jws, _ := s.Sign(p)
			out, _ := jws.CompactSerialize()
			return out
		}),
		"A32 a payload that was changed": signed(func(u *upstream, p []byte) string {
			parts := strings.Split(u.signed(jose.RS256, u.rsa, "rsa", p), ".")
			parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(p, []byte("248289761001"), []byte("248289761002"), 1))
			return strings.Join(parts, ".")
		}),
		"A32 a critical header": signed(func(u *upstream, p []byte) string {
			s, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: u.rsa}, (&jose.SignerOptions{}).WithHeader("crit", []string{"x"}).WithHeader("x", 1))
			jws, _ := s.Sign(p)
			out, _ := jws.CompactSerialize()
			return out
		}),
		"A32 JSON in place of the compact form": signed(func(u *upstream, p []byte) string {
			s, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: u.rsa}, nil)
			jws, _ := s.Sign(p)
			return jws.FullSerialize()
		}),
		"A32 no ID token":                func(u *upstream) { u.answer = func(a map[string]any) { delete(a, "id_token") } },
		"A32 an ID token that is none":   func(u *upstream) { u.answer = func(a map[string]any) { a["id_token"] = 7 } },
		"A32 aud of another client":      claim("aud", "another"),
		"A32 aud absent":                 claim("aud", nil),
		"A32 aud with others and no azp": claim("aud", []string{clientID, "another"}),
		"A32 aud with others and another azp": func(u *upstream) {
			u.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{clientID, "x"}, "x" }
		},
		"A32 azp of another client":           claim("azp", "another"),
		"A32 nonce of another sign-in":        claim("nonce", "another"),
		"A32 nonce absent":                    claim("nonce", nil),
		"A32 iss of another":                  claim("iss", "https://evil.example"),
		"A32 iss with a slash at the end":     func(u *upstream) { u.claims = func(c map[string]any) { c["iss"] = u.issuer() + "/" } },
		"A32 iss absent":                      claim("iss", nil),
		"A32 exp absent":                      claim("exp", nil),
		"A32 exp past":                        claim("exp", start().Add(-time.Second).Unix()),
		"A32 exp that is text":                claim("exp", "9999999999"),
		"A32 iat absent":                      claim("iat", nil),
		"A32 iat to come":                     claim("iat", start().Add(time.Hour).Unix()),
		"A32 nbf to come":                     claim("nbf", start().Add(time.Hour).Unix()),
		"A32 at_hash of another access token": claim("at_hash", base64.RawURLEncoding.EncodeToString(make([]byte, 16))),
		"A32 userinfo about somebody else":    func(u *upstream) { u.userinfo = func(c map[string]any) { c["sub"] = "another" } },
		"A32 userinfo about nobody":           func(u *upstream) { u.userinfo = func(c map[string]any) { delete(c, "sub") } },
		"A32 a signature by a key of another provider": func(u *upstream) {
			u.keys = func() *jose.JSONWebKeySet {
				return &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: other.Public(), KeyID: "rsa"}}}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t, start())
			change(u)
			got, err := signIn(t, u, provider(t, declared(u)))
			if !errors.Is(err, idp.ErrCallback) || got.Subject != "" {
				t.Errorf("%+v, error %v", got, err)
			}
		})
	}
	for name, change := range map[string]func(*upstream){
		"as it should be": func(*upstream) {},
		"ES256":           signed(func(u *upstream, p []byte) string { return u.signed(jose.ES256, u.ec, "ec", p) }),
		"EdDSA": func(u *upstream) {
			u.sign = func(p []byte) string { return u.signed(jose.EdDSA, u.ed, "ed", p) }
			u.claims = func(c map[string]any) { delete(c, "at_hash") } // the upstream's is of another hash
		},
		"a key without a kid": signed(func(u *upstream, p []byte) string { return u.signed(jose.RS256, u.rsa, "", p) }),
		"aud with others, azp of this client": func(u *upstream) {
			u.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{"x", clientID}, clientID }
		},
		"no at_hash":         claim("at_hash", nil),
		"a clock 8 s ahead":  claim("iat", start().Add(8*time.Second).Unix()),
		"client_secret_post": func(u *upstream) { u.method = "client_secret_post" },
		"metadata without authentication methods": func(u *upstream) {
			u.metadata = func(m map[string]any) { delete(m, "token_endpoint_auth_methods_supported") }
		},
		"metadata without algorithms": func(u *upstream) {
			u.metadata = func(m map[string]any) { delete(m, "id_token_signing_alg_values_supported") }
		},
	} {
		t.Run("an ID token that is taken: "+name, func(t *testing.T) {
			u := newUpstream(t, start())
			change(u)
			got, err := signIn(t, u, provider(t, declared(u)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want(), got, cmpopts.IgnoreFields(idp.Identity{}, "Claims", "Kept")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPublicClient(t *testing.T) {
	u := newUpstream(t, start())
	u.method = "none"
	d := declared(u)
	d.ClientSecret = ""
	if _, err := signIn(t, u, provider(t, d)); err != nil {
		t.Error(err)
	}
}

func TestTimeOfAuthentication(t *testing.T) {
	hour := time.Hour
	for name, c := range map[string]struct {
		request idp.BeginRequest
		claim   any
		asks    url.Values
		refused bool
	}{
		"nothing asked, nothing said":       {claim: nil, asks: url.Values{}},
		"a fresh sign-in, made":             {request: idp.BeginRequest{Fresh: true}, claim: start().Unix(), asks: url.Values{"prompt": {"login"}, "max_age": {"0"}}},
		"A16 a fresh sign-in, not made":     {request: idp.BeginRequest{Fresh: true}, claim: start().Add(-time.Minute).Unix(), refused: true},
		"A16 a fresh sign-in, nothing said": {request: idp.BeginRequest{Fresh: true}, refused: true},
		"A16 a fresh sign-in, said in text": {request: idp.BeginRequest{Fresh: true}, claim: "now", refused: true},
		"max_age, in time":                  {request: idp.BeginRequest{MaxAge: &hour}, claim: start().Add(-59 * time.Minute).Unix(), asks: url.Values{"max_age": {"3600"}}},
		"A16 max_age, exceeded":             {request: idp.BeginRequest{MaxAge: &hour}, claim: start().Add(-61 * time.Minute).Unix(), refused: true},
		"A16 max_age, nothing said":         {request: idp.BeginRequest{MaxAge: &hour}, refused: true},
		"hints go along":                    {request: idp.BeginRequest{LoginHint: "ada@x", UILocales: []string{"de", "en"}}, asks: url.Values{"login_hint": {"ada@x"}, "ui_locales": {"de en"}}},
		"no hint of what was not asked":     {asks: url.Values{"prompt": nil, "max_age": nil, "login_hint": nil, "hd": nil}},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t, start())
			u.claims = func(m map[string]any) {
				if m["auth_time"] = c.claim; c.claim == nil {
					delete(m, "auth_time")
				}
			}
			p := provider(t, declared(u))
			c.request.CallbackURL, c.request.State, c.request.Now = "https://issuer.example/cb", "s", start()
			location, kept, err := p.Begin(t.Context(), c.request)
			if err != nil {
				t.Fatal(err)
			}
			at, _ := url.Parse(location)
			for name, value := range c.asks {
				if !slices.Equal(at.Query()[name], value) {
					t.Errorf("%s is %q", name, at.Query()[name])
				}
			}
			_, err = p.Finish(t.Context(), kept, u.authorize(t, location, true), start())
			if c.refused != errors.Is(err, idp.ErrCallback) || !c.refused && err != nil {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestIssuerOfTheResponse(t *testing.T) {
	for name, c := range map[string]struct {
		advertised bool
		change     func(url.Values)
		refused    bool
	}{
		"its own":                          {true, func(url.Values) {}, false},
		"its own, not advertised":          {false, func(url.Values) {}, false},
		"none where none is advertised":    {false, func(v url.Values) { v.Del("iss") }, false},
		"A31 none where one is advertised": {true, func(v url.Values) { v.Del("iss") }, true},
		"A31 another":                      {true, func(v url.Values) { v.Set("iss", "https://evil.example") }, true},
		"A31 another, not advertised":      {false, func(v url.Values) { v.Set("iss", "https://evil.example") }, true},
		"A31 two":                          {true, func(v url.Values) { v.Add("iss", "https://evil.example") }, true},
		"A31 a slash more":                 {true, func(v url.Values) { v.Set("iss", v.Get("iss")+"/") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t, start())
			u.metadata = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = c.advertised }
			p := provider(t, declared(u))
			for _, in := range []bool{true, false} {
				location, kept, err := p.Begin(t.Context(), idp.BeginRequest{CallbackURL: "https://issuer.example/cb", State: "s", Now: start()})
				if err != nil {
					t.Fatal(err)
				}
				back := u.authorize(t, location, in)
				c.change(back)
				before := len(u.redeemed)
				_, err = p.Finish(t.Context(), kept, back, start())
				if c.refused && (!errors.Is(err, idp.ErrCallback) || len(u.redeemed) != before) {
					t.Errorf("error %v, %d codes sent", err, len(u.redeemed)-before)
				}
				if !c.refused && (in && err != nil || !in && !errors.Is(err, idp.ErrDenied)) {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another issuer":                  func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"no issuer":                       func(m map[string]any) { delete(m, "issuer") },
		"no authorization endpoint":       func(m map[string]any) { delete(m, "authorization_endpoint") },
		"a script for an endpoint":        func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		"no keys":                         func(m map[string]any) { delete(m, "jwks_uri") },
		"A32 only algorithms of no proof": func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"none", "HS256"} },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t, start())
			u.metadata = change
			if _, err := signIn(t, u, provider(t, declared(u))); err == nil || errors.Is(err, idp.ErrCallback) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("K14 a key set at an address that may not be reached", func(t *testing.T) {
		u := newUpstream(t, start())
		u.metadata = func(m map[string]any) { m["jwks_uri"] = "http://169.254.169.254/keys" }
		if _, err := signIn(t, u, provider(t, declared(u))); err == nil || errors.Is(err, idp.ErrCallback) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("K14 a provider on loopback in production", func(t *testing.T) {
		u := newUpstream(t, start())
		p, _ := Factory(Options{})(&registration.IdentityProvider{OIDC: declared(u)})
		if _, err := signIn(t, u, p.Redirect); err == nil || len(u.asked) > 0 {
			t.Errorf("error %v, asked %v", err, u.asked)
		}
	})
	t.Run("what the upstream says in an error goes nowhere", func(t *testing.T) {
		u := newUpstream(t, start())
		p := provider(t, declared(u))
		d := declared(u)
		d.ClientSecret = "wrong"
		i, err := signIn(t, u, p)
		if err != nil {
			t.Fatal(err)
		}
		_, wrongSecret := signIn(t, u, provider(t, d))
		_, noToken := p.Refresh(t.Context(), i.Subject, []byte("refresh-of-nobody"), start())
		u.mu.Lock()
		u.down = true
		u.mu.Unlock()
		_, down := p.Refresh(t.Context(), i.Subject, i.Kept, start())
		for _, err := range []error{wrongSecret, noToken, down} {
			if err == nil || strings.Contains(err.Error(), "secret-of-the-upstream") || strings.Contains(err.Error(), "refresh-") {
				t.Errorf("error %v", err)
			}
		}
		if errors.Is(wrongSecret, idp.ErrCallback) {
			t.Errorf("a wrong declaration is blamed on the user: %v", wrongSecret)
		}
	})
}

func TestCache(t *testing.T) {
	u := newUpstream(t, start())
	p := provider(t, declared(u))
	begin := func(now time.Time) error {
		_, _, err := p.Begin(t.Context(), idp.BeginRequest{Now: now})
		return err
	}
	asked := func() int { return u.asked["/.well-known/openid-configuration"] }
	for range 3 {
		if err := begin(start()); err != nil {
			t.Fatal(err)
		}
	}
	if asked() != 1 {
		t.Errorf("asked %d times for what had just been told", asked())
	}
	later := start().Add(fresh)
	u.down = true
	if err := begin(later); err != nil || asked() != 2 {
		t.Errorf("fault 28 the last good metadata is not used: %v, asked %d times", err, asked())
	}
	if err := begin(later.Add(retry - time.Second)); err != nil || asked() != 2 {
		t.Errorf("error %v, asked %d times within the time to wait", err, asked())
	}
	u.down = false
	if err := begin(later.Add(retry)); err != nil || asked() != 3 {
		t.Errorf("error %v, asked %d times after the time to wait", err, asked())
	}
	t.Run("a new signing key is fetched, once", func(t *testing.T) {
		if _, err := signIn(t, u, p); err != nil {
			t.Fatal(err)
		}
		before := u.asked["/jwks"]
		rotated := newUpstream(t, start())
		u.rsa = rotated.rsa
		for range 3 {
			u.sign = func(b []byte) string { return u.signed(jose.RS256, u.rsa, "rsa-2", b) }
			u.keys = func() *jose.JSONWebKeySet {
				return &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: u.rsa.Public(), KeyID: "rsa-2", Algorithm: "RS256"}}}
			}
			if _, err := signIn(t, u, p); err != nil {
				t.Error(err)
			}
		}
		if u.asked["/jwks"] != before+1 {
			t.Errorf("fetched %d times", u.asked["/jwks"]-before)
		}
	})
}

const (
	tenantA = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	tenantB = "9188040d-6c67-4c5b-b112-36a304b66dad"
)
