package controllers_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/pipelines"
)

// The AfterSuite of these specs holds every status that anybody wrote, at each moment, against kstatus, Flux's checker and Argo CD's
// health check; here is what they say at the moments that a pipeline waits for.
var _ = Describe("A pipeline", func() {
	verdict := func(obj client.Object) pipelines.Verdicts {
		GinkgoHelper()
		v, err := pipelines.Read(context.Background(), obj)
		Expect(err).NotTo(HaveOccurred())
		return v
	}
	becomes := func(ctx context.Context, obj client.Object, want status.Status, health string) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(obj), obj)).To(Succeed())
			v := verdict(obj)
			g.Expect(string(v.KStatus)+" "+v.ArgoCD.Status).To(Equal(string(want)+" "+health), v.ArgoCD.Message)
		}).Should(Succeed())
	}

	It("convention 1 convention 27 reads the status right at 0 s, while it fails, while it works, while it is suspended and while it is deleted", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.client("app")
		c.Spec.Scopes = []string{"never.heard.of"}
		c.Finalizers = []string{testFinalizer}
		Expect(admin.Create(ctx, c)).To(Succeed())
		Expect(verdict(c).KStatus).To(Equal(status.InProgressStatus), "as it came back from its creation")
		becomes(ctx, c, status.FailedStatus, "Degraded")
		eventually(ctx, c, v1alpha1.ConditionProgrammed, "False", v1alpha1.ReasonNotRegistered)

		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = nil })
		becomes(ctx, c, status.CurrentStatus, "Healthy")
		eventually(ctx, c, v1alpha1.ConditionSecretReady, "True", v1alpha1.ReasonSecretWritten)

		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
		becomes(ctx, c, status.FailedStatus, "Suspended")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = false })
		becomes(ctx, c, status.CurrentStatus, "Healthy")

		Expect(admin.Delete(ctx, c)).To(Succeed())
		becomes(ctx, c, status.TerminatingStatus, "Progressing")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Finalizers = nil })
		Eventually(func() error { return client.IgnoreNotFound(admin.Get(ctx, client.ObjectKeyFromObject(c), c)) }).Should(Succeed())
	})

	It("convention 9 reads one event for one thing that happened, however often it is looked at", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		ready(ctx, w.server, w.policy("apps")) // known to the operator, so that it does not say first that they are missing
		c := w.create(ctx, "app", func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = []string{"never.heard.of"} })
		eventually(ctx, c, v1alpha1.ConditionAccepted, "False", v1alpha1.ReasonScopeUnknown)
		for i := range 20 {
			edit(ctx, c, func(c *v1alpha1.OAuthClient) {
				c.Annotations = map[string]string{"example.com/touched": strconv.Itoa(i)}
			})
			p := w.policy("apps")
			edit(ctx, p, func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Priority = int32(i) })
		}
		count := func() (n int, series int32) {
			var list eventsv1.EventList
			Expect(admin.List(ctx, &list, client.InNamespace(w.apps))).To(Succeed())
			for _, e := range list.Items {
				if e.Regarding.Name == c.Name {
					n++
					if e.Series != nil {
						series += e.Series.Count
					}
				}
			}
			return n, series
		}
		Eventually(func() int { n, _ := count(); return n }).Should(Equal(1), func() string { return fmt.Sprint(events(ctx, c)) })
		Consistently(func() string {
			n, series := count()
			return fmt.Sprint(n, " ", series)
		}).WithTimeout(2 * time.Second).Should(Equal("1 0"))
	})
})
