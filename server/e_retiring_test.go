package server

import (
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/internal/registration/registrationtest"
)

// Who is late with a new secret is known, and the use of the current one is not even noted.
func TestUsesOfSecretsThatAreNoLongerCurrent(t *testing.T) {
	w := newWorld(t)
	cc := []string{"grant_type", "client_credentials"}
	report := func() registration.Uses {
		return registration.DecodeUses(w.server.retiring.Report(w.server.registry.Current()))
	}
	want(t, w.post("/v1/token", cc, withBasic(serviceID, secret)), 200, "")
	if got := report(); len(got.Last) != 0 || got.More {
		t.Errorf("the current secret is reported: %v", got)
	}

	before, next := registrationtest.SecretHash(secret)[0], registrationtest.SecretHash("next" + secret)[0]
	before.ID, next.ID, before.NotAfter = "s1", "s2", w.now().Add(24*time.Hour)
	w.edit("reports", func(c *registration.Client) {
		c.Authentication.Secrets = []registration.SecretHash{next, before}
	})
	want(t, w.post("/v1/token", cc, withBasic(serviceID, "next"+secret)), 200, "")
	want(t, w.post("/v1/token", cc, withBasic(serviceID, "wrong")), 401, "invalid_client")
	if got := report(); len(got.Last) != 0 {
		t.Errorf("the old secret was not used: %v", got)
	}
	use := registration.SecretUse{ClientUID: "uid-reports", SecretID: "s1"}
	for _, path := range []string{"/v1/token", "/v1/introspect", "/v1/revoke"} { // every endpoint counts
		w.pass(time.Hour)
		want(t, w.post(path, append(cc, "token", "x"), withBasic(serviceID, secret)), 200, "")
		if at, ok := report().At(use); !ok || w.now().Sub(at) > 2*time.Minute || w.now().Before(at) {
			t.Errorf("%s: the old secret was used at %v, %v", path, at, ok)
		}
	}

	w.pass(24 * time.Hour) // its end comes by itself
	used, _ := report().At(use)
	want(t, w.post("/v1/token", cc, withBasic(serviceID, secret)), 401, "invalid_client")
	if at, _ := report().At(use); !at.Equal(used) {
		t.Error("a secret that has ended was used")
	}
	w.edit("reports", func(c *registration.Client) { c.Authentication.Secrets = []registration.SecretHash{next} })
	if got := report(); len(got.Last) != 0 {
		t.Errorf("a secret that is gone is reported: %v", got)
	}
}
