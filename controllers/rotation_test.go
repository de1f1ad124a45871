package controllers_test

import (
	"context"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// rotate asks for a new secret, as kubectl annotate does.
func rotate(ctx context.Context, c *v1alpha1.OAuthClient, request string, more ...string) {
	GinkgoHelper()
	edit(ctx, c, func(c *v1alpha1.OAuthClient) {
		if c.Annotations == nil {
			c.Annotations = map[string]string{}
		}
		c.Annotations[v1alpha1.AnnotationRotate] = request
		for i := 0; i+1 < len(more); i += 2 {
			c.Annotations[more[i]] = more[i+1]
		}
	})
}

// nudge wakes a client whose timer was set by a clock that has been moved since.
func nudge(ctx context.Context, c *v1alpha1.OAuthClient) {
	GinkgoHelper()
	edit(ctx, c, func(c *v1alpha1.OAuthClient) {
		if c.Annotations == nil {
			c.Annotations = map[string]string{}
		}
		c.Annotations["example.com/nudge"] = unique("n")
	})
}

// changed waits until a Secret has another value than before, and returns it.
func changed(ctx context.Context, namespace, name, before string) string {
	GinkgoHelper()
	var now string
	Eventually(func(g Gomega) {
		now, _ = credentials.FromSecret(secretOf(ctx, namespace, name).Data)
		g.Expect(now).NotTo(Or(BeEmpty(), Equal(before)))
	}).Should(Succeed())
	return now
}

// hashes are those that a client is registered with.
func hashes(ctx context.Context, w *world, c *v1alpha1.OAuthClient) []registration.SecretHash {
	GinkgoHelper()
	d := document(ctx, w.platform, c)
	Expect(d).NotTo(BeNil())
	return d.Authentication.Secrets
}

// handedOut follows a Secret and remembers every value that was in it, in order.
type handedOut struct {
	mu     sync.Mutex
	values []string
}

func follow(namespace, name string) *handedOut {
	GinkgoHelper()
	h := &handedOut{}
	ctx, cancel := context.WithCancel(context.Background())
	w, err := admin.Watch(ctx, &corev1.SecretList{}, client.InNamespace(namespace))
	Expect(err).NotTo(HaveOccurred())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range w.ResultChan() {
			s, ok := e.Object.(*corev1.Secret)
			if !ok || s.Name != name {
				continue
			}
			v, _ := credentials.FromSecret(s.Data)
			h.mu.Lock()
			if len(h.values) == 0 || h.values[len(h.values)-1] != v {
				h.values = append(h.values, v)
			}
			h.mu.Unlock()
		}
	}()
	DeferCleanup(func() { cancel(); w.Stop(); <-done })
	Eventually(h.all).ShouldNot(BeEmpty(), "what is in it now")
	return h
}

func (h *handedOut) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.values)
}

