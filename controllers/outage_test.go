package controllers_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("The operator", Serial, func() {
	It("converges on what changed while it was away, without ever having held anything up", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		gone, edited, kept, harmed := w.create(ctx, "gone"), w.create(ctx, "edited"), w.create(ctx, "kept"), w.create(ctx, "harmed")
		ready(ctx, gone, edited, kept, harmed, w.server)
		value1, value2 := value(secretOf(ctx, w.apps, "kept-oauth")), value(secretOf(ctx, w.apps, "harmed-oauth"))
		keys := secretOf(ctx, w.platform, compile.DocumentName(registration.KindKeys, client.ObjectKeyFromObject(w.server)))

		stopOperator()
		Expect(admin.Delete(ctx, gone)).To(Succeed())
		edit(ctx, edited, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
		Expect(admin.Delete(ctx, secretOf(ctx, w.apps, "harmed-oauth"))).To(Succeed())
		added := w.create(ctx, "added")
		p := w.policy("apps")
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		Expect(document(ctx, w.platform, gone)).NotTo(BeNil(), "nobody is there to remove it")

		startOperator()
		ready(ctx, added, kept, harmed, w.server)
		eventually(ctx, edited, v1alpha1.ConditionReady, "False", v1alpha1.ReasonSuspended)
		Eventually(func() any { return document(ctx, w.platform, gone) }).Should(BeNil())
		Expect(value(secretOf(ctx, w.apps, "kept-oauth"))).To(Equal(value1))
		Expect(value(secretOf(ctx, w.apps, "harmed-oauth"))).NotTo(Equal(value2))
		Expect(document(ctx, w.platform, harmed).Authentication.Secrets[1].SHA256).To(Equal(credentials.Hash(value2).SHA256))
		Expect(secretOf(ctx, w.platform, keys.Name).Data).To(Equal(keys.Data))
	})

	It("keeps one secret and one set of keys, however many start at once", func(ctx context.Context) {
		stopOperator()
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		startOperator()
		first := stopOperator
		startOperator()
		second := stopOperator
		stopOperator = func() { first(); second() }
		ready(ctx, c, w.server)
		d := document(ctx, w.platform, c)
		Expect(d.Authentication.Secrets[0].SHA256).To(Equal(credentials.Hash(value(secretOf(ctx, w.apps, "reports-oauth"))).SHA256))

		By("one of them sees the Secret of a new client before it sees the client")
		var more []*v1alpha1.OAuthClient
		for i := range 100 {
			more = append(more, w.create(ctx, fmt.Sprintf("more-%d", i)))
		}
		for _, c := range more {
			ready(ctx, c)
			Expect(document(ctx, w.platform, c).Authentication.Secrets).To(HaveLen(1), c.Name)
		}
		second()
		stopOperator = first
	})
})
