package e2e

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

// domain is an API with a policy of its own, for one namespace of an app team.
type domain struct{ namespace, name string }

func newDomain(t *testing.T, name string) domain {
	t.Helper()
	dom := domain{partner(t, "e2e-"+name), name}
	world.Apply(t, object("OAuthResource", "oauth-system", name, "", "identifier: https://"+name+".example.com\nscopes: [{name: "+name+".read, title: Read}, {name: "+name+".write, title: Write}]"))
	return dom
}

// allow writes the policy: scopes are those of the API, by the last word.
func (dom domain) allow(t *testing.T, scopes ...string) {
	t.Helper()
	for i, s := range scopes {
		scopes[i] = dom.name + "." + s
	}
	world.Apply(t, object("OAuthGrantPolicy", "oauth-system", dom.name, "", fmt.Sprintf(`
clients: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}
allow: {grantTypes: [client_credentials, refresh_token, "urn:ietf:params:oauth:grant-type:device_code"], scopes: [openid, offline_access, %s]}`,
		dom.namespace, strings.Join(scopes, ", "))))
}

func (dom domain) client(spec string) string {
	return oauthClient(dom.namespace, "app", spec)
}

func TestPolicyIsTightenedAndLoosened(t *testing.T) {
	t.Parallel()
	d := world.Demo
	dom := newDomain(t, "ledger")
	dom.allow(t, "read", "write")
	d.Apply(t, dom.client("type: Service\nscopes: [ledger.read, ledger.write]")+
		oauthClient(dom.namespace, "tool", "type: Device\nscopes: [openid, offline_access, ledger.write]"))
	d.Await(t, dom.namespace, "app", "Ready")
	d.Await(t, dom.namespace, "tool", "Ready")
	c := credentialsOf(t, d, dom.namespace, "app-oauth")
	gets(t, d, c)
	tokens := deviceLogin(t, d, dom.namespace+".tool")
	generation := d.Client(t, dom.namespace, "app").Generation

	dom.allow(t, "read")
	refused(t, d, cutOff, c)
	demo.Eventually(t, cutOff, "the user's tokens are refused", func() error {
		if userinfo(t, d, tokens.AccessToken).Status != 401 || refresh(t, d, dom.namespace+".tool", tokens.RefreshToken).Error != "invalid_client" {
			return errors.New("they are not")
		}
		return nil
	})
	saysNot(t, dom.namespace, "app", "Accepted", "PolicyRefused", `spec\.scopes.*ledger\.write.*policy ledger`)
	saysNot(t, dom.namespace, "app", "Ready", "PolicyRefused", `ledger\.write`)

	dom.allow(t, "read", "write")
	demo.Eventually(t, soon, "the client gets tokens again", func() error {
		a, err := post(t.Context(), d, "/v1/token", &c, clientCredentials)
		if err == nil && a.Status != 200 {
			err = errors.New(a.Body)
		}
		return err
	})
	d.Await(t, dom.namespace, "app", "Ready")
	if now := d.Client(t, dom.namespace, "app"); now.Generation != generation {
		t.Errorf("generation %d has become %d", generation, now.Generation)
	}
	if a := refresh(t, d, dom.namespace+".tool", tokens.RefreshToken); a.Status != 200 {
		t.Errorf("the user's refresh token: %d %s", a.Status, a.Error)
	}
	d.Kubectl(t, "delete", "oauthgrantpolicy", "-n", "oauth-system", dom.name)
	refused(t, d, cutOff, c)
}

func TestEditThatIsRefused(t *testing.T) {
	t.Parallel()
	d := world.Demo
	dom := newDomain(t, "payroll")
	dom.allow(t, "read")
	d.Apply(t, dom.client("type: Service\nscopes: [payroll.read]"))
	d.Await(t, dom.namespace, "app", "Ready")
	c := credentialsOf(t, d, dom.namespace, "app-oauth")

	d.Apply(t, dom.client("type: Service\nscopes: [payroll.read, payroll.write]"))
	saysNot(t, dom.namespace, "app", "Accepted", "PolicyRefused", `spec\.scopes.*payroll\.write`)
	saysNot(t, dom.namespace, "app", "Programmed", "ServingLastAccepted", `refused as it is now; generation 1.* is still served`)
	if a := gets(t, d, c); a.Scope != "payroll.read" {
		t.Errorf("after the refused edit the scope is %q", a.Scope)
	}
	if now := credentialsOf(t, d, dom.namespace, "app-oauth"); now != c || d.Secret(t, dom.namespace, "app-oauth")["scope"] != "payroll.read" {
		t.Error("the Secret does not say what is served")
	}

	t.Run("a policy that allows it heals it", func(t *testing.T) {
		dom.allow(t, "read", "write")
		d.Await(t, dom.namespace, "app", "Ready")
		if a := gets(t, d, c); a.Scope != "payroll.read payroll.write" {
			t.Errorf("the scope is %q", a.Scope)
		}
	})
	t.Run("an edit back to less is served as it is", func(t *testing.T) {
		d.Apply(t, dom.client("type: Service\nscopes: [payroll.write]"))
		demo.Eventually(t, soon, "the scope is narrower", func() error {
			if a := gets(t, d, c); a.Scope != "payroll.write" {
				return errors.New(a.Scope)
			}
			return nil
		})
		a := ask(t, d, "/v1/token", &c, url.Values{"grant_type": {"client_credentials"}, "scope": {"payroll.read"}})
		if a.Error != "invalid_scope" {
			t.Errorf("a scope that was taken away: %d %s", a.Status, a.Error)
		}
	})
}

