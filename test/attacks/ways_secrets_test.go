package attacks

import (
	"encoding/base64"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

// chosen is a client secret that the attacker knows because it made it up.
const chosen = "gkcs_AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKK"

// service is the beginning of the spec of a client that the attacker's policy accepts.
const service = "type: Service, scopes: [orders.read]"

// secretWays are about Secrets that the operator reads or writes for the attacker.
func secretWays() []way {
	inbound := func(ref string) string {
		return service + ", authentication: {clientSecret: {secretRef: {" + ref + "}}}"
	}
	secretReady := v1alpha1.ConditionSecretReady
	return []way{
		{"K03 names a Secret of another namespace as its client secret, in the name", schema, func(a *attack) {
			for _, name := range []string{"victim/brought", "../victim/brought", "brought.victim/x", "brought?namespace=victim"} {
				a.creates(oauthClient("more", inbound(`name: "`+name+`"`)))
			}
		}},
		{"K03 names a Secret of another namespace as its client secret, by a field that there is not", status(secretReady, v1alpha1.ReasonSecretNotFound), func(a *attack) {
			a.waits("more", inbound("name: brought, namespace: victim"), secretReady)
		}},
		{"K03 names a Secret of its namespace that nobody opted in, such as a colleague's", status(secretReady, v1alpha1.ReasonSecretNotFound), func(a *attack) {
			a.makes(secret("colleagues", "", "stringData: {client-secret: "+brought+"}"))
			a.waits("more", inbound("name: colleagues"), secretReady)
		}},
		{"K03 brings a client secret that can be guessed", status(secretReady, v1alpha1.ReasonSecretTooWeak), func(a *attack) {
			for i, weak := range []string{"password", strings.Repeat("a", 64), strings.Repeat("abcde", 10), "  " + brought + "\n"} {
				name := fmt.Sprintf("weak-%d", i)
				a.makes(secret(name, `labels: {grantkeeper.dev/referenced: "true"}`, "data: {client-secret: "+base64.StdEncoding.EncodeToString([]byte(weak))+"}"))
				a.waits(name, inbound("name: "+name), secretReady)
			}
		}},
		{"K04 has its credentials written over a Secret that somebody else made", status(secretReady, v1alpha1.ReasonSecretNameTaken), func(a *attack) {
			a.makes(secret("colleagues", "", "stringData: {precious: x}"))
			a.waits("more", service+", secret: {name: colleagues}", secretReady)
			var s corev1.Secret
			if err := a.mallory.Get(a.Context(), client.ObjectKey{Namespace: own, Name: "colleagues"}, &s); err != nil || len(s.Data) != 1 || string(s.Data["precious"]) != "x" {
				a.Errorf("the Secret is %v, %v", s.Data, err)
			}
		}},
		{"K04 has its credentials written where keys and registrations are", status(v1alpha1.ConditionAccepted, v1alpha1.ReasonInvalid), func(a *attack) {
			a.waits("more-0", service+`, secret: {name: gk-keys-main}`, v1alpha1.ConditionAccepted)
			a.waits("more-1", service+`, secret: {name: gk-x}`, v1alpha1.ConditionAccepted)
			for _, name := range []string{"oauth-system/gk-keys-main", "../gk-keys-main"} {
				a.creates(oauthClient("more", service+`, secret: {name: "`+name+`"}`))
			}
		}},
		{"K04 lays out a Secret with a proof of its own making, to have it adopted", status(secretReady, v1alpha1.ReasonSecretNameTaken), func(a *attack) {
			forged("more", `"grantkeeper.dev/proof": "`+strings.Repeat("QUJD", 12)+`"`, "")(a)
			a.waits("more", service, secretReady)
			a.isAnswered(a.token(a.T, credentials{"mallory.more", chosen}))
		}},
		{"K04 copies the proof of a Secret of its own onto another", status(secretReady, v1alpha1.ReasonSecretNameTaken), func(a *attack) {
			var good corev1.Secret
			if err := a.mallory.Get(a.Context(), client.ObjectKey{Namespace: own, Name: "app-oauth"}, &good); err != nil {
				a.Fatal(err)
			}
			var copied []string
			for k, v := range good.Annotations {
				copied = append(copied, fmt.Sprintf("%q: %q", k, v))
			}
			forged("more", strings.Join(copied, ", "), "")(a)
			a.waits("more", service, secretReady)
		}},
		{"K05 makes a client of the victim's name with a Secret that says to belong to the victim's client", unknown, func(a *attack) {
			var theirs v1alpha1.OAuthClient
			if err := a.Admin.Get(a.Context(), client.ObjectKey{Namespace: victim, Name: "shop"}, &theirs); err != nil {
				a.Fatal(err)
			}
			forged("shop", "", string(theirs.UID))(a)
			a.registers("shop", service)
			a.isAnswered(a.token(a.T, credentials{"victim.shop", chosen}))
			a.isAnswered(a.token(a.T, credentials{"mallory.shop", chosen}))
		}},
		{"K04 writes a client secret that it knows into the Secret of its client", unknown, func(a *attack) {
			c := a.registers("more", service)
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "more-oauth"}}
			if err := a.mallory.Patch(a.Context(), s, patch(`{"stringData":{"client-secret":"`+chosen+`"}}`)); err != nil {
				a.Fatal(err)
			}
			demo.Eventually(a.T, soon, "the Secret is repaired", func() error {
				if now := a.credentials(a.T, a.mallory, own, "more-oauth"); now.secret == chosen || now.secret == c.secret {
					return fmt.Errorf("it is not")
				}
				return nil
			})
			a.isAnswered(a.token(a.T, credentials{c.id, chosen}))
		}},
		{"K04 forges a registration in the server's namespace", rbac, func(a *attack) {
			a.creates(strings.Replace(registered(a), "namespace: mallory", "namespace: oauth-system", 1))
		}},
		{"K02 forges a registration in its own namespace", unknown, func(a *attack) {
			a.makes(registered(a))
			// What comes later is served, so that what came before would be as well.
			a.registers("after", service)
			a.isAnswered(a.token(a.T, credentials{"mallory.forged", chosen}))
		}},
		{"asks for a new secret fifty times in a row, so that ever more of them work, the first one still", unknown, rotates},
	}
}

