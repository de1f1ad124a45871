package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newIssuer(t testing.TB) *Issuer {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := signer.New()
	keys := &registration.Keys{Signing: []registration.SigningKey{
		{ID: "e", Algorithm: "ES256", State: registration.KeyActive, PKCS8: der(t, ec)},
		{ID: "r", Algorithm: "RS256", State: registration.KeyActive, PKCS8: der(t, rs)},
	}}
	if err := s.Load(keys); err != nil {
		t.Fatal(err)
	}
	return NewIssuer(s, rand.Reader)
}

func der(t testing.TB, k any) []byte {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func access() *Access {
	return &Access{
		Issuer: "https://login.example.com", Subject: "u1", ClientID: "cli", ClientUID: "uid", GrantID: "g1", Scope: "openid a",
		Audience: []string{"https://api.example.com"}, IssuedAt: now, ExpiresAt: now.Add(10 * time.Minute), AuthTime: now.Add(-time.Minute),
	}
}

func payload(t *testing.T, jwt string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAccessToken(t *testing.T) {
	i := newIssuer(t)
	a := access()
	value, err := i.Access(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("I05 an access token has the claims of RFC 9068", func(t *testing.T) {
		want := map[string]any{
			"iss": "https://login.example.com", "sub": "u1", "aud": "https://api.example.com", "client_id": "cli", "client_uid": "uid",
			"grant_id": "g1", "scope": "openid a", "jti": a.ID, "iat": float64(now.Unix()), "exp": float64(now.Unix() + 600), "auth_time": float64(now.Unix() - 60),
		}
		if d := cmp.Diff(want, payload(t, value)); d != "" {
			t.Error(d)
		}
	})
	t.Run("it reads back as it was", func(t *testing.T) {
		got, err := i.ReadAccess(a.Issuer, value, now)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(a, got); d != "" {
			t.Error(d)
		}
	})
	t.Run("at its exp it has expired and still says what it was", func(t *testing.T) {
		got, err := i.ReadAccess(a.Issuer, value, a.ExpiresAt)
		if !errors.Is(err, ErrExpired) || got == nil || got.GrantID != "g1" {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("under another issuer it is no token", func(t *testing.T) {
		if _, err := i.ReadAccess("https://other.example.com", value, now); !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	})
	t.Run("I05 an ID token is no access token", func(t *testing.T) {
		id, err := i.ID(&ID{Issuer: a.Issuer, Subject: "u1", ClientID: "cli", IssuedAt: now, ExpiresAt: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.ReadAccess(a.Issuer, id, now); !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	})
	t.Run("any text in a claim gives the JSON that the library would write", rapid.MakeCheck(func(t *rapid.T) {
		a := access()
		a.Subject, a.Scope = rapid.String().Draw(t, "sub"), rapid.String().Draw(t, "scope")
		a.Audience = rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "aud")
		var got accessClaims
		if err := json.Unmarshal(appendAccess(nil, a), &got); err != nil {
			t.Fatal(err)
		}
		if got.Subject != a.Subject || got.Scope != a.Scope || !cmp.Equal([]string(got.Audience), a.Audience) {
			t.Fatalf("%+v", got)
		}
	}))
}

func TestC12IDToken(t *testing.T) {
	i := newIssuer(t)
	yes := true
	value, err := i.ID(&ID{
		Issuer: "https://login.example.com", Subject: "u1", ClientID: "cli", IssuedAt: now, ExpiresAt: now.Add(time.Hour),
		AuthTime: now, Methods: []string{"pwd"}, ACR: "1fa", Nonce: "n", SID: "s", AccessToken: "an access token",
		Claims: UserClaims{Name: "Ada", PreferredUsername: "ada", Email: "ada@example.com", EmailVerified: &yes},
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("an access token"))
	want := map[string]any{
		"iss": "https://login.example.com", "sub": "u1", "aud": "cli", "iat": float64(now.Unix()), "exp": float64(now.Unix() + 3600),
		"auth_time": float64(now.Unix()), "amr": []any{"pwd"}, "acr": "1fa", "nonce": "n", "sid": "s", "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		"name": "Ada", "preferred_username": "ada", "email": "ada@example.com", "email_verified": true,
	}
	if d := cmp.Diff(want, payload(t, value)); d != "" {
		t.Error(d)
	}
	header := func(jwt string) string {
		b, _ := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[0])
		return string(b)
	}
	t.Run("C12 it is signed with RS256, or as the client is registered", func(t *testing.T) {
		ec, err := i.ID(&ID{Issuer: "x", Subject: "u1", ClientID: "cli", Algorithm: signer.ES256})
		if err != nil || !strings.Contains(header(ec), `"alg":"ES256","kid":"e"`) || !strings.Contains(header(value), `"alg":"RS256","kid":"r"`) {
			t.Errorf("%v, %s, %s", err, header(ec), header(value))
		}
	})
	t.Run("C12 what was not asked for is not there", func(t *testing.T) {
		bare, err := i.ID(&ID{Issuer: "x", Subject: "u1", ClientID: "cli"})
		got := payload(t, bare)
		for _, name := range []string{"nonce", "acr", "amr", "sid", "at_hash", "auth_time", "name", "email_verified", "address"} {
			if _, ok := got[name]; ok || err != nil {
				t.Errorf("%s is there, %v", name, err)
			}
		}
	})
	t.Run("an ID token reads back as a hint, expired or not", func(t *testing.T) {
		got, err := i.ReadID("https://login.example.com", value)
		if want := (&IDHint{Subject: "u1", ClientID: "cli", SID: "s", ExpiresAt: now.Add(time.Hour)}); err != nil || !got.ExpiresAt.Equal(want.ExpiresAt) || got.Subject != want.Subject || got.ClientID != want.ClientID || got.SID != want.SID {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("what is no ID token of this issuer is no hint", func(t *testing.T) {
		access, err := i.Access(access())
		if err != nil {
			t.Fatal(err)
		}
		other, err := newIssuer(t).ID(&ID{Issuer: "https://login.example.com", Subject: "u1"})
		if err != nil {
			t.Fatal(err)
		}
		for name, jwt := range map[string]string{
			"an access token": access, "one of other keys": other, "a changed one": value[:len(value)-4] + "AAAA", "nothing": "", "no JWT": "x.y.z",
			"one without a signature": strings.Join(strings.Split(value, ".")[:2], ".") + ".", "a long one": "eyJ" + strings.Repeat(".", 10_000),
		} {
			if _, err := i.ReadID("https://login.example.com", jwt); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := i.ReadID("https://other.example.com", value); !errors.Is(err, ErrInvalid) {
			t.Error("of another issuer")
		}
	})
}

func TestAuthorizationDetails(t *testing.T) {
	i := newIssuer(t)
	a := access()
	a.ACR, a.AuthorizationDetails = "mfa", json.RawMessage(`[{"type":"project","identifiers":["p1"]}]`)
	value, err := i.Access(a)
	if err != nil {
		t.Fatal(err)
	}
	got := payload(t, value)
	if want := []any{map[string]any{"type": "project", "identifiers": []any{"p1"}}}; got["acr"] != "mfa" || !cmp.Equal(got["authorization_details"], any(want)) {
		t.Errorf("%v", got)
	}
	for name, tt := range map[string]struct{ details, want string }{
		"those of another API are left out": {`[{"type":"a","locations":["https://a"]},{"type":"b","locations":["https://b"]}]`, `[{"type":"a","locations":["https://a"]}]`},
		"those of several stay":             {`[{"type":"a","locations":["https://b","https://a"]}]`, `[{"type":"a","locations":["https://b","https://a"]}]`},
		"those for all stay":                {`[{"type":"a"}]`, `[{"type":"a"}]`},
		"nothing is left":                   {`[{"type":"b","locations":["https://b"]}]`, ``},
		"an empty list is nothing":          {`[]`, ``},
		"nothing was chosen":                {``, ``},
		"what cannot be read":               {`{`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DetailsFor(json.RawMessage(tt.details), []string{"https://a"}); string(got) != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestClaimsFollowTheScopes(t *testing.T) {
	u := &storage.User{Username: "ada", Name: "Ada", Email: "ada@example.com", Groups: []string{"staff"}, UpdatedAt: now, Profile: registration.Profile{
		GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "K", Nickname: "a", Profile: "https://p", Picture: "https://i", Website: "https://w", Gender: "f",
		Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en", PhoneNumber: "+44 1", PhoneNumberVerified: true, Address: &registration.Address{Country: "UK"},
	}}
	no, yes := false, true
	asked := func(names ...string) map[string]oauth.ClaimRequest {
		m := map[string]oauth.ClaimRequest{}
		for _, n := range names {
			m[n] = oauth.ClaimRequest{}
		}
		return m
	}
	tests := map[string]struct {
		scopes []string
		asked  map[string]oauth.ClaimRequest
		want   UserClaims
	}{
		"openid alone gives none": {scopes: []string{"openid"}},
		"profile gives all of it": {scopes: []string{"openid", "profile"}, want: UserClaims{
			Name: "Ada", PreferredUsername: "ada", GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "K", Nickname: "a", Profile: "https://p", Picture: "https://i",
			Website: "https://w", Gender: "f", Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en", UpdatedAt: now.Unix()}},
		"email gives the address and whether it was verified": {scopes: []string{"email"}, want: UserClaims{Email: "ada@example.com", EmailVerified: &no}},
		"phone gives the number and whether it was verified":  {scopes: []string{"phone"}, want: UserClaims{PhoneNumber: "+44 1", PhoneNumberVerified: &yes}},
		"address gives the address":                           {scopes: []string{"address"}, want: UserClaims{Address: &registration.Address{Country: "UK"}}},
		"groups gives the groups":                             {scopes: []string{"groups"}, want: UserClaims{Groups: []string{"staff"}}},
		"a claim that is asked for by name comes alone":       {scopes: []string{"openid"}, asked: asked("name", "sub", "nothing"), want: UserClaims{Name: "Ada"}},
		"scopes and names together":                           {scopes: []string{"groups"}, asked: asked("email", "groups"), want: UserClaims{Email: "ada@example.com", Groups: []string{"staff"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, ClaimsOf(u, tt.scopes, tt.asked)); d != "" {
				t.Error(d)
			}
		})
	}
	t.Run("a user of whom nothing is known has no claims", func(t *testing.T) {
		if d := cmp.Diff(UserClaims{}, ClaimsOf(&storage.User{}, oauth.UserScopes(), nil)); d != "" {
			t.Error(d)
		}
	})
}

func TestI06NothingOverridesAClaimOfTheProtocol(t *testing.T) {
	names := func(v any) []string {
		var out []string
		for f := range reflect.TypeOf(v).Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			out = append(out, name)
		}
		return out
	}
	user := names(UserClaims{})
	protocol := append(names(idClaims{}), names(accessClaims{})...)
	protocol = append(protocol, "cnf", "azp", "c_hash", "act", "authorization_details", "nbf", "events")
	for _, name := range user {
		if name == "" || slices.Contains(protocol, name) {
			t.Errorf("%q could be set by a provider", name)
		}
		if oauth.ScopeOfClaim(name) == "" {
			t.Errorf("no scope stands for %q", name)
		}
	}
}

func TestRefreshTokens(t *testing.T) {
	key := func(id string) registration.SymmetricKey {
		b := make([]byte, 32)
		_, _ = rand.Read(b)
		return registration.SymmetricKey{ID: id, Key: b}
	}
	k1, k2 := key("k1"), key("k2")
	r := NewRefresh([]registration.SymmetricKey{k1})
	first, err := r.First("g1", "f1", now, 24*time.Hour, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	value, err := r.Value("k1", "f1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if hash, ok := oauth.ParseCredential(oauth.PrefixRefreshToken, value); !ok || hash != first.Token {
		t.Error("the value of the first generation is not the one that is stored")
	}
	second, err := r.Next(first, now.Add(30*time.Minute), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if second.Generation != 1 || second.Token == first.Token || second.Family != "f1" || second.GrantID != "g1" {
		t.Errorf("%+v", second)
	}
	t.Run("D09 the absolute expiry is never reset by rotation, and idle never reaches beyond it", func(t *testing.T) {
		if second.ExpiresAt != first.ExpiresAt || second.IdleExpiresAt != now.Add(90*time.Minute) {
			t.Errorf("%v, %v", second.ExpiresAt, second.IdleExpiresAt)
		}
		late, err := r.Next(first, now.Add(23*time.Hour+30*time.Minute), time.Hour)
		if err != nil || late.IdleExpiresAt != first.ExpiresAt {
			t.Errorf("%v, %v", late.IdleExpiresAt, err)
		}
	})
	t.Run("a family keeps its key when a new one comes before it", func(t *testing.T) {
		both := NewRefresh([]registration.SymmetricKey{k2, k1})
		again, err := both.Value("k1", "f1", 0)
		if err != nil || again != value {
			t.Errorf("%v", err)
		}
		fresh, err := both.First("g2", "f2", now, time.Hour, time.Hour)
		if err != nil || fresh.KeyID != "k2" {
			t.Errorf("%+v, %v", fresh, err)
		}
	})
	t.Run("without the family's key nothing is derived", func(t *testing.T) {
		if _, err := NewRefresh([]registration.SymmetricKey{k2}).Value("k1", "f1", 0); !errors.Is(err, ErrNoDerivationKey) {
			t.Error(err)
		}
	})
	t.Run("no two generations or families give the same token", func(t *testing.T) {
		seen := map[string]bool{}
		for _, family := range []string{"f1", "f2", "f", ""} {
			for n := range int64(50) {
				v, err := r.Value("k1", family, n)
				if err != nil || seen[v] {
					t.Fatalf("%s %d: %v", family, n, err)
				}
				seen[v] = true
			}
		}
	})
}
