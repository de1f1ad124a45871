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
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// restored is an object as a backup of manifests has it: without what belongs to the cluster that it came from.
func restored[T client.Object](o T) T {
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetGeneration(0)
	o.SetCreationTimestamp(metav1.Time{})
	o.SetOwnerReferences(nil)
	o.SetManagedFields(nil)
	return o
}

// retains is deletionPolicy Retain.
func retains(c *v1alpha1.OAuthClient) { c.Spec.DeletionPolicy = v1alpha1.DeletionRetain }

var _ = Describe("A cluster that is restored from manifests and Secrets", Serial, func() {
	It("has the client ids and secrets that it had, and no grants", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		names := []string{"proxy", "grafana", "vaulted", "kept"}
		Expect(admin.Create(ctx, w.vault(brought))).To(Succeed())
		w.create(ctx, "proxy", func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetOAuth2Proxy}
		})
		w.create(ctx, "grafana", func(c *v1alpha1.OAuthClient) {
			c.Spec.ClientID = "grafana-" + w.platform
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Name: "grafana-login", Preset: v1alpha1.SecretPresetGrafana}
		})
		w.create(ctx, "vaulted", bringsSecret)
		w.create(ctx, "kept", retains)
		type known struct {
			id, uid string
			secret  *corev1.Secret
			hashes  []registration.SecretHash
			client  *v1alpha1.OAuthClient
		}
		before := map[string]known{}
		for _, name := range names {
			c := w.client(name)
			ready(ctx, c)
			if name == "proxy" {
				was := value(secretOf(ctx, w.apps, "proxy-oauth"))
				rotate(ctx, c, "7")
				changed(ctx, w.apps, "proxy-oauth", was)
				Eventually(func(g Gomega) {
					ready(ctx, c)
					g.Expect(c.Status.RotateRequest).To(Equal("7"))
				}).Should(Succeed())
			}
			before[name] = known{c.Status.ClientID, string(c.UID), secretOf(ctx, w.apps, c.Status.Binding.Name), hashes(ctx, w, c), c}
		}

		By("everything is lost but the server")
		stopOperator()
		for _, name := range names {
			k := before[name]
			Expect(admin.Delete(ctx, k.client)).To(Succeed())
			Expect(admin.Delete(ctx, k.secret)).To(Succeed())
		}
		for _, d := range documentsOf(ctx, w.platform, registration.KindClient) {
			Expect(admin.Delete(ctx, &d)).To(Succeed())
		}

		By("Secrets come back before their clients, and the operator before both")
		startOperator()
		for _, name := range names {
			Expect(admin.Create(ctx, restored(before[name].secret.DeepCopy()))).To(Succeed())
		}
		Consistently(func() any { return secretOf(ctx, w.apps, "proxy-oauth") }, time.Second).ShouldNot(BeNil())
		for _, name := range names {
			c := restored(before[name].client.DeepCopy())
			c.Status = v1alpha1.OAuthClientStatus{}
			Expect(admin.Create(ctx, c)).To(Succeed())
			ready(ctx, c)
			k := before[name]
			Expect(c.Status.ClientID).To(Equal(k.id))
			Expect(string(c.UID)).NotTo(Equal(k.uid), "tokens and grants are bound to it (K05)")
			Expect(document(ctx, w.platform, c).UID).To(BeEquivalentTo(c.UID))
			s := secretOf(ctx, w.apps, k.secret.Name)
			Expect(s.Data).To(Equal(k.secret.Data))
			Expect(metav1.IsControlledBy(s, c)).To(Equal(name != "kept"))
			got := hashes(ctx, w, c)
			Expect(got).To(HaveLen(1), "what was before it is forgotten")
			Expect(got[0].SHA256).To(Equal(k.hashes[0].SHA256))
			Expect(got[0].CreatedAt).To(BeTemporally("==", k.hashes[0].CreatedAt), name)
			Expect(events(ctx, c)).NotTo(ContainElement(HavePrefix("SecretRotated: ")))
		}
		c := w.client("proxy")
		ready(ctx, c)
		Expect(c.Status.RotateRequest).To(Equal("7"), "the request was done before, and is not done again")
	})

	It("takes nothing from a backup that was tampered with", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		s := secretOf(ctx, w.apps, "reports-oauth")
		Expect(admin.Delete(ctx, c)).To(Succeed())
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "reports-oauth") }).Should(BeNil())
		s = restored(s)
		was := value(s)
		s.Data["client-secret"] = []byte("gkcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
		Expect(admin.Create(ctx, s)).To(Succeed())
		again := w.create(ctx, "reports")
		ready(ctx, again)
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).NotTo(Or(Equal(was), Equal("gkcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")))
		Expect(hashes(ctx, w, again)).To(HaveLen(1))
	})
})

var _ = Describe("deletionPolicy", Serial, func() {
	It("Retain leaves the Secret, also while the operator is away, and the client that is made again takes it up", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", retains)
		ready(ctx, c)
		s := secretOf(ctx, w.apps, "reports-oauth")
		Expect(s.OwnerReferences).To(BeEmpty(), "whatever collects garbage does not take it")
		was := value(s)

		for _, away := range []bool{false, true} {
			if away {
				stopOperator()
			}
			Expect(admin.Delete(ctx, c)).To(Succeed())
			if away {
				startOperator()
			}
			Eventually(func() any { return document(ctx, w.platform, c) }).Should(BeNil(), "the client is gone all the same")
			Consistently(func() *corev1.Secret { return secretOf(ctx, w.apps, "reports-oauth") }, time.Second).ShouldNot(BeNil())
			c = w.create(ctx, "reports", retains)
			ready(ctx, c)
			Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was))
			Expect(document(ctx, w.platform, c).UID).To(BeEquivalentTo(c.UID))
		}

		By("fault 21 edited by hand, it is repaired as any other")
		edit(ctx, s, func(s *corev1.Secret) { s.Data["client-secret"] = []byte("chosen") })
		was = changed(ctx, w.apps, "reports-oauth", was)
		ready(ctx, c)

		By("another name moves it")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Secret = &v1alpha1.ClientSecretTarget{Name: "moved"} })
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "reports-oauth") }).Should(BeNil())
		Expect(value(secretOf(ctx, w.apps, "moved"))).To(Equal(was))

		By("Revoke makes it the client's own again")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.DeletionPolicy = v1alpha1.DeletionRevoke })
		Eventually(func() bool { return metav1.IsControlledBy(secretOf(ctx, w.apps, "moved"), c) }).Should(BeTrue())
		Expect(admin.Delete(ctx, c)).To(Succeed())
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "moved") }).Should(BeNil())
	})

	It("Revoke deletes the Secret, also where the operator was away when the client went", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		stopOperator()
		Expect(admin.Delete(ctx, c)).To(Succeed())
		startOperator()
		Eventually(func() any { return document(ctx, w.platform, c) }).Should(BeNil())
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "reports-oauth") }).Should(BeNil())
	})
})
