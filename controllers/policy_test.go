package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var _ = Describe("A decision about an OAuthClient", func() {
	refused := func(ctx context.Context, c *v1alpha1.OAuthClient, reason v1alpha1.ConditionReason) string {
		GinkgoHelper()
		message := eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, reason)
		eventually(ctx, c, v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
		eventually(ctx, c, v1alpha1.ConditionStalled, metav1.ConditionTrue, reason)
		return message
	}

	It("refuses with the reason, and a message that names field, value and fix", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		elsewhere := namespace(ctx, "elsewhere", nil)
		for _, spec := range []struct {
			what    string
			change  func(*v1alpha1.OAuthClient)
			reason  v1alpha1.ConditionReason
			message []string
		}{
			{"no-server", func(c *v1alpha1.OAuthClient) { c.Spec.ServerRef.Name = "other" },
				v1alpha1.ReasonServerNotFound, []string{"spec.serverRef", w.platform + "/other"}},
			{"no-policy", func(c *v1alpha1.OAuthClient) { c.Namespace = elsewhere },
				v1alpha1.ReasonNoPolicy, []string{elsewhere, "OAuthGrantPolicy"}},
			{"scope", func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = []string{"orders.destroy"} },
				v1alpha1.ReasonScopeUnknown, []string{"spec.scopes[0]", "orders.destroy"}},
			{"redirect", func(c *v1alpha1.OAuthClient) { becomesWeb(c, "https://evil.example/cb") },
				v1alpha1.ReasonPolicyRefused, []string{"apps", "spec.redirectURIs[0]", "evil.example", "redirectHosts"}},
		} {
			By(spec.what)
			c := w.create(ctx, spec.what, spec.change)
			message := refused(ctx, c, spec.reason)
			for _, part := range spec.message {
				Expect(message).To(ContainSubstring(part))
			}
			Expect(document(ctx, w.platform, c)).To(BeNil())
			Expect(secretOf(ctx, c.Namespace, c.Name+"-oauth")).To(BeNil())
			Eventually(func() []string { return events(ctx, c) }).Should(ConsistOf(HavePrefix(string(spec.reason) + ": ")))
		}
		p := w.policy("apps")
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			g.Expect(p.Status.Clients).To(Equal(&v1alpha1.PolicyClientCounts{Accepted: 0, Refused: 2}))
		}).Should(Succeed())
	})

	It("follows a policy, and ends a client at once that no longer complies", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		p := w.policy("apps")
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			g.Expect(p.Status.Clients).To(Equal(&v1alpha1.PolicyClientCounts{Accepted: 1}))
		}).Should(Succeed())

		By("tightening it")
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) {
			p.Spec.Allow.GrantTypes = []v1alpha1.GrantType{v1alpha1.GrantTypeDeviceCode}
		})
		Eventually(func(g Gomega) {
			d := document(ctx, w.platform, c)
			g.Expect(d).NotTo(BeNil(), "what users granted it must survive a policy that was tightened by mistake")
			allowed, ok := platformDocument(ctx, registration.KindPolicy, p).(*registration.Policy)
			g.Expect(ok).To(BeTrue())
			g.Expect(policy.Accepts(allowed, d)).NotTo(BeEmpty(), "the server refuses what its policy refuses")
			g.Expect(d.Suspended).To(BeFalse(), "so that nothing has to be written per client, now or when the policy is loosened")
		}, 2*time.Second).Should(Succeed())
		Expect(refused(ctx, c, v1alpha1.ReasonPolicyRefused)).To(ContainSubstring("client_credentials"))
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonCutOff)

		By("another policy that accepts it")
		second := w.policy("second")
		Expect(admin.Create(ctx, second)).To(Succeed())
		ready(ctx, c, second)
		Expect(c.Status.Policy).To(Equal("second"))
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was), "the app must not have to learn a new secret")

		By("deleting it")
		Expect(admin.Delete(ctx, second)).To(Succeed())
		refused(ctx, c, v1alpha1.ReasonPolicyRefused)
		Eventually(func() bool { return document(ctx, w.platform, c).Suspended }).Should(BeTrue(), "the policy that governed it is gone")

		By("labels of the namespace that no policy selects")
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.apps}}
		edit(ctx, ns, func(ns *corev1.Namespace) { delete(ns.Labels, "world") })
		refused(ctx, c, v1alpha1.ReasonNoPolicy)
		edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) {
			p.Spec.Allow.GrantTypes = []v1alpha1.GrantType{v1alpha1.GrantTypeClientCredentials}
		})
		edit(ctx, ns, func(ns *corev1.Namespace) { ns.Labels["world"] = w.platform })
		ready(ctx, c)
	})

	It("serves on what was accepted when an edit is refused, and says so", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { becomesWeb(c, "https://evil.example/cb") })
		refused(ctx, c, v1alpha1.ReasonPolicyRefused)
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonServingLastAccepted)
		d := document(ctx, w.platform, c)
		Expect(d).NotTo(BeNil())
		Expect(d.RedirectURIs).To(BeEmpty())

		By("its Secret being deleted meanwhile")
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		Expect(admin.Delete(ctx, secretOf(ctx, w.apps, "reports-oauth"))).To(Succeed())
		Eventually(func(g Gomega) {
			s := secretOf(ctx, w.apps, "reports-oauth")
			g.Expect(s).NotTo(BeNil())
			g.Expect(value(s)).NotTo(Equal(was))
			g.Expect(document(ctx, w.platform, c).Authentication.Secrets).To(HaveLen(2))
		}).Should(Succeed())

		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Type, c.Spec.RedirectURIs = v1alpha1.ClientTypeService, nil })
		ready(ctx, c)
	})

	It("lets the older of two clients with one client id win, and heals when that goes", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		id := func(c *v1alpha1.OAuthClient) { c.Spec.ClientID = "same-" + w.platform }
		older := w.create(ctx, "b-older", id)
		ready(ctx, older)
		// Creation times have whole seconds; within one second the name decides, and this one comes first by name.
		Eventually(func() bool { return time.Now().Unix() > older.CreationTimestamp.Unix() }).Should(BeTrue())
		newer := w.create(ctx, "a-newer", id)
		Expect(refused(ctx, newer, v1alpha1.ReasonClientIDConflict)).To(ContainSubstring(w.apps + "/b-older"))
		ready(ctx, older)
		Expect(admin.Delete(ctx, older)).To(Succeed())
		ready(ctx, newer)
	})

	It("leaves a client to the default server", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) { c.Spec.ServerRef = nil })
		refused(ctx, c, v1alpha1.ReasonServerNotFound)
		edit(ctx, w.server, func(s *v1alpha1.OAuthServer) {
			s.Annotations = map[string]string{v1alpha1.AnnotationDefaultServer: "true"}
		})
		ready(ctx, c)

		By("a slip with the annotation, which those who have a server survive")
		edit(ctx, w.server, func(s *v1alpha1.OAuthServer) { s.Annotations = nil })
		late := w.create(ctx, "late", func(c *v1alpha1.OAuthClient) { c.Spec.ServerRef = nil })
		refused(ctx, late, v1alpha1.ReasonServerNotFound)
		ready(ctx, c)
		Expect(document(ctx, w.platform, c)).NotTo(BeNil())
	})
})

// becomesWeb makes a client a web app that people are sent back to.
func becomesWeb(c *v1alpha1.OAuthClient, redirect string) {
	c.Spec.Type, c.Spec.RedirectURIs = v1alpha1.ClientTypeWeb, []string{redirect}
}
