package account

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
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	mint "github.com/grantkeeper/grantkeeper/server/internal/token"
)

// asks makes the API of the fixture one that says itself what there is to choose.
func (f *fixture) asks(answer http.HandlerFunc) {
	f.Helper()
	api := httptest.NewServer(answer)
	f.Cleanup(api.Close)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	keys := signer.New()
	if err := keys.Load(&registration.Keys{Signing: []registration.SigningKey{{ID: "k", Algorithm: "ES256", State: registration.KeyActive, PKCS8: der}}}); err != nil {
		f.Fatal(err)
	}
	lister, err := choices.New(mint.NewIssuer(keys, rand.Reader), f.clock)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(lister.Close)
	f.account.Choices = lister
	for _, change := range f.documents() {
		if r, ok := change.Document.(*registration.Resource); ok {
			r.Choices.Static, r.Choices.URL = nil, api.URL
			f.registry.Apply([]registry.Change{change}, "2")
		}
	}
	if err := f.registry.WaitFor(f.Context(), func(s *registry.Snapshot) bool { return s.Version() == "2" }); err != nil {
		f.Fatal(err)
	}
}

func TestTitlesOfTheAPI(t *testing.T) {
	t.Run("what was chosen is called as its API calls it, and what is not there any more by its id", func(t *testing.T) {
		f := newFixture(t, options{})
		f.asks(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"choices":[{"id":"space","title":"Space agency"},{"id":"p1","title":"Skylab","parent":"space"}]}`)) // the peer may be gone
		})
		f.authorize(f.ada, acme(), details("p1", "p2"))
		f.signedIn(f.ada).get("/account/app?app="+acmeUID).want(http.StatusOK, "Projects", "Skylab Space agency", "p2 Space agency")
	})
	t.Run("an API that does not answer leaves the page as it is, with ids", func(t *testing.T) {
		f := newFixture(t, options{})
		f.asks(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		f.authorize(f.ada, acme(), details("p1"))
		f.signedIn(f.ada).get("/account/app?app="+acmeUID).want(http.StatusOK, "Projects", "p1 space", "Save")
	})
	t.Run("an API that hangs does not keep the page", func(t *testing.T) {
		f := newFixture(t, options{})
		f.asks(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		f.authorize(f.ada, acme(), details("p1"))
		p := f.signedIn(f.ada)
		began := time.Now()
		p.get("/account/app?app="+acmeUID).want(http.StatusOK, "p1 space")
		if took := time.Since(began); took > listsWithin+2*time.Second {
			t.Errorf("it takes %v", took)
		}
	})
}
