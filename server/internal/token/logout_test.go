package token

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/server/internal/signer"
)

func TestLogoutToken(t *testing.T) {
	i := newIssuer(t)
	signed, err := i.Logout(&Logout{Issuer: "https://login.example.com", Subject: "u1", ClientID: "web", SID: "s1", IssuedAt: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("it says what section 2.4 demands, and has no nonce", func(t *testing.T) {
		got := payload(t, signed)
		if got["jti"] == "" {
			t.Error("no jti")
		}
		delete(got, "jti")
		want := map[string]any{
			"iss": "https://login.example.com", "sub": "u1", "aud": "web", "sid": "s1",
			"iat": float64(now.Unix()), "exp": float64(now.Add(LogoutTTL).Unix()),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("I05 it passes for no other token, nor they for it", func(t *testing.T) {
		if _, err := i.ReadID("https://login.example.com", signed); !errors.Is(err, ErrInvalid) {
			t.Errorf("ID token: %v", err)
		}
		for _, typ := range []signer.Type{signer.TypeAccessToken, signer.TypeIDToken, signer.TypeChoices} {
			if _, err := i.signer.Verify(typ, signed); !errors.Is(err, signer.ErrInvalid) {
				t.Errorf("%s: %v", typ, err)
			}
		}
		if _, err := i.signer.Verify(signer.TypeLogoutToken, signed); err != nil {
			t.Error(err)
		}
	})
	t.Run("two of the same are told apart", func(t *testing.T) {
		again, err := i.Logout(&Logout{Issuer: "https://login.example.com", Subject: "u1", ClientID: "web", SID: "s1", IssuedAt: now})
		if err != nil || payload(t, again)["jti"] == payload(t, signed)["jti"] {
			t.Error(err, "the same jti")
		}
	})
}
