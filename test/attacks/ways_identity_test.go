package attacks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// bearer is the type of assertions (RFC 7523 section 2.2).
const bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// byAssertion asks for a token with an assertion.
func (a *attack) byAssertion(id, assertion string) answer {
	a.Helper()
	return a.post(a.T, "/v1/token", nil, "grant_type", "client_credentials", "client_id", id, "client_assertion_type", bearer, "client_assertion", assertion)
}

// identityWays make the attacker's client another one.
func identityWays() []way {
	return []way{
		{"K05 takes the client id of the victim's client", status(v1alpha1.ConditionAccepted, v1alpha1.ReasonClientIDConflict), func(a *attack) {
			a.makes(oauthClient("more", service+", clientID: victim.shop"))
			a.isRefused("more", v1alpha1.ConditionAccepted)
			a.isAnswered(a.token(a.T, credentials{"victim.shop", chosen}))
		}},
		{"K05 takes a client id that looks like the victim's", schema, func(a *attack) {
			for _, id := range []string{"victim.shop ", "victim/shop", `victim.sh\u043ep`, `victim.shop\u200b`, `victim.shop\0`, "https://shop.victim.example", strings.Repeat("v", 200)} {
				a.creates(oauthClient("more", service+`, clientID: "`+id+`"`))
			}
		}},
		{"K05 gives its client the victim's id later, or another server", schema, func(a *attack) {
			a.registers("more", service)
			c := a.client("more")
			a.denied(a.mallory.Patch(a.Context(), c, patch(`{"spec":{"clientID":"victim.shop"}}`)))
			a.denied(a.mallory.Patch(a.Context(), c, patch(`{"spec":{"serverRef":{"name":"staff","namespace":"internal"}}}`)))
		}},
		{"K05 sends the victim's client id with a secret of its own", unknown, func(a *attack) {
			for _, secret := range []string{a.app.secret, "", chosen} {
				a.isAnswered(a.token(a.T, credentials{a.shop.id, secret}))
			}
			a.isAnswered(a.post(a.T, "/v1/token", nil, "grant_type", "client_credentials", "client_id", a.shop.id))
			a.isAnswered(a.post(a.T, "/v1/token", &a.app, "grant_type", "client_credentials", "client_id", a.shop.id))
		}},
		{"K05 signs for the victim's client id with a key of its own", unknown, signs},
		{"authenticates its client by the ServiceAccount of another namespace", schema, func(a *attack) {
			for _, name := range []string{"victim:nightly", "victim/nightly", "../nightly", "system:serviceaccount:victim:nightly", "nightly, namespace: victim"} {
				a.creates(oauthClient("more", service+`, authentication: {kubernetesServiceAccount: {name: "`+name+`"}}`))
			}
		}},
		{"sends the token of a ServiceAccount of the same name, of its own namespace, for the victim's client", unknown, func(a *attack) {
			pod := a.runsAs("nightly")
			a.isAnswered(a.byAssertion("victim.nightly", a.accountToken("nightly", pod, a.site.Issuer)))
			if got := a.byAssertion("mallory.nightly", a.accountToken("nightly", pod, a.site.Issuer)); got.Error == "" {
				a.Error("a client that does not exist gets a token")
			}
		}},
		{"sends tokens of its ServiceAccount that are for somebody else, or that no pod holds", unknown, func(a *attack) {
			pod := a.runsAs("job")
			c := a.registers("more", service+", authentication: {kubernetesServiceAccount: {name: job}}")
			if got := a.byAssertion(c.id, a.accountToken("job", pod, a.site.Issuer)); got.Status != http.StatusOK {
				a.Fatalf("a good one is refused: %d %s", got.Status, got.Body)
			}
			for _, token := range []string{
				a.accountToken("job", pod), a.accountToken("job", pod, a.site.Issuer, "https://kubernetes.default.svc"),
				a.accountToken("job", pod, "https://vault.platform.example"), a.accountToken("job", nil, a.site.Issuer),
			} {
				a.isAnswered(a.byAssertion(c.id, token))
			}
		}},
		{"K05 uses the refresh token, the code and the access token of the victim's users", server(http.StatusBadRequest, "invalid_grant"), func(a *attack) {
			a.isAnswered(a.refresh(a.T, a.app, a.shopTokens.RefreshToken))
			code := a.code(a.T, a.shop.id, "https://shop.victim.example/cb")
			a.isAnswered(a.redeem(a.T, a.app, code, "https://shop.victim.example/cb"))
			a.isAnswered(a.redeem(a.T, a.app, code, "https://app.mallory.example/cb"))
			if got := a.post(a.T, "/v1/introspect", &a.app, "token", a.shopTokens.AccessToken); got.Active || strings.Contains(got.Body, "ada") {
				a.Errorf("introspection tells of it: %s", got.Body)
			}
			a.post(a.T, "/v1/revoke", &a.app, "token", a.shopTokens.RefreshToken)
			got := a.refresh(a.T, a.shop, a.shopTokens.RefreshToken)
			if got.Status != http.StatusOK {
				a.Fatalf("the victim's user has to sign in again: %d %s", got.Status, got.Body)
			}
			a.shopTokens = got
		}},
		{"K05 deletes its client and makes it again, to go on with the grants that people gave it", server(http.StatusBadRequest, "invalid_grant"), func(a *attack) {
			const spec = "redirectURIs: [https://again.mallory.example/cb], scopes: [openid, offline_access, orders.read]"
			before := a.registers("again", spec)
			tokens := a.signsIn(a.T, before, "https://again.mallory.example/cb")
			if err := a.mallory.Delete(a.Context(), a.client("again")); err != nil {
				a.Fatal(err)
			}
			a.forgotten(before)
			after := a.registers("again", spec)
			a.isAnswered(a.refresh(a.T, after, tokens.RefreshToken))
			a.isAnswered(a.refresh(a.T, before, tokens.RefreshToken))
		}},
	}
}

