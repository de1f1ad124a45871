package attacks

import (
	"fmt"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/test/guards"
)

// rightsWays go where the attacker has no rights.
func rightsWays() []way {
	read := func(namespace string, names ...string) func(*attack) {
		return func(a *attack) {
			for _, name := range names {
				a.denied(a.mallory.Get(a.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &corev1.Secret{}))
			}
			a.denied(a.mallory.List(a.Context(), &corev1.SecretList{}, client.InNamespace(namespace)))
			a.denied(a.mallory.List(a.Context(), &corev1.SecretList{}))
		}
	}
	return []way{
		{"K03 reads the Secrets of another team", rbac, read(victim, "shop-oauth", "brought")},
		{"K03 reads the server's keys, accounts and registrations", rbac, read(platform, "staff-accounts", "gk-keys-main")},
		{"K03 reads the clients of other teams", rbac, func(a *attack) {
			a.denied(a.mallory.List(a.Context(), &v1alpha1.OAuthClientList{}, client.InNamespace(victim)))
			a.denied(a.mallory.List(a.Context(), &v1alpha1.OAuthClientList{}))
		}},
		{"K08 declares a policy, a server, an API or a place to sign in in its own namespace", rbac, func(a *attack) {
			for _, kind := range platformKinds {
				a.creates(fmt.Sprintf(kind, own))
			}
		}},
		{"K08 writes a policy in the server's namespace, or edits the one that governs it", rbac, func(a *attack) {
			a.creates(fmt.Sprintf(platformKinds[0], platform))
			p := &v1alpha1.OAuthGrantPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: platform, Name: "partner-mallory"}}
			a.denied(a.mallory.Patch(a.Context(), p, patch(`{"spec":{"allow":{"skipConsent":true}}}`)))
			a.denied(a.mallory.Delete(a.Context(), p))
		}},
		{"K08 has an admin of its namespace write a policy there that allows its clients everything", status(v1alpha1.ConditionAccepted, v1alpha1.ReasonPolicyRefused), ownPolicy},
		{"K07 labels its namespace like one that may more", rbac, func(a *attack) {
			ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: own}}
			a.denied(a.mallory.Patch(a.Context(), ns, patch(`{"metadata":{"labels":{"tier":"platform"}}}`)))
			a.denied(a.mallory.Patch(a.Context(), ns, patch(`{"metadata":{"labels":{"grantkeeper.dev/may-route-issuers":"true"}}}`)))
		}},
		{"K08 writes into the status of its own client that it is accepted", rbac, func(a *attack) {
			c := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "app"}}
			a.denied(a.mallory.Status().Patch(a.Context(), c, patch(`{"status":{"policy":"platform-apps"}}`)))
		}},
		{"K08 gives itself the role of the platform in its own namespace", rbac, func(a *attack) {
			a.creates(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: more, namespace: mallory}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: grantkeeper-platform}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory}]
`)
		}},
		{"K04 acts as the operator: by impersonation, by a token, by a pod, by a ServiceAccount of the same name", rbac, actsAsOperator},
		{"K01 says to be a replica of the server that has everything loaded", rbac, replica},
		{"K05 asks for a new secret for the victim's client, suspends it, deletes it", rbac, func(a *attack) {
			c := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: victim, Name: "shop"}}
			a.denied(a.mallory.Patch(a.Context(), c, patch(`{"metadata":{"annotations":{"grantkeeper.dev/rotate":"now"}}}`)))
			a.denied(a.mallory.Patch(a.Context(), c, patch(`{"spec":{"suspended":true}}`)))
			a.denied(a.mallory.Delete(a.Context(), c))
		}},
	}
}

func patch(text string) client.Patch {
	return client.RawPatch("application/merge-patch+json", []byte(text))
}

// platformKinds are manifests of what only the platform declares; the verbs are the namespace.
var platformKinds = []string{`
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: everything, namespace: %s}
spec:
  priority: 1000
  clients: {namespaceSelector: {}}
  allow: {grantTypes: [client_credentials], scopes: [orders.read, orders.admin, payroll.read], skipConsent: true, withoutPKCE: true}
`, `
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: main, namespace: %s}
spec: {issuer: "https://login.platform.example/mallory"}
`, `
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthResource
metadata: {name: orders, namespace: %s}
spec: {identifier: "https://orders.platform.example", title: Orders, scopes: [{name: orders.admin, title: Read}]}
`, `
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthIdentityProvider
metadata: {name: mine, namespace: %s}
spec: {displayName: Mine, local: {accountsSecretRef: {name: accounts}}}
`}

// ownPolicy: a policy counts in the namespace of its server alone.
func ownPolicy(a *attack) {
	p := guards.Object(a.T, fmt.Sprintf(platformKinds[0], own))
	if err := a.Admin.Create(a.Context(), p); err != nil {
		a.Fatal(err)
	}
	a.made = append(a.made, p)
	a.waits("more", "type: Service, scopes: [orders.admin]", v1alpha1.ConditionAccepted)
}

// operator is who writes Secrets everywhere.
const operator = "system:serviceaccount:grantkeeper-system:grantkeeper-operator"

func actsAsOperator(a *attack) {
	list := func(config *rest.Config) {
		a.Helper()
		c, err := kubernetes.NewForConfig(config)
		if err != nil {
			a.Fatal(err)
		}
		_, err = c.CoreV1().Secrets(victim).List(a.Context(), metav1.ListOptions{})
		a.denied(err)
	}
	config := rest.CopyConfig(a.certificate)
	config.Impersonate = rest.ImpersonationConfig{UserName: operator}
	list(config)
	theirs := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "grantkeeper-system", Name: "grantkeeper-operator"}}
	a.denied(a.mallory.SubResource("token").Create(a.Context(), theirs, &authenticationv1.TokenRequest{}))
	a.creates("apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: grantkeeper-system}\nspec: {serviceAccountName: grantkeeper-operator, containers: [{name: x, image: x}]}\n")
	a.makes("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: grantkeeper-operator, namespace: mallory}\n")
	config = rest.AnonymousClientConfig(a.certificate)
	config.BearerToken = a.accountToken("grantkeeper-operator", nil)
	list(config)
}

// accountToken is a token of a ServiceAccount of the attacker's namespace, which may have such tokens made.
func (a *attack) accountToken(account string, pod client.Object, audiences ...string) string {
	a.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.GetName(), UID: pod.GetUID()}
	}
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: account}}
	if err := a.mallory.SubResource("token").Create(a.Context(), sa, request); err != nil {
		a.Fatal(err)
	}
	return request.Status.Token
}

// replica: the Leases of replicas are in the server's namespace, and count there alone. If one elsewhere counted, that says that it has
// loaded nothing, no client would get ready any more.
func replica(a *attack) {
	lease := fmt.Sprintf(`
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata:
  name: oauth-main-x
  namespace: NAMESPACE
  labels: {%s: main}
  annotations: {%s: "1", %s: "true"}
spec: {holderIdentity: oauth-main-x, leaseDurationSeconds: 3600, renewTime: "2126-01-01T00:00:00.000000Z"}
`, registration.LabelReplica, registration.AnnotationLoaded, registration.AnnotationReady)
	a.creates(strings.Replace(lease, "NAMESPACE", platform, 1))
	a.makes(strings.Replace(lease, "NAMESPACE", own, 1))
	a.registers("after", "type: Service, scopes: [orders.read]")
}
