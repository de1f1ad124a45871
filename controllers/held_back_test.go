package controllers_test

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// Whoever may write Secrets in a namespace must not be able to hold the operator up: what cuts a client off is a registration, and
// that has to be written whatever becomes of the Secret.
var _ = Describe("A Secret that cannot be written", func() {
	It("K4 is made anew when somebody made it immutable, and keeps nothing from being cut off", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))

		By("with another content")
		yes := true
		edit(ctx, secretOf(ctx, w.apps, "reports-oauth"), func(s *corev1.Secret) {
			s.Data["client-id"], s.Immutable = []byte("another"), &yes
		})
		Eventually(func(g Gomega) {
			s := secretOf(ctx, w.apps, "reports-oauth")
			g.Expect(s).NotTo(BeNil())
			g.Expect(string(s.Data["client-id"])).To(Equal(w.apps + ".reports"))
			g.Expect(s.Immutable).To(BeNil())
			g.Expect(value(s)).To(Equal(was))
		}).Should(Succeed())
		ready(ctx, c)
	})

	It("K4 leaves what is registered to follow the manifest and the platform", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))

		By("there is no room for what the operator says of it")
		edit(ctx, secretOf(ctx, w.apps, "reports-oauth"), func(s *corev1.Secret) {
			s.Annotations = map[string]string{"theirs": strings.Repeat("x", 256<<10-len("theirs"))}
		})
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
		Eventually(func(g Gomega) {
			d := document(ctx, w.platform, c)
			g.Expect(d.Suspended).To(BeTrue())
			g.Expect(d.Authentication.Secrets).To(HaveLen(1))
		}).Should(Succeed())
		Expect(eventually(ctx, c, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonError)).To(ContainSubstring("write Secret"))

		By("there is room again")
		edit(ctx, secretOf(ctx, w.apps, "reports-oauth"), func(s *corev1.Secret) { s.Annotations = nil })
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = false })
		ready(ctx, c)
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was))
	})
})
