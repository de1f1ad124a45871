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
		AuthTime: now, Methods: []string{"pwd"}, AccessToken: "an access token",
		Claims: UserClaims{Name: "Ada", PreferredUsername: "ada", Email: "ada@example.com", EmailVerified: &yes},
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("an access token"))
	want := map[string]any{
		"iss": "https://login.example.com", "sub": "u1", "aud": "cli", "iat": float64(now.Unix()), "exp": float64(now.Unix() + 3600),
		"auth_time": float64(now.Unix()), "amr": []any{"pwd"}, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		"name": "Ada", "preferred_username": "ada", "email": "ada@example.com", "email_verified": true,
	}
	if d := cmp.Diff(want, payload(t, value)); d != "" {
		t.Error(d)
	}
}

func TestClaimsFollowTheScopes(t *testing.T) {
	u := &storage.User{Username: "ada", Name: "Ada", Email: "ada@example.com", Groups: []string{"staff"}}
	no := false
	tests := map[string]struct {
		scopes []string
		want   UserClaims
	}{
		"openid alone gives none":                 {[]string{"openid"}, UserClaims{}},
		"profile gives the names":                 {[]string{"openid", "profile"}, UserClaims{Name: "Ada", PreferredUsername: "ada"}},
		"email gives the address and whether its": {[]string{"email"}, UserClaims{Email: "ada@example.com", EmailVerified: &no}},
		"groups gives the groups":                 {[]string{"groups"}, UserClaims{Groups: []string{"staff"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, ClaimsOf(u, tt.scopes)); d != "" {
				t.Error(d)
			}
		})
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
