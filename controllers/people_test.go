package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var _ = Describe("An OAuthIdentityProvider upstream", func() {
	It("K3 waits for the Secret with its credentials, follows it, and never shows it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		p := &v1alpha1.OAuthIdentityProvider{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "corp"},
			Spec: v1alpha1.OAuthIdentityProviderSpec{OIDC: &v1alpha1.OIDCProvider{
				Issuer: "https://idp.example.com", ClientSecretRef: &v1alpha1.SecretKeyReference{Name: "corp-idp"},
			}},
		}
		Expect(admin.Create(ctx, p)).To(Succeed())
		Expect(eventually(ctx, p, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)).
			To(ContainSubstring(`spec.oidc.clientSecretRef.name corp-idp`))
		eventually(ctx, p, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
		Expect(platformDocument(ctx, registration.KindIdentityProvider, p)).To(BeNil())

		By("the Secret coming late, with a line end too many")
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "corp-idp", Labels: map[string]string{v1alpha1.LabelReferenced: "true"}},
			StringData: map[string]string{"client-id": "grantkeeper", "client-secret": "hunter2\n"},
		}
		Expect(admin.Create(ctx, secret)).To(Succeed())
		message := eventually(ctx, p, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid)
		Expect(message).To(ContainSubstring("key client-secret"))
		Expect(message).NotTo(ContainSubstring("hunter2"))
		Expect(platformDocument(ctx, registration.KindIdentityProvider, p)).To(BeNil())

		By("mending it")
		edit(ctx, secret, func(s *corev1.Secret) { s.Data["client-secret"] = []byte("hunter2") })
		ready(ctx, p)
		Expect(p.Status.Type).To(Equal("OIDC"))
		Expect(p.Status.Accounts).To(BeNil())
		current := func() *registration.OIDCProvider {
			return platformDocument(ctx, registration.KindIdentityProvider, p).(*registration.IdentityProvider).OIDC
		}
		Expect(current().ClientSecret).To(Equal("hunter2"))

		By("a new secret at the upstream")
		edit(ctx, secret, func(s *corev1.Secret) { s.Data["client-secret"] = []byte("tiger3") })
		Eventually(func() string { return current().ClientSecret }).Should(Equal("tiger3"))
		Expect(events(ctx, p)).NotTo(ContainElement(ContainSubstring("hunter2")))

		By("another Secret")
		other := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "other-idp", Labels: map[string]string{v1alpha1.LabelReferenced: "true"}},
			StringData: map[string]string{"client-id": "other", "oidc": "tiger4"},
		}
		Expect(admin.Create(ctx, other)).To(Succeed())
		edit(ctx, p, func(p *v1alpha1.OAuthIdentityProvider) {
			p.Spec.OIDC.ClientSecretRef = &v1alpha1.SecretKeyReference{Name: "other-idp", Key: "oidc"}
		})
		Eventually(func() string { return current().ClientID + " " + current().ClientSecret }).Should(Equal("other tiger4"))

		By("the Secret going")
		Expect(admin.Delete(ctx, other)).To(Succeed())
		eventually(ctx, p, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
		Eventually(func() registration.Document { return platformDocument(ctx, registration.KindIdentityProvider, p) }).Should(BeNil())
	})

	It("needs no Secret to search a directory anonymously", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		p := &v1alpha1.OAuthIdentityProvider{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "directory"},
			Spec: v1alpha1.OAuthIdentityProviderSpec{LDAP: &v1alpha1.LDAPProvider{
				URL: "ldaps://ldap.example.com", Users: v1alpha1.LDAPUsers{BaseDN: "ou=people,dc=example,dc=com"},
			}},
		}
		Expect(admin.Create(ctx, p)).To(Succeed())
		ready(ctx, p)
		Expect(p.Status.Type).To(Equal("LDAP"))
		Expect(eventually(ctx, p, v1alpha1.ConditionSecretReady, metav1.ConditionTrue, v1alpha1.ReasonReady)).To(ContainSubstring("no Secret"))
	})
})

