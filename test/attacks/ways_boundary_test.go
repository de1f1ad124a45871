package attacks

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/demo"
	"github.com/grantkeeper/grantkeeper/test/guards"
)

// web is the beginning of the spec of a client with users.
const web = "redirectURIs: [https://app.mallory.example/cb], scopes: [openid, offline_access, orders.read]"

// boundaryWays ask for what the attacker's policy does not allow.
func boundaryWays() []way {
	refused := status(v1alpha1.ConditionAccepted, v1alpha1.ReasonPolicyRefused)
	// asks tries specs, each as a client of its own.
	asks := func(specs ...string) func(*attack) {
		return func(a *attack) {
			for i, spec := range specs {
				a.waits(fmt.Sprintf("more-%d", i), spec, v1alpha1.ConditionAccepted)
			}
		}
	}
	crd := func(specs ...string) func(*attack) {
		return func(a *attack) {
			for _, spec := range specs {
				a.creates(oauthClient("more", spec))
			}
		}
	}
	return []way{
		{"attaches a client to a server that does not take its namespace", status(v1alpha1.ConditionAccepted, v1alpha1.ReasonServerRefused), asks(
			service + ", serverRef: {name: staff, namespace: internal}")},
		{"K07 labels its client like the ones that another policy selects", refused, func(a *attack) {
			a.makes("apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata: {name: more, namespace: mallory, labels: {trusted: 'true', tier: platform, team: victim, kubernetes.io/metadata.name: oauth-system}}\n" +
				"spec: {" + web + ", consent: Skip}\n")
			a.isRefused("more", v1alpha1.ConditionAccepted)
		}},
		{"K07 has two policies add up, each of which allows a half", refused, func(a *attack) {
			// The scope is what one policy allows, and the client secret what the other one does.
			a.makes("apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata: {name: more, namespace: mallory, labels: {reads: salaries}}\nspec: {type: Service, scopes: [payroll.read]}\n")
			a.isRefused("more", v1alpha1.ConditionAccepted)
			a.isAnswered(a.token(a.T, credentials{"mallory.more", chosen}))
		}},
		{"K09 skips consent", refused, asks(web + ", consent: Skip")},
		{"K09 asks for scopes of others", refused, asks(
			"type: Service, scopes: [orders.read, orders.admin]", "type: Service, scopes: [payroll.read]",
			"redirectURIs: [https://app.mallory.example/cb], scopes: [openid, groups]")},
		{"K09 asks for scopes in a request that its manifest does not have", server(http.StatusBadRequest, "invalid_scope"), func(a *attack) {
			for _, scope := range []string{"orders.admin", "orders.read payroll.read", "orders.read  orders.admin", "openid", "*", "orders.*"} {
				a.isAnswered(a.token(a.T, a.app, "scope", scope))
			}
		}},
		{"K09 asks for tokens for another API, by its resource indicator", server(http.StatusBadRequest, "invalid_target"), func(a *attack) {
			a.isAnswered(a.token(a.T, a.app, "resource", "https://payroll.platform.example"))
			a.isAnswered(a.token(a.T, a.app, "resource", "https://orders.platform.example", "resource", "https://payroll.platform.example"))
			a.isAnswered(a.token(a.T, a.app, "resource", "https://orders.platform.example/../payroll"))
		}},
		{"K09 asks for grant types that it may not have", refused, asks(
			`type: Device, scopes: [openid], authentication: {clientSecret: {}}`,
			`type: Web, grantTypes: ["urn:ietf:params:oauth:grant-type:device_code", client_credentials], authentication: {clientSecret: {}}`)},
		{"K09 asks for grant types that there are not, to have a password or another's token suffice", schema, crd(
			service+", grantTypes: [password]", service+`, grantTypes: ["urn:ietf:params:oauth:grant-type:token-exchange"]`, service+", grantTypes: [implicit]", service+", grantTypes: ['*']")},
		{"K09 asks for them all the same, by a request", server(http.StatusBadRequest, "unsupported_grant_type"), func(a *attack) {
			a.isAnswered(a.post(a.T, "/v1/token", &a.app, "grant_type", "password", "username", "ada", "password", "guess"))
			a.isAnswered(a.post(a.T, "/v1/token", &a.app, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", a.shopTokens.AccessToken))
			a.isAnswered(a.post(a.T, "/v1/device_authorization", &a.app))
		}},
		{"K09 is a public client, whose tokens whoever knows the id can get", refused, asks(
			"type: Browser, "+web, "type: Native, "+web)},
		{"K09 wants tokens that live longer than the policy lets them", refused, asks(
			service+", tokens: {accessToken: {ttl: 16m}}", service+", tokens: {accessToken: {ttl: 720h}}", web+", tokens: {refreshToken: {ttl: 8760h}}")},
		{"K09 wants tokens that live without a bound", schema, crd(
			service+", tokens: {accessToken: {ttl: 87600h}}", service+", tokens: {accessToken: {ttl: 0s}}", service+", tokens: {accessToken: {ttl: -1h}}",
			service+", tokens: {accessToken: {ttl: 99999999999999999h}}", service+", tokens: {accessToken: {ttl: never}}", web+", tokens: {refreshToken: {ttl: 999999h}}")},
		{"makes twenty clients at once, where the policy has room for three more", refused, races},
		{"K07 edits a client that is served, so that it has another redirect host", refused, func(a *attack) {
			c := a.registers("more", web)
			if err := a.mallory.Patch(a.Context(), a.client("more"), patch(`{"spec":{"redirectURIs":["https://shop.victim.example/cb"]}}`)); err != nil {
				a.Fatal(err)
			}
			a.isRefused("more", v1alpha1.ConditionAccepted)
			a.shownTo("https://shop.victim.example/cb", c.id, url.Values{})
		}},
		{"evades a policy that was tightened, by deleting the client and making it again", refused, evades},
	}
}

// races: who holds a place keeps it, and no more than four are ever registered, however many are made at a time.
func races(a *attack) {
	const most, tried = 4, 20
	var wait sync.WaitGroup
	for i := range tried {
		o := guards.Object(a.T, oauthClient(fmt.Sprintf("race-%02d", i), service))
		wait.Go(func() {
			if err := a.mallory.Create(a.Context(), o); err != nil {
				a.Error(err)
			}
		})
	}
	wait.Wait()
	for i := range tried {
		a.made = append(a.made, a.client(fmt.Sprintf("race-%02d", i)))
	}
	var refused []string
	demo.Eventually(a.T, soon, "each is accepted or refused", func() error {
		refused = nil
		accepted := 1 // app
		for i := range tried {
			c := a.client(fmt.Sprintf("race-%02d", i))
			switch found := meta.FindStatusCondition(c.Status.Conditions, string(v1alpha1.ConditionAccepted)); found.Reason {
			case string(v1alpha1.ReasonAccepted):
				accepted++
			case string(v1alpha1.ReasonPolicyRefused):
				refused = append(refused, c.Name)
			default:
				return fmt.Errorf("%s: %s", c.Name, found.Reason)
			}
		}
		if accepted > most {
			a.Fatalf("%d are accepted", accepted)
		}
		if accepted < most {
			return fmt.Errorf("%d are accepted", accepted)
		}
		return nil
	})
	a.isRefused(refused[0], v1alpha1.ConditionAccepted)
	for _, name := range refused {
		a.isAnswered(a.token(a.T, credentials{own + "." + name, chosen}))
	}
}

// evades: the platform takes a scope back.
func evades(a *attack) {
	p := &v1alpha1.OAuthGrantPolicy{}
	p.Namespace, p.Name = platform, "partner-mallory"
	edit := func(text string) {
		a.Helper()
		if err := a.Admin.Patch(a.Context(), p, patch(`{"spec":{"allow":{"authentication":`+text+`}}}`)); err != nil {
			a.Fatal(err)
		}
	}
	before := a.registers("more", service)
	edit(`["KubernetesServiceAccount"]`)
	defer func() {
		edit(`["ClientSecret","PrivateKeyJWT","KubernetesServiceAccount"]`)
		demo.Eventually(a.T, soon, "the attacker's other client is served again", func() error {
			if got := a.token(a.T, a.app); got.Status != http.StatusOK {
				return fmt.Errorf("%d %s", got.Status, got.Body)
			}
			return nil
		})
	}()
	a.forgotten(before)
	if err := a.mallory.Delete(a.Context(), a.client("more")); err != nil {
		a.Fatal(err)
	}
	a.waits("more", service, v1alpha1.ConditionAccepted)
	a.isAnswered(a.token(a.T, before))
}

// forgotten waits until the server refuses a client.
func (a *attack) forgotten(c credentials) {
	a.Helper()
	demo.Eventually(a.T, soon, "the server refuses "+c.id, func() error {
		if got := a.refresh(a.T, c, "x"); got.Error != "invalid_client" {
			return fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return nil
	})
}
