package signer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func ecKey(t testing.TB, id string, state registration.KeyState) registration.SigningKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pack(t, id, "ES256", state, k)
}

func rsaKey(t testing.TB, id string, state registration.KeyState) registration.SigningKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pack(t, id, "RS256", state, k)
}

func pack(t testing.TB, id, alg string, state registration.KeyState, k any) registration.SigningKey {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return registration.SigningKey{ID: id, Algorithm: alg, State: state, PKCS8: der}
}

func loaded(t testing.TB, keys ...registration.SigningKey) *Signer {
	t.Helper()
	s := New()
	if err := s.Load(&registration.Keys{Signing: keys}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsSignedVerifiesByAnotherLibrary(t *testing.T) {
	s := loaded(t, ecKey(t, "e1", registration.KeyActive), rsaKey(t, "r1", registration.KeyActive), ecKey(t, "e2", registration.KeyNext))
	body, _ := s.JWKS()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	for _, alg := range []Algorithm{ES256, RS256} {
		for range 50 { // R and S with leading zeros must come by
			value, err := s.Sign(alg, TypeAccessToken, []byte(`{"sub":"x"}`))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := jose.ParseSignedCompact(value, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
			if err != nil {
				t.Fatal(err)
			}
			h := parsed.Signatures[0].Header
			if h.Algorithm != string(alg) || h.ExtraHeaders["typ"] != "at+jwt" {
				t.Fatalf("header %v", h)
			}
			key := set.Key(h.KeyID)
			if len(key) != 1 {
				t.Fatalf("kid %s is published %d times", h.KeyID, len(key))
			}
			if got, err := parsed.Verify(key[0]); err != nil || string(got) != `{"sub":"x"}` {
				t.Fatalf("%s, %v", got, err)
			}
			if got, err := s.Verify(TypeAccessToken, value); err != nil || string(got) != `{"sub":"x"}` {
				t.Fatalf("%s, %v", got, err)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	s := loaded(t, ecKey(t, "e1", registration.KeyActive), rsaKey(t, "r1", registration.KeyActive))
	good, err := s.Sign(ES256, TypeAccessToken, []byte(`{"sub":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := loaded(t, ecKey(t, "e1", registration.KeyActive)).Sign(ES256, TypeAccessToken, []byte(`{"sub":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	header := func(h string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(h)) + "." + parts[1] + "." + parts[2]
	}
	tests := map[string]string{
		"I05 a token of another type":                 mustSign(t, s, ES256, TypeIDToken),
		"a key of the same id at another issuer":      stranger,
		"alg none":                                    header(`{"alg":"none","kid":"e1","typ":"at+jwt"}`),
		"alg none without a signature":                strings.TrimSuffix(header(`{"alg":"none"}`), parts[2]),
		"HS256 keyed with the public key":             header(`{"alg":"HS256","kid":"e1","typ":"at+jwt"}`),
		"the header with its members in other order":  header(`{"kid":"e1","alg":"ES256","typ":"at+jwt"}`),
		"a header that brings a key along":            header(`{"alg":"ES256","kid":"e1","typ":"at+jwt","jwk":{}}`),
		"an unknown kid":                              header(`{"alg":"ES256","kid":"e9","typ":"at+jwt"}`),
		"another payload":                             parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"y"}`)) + "." + parts[2],
		"no signature":                                parts[0] + "." + parts[1] + ".",
		"a signature of zeros":                        parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"a signature cut short":                       good[:len(good)-2],
		"a signature in its other spelling":           good[:len(good)-1] + string(good[len(good)-1]+1),
		"four parts":                                  good + ".x",
		"one part":                                    parts[0],
		"nothing":                                     "",
		"10,000 dots":                                 strings.Repeat(".", 10000),
		"the signature of an RSA key under EC header": parts[0] + "." + parts[1] + "." + strings.Split(mustSign(t, s, RS256, TypeAccessToken), ".")[2],
	}
	for name, value := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := s.Verify(TypeAccessToken, value); !errors.Is(err, ErrInvalid) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func mustSign(t *testing.T, s *Signer, alg Algorithm, typ Type) string {
	t.Helper()
	v, err := s.Sign(alg, typ, []byte(`{"sub":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestKeysAreReplacedAsAWhole(t *testing.T) {
	old, next := ecKey(t, "old", registration.KeyActive), ecKey(t, "next", registration.KeyNext)
	s := loaded(t, old, next)
	before := mustSign(t, s, ES256, TypeAccessToken)
	_, tag := s.JWKS()
	old.State, next.State = registration.KeyRetired, registration.KeyActive
	if err := s.Load(&registration.Keys{Signing: []registration.SigningKey{old, next}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(TypeAccessToken, before); err != nil {
		t.Errorf("a token of a retired key: %v", err)
	}
	after := mustSign(t, s, ES256, TypeAccessToken)
	if strings.Split(after, ".")[0] == strings.Split(before, ".")[0] {
		t.Error("the active key signs no new tokens")
	}
	if _, again := s.JWKS(); again != tag {
		t.Error("the entity tag changed although the published keys did not")
	}
	if err := s.Load(&registration.Keys{Signing: []registration.SigningKey{{ID: "bad", Algorithm: "ES256", PKCS8: []byte("x")}}}); err == nil {
		t.Error("a key that cannot be parsed was loaded")
	}
	if _, err := s.Verify(TypeAccessToken, after); err != nil {
		t.Errorf("after a failed load: %v", err)
	}
	if _, err := New().Sign(ES256, TypeAccessToken, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("without keys: %v", err)
	}
}

func TestI02OnlyPublicMembersArePublished(t *testing.T) {
	s := loaded(t, ecKey(t, "e1", registration.KeyActive), rsaKey(t, "r1", registration.KeyActive), ecKey(t, "e0", registration.KeyRetired))
	body, _ := s.JWKS()
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	for _, k := range set.Keys {
		for member := range k {
			switch member {
			case "kty", "use", "alg", "kid", "crv", "x", "y", "n", "e":
			default:
				t.Errorf("member %s is published", member)
			}
		}
		if k["use"] != "sig" || seen[k["kid"]] || (k["alg"] != "ES256" && k["alg"] != "RS256") {
			t.Errorf("key %v", k)
		}
		seen[k["kid"]] = true
	}
	if len(set.Keys) != 3 {
		t.Errorf("%d keys", len(set.Keys))
	}
}

func BenchmarkSignES256(b *testing.B) {
	s := loaded(b, ecKey(b, "e1", registration.KeyActive))
	payload := []byte(strings.Repeat("x", 400))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(ES256, TypeAccessToken, payload); err != nil {
			b.Fatal(err)
		}
	}
}