// runsAs makes a ServiceAccount and a pod that has it. Nobody runs the pod, and its tokens are real.
func (a *attack) runsAs(account string) client.Object {
	a.Helper()
	a.makes("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: " + account + ", namespace: mallory}\n")
	return a.makes("apiVersion: v1\nkind: Pod\nmetadata: {name: " + account + "-0, namespace: mallory}\nspec: {serviceAccountName: " + account + ", containers: [{name: app, image: app}]}\n")
}

// signs: the key is registered for the attacker's client, and what it signs names the victim's.
func signs(a *attack) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1"))
	if err != nil {
		a.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		a.Fatal(err)
	}
	coordinate := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	c := a.registers("more", fmt.Sprintf("%s, authentication: {privateKeyJWT: {jwks: {keys: [{kty: EC, crv: P-256, kid: '1', x: %s, 'y': %s}]}}}",
		service, coordinate(point[1:33]), coordinate(point[33:])))
	assertion := func(iss, sub string) string {
		now := time.Now()
		out, err := jwt.Signed(signer).Claims(jwt.Claims{
			Issuer: iss, Subject: sub, Audience: jwt.Audience{a.site.Issuer}, ID: rand.Text(), Expiry: jwt.NewNumericDate(now.Add(time.Minute)), IssuedAt: jwt.NewNumericDate(now),
		}).Serialize()
		if err != nil {
			a.Fatal(err)
		}
		return out
	}
	if got := a.byAssertion(c.id, assertion(c.id, c.id)); got.Status != http.StatusOK {
		a.Fatalf("its own assertion is refused: %d %s", got.Status, got.Body)
	}
	a.isAnswered(a.byAssertion(a.shop.id, assertion(a.shop.id, a.shop.id)))
	a.isAnswered(a.byAssertion(c.id, assertion(a.shop.id, a.shop.id)))
	a.isAnswered(a.byAssertion(c.id, assertion(c.id, a.shop.id)))
	a.isAnswered(a.byAssertion("victim.nightly", assertion("victim.nightly", "victim.nightly")))
}
