package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// api plays the API server.
type api struct {
	configuration, keys string
	err                 error
	calls               int
}

func (a *api) get(_ context.Context, path string) ([]byte, error) {
	a.calls++
	if path == "/openid/v1/jwks" {
		return []byte(a.keys), a.err
	}
	return []byte(a.configuration), a.err
}

func set(t *testing.T, keys ...jose.JSONWebKey) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func rsaKey(t *testing.T, id string, bits int) jose.JSONWebKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: &k.PublicKey, KeyID: id, Algorithm: "RS256", Use: "sig"}
}

func ecKey(t *testing.T, id string, curve elliptic.Curve) jose.JSONWebKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: &k.PublicKey, KeyID: id, Use: "sig"}
}

func TestKeysAreCanonical(t *testing.T) {
	a, b, odd := rsaKey(t, "a", 2048), ecKey(t, "b", elliptic.P256()), ecKey(t, "c", elliptic.P384())
	one, err := canonical([]byte(set(t, a, odd, b)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := canonical([]byte(set(t, b, a, a)))
	if err != nil || !slices.Equal(one, other) {
		t.Errorf("%s and %s, %v", one, other, err)
	}
	if err := registration.CheckPublicJWKS(one, 2); err != nil {
		t.Error(err)
	}
	var many []jose.JSONWebKey
	for range registration.MaxClusterKeys + 1 {
		many = append(many, ecKey(t, "x", elliptic.P256()))
	}
	for name, raw := range map[string]string{"no JSON": "x", "no keys": `{"keys":[]}`, "none of use": set(t, odd), "too many": set(t, many...)} {
		if _, err := canonical([]byte(raw)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestCurrent(t *testing.T) {
	a := &api{configuration: `{"issuer":"https://kubernetes.default.svc"}`, keys: set(t, ecKey(t, "1", elliptic.P256()))}
	k := &Keys{get: a.get}
	first, next, err := k.Current(t.Context(), now)
	if err != nil || first.Issuer != "https://kubernetes.default.svc" || !next.Equal(now.Add(Every)) {
		t.Fatalf("%+v %v %v", first, next, err)
	}
	if again, _, _ := k.Current(t.Context(), now.Add(Every-time.Second)); a.calls != 2 || again != first {
		t.Errorf("%d calls", a.calls)
	}
	a.err = errors.New("forbidden")
	kept, next, err := k.Current(t.Context(), now.Add(Every))
	if err == nil || kept != first || !next.Equal(now.Add(Every+RetryAfter)) {
		t.Errorf("a failure: %+v %v %v", kept, next, err)
	}
	if _, _, err := k.Current(t.Context(), now.Add(Every+time.Second)); err == nil || a.calls != 3 {
		t.Errorf("right after a failure: %d calls, %v", a.calls, err)
	}
	a.err, a.keys = nil, set(t, ecKey(t, "2", elliptic.P256()))
	if changed, _, err := k.Current(t.Context(), now.Add(Every+RetryAfter)); err != nil || slices.Equal(changed.JWKS, first.JWKS) {
		t.Errorf("new keys: %+v %v", changed, err)
	}
	a.configuration = `{}`
	if _, _, err := k.Current(t.Context(), now.Add(time.Hour)); err == nil {
		t.Error("no issuer is taken")
	}
	before := a.calls
	if _, _, _ = k.Current(t.Context(), now.Add(-24*time.Hour)); a.calls == before {
		t.Error("a clock that was set back keeps it from reading for a day")
	}
}
