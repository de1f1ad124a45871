package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

func TestE04ServiceAccounts(t *testing.T) {
	w, _, cluster := assertionWorld(t)
	bound := func(change func(map[string]any)) map[string]any {
		c := w.podClaims()
		k := map[string]any{
			"namespace": "apps", "pod": map[string]any{"name": "reports-0", "uid": "2"}, "serviceaccount": map[string]any{"name": "reports", "uid": "3"},
		}
		change(k)
		c["kubernetes.io"] = k
		return c
	}
	in := func(d time.Duration) int64 { return w.now().Add(d).Unix() }
	t.Run("E04 a token of the client's ServiceAccount, as often as it comes until it ends", func(t *testing.T) {
		token := cluster.sign(t, w.podClaims(), nil)
		for range 3 {
			a := w.present(token, "client_id", podID)
			want(t, a, 200, "")
			if sub := claims(t, a.text("access_token"))["sub"]; sub != "client:apps/pod" {
				t.Errorf("sub %v", sub)
			}
		}
		w.pass(time.Hour)
		want(t, w.present(token, "client_id", podID), 401, "invalid_client")
	})
	stranger := newSigningKey(t, "c1", jose.RS256)
	for name, token := range map[string]string{
		"E04 the audience of the API server":              cluster.sign(t, w.podClaims("aud", []string{clusterIssuer}), nil),
		"E04 the issuer among other audiences":            cluster.sign(t, w.podClaims("aud", []string{w.url, clusterIssuer}), nil),
		"E04 the token endpoint beside the issuer":        cluster.sign(t, w.podClaims("aud", []string{w.url, w.url + "/v1/token"}), nil),
		"E04 no audience":                                 cluster.sign(t, w.podClaims("aud", nil), nil),
		"E04 a ServiceAccount of the same name elsewhere": cluster.sign(t, w.podClaims("sub", "system:serviceaccount:other:reports"), nil),
		"E04 another ServiceAccount of the namespace":     cluster.sign(t, w.podClaims("sub", "system:serviceaccount:apps:default"), nil),
		"E04 a sub that goes on":                          cluster.sign(t, w.podClaims("sub", podAccount+":x"), nil),
		"E04 a sub that is not what the token is of":      cluster.sign(t, bound(func(k map[string]any) { k["namespace"] = "other" }), nil),
		"E04 expired":                                     cluster.sign(t, w.podClaims("exp", in(-time.Second)), nil),
		"E04 without an end":                              cluster.sign(t, w.podClaims("exp", nil), nil),
		"E04 of days":                                     cluster.sign(t, w.podClaims("exp", in(48*time.Hour)), nil),
		"E04 from tomorrow on":                            cluster.sign(t, w.podClaims("nbf", in(24*time.Hour)), nil),
		"E04 bound to nothing":                            cluster.sign(t, bound(func(k map[string]any) { delete(k, "pod") }), nil),
		"E04 bound to a Secret":                           cluster.sign(t, bound(func(k map[string]any) { k["secret"] = k["pod"]; delete(k, "pod") }), nil),
		"E04 bound to a node":                             cluster.sign(t, bound(func(k map[string]any) { k["node"] = k["pod"]; delete(k, "pod") }), nil),
		"E04 bound to a pod without a UID":                cluster.sign(t, bound(func(k map[string]any) { k["pod"] = map[string]any{"name": "x"} }), nil),
		"E04 of the time before tokens were bound":        cluster.sign(t, w.podClaims("iss", "kubernetes/serviceaccount", "aud", nil, "exp", nil, "kubernetes.io", nil), nil),
		"E04 of another cluster":                          cluster.sign(t, w.podClaims("iss", "https://other.example"), nil),
		"E04 signed by a stranger's key of the same name": stranger.sign(t, w.podClaims(), nil),
		"E04 an assertion as by private_key_jwt":          cluster.sign(t, w.claimsOf(podID), nil),
	} {
		t.Run(name, func(t *testing.T) { want(t, w.present(token, "client_id", podID), 401, "invalid_client") })
	}
	t.Run("E04 sub is no client id", func(t *testing.T) {
		want(t, w.present(cluster.sign(t, w.podClaims(), nil)), 401, "invalid_client")
	})
	t.Run("E04 the same token for another client", func(t *testing.T) {
		want(t, w.present(cluster.sign(t, w.podClaims(), nil), "client_id", signedID), 401, "invalid_client")
		want(t, w.present(cluster.sign(t, w.podClaims(), nil), "client_id", serviceID), 401, "invalid_client")
	})
	t.Run("E04 new keys of the cluster are taken over, and those that are gone count no more", func(t *testing.T) {
		next := newSigningKey(t, "c2", jose.ES256)
		settings := *w.server.registry.Current().Server()
		settings.ServiceAccounts = &registration.ServiceAccountIssuer{Issuer: clusterIssuer, JWKS: publicSet(t, next)}
		w.put(&settings, func(s *registry.Snapshot) bool { return s.ServiceAccountKeys().Has("c2") })
		want(t, w.present(next.sign(t, w.podClaims(), nil), "client_id", podID), 200, "")
		want(t, w.present(cluster.sign(t, w.podClaims(), nil), "client_id", podID), 401, "invalid_client")
		cluster = next
	})
	t.Run("E04 nobody is known while the cluster's keys are not", func(t *testing.T) {
		settings := *w.server.registry.Current().Server()
		settings.ServiceAccounts = nil
		w.put(&settings, func(s *registry.Snapshot) bool { return s.ServiceAccountKeys() == nil })
		a := w.present(cluster.sign(t, w.podClaims(), nil), "client_id", podID)
		if a.status != http.StatusUnauthorized {
			t.Errorf("%d %s", a.status, a.body)
		}
		if !strings.Contains(w.log.String(), "the keys of the cluster are not known") {
			t.Error("the log does not say why")
		}
	})
}