var _ = Describe("The rotation of a client secret", func() {
	It("hands a new one out when every live replica honours it, and not before", func(ctx context.Context) {
		w := newWorld(ctx)
		one, two := w.startReplica("main-0"), w.startReplica("main-1")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetOAuth2Proxy}
		})
		ready(ctx, c)
		before := secretOf(ctx, w.apps, "reports-oauth")
		was := value(before)

		By("one replica that is behind")
		two.follow.Store(false)
		rotate(ctx, c, "7")
		Eventually(func(g Gomega) {
			got := hashes(ctx, w, c)
			g.Expect(got).To(HaveLen(2))
			g.Expect(got[0].SHA256).To(Equal(credentials.Hash(was).SHA256))
			g.Expect(got[1].NotAfter).To(BeZero())
		}).Should(Succeed())
		Consistently(func() string { return value(secretOf(ctx, w.apps, "reports-oauth")) }, time.Second).Should(Equal(was))
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(c), c)).To(Succeed())
		Expect(c.Status.Secrets).To(HaveLen(1), "nobody has the other yet")
		Expect(c.Status.RotateRequest).To(BeEmpty())

		By("it catches up")
		two.follow.Store(true)
		now := changed(ctx, w.apps, "reports-oauth", was)
		Eventually(func(g Gomega) {
			got := hashes(ctx, w, c)
			g.Expect(got).To(HaveLen(2))
			g.Expect(got[0].SHA256).To(Equal(credentials.Hash(now).SHA256))
			g.Expect(got[1].SHA256).To(Equal(credentials.Hash(was).SHA256))
			g.Expect(got[1].NotAfter).To(BeTemporally("~", time.Now().Add(24*time.Hour), time.Minute))
		}).Should(Succeed())
		ready(ctx, c)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(c), c)).To(Succeed())
			g.Expect(c.Status.RotateRequest).To(Equal("7"))
			g.Expect(c.Status.Secrets).To(HaveLen(2))
			g.Expect(c.Status.Secrets[0].ID).To(Equal(credentials.Hash(now).ID))
			g.Expect(c.Status.Secrets[1].RetiresAt).NotTo(BeNil())
			g.Expect(condition(ctx, c, v1alpha1.ConditionSecretReady).Message).To(ContainSubstring("was not used since it was replaced; it ends at"))
		}).Should(Succeed())
		Eventually(func() []string { return events(ctx, c) }).Should(ContainElement(And(HavePrefix("SecretRotated: "), ContainSubstring("asked for it; the one before ends at"))))

		By("what else is in the Secret")
		after := secretOf(ctx, w.apps, "reports-oauth")
		Expect(after.Data["cookie-secret"]).To(Equal(before.Data["cookie-secret"]), "the sessions of the proxy go on")
		Expect(after.Annotations[credentials.AnnotationContentHash]).NotTo(Equal(before.Annotations[credentials.AnnotationContentHash]), "reloaders see it")
		Expect(after.Annotations[credentials.AnnotationRotateRequest]).To(Equal("7"))

		By("the same request again, and another edit")
		nudge(ctx, c)
		Consistently(func() string { return value(secretOf(ctx, w.apps, "reports-oauth")) }, time.Second).Should(Equal(now))
		one.kill()
	})

	It("ends a secret that has leaked at once, where the request says so", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))

		By("an overlap that is none: nothing is guessed")
		rotate(ctx, c, "7", v1alpha1.AnnotationRotateOverlap, "now")
		Expect(eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)).To(ContainSubstring("grantkeeper.dev/rotate-overlap"))
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was))

		rotate(ctx, c, "7", v1alpha1.AnnotationRotateOverlap, "0s")
		now := changed(ctx, w.apps, "reports-oauth", was)
		Eventually(func(g Gomega) {
			got := hashes(ctx, w, c)
			g.Expect(got).To(HaveLen(1))
			g.Expect(got[0].SHA256).To(Equal(credentials.Hash(now).SHA256))
			g.Expect(events(ctx, c)).To(ContainElements(ContainSubstring("the one before has ended."), HavePrefix("SecretRetired: ")))
		}).Should(Succeed())

		By("putting the old Secret back, its annotations too, brings the old secret not back")
		leaked := secretOf(ctx, w.apps, "reports-oauth")
		leaked.Data["client-secret"] = []byte(was)
		leaked.Annotations[credentials.AnnotationSecretID] = credentials.Hash(was).ID
		Expect(admin.Update(ctx, leaked)).To(Succeed())
		Eventually(func(g Gomega) {
			v, _ := credentials.FromSecret(secretOf(ctx, w.apps, "reports-oauth").Data)
			g.Expect(v).NotTo(Or(BeEmpty(), Equal(was)))
			for _, h := range hashes(ctx, w, c) {
				g.Expect(h.SHA256).NotTo(Equal(credentials.Hash(was).SHA256))
			}
		}, 5*time.Second).Should(Succeed())
	})

	It("does not bring an old secret back with an old Secret as a backup has it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		backup := secretOf(ctx, w.apps, "reports-oauth")
		was := value(backup)
		rotate(ctx, c, "7", v1alpha1.AnnotationRotateOverlap, "0s")
		changed(ctx, w.apps, "reports-oauth", was)
		ready(ctx, c)
		s := secretOf(ctx, w.apps, "reports-oauth")
		s.Data, s.Annotations = backup.Data, backup.Annotations
		Expect(admin.Update(ctx, s)).To(Succeed())
		changed(ctx, w.apps, "reports-oauth", was)
		Consistently(func(g Gomega) {
			for _, h := range hashes(ctx, w, c) {
				g.Expect(h.SHA256).NotTo(Equal(credentials.Hash(was).SHA256))
			}
		}, time.Second).Should(Succeed())
	})

	It("notes the request that a new client comes with, and does nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) { c.Annotations = map[string]string{v1alpha1.AnnotationRotate: "1"} })
		ready(ctx, c)
		Expect(c.Status.RotateRequest).To(Equal("1"))
		Expect(c.Status.Secrets).To(HaveLen(1))
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { delete(c.Annotations, v1alpha1.AnnotationRotate) })
		Consistently(func() string { return value(secretOf(ctx, w.apps, "reports-oauth")) }, time.Second).Should(Equal(was))
	})
})

