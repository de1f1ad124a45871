package cluster

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

// A real API server gets a new key and signs with it, as when an administrator rotates: both are published, and what the new one
// signed is verified by what was read after the next look.
func TestTheKeysOfAnAPIServerThatRotates(t *testing.T) {
	env, err := testenv.New()
	if err != nil {
		t.Fatal(err)
	}
	api := env.ControlPlane.GetAPIServer()
	api.CertDir = t.TempDir() // that what it makes there is still there when it starts again
	old, next := signingKey(t), signingKey(t)
	api.Configure().Set("service-account-signing-key-file", old).Set("service-account-key-file", old)
	config, err := env.Start()
	t.Cleanup(func() { _ = env.Stop() })
	if err != nil {
		t.Fatal(err)
	}
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := New(config, http)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	before, _, err := keys.Current(t.Context(), began)
	if err != nil {
		t.Fatal(err)
	}
	first := token(t, config, "first")
	if !verifies(t, before.JWKS, first) {
		t.Error("its tokens are not verified by its keys")
	}

	if err := api.Stop(); err != nil {
		t.Fatal(err)
	}
	if kept, _, err := keys.Current(t.Context(), began.Add(Every)); err == nil || kept != before {
		t.Errorf("while it is away: %v, %v", kept, err)
	}
	api.Configure().Set("service-account-signing-key-file", next).Set("service-account-key-file", next, old)
	if err := api.Start(); err != nil {
		t.Fatal(err)
	}
	second := token(t, config, "second")
	if verifies(t, before.JWKS, second) {
		t.Error("it signs with the old key")
	}
	after, _, err := keys.Current(t.Context(), began.Add(Every+RetryAfter))
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(after.JWKS, before.JWKS) || !verifies(t, after.JWKS, first) || !verifies(t, after.JWKS, second) {
		t.Errorf("after the rotation: %s", after.JWKS)
	}
	again, _, err := keys.Current(t.Context(), began.Add(3*Every))
	if err != nil || !slices.Equal(again.JWKS, after.JWKS) {
		t.Errorf("the same keys, read again: %s, %v", again.JWKS, err)
	}
}

func signingKey(t *testing.T) (file string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "sa.key")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// token of a new ServiceAccount.
func token(t *testing.T, config *rest.Config, name string) string {
	t.Helper()
	c := kubernetes.NewForConfigOrDie(config).CoreV1().ServiceAccounts("default")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := c.CreateToken(ctx, name, &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"https://auth.example.com"}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Status.Token
}

func verifies(t *testing.T, raw []byte, token string) bool {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	_, err = signed.Verify(set)
	return err == nil
}
