package controllers_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
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

	It("K4 is left as it is when its template writes the secret in examples alone", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		was := value(secretOf(ctx, w.apps, "reports-oauth"))

		By("a template that tells what the operator tries it with from a real secret")
		hiding := func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetNone, Template: map[string]v1alpha1.SecretTemplate{
				"secret": `{{ if eq .ClientSecret "gkcs_Kj0pmmLZ-PLACEHOLDER-aZ4vQ9_xT1wB7rU5nC3sE0" }}{{ .ClientSecret }}{{ end }}`,
			}}
		}
		edit(ctx, c, hiding)
		Expect(eventually(ctx, c, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid)).To(ContainSubstring("spec.secret.template"))
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).To(Equal(was))

		By("asked for another secret, it comes to rest all the same")
		rotate(ctx, c, "7")
		versions := map[string]bool{}
		Consistently(func() int {
			for _, s := range documentsOf(ctx, w.platform, registration.KindClient) {
				versions[s.ResourceVersion] = true
			}
			versions[secretOf(ctx, w.apps, "reports-oauth").ResourceVersion] = true
			return len(versions)
		}, 6*time.Second, 50*time.Millisecond).Should(BeNumerically("<", 6))
		Expect(document(ctx, w.platform, c).Authentication.Secrets[0].SHA256).To(Equal(credentials.Hash(was).SHA256))

		By("a new client of that kind is not begun with")
		n := w.create(ctx, "new", hiding)
		eventually(ctx, n, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid)
		Expect(document(ctx, w.platform, n)).To(BeNil())

		By("mended, it is what it was")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Secret = nil })
		Eventually(func() string { ready(ctx, c); return c.Status.RotateRequest }).Should(Equal("7"))
	})

	It("K4 keeps nothing from being cut off when finalizers hold it, and it is immutable", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		yes := true
		edit(ctx, secretOf(ctx, w.apps, "reports-oauth"), func(s *corev1.Secret) {
			s.Data["client-id"], s.Immutable, s.Finalizers = []byte("another"), &yes, []string{"example.com/mine"}
		})
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
		Eventually(func() bool { return document(ctx, w.platform, c).Suspended }).Should(BeTrue())

		By("let go of")
		edit(ctx, secretOf(ctx, w.apps, "reports-oauth"), func(s *corev1.Secret) { s.Finalizers = nil })
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = false })
		Eventually(func(g Gomega) {
			s := secretOf(ctx, w.apps, "reports-oauth")
			g.Expect(s).NotTo(BeNil())
			g.Expect(s.Immutable).To(BeNil())
			g.Expect(document(ctx, w.platform, c).Authentication.Secrets[0].SHA256).To(Equal(credentials.Hash(value(s)).SHA256))
		}).Should(Succeed())
		ready(ctx, c)
	})

	It("K4 keeps nothing from being cut off when somebody changes it all the time", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		quarrel, end := context.WithCancel(ctx)
		var done sync.WaitGroup
		defer done.Wait()
		defer end()
		for range 2 {
			done.Go(func() {
				for i := 0; quarrel.Err() == nil; i++ {
					patch := fmt.Sprintf(`{"stringData":{"client-id":"another-%d"}}`, i)
					s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.apps, Name: "reports-oauth"}}
					_ = admin.Patch(quarrel, s, client.RawPatch(types.MergePatchType, []byte(patch))) // whatever comes of it
				}
			})
		}
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = true })
		Eventually(func() bool { return document(ctx, w.platform, c).Suspended }).WithTimeout(20 * time.Second).Should(BeTrue())
		end()
		done.Wait()
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Suspended = false })
		ready(ctx, c)
	})
})
