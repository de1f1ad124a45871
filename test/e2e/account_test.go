package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// pod is a ServiceAccount and a Pod that has it: nobody runs it, and its tokens are real.
func pod(namespace, account, name string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: ServiceAccount
metadata: {name: %[2]s, namespace: %[1]s}
---
apiVersion: v1
kind: Pod
metadata: {name: %[3]s, namespace: %[1]s}
spec:
  serviceAccountName: %[2]s
  containers: [{name: app, image: registry.example/app}]
`, namespace, account, name)
}

// token asks the API server for a token of a ServiceAccount, as the kubelet does for a projected volume.
func token(t *testing.T, d *demo.Demo, namespace, account string, more ...string) string {
	t.Helper()
	return strings.TrimSpace(d.Kubectl(t, append([]string{"create", "token", account, "-n", namespace}, more...)...))
}

// byAssertion asks for a token.
func byAssertion(t *testing.T, d *demo.Demo, id, assertion string) answer {
	t.Helper()
	return ask(t, d, "/v1/token", nil, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {id}, "client_assertion_type": {jwtBearer}, "client_assertion": {assertion},
	})
}

func TestE04APodAuthenticatesByItsServiceAccount(t *testing.T) {
	t.Parallel()
	d := world.Demo
	dom := newDomain(t, "pods")
	dom.allow(t, "read")
	other := partner(t, "e2e-pods-other")
	d.Apply(t, pod(dom.namespace, "reports", "reports-0")+pod(dom.namespace, "default", "other-0")+pod(other, "reports", "reports-0")+
		dom.client("type: Service\nscopes: [pods.read]\nauthentication: {kubernetesServiceAccount: {name: reports}}"))
	d.Await(t, dom.namespace, "app", "Ready")
	id, bound := dom.namespace+".app", []string{"--bound-object-kind", "Pod", "--bound-object-name", "reports-0"}
	to := func(audience string) []string { return append([]string{"--audience", audience}, bound...) }

	good := token(t, d, dom.namespace, "reports", to(d.Issuer)...)
	for range 2 { // the same one works until it ends
		a := byAssertion(t, d, id, good)
		if a.Status != http.StatusOK || a.Scope != "pods.read" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if got := verify(t, d, a.AccessToken); got.Subject != "client:"+dom.namespace+"/app" {
			t.Errorf("sub %s", got.Subject)
		}
	}
	for name, assertion := range map[string]string{
		"E04 for the API server":                      token(t, d, dom.namespace, "reports", bound...),
		"E04 for somebody else":                       token(t, d, dom.namespace, "reports", to("https://other.example")...),
		"E04 for somebody else too":                   token(t, d, dom.namespace, "reports", append(to(d.Issuer), "--audience", "https://other.example")...),
		"E04 the same name in another namespace":      token(t, d, other, "reports", to(d.Issuer)...),
		"E04 another ServiceAccount of the namespace": token(t, d, dom.namespace, "default", "--audience", d.Issuer, "--bound-object-kind", "Pod", "--bound-object-name", "other-0"),
		"E04 made by hand, bound to nothing":          token(t, d, dom.namespace, "reports", "--audience", d.Issuer),
		"E04 for days":                                token(t, d, dom.namespace, "reports", append(to(d.Issuer), "--duration", "72h")...),
	} {
		t.Run(name, func(t *testing.T) {
			if a := byAssertion(t, d, id, assertion); a.Status != http.StatusUnauthorized || a.Error != "invalid_client" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	if a := byAssertion(t, d, partnersReports, good); a.Status != http.StatusUnauthorized {
		t.Errorf("another client: %d %s", a.Status, a.Body)
	}
}

// partnersReports is a client of the samples that has a secret.
const partnersReports = "partners.reports"

// The cluster signs with a new key after a while. Here it does so after a restart, and knows the old one no more.
func TestE04TheClusterSignsWithANewKey(t *testing.T) {
	t.Parallel()
	d := demo.Start(t, demo.Options{})
	d.Apply(t, pod("partners", "reports", "reports-0")+
		object("OAuthGrantPolicy", "oauth-system", "pods", "", "priority: 50\nclients: {namespaceSelector: {matchLabels: {tier: partner}}, selector: {matchLabels: {pods: here}}}\nallow: {grantTypes: [client_credentials], scopes: [orders.read], authentication: [KubernetesServiceAccount]}")+
		object("OAuthClient", "partners", "pods", "pods: here", "type: Service\nscopes: [orders.read]\nauthentication: {kubernetesServiceAccount: {name: reports}}"))
	d.Await(t, "partners", "pods", "Ready")
	ask := func() string {
		return token(t, d, "partners", "reports", "--audience", d.Issuer, "--bound-object-kind", "Pod", "--bound-object-name", "reports-0")
	}
	before := ask()
	if a := byAssertion(t, d, "partners.pods", before); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(d.Data, "pki", "service-accounts.key")); err != nil { // it makes another one
		t.Fatal(err)
	}
	if err := d.Restart(); err != nil {
		t.Fatal(err)
	}
	after := ask()
	demo.Eventually(t, soon, "a token by the new key is taken", func() error {
		if a := byAssertion(t, d, "partners.pods", after); a.Status != http.StatusOK {
			return fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return nil
	})
	if a := byAssertion(t, d, "partners.pods", before); a.Status != http.StatusUnauthorized {
		t.Errorf("the old one: %d %s", a.Status, a.Body)
	}
}

// x/oauth2 has no method for assertions, and takes what is needed as parameters.
func TestPrivateKeyJWTByGo(t *testing.T) {
	t.Parallel()
	d := world.Demo
	dom := newDomain(t, "keys")
	dom.allow(t, "read")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Use: "sig", Algorithm: "ES256"}}})
	if err != nil {
		t.Fatal(err)
	}
	d.Apply(t, dom.client("type: Service\nscopes: [keys.read]\nauthentication: {privateKeyJWT: {jwks: "+string(set)+"}}"))
	d.Await(t, dom.namespace, "app", "Ready")
	id := dom.namespace + ".app"
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: id, Subject: id, Audience: jwt.Audience{d.Issuer}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(time.Now().Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	config := clientcredentials.Config{
		ClientID: id, TokenURL: d.Issuer + "/v1/token", AuthStyle: oauth2.AuthStyleInParams,
		EndpointParams: url.Values{"client_assertion_type": {jwtBearer}, "client_assertion": {assertion}},
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, d.Witness.Client())
	got, err := config.Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if v := verify(t, d, got.AccessToken); v.ClientID != id || v.Scope != "keys.read" {
		t.Errorf("%+v", v)
	}
	if _, err := config.Token(ctx); err == nil {
		t.Error("B09: an assertion counts twice")
	}
}