var _ = Describe("An OAuthGrantPolicy that names identity providers", func() {
	It("says which of them are not there, and is served all the same", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		p := w.policy("apps")
		ready(ctx, p)
		message := func() string {
			return eventually(ctx, p, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
		}
		Expect(message()).NotTo(ContainSubstring("identityProviders"))
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.IdentityProviders = []string{"staff", "typo"} })
		Eventually(message).Should(ContainSubstring("spec.allow.identityProviders: the server has no OAuthIdentityProvider staff, typo"))
		ready(ctx, p)

		By("one coming")
		staff := &v1alpha1.OAuthIdentityProvider{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "staff"},
			Spec: v1alpha1.OAuthIdentityProviderSpec{LDAP: &v1alpha1.LDAPProvider{
				URL: "ldaps://ldap.example.com", Users: v1alpha1.LDAPUsers{BaseDN: "ou=people,dc=example,dc=com"},
			}},
		}
		Expect(admin.Create(ctx, staff)).To(Succeed())
		Eventually(message).Should(ContainSubstring("OAuthIdentityProvider typo,"))

		By("the other name being corrected")
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.IdentityProviders = []string{"staff"} })
		Eventually(message).ShouldNot(ContainSubstring("identityProviders"))

		By("the provider going")
		Expect(admin.Delete(ctx, staff)).To(Succeed())
		Eventually(message).Should(ContainSubstring("OAuthIdentityProvider staff,"))
		served := platformDocument(ctx, registration.KindPolicy, p).(*registration.Policy)
		Expect(served.Allow.IdentityProviders).To(Equal([]string{"staff"}))
	})
})

var _ = Describe("A client of people", func() {
	It("K9 is cut off when the policy takes back that it skips consent", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		p := w.policy("apps")
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) {
			p.Spec.Allow.SkipConsent = true
			p.Spec.Allow.RedirectHosts = []string{"*.acme.example"}
		})
		c := w.create(ctx, "portal", func(c *v1alpha1.OAuthClient) {
			c.Spec.Type, c.Spec.RedirectURIs, c.Spec.Consent = "", []string{"https://portal.acme.example/cb"}, v1alpha1.ConsentSkip
		})
		ready(ctx, c)
		Expect(document(ctx, w.platform, c).Type).To(Equal("Web"))
		Expect(value(secretOf(ctx, w.apps, "portal-oauth"))).NotTo(BeEmpty())

		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.SkipConsent = false })
		Expect(eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonPolicyRefused)).To(ContainSubstring("spec.consent Skip"))
		allowed := platformDocument(ctx, registration.KindPolicy, p).(*registration.Policy)
		Expect(policy.Accepts(allowed, document(ctx, w.platform, c))).NotTo(BeEmpty())
	})

	It("has keys at rest to keep what the database holds", func(ctx context.Context) {
		w := newWorld(ctx)
		var keys *registration.Keys
		Eventually(func() *registration.Keys {
			keys, _ = platformDocument(ctx, registration.KindKeys, w.server).(*registration.Keys)
			return keys
		}).ShouldNot(BeNil())
		Expect(keys.AtRest).To(HaveLen(1))

		By("a set of keys that is older than they are")
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: compile.DocumentName(registration.KindKeys, client.ObjectKeyFromObject(w.server))}}
		kept := *keys
		kept.AtRest = nil
		old, err := registration.Encode(&kept)
		Expect(err).NotTo(HaveOccurred())
		edit(ctx, s, func(s *corev1.Secret) { s.Data[registration.DataKey] = old })
		Eventually(func(g Gomega) {
			again, ok := platformDocument(ctx, registration.KindKeys, w.server).(*registration.Keys)
			g.Expect(ok).To(BeTrue())
			g.Expect(again.AtRest).To(HaveLen(1))
			g.Expect(again.AtRest[0].ID).NotTo(Equal(keys.AtRest[0].ID))
			g.Expect(again.Sealing).To(Equal(kept.Sealing))
		}).Should(Succeed())
	})
})
