package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// platformDocument reads the document of a manifest in the platform's namespace, nil when there is none.
func platformDocument(ctx context.Context, kind registration.Kind, owner client.Object) registration.Document {
	GinkgoHelper()
	s := &corev1.Secret{}
	name := types.NamespacedName{Namespace: owner.GetNamespace(), Name: compile.DocumentName(kind, client.ObjectKeyFromObject(owner))}
	err := admin.Get(ctx, name, s)
	if client.IgnoreNotFound(err) == nil && err != nil {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	d, err := registration.Decode(s.Data[registration.DataKey])
	Expect(err).NotTo(HaveOccurred())
	return d
}

var _ = Describe("The platform's kinds", func() {
	It("a policy travels as one document, and goes with its manifest", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		p := w.policy("apps")
		ready(ctx, p)
		d := platformDocument(ctx, registration.KindPolicy, p).(*registration.Policy)
		Expect(d.Allow.Scopes).To(Equal([]string{"openid", "orders.read"}))
		Expect(admin.Delete(ctx, p)).To(Succeed())
		Eventually(func() registration.Document { return platformDocument(ctx, registration.KindPolicy, p) }).Should(BeNil())
	})

	It("a policy without a server waits for one", func(ctx context.Context) {
		alone := namespace(ctx, "alone", nil)
		p := &v1alpha1.OAuthGrantPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: alone, Name: "p"},
			Spec:       v1alpha1.OAuthGrantPolicySpec{Allow: v1alpha1.PolicyAllow{Scopes: []string{"openid"}}},
		}
		Expect(admin.Create(ctx, p)).To(Succeed())
		eventually(ctx, p, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonServerNotFound)
		Expect(admin.Create(ctx, &v1alpha1.OAuthServer{
			ObjectMeta: metav1.ObjectMeta{Namespace: alone, Name: "main"},
			Spec:       v1alpha1.OAuthServerSpec{Issuer: "https://" + alone + ".example.com"},
		})).To(Succeed())
		eventually(ctx, p, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonNoReplica)
		(&world{platform: alone}).startReplica("main-0")
		ready(ctx, p)
	})

	It("a resource makes its scopes known, the older of two in conflict winning", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = []string{"orders.read"} })
		eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonScopeUnknown)
		resource := func(name string) *v1alpha1.OAuthResource {
			return &v1alpha1.OAuthResource{
				ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: name},
				Spec: v1alpha1.OAuthResourceSpec{
					Identifier: "https://api." + w.platform + ".example.com",
					Scopes:     []v1alpha1.ResourceScope{{Name: "orders.read", Title: "Read your orders"}},
				},
			}
		}
		orders := resource("a-orders")
		Expect(admin.Create(ctx, orders)).To(Succeed())
		ready(ctx, orders, c)
		copied := resource("b-copied")
		Expect(admin.Create(ctx, copied)).To(Succeed())
		eventually(ctx, copied, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonIdentifierConflict)
		Expect(platformDocument(ctx, registration.KindResource, copied)).To(BeNil())

		By("the older one going")
		Expect(admin.Delete(ctx, orders)).To(Succeed())
		ready(ctx, copied, c)
		Expect(admin.Delete(ctx, copied)).To(Succeed())
		eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonScopeUnknown)
	})

	It("K3 an identity provider reads its accounts only from a Secret that opted in, and follows it at once", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		const hash = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
		accounts := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "people"},
			StringData: map[string]string{"ada": "passwordHash: " + hash + "\nemail: ada@example.com\n"},
		}
		Expect(admin.Create(ctx, accounts)).To(Succeed())
		p := &v1alpha1.OAuthIdentityProvider{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "local"},
			Spec: v1alpha1.OAuthIdentityProviderSpec{
				Local: &v1alpha1.LocalProvider{AccountsSecretRef: v1alpha1.SecretReference{Name: "people"}},
			},
		}
		Expect(admin.Create(ctx, p)).To(Succeed())
		Expect(eventually(ctx, p, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)).
			To(ContainSubstring(v1alpha1.LabelReferenced))
		Expect(platformDocument(ctx, registration.KindIdentityProvider, p)).To(BeNil())

		By("opting in")
		edit(ctx, accounts, func(s *corev1.Secret) { s.Labels = map[string]string{v1alpha1.LabelReferenced: "true"} })
		ready(ctx, p)
		Expect(p.Status.Accounts).To(HaveValue(BeEquivalentTo(1)))

		By("another account")
		edit(ctx, accounts, func(s *corev1.Secret) { s.Data["grace"] = []byte("passwordHash: " + hash + "\n") })
		Eventually(func() []registration.LocalAccount {
			return platformDocument(ctx, registration.KindIdentityProvider, p).(*registration.IdentityProvider).Local.Accounts
		}).Should(HaveLen(2))

		By("an account that cannot be used")
		edit(ctx, accounts, func(s *corev1.Secret) { s.Data["eve"] = []byte("passwordHash: plain\n") })
		message := eventually(ctx, p, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid)
		Expect(message).To(ContainSubstring("eve"))
		Expect(message).NotTo(ContainSubstring("plain"))
		Expect(platformDocument(ctx, registration.KindIdentityProvider, p).(*registration.IdentityProvider).Local.Accounts).
			To(HaveLen(2), "a slip in one account must not sign the others out")
		edit(ctx, accounts, func(s *corev1.Secret) { delete(s.Data, "eve") })
		ready(ctx, p)

		By("opting out")
		edit(ctx, accounts, func(s *corev1.Secret) { s.Labels = nil })
		eventually(ctx, p, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
		Eventually(func() registration.Document { return platformDocument(ctx, registration.KindIdentityProvider, p) }).Should(BeNil())
	})
})
