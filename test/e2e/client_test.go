package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

// accessToken is what RFC 9068 has in an access token.
type accessToken struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
	ID       string   `json:"jti"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
}

// audience is a string or an array of them (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// verify checks an access token as an API would, that knows the issuer and nothing else: discovery, JWKS, signature.
func verify(t *testing.T, d *demo.Demo, token string) accessToken {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), d.Witness.Client())
	provider, err := oidc.NewProvider(ctx, d.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct {
		JWKSURI string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if typ := parsed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; typ != "at+jwt" {
		t.Errorf("typ is %v", typ)
	}
	payload, err := oidc.NewRemoteKeySet(ctx, metadata.JWKSURI).VerifySignature(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.ES256}})
	if _, err := verifier.Verify(ctx, token); err != nil { // issuer and lifetime too
		t.Error(err)
	}
	var claims accessToken
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestClient(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-client")
	d.Apply(t, oauthClient(namespace, "invoices", `
type: Service
clientID: acme-`+namespace+`
scopes: [orders.read, orders.write]
display: {name: Acme Invoices}
secret: {name: invoices-credentials}
tokens: {accessToken: {ttl: 5m}}`))
	d.Await(t, namespace, "invoices", "Ready")

	t.Run("its Secret has the default keys and no others", func(t *testing.T) {
		content := d.Secret(t, namespace, "invoices-credentials")
		if !strings.HasPrefix(content["client-secret"], "gkcs_") || strings.Trim(content["client-secret"], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			t.Error("the client secret is not of the documented form")
		}
		content["client-secret"] = ""
		want := map[string]string{
			"type": "oauth2", "provider": "grantkeeper", "client-id": "acme-" + namespace, "client-secret": "", "issuer-uri": d.Issuer,
			"authorization-grant-types": "client_credentials", "scope": "orders.read,orders.write",
		}
		if diff := cmp.Diff(want, content); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("its Secret is its own, and tells reloaders of a new content", func(t *testing.T) {
		var s corev1.Secret
		if err := json.Unmarshal([]byte(d.Kubectl(t, "get", "secret", "-n", namespace, "invoices-credentials", "-o", "json")), &s); err != nil {
			t.Fatal(err)
		}
		if len(s.OwnerReferences) != 1 || s.OwnerReferences[0].UID != d.Client(t, namespace, "invoices").UID {
			t.Errorf("owners are %v", s.OwnerReferences)
		}
		if s.Annotations["grantkeeper.dev/content-hash"] == "" || s.Type != "servicebinding.io/oauth2" {
			t.Errorf("type %s, annotations %v", s.Type, s.Annotations)
		}
	})
	t.Run("golang.org/x/oauth2 gets a token with it that go-oidc verifies", func(t *testing.T) {
		content := d.Secret(t, namespace, "invoices-credentials")
		provider, err := oidc.NewProvider(t.Context(), content["issuer-uri"])
		if err != nil {
			t.Fatal(err)
		}
		config := clientcredentials.Config{
			ClientID: content["client-id"], ClientSecret: content["client-secret"], TokenURL: provider.Endpoint().TokenURL,
			Scopes: []string{"orders.read"},
		}
		token, err := config.Token(context.WithValue(t.Context(), oauth2.HTTPClient, d.Witness.Client()))
		if err != nil {
			t.Fatal(err)
		}
		if token.TokenType != "Bearer" || token.RefreshToken != "" || time.Until(token.Expiry) > 5*time.Minute {
			t.Errorf("type %s, refresh token %q, until %v", token.TokenType, token.RefreshToken, token.Expiry)
		}
		claims := verify(t, d, token.AccessToken)
		if claims.ID == "" || claims.Expires-claims.IssuedAt != 300 {
			t.Errorf("%+v", claims)
		}
		claims.ID, claims.IssuedAt, claims.Expires = "", 0, 0
		want := accessToken{Issuer: d.Issuer, Subject: "client:" + namespace + "/invoices", Audience: audience{"https://api.example.com"}, ClientID: "acme-" + namespace, Scope: "orders.read"}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("kubectl get shows it", func(t *testing.T) {
		fields := strings.Fields(strings.Split(d.Kubectl(t, "get", "oac", "-n", namespace, "--no-headers"), "\n")[0])
		want := []string{"invoices", "acme-" + namespace, "Service", "oauth-system/main", "services", "invoices-credentials", "True", "Ready"}
		if diff := cmp.Diff(want, fields[:len(want)]); diff != "" {
			t.Error(diff)
		}
		if out := d.Kubectl(t, "get", "events", "-n", namespace); !strings.Contains(out, "Accepted") {
			t.Errorf("events: %s", out)
		}
	})
}

// Ready is a promise: from the moment it is True, a token can be had. Every one of many clients that were made at once is
// asked for a token in that moment, without a second try.
func TestReadyMeansThatATokenCanBeHad(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-ready")
	const clients = 20
	var manifests strings.Builder
	for i := range clients {
		manifests.WriteString(oauthClient(namespace, fmt.Sprintf("c%02d", i), service))
	}
	objects := d.Objects(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	events, err := objects.Watch(ctx, &v1alpha1.OAuthClientList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	began := time.Now()
	d.Apply(t, manifests.String())
	var ready []string
	for len(ready) < clients {
		e, open := <-events.ResultChan()
		if !open {
			t.Fatalf("only %d of %d clients are ready: %v", len(ready), clients, ready)
		}
		o, ok := e.Object.(*v1alpha1.OAuthClient)
		if !ok || !meta.IsStatusConditionTrue(o.Status.Conditions, string(v1alpha1.ConditionReady)) || slices.Contains(ready, o.Name) {
			continue
		}
		ready = append(ready, o.Name)
		var s corev1.Secret
		if err := objects.Get(ctx, client.ObjectKey{Namespace: namespace, Name: o.Status.Binding.Name}, &s); err != nil {
			t.Fatal(err)
		}
		d.Witness.SeeClientSecret(string(s.Data["client-secret"]))
		gets(t, d, credentials{string(s.Data["client-id"]), string(s.Data["client-secret"])})
	}
	t.Logf("%d clients ready, each with its first token, %v after kubectl apply began", clients, time.Since(began).Round(time.Millisecond))
}

func TestUserOfADeviceClient(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-device")
	d.Apply(t, object("OAuthClient", namespace, "tool", "kind: cli", "type: Device\nscopes: [openid, email, offline_access, orders.read]"))
	d.Await(t, namespace, "tool", "Ready")
	if content := d.Secret(t, namespace, "tool-oauth"); content["client-id"] != namespace+".tool" || content["client-secret"] != "" {
		t.Errorf("the Secret of a public client has %v", content)
	}
	tokens := deviceLogin(t, d, namespace+".tool")
	claims := verify(t, d, tokens.AccessToken)
	if claims.Scope != "openid email offline_access orders.read" || strings.HasPrefix(claims.Subject, "client:") {
		t.Errorf("%+v", claims)
	}
	next := refresh(t, d, namespace+".tool", tokens.RefreshToken)
	if next.Status != 200 || next.RefreshToken == tokens.RefreshToken {
		t.Errorf("refresh: %d %s", next.Status, next.Error)
	}
	revoked := ask(t, d, "/v1/revoke", nil, url.Values{"client_id": {namespace + ".tool"}, "token": {next.AccessToken}})
	if revoked.Status != 200 || userinfo(t, d, tokens.AccessToken).Status != 401 || refresh(t, d, namespace+".tool", next.RefreshToken).Error != "invalid_grant" {
		t.Errorf("after the revocation (%d) tokens are still good", revoked.Status)
	}
}
