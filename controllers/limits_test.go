package controllers_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var _ = Describe("A policy with limits.clients", func() {
	limit := func(ctx context.Context, w *world, n int32) {
		GinkgoHelper()
		edit(ctx, w.policy("apps"), func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Limits = &v1alpha1.PolicyLimits{Clients: new(n)} })
	}
	// served names the clients that are registered and not suspended.
	served := func(ctx context.Context, w *world) []string {
		GinkgoHelper()
		var names []string
		for _, s := range documentsOf(ctx, w.platform, registration.KindClient) {
			d, err := registration.Decode(s.Data[registration.DataKey])
			Expect(err).NotTo(HaveOccurred())
			if c := d.(*registration.Client); !c.Suspended {
				names = append(names, c.Name)
			}
		}
		slices.Sort(names)
		return names
	}
	counted := func(ctx context.Context, w *world, accepted, refused int32) {
		GinkgoHelper()
		p := w.policy("apps")
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			g.Expect(p.Status.Clients).To(Equal(&v1alpha1.PolicyClientCounts{Accepted: accepted, Refused: refused}))
		}).Should(Succeed())
	}
	nobodyElse := func(ctx context.Context, w *world, names ...string) {
		GinkgoHelper()
		Eventually(func() []string { return served(ctx, w) }).Should(Equal(names))
	}

	It("gives its places to the oldest, never one too many, whoever is reconciled first", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		limit(ctx, w, 3)
		stopOperator() // so that it finds all at once, in whatever order
		most := 0
		watching, stop := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() {
			defer GinkgoRecover()
			for watching.Err() == nil {
				most = max(most, len(served(ctx, w)))
			}
		})
		names := make([]string, 12)
		var make12 sync.WaitGroup
		for i := range names {
			names[i] = fmt.Sprintf("client-%02d", i)
			make12.Go(func() {
				defer GinkgoRecover()
				w.create(ctx, names[i], func(c *v1alpha1.OAuthClient) {
					if i == 0 {
						c.Spec.Scopes = []string{"orders.destroy"} // the oldest by name wants no place as it is
					}
				})
			})
		}
		make12.Wait()
		startOperator()
		var list v1alpha1.OAuthClientList
		Expect(admin.List(ctx, &list, client.InNamespace(w.apps))).To(Succeed())
		slices.SortFunc(list.Items, func(a, b v1alpha1.OAuthClient) int {
			if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
				return c
			}
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		var oldest []string
		for _, c := range list.Items {
			if c.Name != "client-00" && len(oldest) < 3 {
				oldest = append(oldest, c.Name)
			}
		}
		slices.Sort(oldest)
		counted(ctx, w, 3, 9)
		nobodyElse(ctx, w, oldest...)
		stop()
		watch.Wait()
		Expect(most).To(Equal(3), "at some moment there were more")
		for i := range list.Items {
			c := &list.Items[i]
			if c.Name == "client-00" || slices.Contains(oldest, c.Name) {
				continue
			}
			message := eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonPolicyRefused)
			Expect(message).To(And(ContainSubstring("metadata.name "+c.Name), ContainSubstring("policy apps allows at most 3 clients"), ContainSubstring("spec.limits.clients")))
		}
	})

	It("keeps who has a place, gives it on when it is free, and takes the newest first", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		limit(ctx, w, 2)
		var clients []*v1alpha1.OAuthClient
		for _, name := range []string{"d", "c", "b", "a"} {
			c := w.create(ctx, name)
			clients = append(clients, c)
			// Creation times have whole seconds; within one second the name decides.
			Eventually(func() bool { return time.Now().Unix() > c.CreationTimestamp.Unix() }).Should(BeTrue())
		}
		nobodyElse(ctx, w, "c", "d")
		counted(ctx, w, 2, 2)

		By("an operator that starts again")
		stopOperator()
		startOperator()
		late := w.create(ctx, "0-first-by-name")
		eventually(ctx, late, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonPolicyRefused)
		nobodyElse(ctx, w, "c", "d")

		By("a client that goes")
		Expect(admin.Delete(ctx, clients[0])).To(Succeed())
		ready(ctx, clients[2])
		nobodyElse(ctx, w, "b", "c")

		By("a client that is edited so that it is refused, and is served on as it was")
		edit(ctx, clients[1], func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = []string{"orders.destroy"} })
		eventually(ctx, clients[1], v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonServingLastAccepted)
		nobodyElse(ctx, w, "b", "c")
		edit(ctx, clients[1], func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = nil })
		ready(ctx, clients[1])

		By("a higher limit")
		limit(ctx, w, 3)
		ready(ctx, clients[3])
		nobodyElse(ctx, w, "a", "b", "c")

		By("a lower one, which cuts off the newest and keeps what users granted it")
		limit(ctx, w, 1)
		for _, c := range []*v1alpha1.OAuthClient{clients[2], clients[3]} {
			eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonCutOff)
			Expect(document(ctx, w.platform, c)).NotTo(BeNil())
		}
		nobodyElse(ctx, w, "c")
		counted(ctx, w, 1, 3)

		By("an operator that starts again, and a limit that is lifted")
		stopOperator()
		startOperator()
		nobodyElse(ctx, w, "c")
		edit(ctx, w.policy("apps"), func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Limits = nil })
		ready(ctx, clients[1], clients[2], clients[3], late)
	})

	It("leaves a client to the next policy, and takes it when there is a place", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		limit(ctx, w, 1)
		second := w.policy("second")
		Expect(admin.Create(ctx, second)).To(Succeed())
		first := w.create(ctx, "first")
		ready(ctx, first)
		other := w.create(ctx, "other")
		ready(ctx, other)
		Expect(first.Status.Policy + " " + other.Status.Policy).To(Equal("apps second"))
		Expect(admin.Delete(ctx, first)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(other), other)).To(Succeed())
			g.Expect(other.Status.Policy).To(Equal("apps"))
		}).Should(Succeed())
	})
})
