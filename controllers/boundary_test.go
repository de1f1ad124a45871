package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var _ = Describe("The boundary of an OAuthGrantPolicy", func() {
	It("is about resources too, and says which of them are not there", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		resource := &v1alpha1.OAuthResource{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "orders"},
			Spec: v1alpha1.OAuthResourceSpec{
				Identifier: "https://orders." + w.platform + ".example.com", Scopes: []v1alpha1.ResourceScope{{Name: "orders.read", Title: "Read orders"}},
			},
		}
		Expect(admin.Create(ctx, resource)).To(Succeed())
		p := w.policy("apps")
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) {
			p.Spec.Allow.Resources = []v1alpha1.ResourceReference{{Name: "billing"}}
		})
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = []string{"orders.read"} })
		Expect(eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonPolicyRefused)).To(And(
			ContainSubstring("spec.scopes[0] orders.read of OAuthResource orders: policy apps allows resources billing (spec.allow.resources)"),
		))
		noted := func() string { return condition(ctx, p, v1alpha1.ConditionAccepted).Message }
		Eventually(noted).Should(ContainSubstring("spec.allow.resources: the server has no OAuthResource billing"))
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) {
			p.Spec.Allow.Resources = []v1alpha1.ResourceReference{{Name: "orders"}, {Name: "billing"}}
		})
		ready(ctx, c)
		Expect(document(ctx, w.platform, c).Resources).To(Equal([]string{"orders"}))
		billing := resource.DeepCopy()
		billing.ObjectMeta = metav1.ObjectMeta{Namespace: w.platform, Name: "billing"}
		billing.Spec.Identifier, billing.Spec.Scopes[0].Name = "https://billing."+w.platform+".example.com", "billing.read"
		Expect(admin.Create(ctx, billing)).To(Succeed())
		Eventually(noted).ShouldNot(ContainSubstring("billing"))
	})

	It("names what is wrong with who may let clients in, and accepts nothing meanwhile", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		p := w.policy("apps")
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Users = "'staff' in claims.groups" })
		Expect(eventually(ctx, p, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)).To(And(
			ContainSubstring("spec.users: line 1, column 12"), ContainSubstring("claims")))
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonCutOff)
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Users = "'staff' in user.groups" })
		ready(ctx, p, c)
		Expect(platformDocument(ctx, registration.KindPolicy, p).(*registration.Policy).Users).To(Equal("'staff' in user.groups"))
	})

	It("K07 holds where keys come from to the same hosts as redirects", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) {
			c.Spec.Authentication = &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWTAuthentication{JWKSURI: "https://keys.evil.example/jwks"}}
		})
		Expect(eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonPolicyRefused)).To(And(
			ContainSubstring("spec.authentication.privateKeyJWT.jwksURI https://keys.evil.example/jwks"), ContainSubstring("spec.allow.redirectHosts")))
	})

	It("lets a limit below a default cut nobody off, with one write", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		before := documentsOf(ctx, w.platform, registration.KindClient)
		p := w.policy("apps")
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) {
			p.Spec.Limits = &v1alpha1.PolicyLimits{AccessTokenTTL: &metav1.Duration{Duration: 60_000_000_000}}
		})
		Eventually(func() registration.Duration {
			return platformDocument(ctx, registration.KindPolicy, p).(*registration.Policy).Limits.AccessTokenTTL
		}).Should(BeEquivalentTo(60_000_000_000))
		ready(ctx, p, c)
		after := documentsOf(ctx, w.platform, registration.KindClient)
		Expect(after).To(HaveLen(1))
		Expect(after[0].ResourceVersion).To(Equal(before[0].ResourceVersion), "the client's registration need not be written")
	})
})
