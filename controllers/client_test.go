package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var _ = Describe("An OAuthClient", func() {
	It("gets a Secret, a registration without the secret, and conditions", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) { c.Spec.ClientID = "reports-" + w.platform })
		ready(ctx, c, w.server)

		By("the Secret")
		s := secretOf(ctx, w.apps, "reports-oauth")
		Expect(s.Type).To(BeEquivalentTo(credentials.SecretType))
		Expect(metav1.IsControlledBy(s, c)).To(BeTrue())
		Expect(s.Annotations).To(HaveKeyWithValue(credentials.AnnotationContentHash, credentials.ContentHash(s.Data)))
		Expect(s.Data).To(HaveKeyWithValue("client-id", []byte("reports-"+w.platform)))
		Expect(s.Data).To(HaveKeyWithValue("issuer-uri", []byte(w.server.Spec.Issuer)))

		By("the registration")
		d := document(ctx, w.platform, c)
		Expect(d.UID).To(BeEquivalentTo(c.UID))
		Expect(d.Authentication.Secrets).To(HaveLen(1))
		Expect(d.Authentication.Secrets[0].SHA256).To(Equal(credentials.Hash(value(s)).SHA256))
		var everything corev1.SecretList
		Expect(admin.List(ctx, &everything, client.InNamespace(w.platform))).To(Succeed())
		for _, x := range everything.Items {
			for _, b := range x.Data {
				Expect(string(b)).NotTo(ContainSubstring(value(s)), "the client secret is in %s", x.Name)
			}
		}

		By("the status")
		Expect(c.Status.ClientID).To(Equal("reports-" + w.platform))
		Expect(c.Status.Issuer).To(Equal(w.server.Spec.Issuer))
		Expect(c.Status.Server).To(Equal(w.platform + "/main"))
		Expect(c.Status.Policy).To(Equal("apps"))
		Expect(c.Status.GrantTypes).To(Equal([]string{"client_credentials"}))
		Expect(c.Status.Binding).To(Equal(&v1alpha1.ClientBinding{Name: "reports-oauth"}))
		Expect(c.Status.Secrets).To(HaveLen(1))
		Expect(c.Status.Secrets[0].Current).To(BeTrue())
		Expect(c.Finalizers).To(BeEmpty())
		Eventually(func() []string { return events(ctx, c) }).Should(ConsistOf(HavePrefix("Accepted: ")))
		Eventually(func() int32 {
			Expect(admin.Get(ctx, client.ObjectKeyFromObject(w.server), w.server)).To(Succeed())
			return w.server.Status.Clients
		}).Should(BeEquivalentTo(1))
	})

	It("is written once and then left alone", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c, w.server)
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "oauth-main"}}
		p := w.policy("apps")
		versions := func() []string {
			var out []string
			for _, o := range []client.Object{c, w.server, d, p, secretOf(ctx, w.apps, "reports-oauth")} {
				Expect(admin.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
				out = append(out, o.GetResourceVersion())
			}
			return out
		}
		Eventually(func(g Gomega) {
			versions()
			g.Expect(w.server.Status.Clients).To(BeEquivalentTo(1))
			g.Expect(p.Status.Clients).To(HaveField("Accepted", BeEquivalentTo(1)))
		}).Should(Succeed())
		// Longer than the replica's Lease lasts, so that its expiry, too, is looked at and changes nothing.
		Consistently(versions, leaseSeconds*time.Second+time.Second).Should(Equal(versions()))
	})

	It("that is public gets its id and endpoints and no secret", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "tv", func(c *v1alpha1.OAuthClient) { c.Spec.Type = v1alpha1.ClientTypeDevice })
		ready(ctx, c)
		s := secretOf(ctx, w.apps, "tv-oauth")
		Expect(s.Data).To(HaveKeyWithValue("client-id", []byte(w.apps+".tv")))
		Expect(s.Data).NotTo(HaveKey("client-secret"))
		Expect(document(ctx, w.platform, c).Authentication.Secrets).To(BeEmpty())
		Expect(c.Status.Secrets).To(BeEmpty())
	})

	It("is not programmed before every live replica has loaded it", func(ctx context.Context) {
		w := newWorld(ctx)
		c := w.create(ctx, "slow")
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonNoReplica)
		eventually(ctx, w.server, v1alpha1.ConditionDeployed, metav1.ConditionFalse, v1alpha1.ReasonDeploying)

		one, two := w.startReplica("main-0"), w.startReplica("main-1")
		ready(ctx, c)

		By("one replica that falls behind")
		two.follow.Store(false)
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Display = &v1alpha1.ClientDisplay{Name: "Slow"} })
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonNotServed)
		eventually(ctx, c, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonNotServed)
		two.follow.Store(true)
		ready(ctx, c)

		By("one replica that dies while it is behind")
		two.follow.Store(false)
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Display.Name = "Slower" })
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonNotServed)
		two.kill()
		ready(ctx, c)

		By("the last replica leaving")
		one.leave(ctx)
		eventually(ctx, w.server, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeploying)
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonNoReplica)
	})

	It("has its Secret repaired with a new secret within 5 s, and the old one honoured for a grace", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		old := value(secretOf(ctx, w.apps, "reports-oauth"))

		for _, harm := range []struct {
			how string
			do  func(*corev1.Secret)
		}{
			{"deleted", func(s *corev1.Secret) { Expect(admin.Delete(ctx, s)).To(Succeed()) }},
			{"edited", func(s *corev1.Secret) {
				s.Data["client-secret"] = []byte("chosen-by-hand")
				Expect(admin.Update(ctx, s)).To(Succeed())
			}},
			{"edited to something well-formed", func(s *corev1.Secret) {
				s.Data["client-secret"] = []byte(credentials.Prefix + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
				Expect(admin.Update(ctx, s)).To(Succeed())
			}},
		} {
			By(harm.how)
			harm.do(secretOf(ctx, w.apps, "reports-oauth"))
			var now string
			Eventually(func(g Gomega) {
				s := secretOf(ctx, w.apps, "reports-oauth")
				g.Expect(s).NotTo(BeNil())
				v, ok := credentials.FromSecret(s.Data)
				g.Expect(ok).To(BeTrue())
				g.Expect(s.Annotations[credentials.AnnotationContentHash]).To(Equal(credentials.ContentHash(s.Data)))
				g.Expect(v).NotTo(Equal(old))
				now = v
				d := document(ctx, w.platform, c)
				g.Expect(d.Authentication.Secrets[0].SHA256).To(Equal(credentials.Hash(now).SHA256))
				g.Expect(d.Authentication.Secrets[1].SHA256).To(Equal(credentials.Hash(old).SHA256))
				g.Expect(d.Authentication.Secrets[1].NotAfter).To(BeTemporally("~", time.Now().Add(10*time.Minute), time.Minute))
			}, 5*time.Second).Should(Succeed())
			old = now
		}
		ready(ctx, c)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(c), c)).To(Succeed())
			g.Expect(c.Status.Secrets).To(HaveLen(4))
			g.Expect(c.Status.Secrets[1].RetiresAt).NotTo(BeNil())
			g.Expect(events(ctx, c)).To(ContainElement(HavePrefix("SecretRotated: ")))
		}).Should(Succeed())

		By("a key that was added and one that was removed, the value untouched")
		s := secretOf(ctx, w.apps, "reports-oauth")
		s.Data["extra"] = []byte("x")
		delete(s.Data, "issuer-uri")
		Expect(admin.Update(ctx, s)).To(Succeed())
		Eventually(func(g Gomega) {
			s := secretOf(ctx, w.apps, "reports-oauth")
			g.Expect(s.Data).NotTo(HaveKey("extra"))
			g.Expect(s.Data).To(HaveKey("issuer-uri"))
			g.Expect(value(s)).To(Equal(old))
		}, 5*time.Second).Should(Succeed())
	})

	It("never adopts a Secret that it did not make (K4)", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		foreign := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.apps, Name: "mine"},
			Data:       map[string][]byte{"client-secret": []byte("theirs")},
		}
		Expect(admin.Create(ctx, foreign)).To(Succeed())
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) { c.Spec.Secret = &v1alpha1.ClientSecretTarget{Name: "mine"} })
		Expect(eventually(ctx, c, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNameTaken)).To(ContainSubstring("spec.secret.name"))
		eventually(ctx, c, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNameTaken)
		Expect(document(ctx, w.platform, c)).To(BeNil())
		Expect(secretOf(ctx, w.apps, "mine").Data).To(Equal(foreign.Data))

		By("another name")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Secret.Name = "ours" })
		ready(ctx, c)
		Expect(secretOf(ctx, w.apps, "mine").Data).To(Equal(foreign.Data))
		was := value(secretOf(ctx, w.apps, "ours"))

		By("renaming again moves the value and drops the former Secret")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Secret = nil })
		ready(ctx, c)
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was))
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "ours") }).Should(BeNil())
		Expect(document(ctx, w.platform, c).Authentication.Secrets).To(HaveLen(1))

		By("a Secret of another client's")
		other := w.create(ctx, "other", func(c *v1alpha1.OAuthClient) { c.Spec.Secret = &v1alpha1.ClientSecretTarget{Name: "reports-oauth"} })
		eventually(ctx, other, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNameTaken)
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was))
	})

	It("leaves alone a Secret that only looks like a registration (K4)", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		genuine := &corev1.Secret{}
		name := compile.DocumentName(registration.KindClient, client.ObjectKeyFromObject(c))
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: w.platform, Name: name}, genuine)).To(Succeed())
		forged := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.apps, Name: "forged", Labels: genuine.Labels, Annotations: genuine.Annotations},
			Type:       genuine.Type,
			Data:       genuine.Data,
		}
		Expect(admin.Create(ctx, forged)).To(Succeed())
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
		eventually(ctx, c, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
		Expect(secretOf(ctx, w.apps, "forged").Data).To(Equal(forged.Data))
	})

	It("K18 loses its registration within 2 s of being deleted, whatever holds the object, and never hangs", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c, held := w.create(ctx, "reports"), w.create(ctx, "held", func(c *v1alpha1.OAuthClient) { c.Finalizers = []string{testFinalizer} })
		ready(ctx, c, held)
		Expect(admin.Delete(ctx, c)).To(Succeed())
		Expect(admin.Delete(ctx, held)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(document(ctx, w.platform, c)).To(BeNil())
			g.Expect(document(ctx, w.platform, held)).To(BeNil())
		}, 2*time.Second).Should(Succeed())
		Expect(apierrors.IsNotFound(admin.Get(ctx, client.ObjectKeyFromObject(c), c))).To(BeTrue())
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "reports-oauth") }).Should(BeNil())
		Eventually(func() error {
			held.Finalizers = nil
			return client.IgnoreNotFound(admin.Patch(ctx, held, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))))
		}).Should(Succeed())
	})

	It("K5 that is made again inherits nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		Expect(admin.Delete(ctx, c)).To(Succeed())
		again := w.create(ctx, "reports")
		ready(ctx, again)
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).NotTo(Equal(was))
		d := document(ctx, w.platform, again)
		Expect(d.UID).To(BeEquivalentTo(again.UID))
		Expect(d.Authentication.Secrets).To(HaveLen(1))
	})

	It("that is suspended is registered as such and not ready", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
		eventually(ctx, c, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, v1alpha1.ReasonServed)
		Expect(document(ctx, w.platform, c).Suspended).To(BeTrue())
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = false })
		ready(ctx, c)
		Expect(document(ctx, w.platform, c).Suspended).To(BeFalse())
	})

	It("loses its registration when its server goes, and gets it back, with the same secret, when it comes again", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))
		Expect(admin.Delete(ctx, w.server)).To(Succeed())
		eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonServerNotFound)
		Expect(document(ctx, w.platform, c)).To(BeNil())
		Eventually(func() []corev1.Secret { return documentsOf(ctx, w.platform, registration.KindKeys) }).Should(BeEmpty(), "the keys that prove its Secret are gone too")
		w.server = &v1alpha1.OAuthServer{ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "main"}, Spec: w.server.Spec}
		Expect(admin.Create(ctx, w.server)).To(Succeed())
		ready(ctx, c, w.server)
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was))
	})
})
