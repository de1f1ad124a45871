package controllers_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// awayEdits is how many edits wait for the operator, and awayWithin how long it may take over them.
const (
	awayEdits  = 200
	awayWithin = 60 * time.Second
)

var _ = Describe("An operator that was away", Serial, func() {
	It("K18 convention 8 leaves what is served as it was, and is done with 200 edits within 60 s of coming back", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		const each = awayEdits / 4
		clients := func(prefix string) []*v1alpha1.OAuthClient {
			var out []*v1alpha1.OAuthClient
			for i := range each {
				out = append(out, w.create(ctx, fmt.Sprintf("%s-%d", prefix, i)))
			}
			return out
		}
		deleted, suspended, harmed := clients("deleted"), clients("suspended"), clients("harmed")
		for _, all := range [][]*v1alpha1.OAuthClient{deleted, suspended, harmed} {
			for _, c := range all {
				ready(ctx, c)
			}
		}

		stopOperator()
		before := registrations(ctx, w)
		for i := range each {
			Expect(admin.Delete(ctx, deleted[i])).To(Succeed())
			edit(ctx, suspended[i], func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
			Expect(admin.Delete(ctx, secretOf(ctx, w.apps, harmed[i].Name+"-oauth"))).To(Succeed())
		}
		added := clients("added")
		Expect(registrations(ctx, w)).To(Equal(before), "nobody but the operator changes what is served")
		for _, c := range deleted {
			Expect(client.IgnoreNotFound(admin.Get(ctx, client.ObjectKeyFromObject(c), c))).To(Succeed())
			Expect(c.Finalizers).To(BeEmpty(), "a deletion never waits for the operator")
		}

		start := time.Now()
		startOperator()
		Eventually(func(g Gomega) {
			now := registrations(ctx, w)
			for i := range each {
				g.Expect(now).NotTo(HaveKey(deleted[i].Name))
				g.Expect(now).To(HaveKey(added[i].Name))
				g.Expect(now[suspended[i].Name].Suspended).To(BeTrue())
				g.Expect(now[harmed[i].Name].Authentication.Secrets).To(HaveLen(2), "the new secret, and the one before for its grace")
				g.Expect(condition(ctx, added[i], v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
				g.Expect(condition(ctx, harmed[i], v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
			}
		}).WithTimeout(awayWithin).WithPolling(time.Second).Should(Succeed())
		GinkgoWriter.Printf("%d edits took %s\n", awayEdits, time.Since(start).Round(100*time.Millisecond))
	})
})

// registrations are the registered clients of a world, by name.
func registrations(ctx context.Context, w *world) map[string]*registration.Client {
	GinkgoHelper()
	out := map[string]*registration.Client{}
	for _, s := range documentsOf(ctx, w.platform, registration.KindClient) {
		d, err := registration.Decode(s.Data[registration.DataKey])
		Expect(err).NotTo(HaveOccurred())
		c := d.(*registration.Client)
		out[c.Name] = c
	}
	return out
}
