package jwks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
)

func TestI02AnEmptyKeySetIsNeverPublished(t *testing.T) {
	s := signer.New()
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		(&Endpoint{Signer: s, MaxAge: 5 * time.Minute}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/jwks", nil))
		return w
	}
	for name, load := range map[string]func() error{
		"before keys are loaded":      func() error { return nil },
		"with a document without any": func() error { return s.Load(&registration.Keys{}) },
	} {
		if err := load(); err != nil {
			t.Fatal(err)
		}
		if w := ask(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
			t.Errorf("I02 %s: %d %v", name, w.Code, w.Header())
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(&registration.Keys{Signing: []registration.SigningKey{{ID: "k", Algorithm: "ES256", State: registration.KeyNext, PKCS8: der}}}); err != nil {
		t.Fatal(err)
	}
	if w := ask(); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