// D08 for a client: what it gives up is in no token from the next refresh on.
func TestScopeThatIsGivenUp(t *testing.T) {
	t.Parallel()
	d := world.Demo
	dom := newDomain(t, "drive")
	dom.allow(t, "read", "write")
	d.Apply(t, dom.client("type: Device\nscopes: [openid, offline_access, drive.read, drive.write]"))
	d.Await(t, dom.namespace, "app", "Ready")
	tokens := deviceLogin(t, d, dom.namespace+".app")
	d.Apply(t, dom.client("type: Device\nscopes: [openid, offline_access, drive.read]"))
	current := tokens.RefreshToken
	demo.Eventually(t, repaired, "the scope is gone", func() error {
		a := refresh(t, d, dom.namespace+".app", current)
		if a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		current = a.RefreshToken
		if a.Scope != "openid offline_access drive.read" {
			return errors.New(a.Scope)
		}
		return nil
	})
}

func TestClientIDConflict(t *testing.T) {
	t.Parallel()
	d := world.Demo
	// In this order of the alphabet, which decides between objects of the same second.
	older, newer := partner(t, "e2e-first"), partner(t, "e2e-second")
	id := "shared-by-" + older
	d.Apply(t, oauthClient(older, "app", service+"\nclientID: "+id))
	d.Await(t, older, "app", "Ready")
	c := credentialsOf(t, d, older, "app-oauth")
	d.Apply(t, oauthClient(newer, "app", service+"\nclientID: "+id))
	saysNot(t, newer, "app", "Accepted", "ClientIDConflict", "spec.clientID.*"+id)
	if out, err := d.TryKubectl(t.Context(), "", "get", "secret", "-n", newer, "app-oauth"); err == nil {
		t.Errorf("the newer one has a Secret: %s", out)
	}
	gets(t, d, c)

	d.Kubectl(t, "delete", "oauthclient", "-n", older, "app")
	d.Await(t, newer, "app", "Ready")
	now := credentialsOf(t, d, newer, "app-oauth")
	if a := gets(t, d, now); verify(t, d, a.AccessToken).Subject != "client:"+newer+"/app" {
		t.Error("the token is not the newer one's")
	}
	refused(t, d, cutOff, c)
}

// What a manifest is refused for, in the words that people read. Those that kubectl apply refuses are in test/crd.
func TestRefusedInTheStatus(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-refused")
	d.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: e2e-stranger}\n")
	for name, c := range map[string]struct {
		namespace, spec string
		reason, message string
	}{
		"namespace": {"e2e-stranger", service, "ServerRefused", `namespace e2e-stranger.*oauth-system/main`},
		"server":    {namespace, service + "\nserverRef: {name: none}", "ServerNotFound", `none`},
		"scope":     {namespace, "type: Service\nscopes: [nobody.knows]", "ScopeUnknown", `nobody\.knows`},
		"grant":     {namespace, "type: Device\nscopes: [openid]", "PolicyRefused", `policy services.*grantTypes|grantTypes.*policy services`},
		"redirect":  {namespace, "type: Web\nredirectURIs: [\"https://evil.example/cb\"]", "PolicyRefused", `evil\.example`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.Apply(t, oauthClient(c.namespace, name, c.spec))
			demo.Eventually(t, soon, "the refusal", func() error {
				for _, condition := range d.Client(t, c.namespace, name).Status.Conditions {
					if condition.Type == "Accepted" && condition.Reason == c.reason {
						return nil
					}
				}
				return errors.New("not yet")
			})
			saysNot(t, c.namespace, name, "Accepted", v1alpha1.ConditionReason(c.reason), c.message)
			saysNot(t, c.namespace, name, "Ready", v1alpha1.ConditionReason(c.reason), "")
			if _, err := d.TryKubectl(t.Context(), "", "get", "secret", "-n", c.namespace, name+"-oauth"); err == nil {
				t.Error("it has a Secret")
			}
		})
	}
}

func TestRefusedByKubectl(t *testing.T) {
	t.Parallel()
	d := world.Demo
	out := d.Refused(t, oauthClient("partners", "wrong", "redirectURIs: [\"http://reports.acme.example/cb\"]"))
	for _, want := range []string{`The OAuthClient "wrong" is invalid`, "spec.redirectURIs[0]", "begin with https://"} {
		if !strings.Contains(out, want) {
			t.Errorf("kubectl says %s, want %q in it", out, want)
		}
	}
	if out := d.Refused(t, oauthClient("partners", "wrong", "type: Service\nscops: [orders.read]")); !strings.Contains(out, `unknown field "spec.scops"`) {
		t.Errorf("kubectl says %s", out)
	}
}