var _ = Describe("The rotation of a client secret, while time passes", Serial, func() {
	It("comes by itself; the one before ends when nobody uses it any more, and the status says who is late", func(ctx context.Context) {
		w := newWorld(ctx)
		r := w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Rotation: &v1alpha1.SecretRotation{
				Interval: metav1.Duration{Duration: 720 * time.Hour}, Overlap: &metav1.Duration{Duration: 24 * time.Hour},
				RetireWhenUnused: true, Deadline: &metav1.Duration{Duration: 240 * time.Hour},
			}}
		})
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		old := credentials.Hash(was).ID
		pass(719 * time.Hour)
		nudge(ctx, c)
		Consistently(func() string { return value(secretOf(ctx, w.apps, "reports-oauth")) }, time.Second).Should(Equal(was))

		By("the interval is over")
		pass(time.Hour + time.Minute)
		nudge(ctx, c)
		now := changed(ctx, w.apps, "reports-oauth", was)
		rotated := clock()
		Eventually(func(g Gomega) {
			got := hashes(ctx, w, c)
			g.Expect(got[0].SHA256).To(Equal(credentials.Hash(now).SHA256))
			g.Expect(got[1].NotAfter).To(BeTemporally("~", rotated.Add(240*time.Hour), time.Minute))
		}).Should(Succeed())
		ready(ctx, c)

		By("a consumer that is late: its first use is seen at once")
		used := clock()
		r.saw(c, old, used)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(c), c)).To(Succeed())
			g.Expect(c.Status.Secrets).To(HaveLen(2))
			g.Expect(c.Status.Secrets[1].LastUsed).NotTo(BeNil())
			g.Expect(c.Status.Secrets[1].LastUsed.Time).To(BeTemporally("~", used, time.Minute+time.Second))
			g.Expect(condition(ctx, c, v1alpha1.ConditionSecretReady).Message).To(And(
				ContainSubstring("The secret before ("+old+") is still used, last at "), ContainSubstring("it ends at ")))
		}).Should(Succeed())

		By("the overlap is over, and it was used within it")
		pass(25 * time.Hour)
		r.saw(c, old, clock().Add(-10*time.Hour))
		nudge(ctx, c)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(c), c)).To(Succeed())
			g.Expect(c.Status.Secrets[1].LastUsed.Time).To(BeTemporally("~", clock().Add(-10*time.Hour), 2*time.Minute))
		}).Should(Succeed())
		Expect(hashes(ctx, w, c)).To(HaveLen(2))

		By("nobody uses it any more")
		pass(15 * time.Hour)
		nudge(ctx, c)
		Eventually(func(g Gomega) {
			g.Expect(hashes(ctx, w, c)).To(HaveLen(1))
			g.Expect(events(ctx, c)).To(ContainElement(And(HavePrefix("SecretRetired: "), ContainSubstring("nobody used it"))))
		}).Should(Succeed())
		ready(ctx, c)
	})

	It("fault 16 hands out exactly one new secret, although the operator dies in between", func(ctx context.Context) {
		w := newWorld(ctx)
		r := w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		values := follow(w.apps, "reports-oauth")
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		r.follow.Store(false)
		rotate(ctx, c, "7")
		Eventually(func() int { return len(hashes(ctx, w, c)) }).Should(Equal(2))
		staged := hashes(ctx, w, c)[1].ID

		By("the operator is gone, and what it had made with it")
		stopOperator()
		Expect(hashes(ctx, w, c)[0].NotAfter).To(BeZero(), "the one that the app has works for as long as nobody is there")
		startOperator()
		Eventually(func() string { return hashes(ctx, w, c)[1].ID }).ShouldNot(Equal(staged))
		r.follow.Store(true)
		now := changed(ctx, w.apps, "reports-oauth", was)
		ready(ctx, c)
		Eventually(func() []registration.SecretHash { return hashes(ctx, w, c) }).Should(HaveLen(2))
		Expect(hashes(ctx, w, c)[0].SHA256).To(Equal(credentials.Hash(now).SHA256))
		Consistently(values.all, time.Second).Should(Equal([]string{was, now}))
	})

	It("fault 17 hands out exactly one new secret, although two operators are at it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		first := stopOperator
		startOperator()
		second := stopOperator
		stopOperator = func() { first(); second() }
		values := follow(w.apps, "reports-oauth")
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		for _, request := range []string{"1", "2", "3", "4", "5"} {
			before := len(values.all())
			rotate(ctx, c, request)
			was = changed(ctx, w.apps, "reports-oauth", was)
			Eventually(func(g Gomega) {
				g.Expect(hashes(ctx, w, c)[0].SHA256).To(Equal(credentials.Hash(value(secretOf(ctx, w.apps, "reports-oauth"))).SHA256))
				for i, h := range hashes(ctx, w, c) {
					g.Expect(h.NotAfter.IsZero()).To(Equal(i == 0), "nothing is left that nobody has")
				}
			}).Should(Succeed())
			Consistently(values.all, 500*time.Millisecond).Should(HaveLen(before+1), "request "+request)
		}
		second()
		stopOperator = first
	})
})