// forged makes a Secret that looks like one that the operator wrote for a client, with a client secret of the attacker's choice, and
// says that it belongs to an OAuthClient if there is a uid.
func forged(client, annotations, uid string) func(*attack) {
	metadata := fmt.Sprintf("labels: {grantkeeper.dev/managed-by: grantkeeper-operator, grantkeeper.dev/client: %s}, annotations: {%s}", client, annotations)
	if uid != "" {
		metadata += fmt.Sprintf(", ownerReferences: [{apiVersion: grantkeeper.dev/v1alpha1, kind: OAuthClient, name: %s, uid: %s, controller: true}]", client, uid)
	}
	data := fmt.Sprintf("type: servicebinding.io/oauth2\nstringData: {type: oauth2, provider: grantkeeper, client-id: mallory.%s, client-secret: %s}", client, chosen)
	return func(a *attack) { a.makes(secret(client+"-oauth", metadata, data)) }
}

// registered is the manifest of a Secret like that of a registration, of a client that may everything.
func registered(a *attack) string {
	a.Helper()
	var list corev1.SecretList
	if err := a.Admin.List(a.Context(), &list, client.InNamespace(platform)); err != nil {
		a.Fatal(err)
	}
	for _, s := range list.Items {
		if s.Annotations[registration.AnnotationOwner] != own+"/app" {
			continue
		}
		var labels, data []string
		for k, v := range s.Labels {
			labels = append(labels, fmt.Sprintf("%q: %q", k, v))
		}
		for k, v := range s.Data {
			text := strings.ReplaceAll(string(v), "mallory.app", "mallory.forged")
			data = append(data, fmt.Sprintf("%q: %q", k, base64.StdEncoding.EncodeToString([]byte(text))))
		}
		metadata := fmt.Sprintf("labels: {%s}, annotations: {%q: mallory/forged}", strings.Join(labels, ", "), registration.AnnotationOwner)
		return secret("gk-client-forged", metadata, "type: "+string(s.Type)+"\ndata: {"+strings.Join(data, ", ")+"}")
	}
	a.Fatal("the attacker's client is not registered")
	return ""
}

// rotates: however often, a bounded number of secrets works, and every one but the newest ends. The first one is over.
func rotates(a *attack) {
	old := a.registers("more", service)
	c := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "more"}}
	for i := range 50 {
		if err := a.mallory.Patch(a.Context(), c, patch(fmt.Sprintf(`{"metadata":{"annotations":{"grantkeeper.dev/rotate":"%d","grantkeeper.dev/rotate-overlap":"0s"}}}`, i))); err != nil {
			a.Fatal(err)
		}
		if n := len(a.client("more").Status.Secrets); n > registration.MaxSecrets {
			a.Fatalf("%d secrets work", n)
		}
	}
	demo.Eventually(a.T, soon, "the last request is done, and the first secret is over", func() error {
		s := a.client("more").Status
		if s.RotateRequest != "49" || len(s.Secrets) > registration.MaxSecrets {
			return fmt.Errorf("request %s, %d secrets", s.RotateRequest, len(s.Secrets))
		}
		for i, x := range s.Secrets {
			if x.Current != (i == 0) || !x.Current && x.RetiresAt == nil {
				return fmt.Errorf("secret %d: %+v", i, x)
			}
		}
		if got := a.token(a.T, old); got.Error == "" {
			return fmt.Errorf("the first secret works: %d", got.Status)
		}
		return nil
	})
	a.isAnswered(a.token(a.T, old))
}
