package controllers_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
)

const (
	brought = "AbCdEfGhIjKlMnOpQrStUvWxYz-012345"
	another = "012345-ZyXwVuTsRqPoNmLkJiHgFeDcBa"
)

// vault is a Secret that the app team brings.
func (w *world) vault(value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.apps, Name: "vault", Labels: map[string]string{v1alpha1.LabelReferenced: "true"}},
		Data:       map[string][]byte{"client-secret": []byte(value)},
	}
}

func bringsSecret(c *v1alpha1.OAuthClient) {
	c.Spec.Authentication = &v1alpha1.ClientAuthentication{ClientSecret: &v1alpha1.ClientSecretAuthentication{SecretRef: &v1alpha1.SecretKeyReference{Name: "vault"}}}
}

var _ = Describe("The Secret of an OAuthClient", func() {
	It("has the keys of its consumer and what the manifest adds, and follows the manifest", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{
				Preset:   v1alpha1.SecretPresetArgoCD,
				Template: map[string]v1alpha1.SecretTemplate{"oidc.yaml": "clientID: {{ quote .ClientID }}\nclientSecret: {{ .ClientSecret }}\n"},
				Metadata: &v1alpha1.SecretMetadata{Labels: map[string]v1alpha1.LabelValue{"team": "a"}, Annotations: map[string]v1alpha1.AnnotationValue{"example.com/reload": "yes"}},
			}
		})
		ready(ctx, c)
		s := secretOf(ctx, w.apps, "reports-oauth")
		was := value(s)
		Expect(string(s.Data["oidc.yaml"])).To(Equal("clientID: \"" + w.apps + ".reports\"\nclientSecret: " + was + "\n"))
		Expect(s.Data).To(HaveLen(3))
		Expect(s.Labels).To(And(HaveKeyWithValue("app.kubernetes.io/part-of", "argocd"), HaveKeyWithValue("team", "a"), HaveKeyWithValue("grantkeeper.dev/client", "reports")))
		Expect(s.Annotations).To(HaveKeyWithValue("example.com/reload", "yes"))

		By("another consumer; labels of somebody else stay, those of the manifest go")
		edit(ctx, s, func(s *corev1.Secret) { s.Labels["theirs"] = "x" })
		edit(ctx, c, func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetEnv}
		})
		Eventually(func(g Gomega) {
			s = secretOf(ctx, w.apps, "reports-oauth")
			g.Expect(s.Data).To(HaveKeyWithValue("OIDC_CLIENT_SECRET", []byte(was)), "the same secret")
			g.Expect(s.Data).NotTo(HaveKey("client-secret"))
			g.Expect(s.Labels).To(HaveKeyWithValue("theirs", "x"))
			g.Expect(s.Labels).NotTo(Or(HaveKey("team"), HaveKey("app.kubernetes.io/part-of")))
			g.Expect(s.Annotations).NotTo(HaveKey("example.com/reload"))
		}).Should(Succeed())
		ready(ctx, c)
		Expect(hashes(ctx, w, c)).To(HaveLen(1))

		By("a template that is wrong: the Secret stays as it is, and the finding names the key")
		version := secretOf(ctx, w.apps, "reports-oauth").ResourceVersion
		edit(ctx, c, func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret.Template = map[string]v1alpha1.SecretTemplate{"a.conf": `{{ printf "%1000000000s" .Name }}`}
		})
		Expect(eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)).To(ContainSubstring("spec.secret.template[a.conf]: must not call printf"))
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonServingLastAccepted)
		Expect(secretOf(ctx, w.apps, "reports-oauth").ResourceVersion).To(Equal(version))
		Expect(hashes(ctx, w, c)[0].SHA256).To(Equal(credentials.Hash(was).SHA256))
	})

	It("is written in no other way than its consumer reads it, whatever the API server accepts", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		By("preset None: no Secret for a client that needs none, and none that nobody could read")
		c := w.create(ctx, "cli", func(c *v1alpha1.OAuthClient) {
			c.Spec.Type, c.Spec.Secret = v1alpha1.ClientTypeDevice, &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetNone}
		})
		ready(ctx, c)
		Expect(c.Status.Binding).To(BeNil())
		Expect(secretOf(ctx, w.apps, "cli-oauth")).To(BeNil())
		none := w.client("none")
		none.Spec.Secret = &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetNone}
		Expect(admin.Create(ctx, none)).To(MatchError(ContainSubstring("spec.secret.preset")))
		none.Spec.Secret.Template = map[string]v1alpha1.SecretTemplate{"config": "id={{ .ClientID }}"} // nor by a template, which no rule reads
		Expect(admin.Create(ctx, none)).To(Succeed())
		Expect(eventually(ctx, none, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)).To(ContainSubstring("no key of the Secret has the client secret"))
		Expect(secretOf(ctx, w.apps, "none-oauth")).To(BeNil())

		By("a Secret that is not wanted any more goes")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Secret = nil })
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "cli-oauth") }).ShouldNot(BeNil())
		edit(ctx, c, func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetNone}
		})
		Eventually(func() *corev1.Secret { return secretOf(ctx, w.apps, "cli-oauth") }).Should(BeNil())
	})

	It("K4 is never a Secret that only says it is the operator's", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports")
		ready(ctx, c)
		genuine := secretOf(ctx, w.apps, "reports-oauth")
		chosen := credentials.Prefix + strings.Repeat("A", 43)
		data := map[string][]byte{"client-secret": []byte(chosen)}
		for name, annotations := range map[string]map[string]string{
			"plain":  {credentials.AnnotationContentHash: credentials.ContentHash(data), credentials.AnnotationSecretID: credentials.Hash(chosen).ID},
			"copied": genuine.Annotations,
		} {
			forged := &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: w.apps, Name: name + "-oauth", Annotations: annotations,
					Labels: map[string]string{"grantkeeper.dev/managed-by": "grantkeeper-operator", "grantkeeper.dev/client": name}},
				Data: data,
			}
			Expect(admin.Create(ctx, forged)).To(Succeed())
			other := w.create(ctx, name)
			eventually(ctx, other, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNameTaken)
			Expect(document(ctx, w.platform, other)).To(BeNil())
			Expect(secretOf(ctx, w.apps, forged.Name).Data).To(Equal(data))
			Expect(admin.Delete(ctx, other)).To(Succeed())
			Consistently(func() *corev1.Secret { return secretOf(ctx, w.apps, forged.Name) }, 300*time.Millisecond).ShouldNot(BeNil())
		}
	})

	It("K4 takes no value that somebody chose, with an owner, a content hash and an id that fit", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = []string{"nobody.declares"} })
		eventually(ctx, c, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonScopeUnknown)
		yes := true
		chosen := credentials.Prefix + strings.Repeat("A", 43)
		data := map[string][]byte{"client-secret": []byte(chosen)}
		Expect(admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: w.apps, Name: "reports-oauth", Labels: map[string]string{"grantkeeper.dev/managed-by": "grantkeeper-operator"},
				Annotations:     map[string]string{credentials.AnnotationContentHash: credentials.ContentHash(data), credentials.AnnotationSecretID: credentials.Hash(chosen).ID},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "grantkeeper.dev/v1alpha1", Kind: "OAuthClient", Name: c.Name, UID: c.UID, Controller: &yes}},
			},
			Type: credentials.SecretType,
			Data: data,
		})).To(Succeed())
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = nil })
		ready(ctx, c)
		Expect(value(secretOf(ctx, w.apps, "reports-oauth"))).NotTo(Equal(chosen))
		Expect(hashes(ctx, w, c)).To(HaveLen(1))

		By("one of another type, which the operator never makes")
		odd := w.create(ctx, "odd", func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = []string{"nobody.declares"} })
		Expect(admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: w.apps, Name: "odd-oauth", Labels: map[string]string{"grantkeeper.dev/managed-by": "grantkeeper-operator"},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "grantkeeper.dev/v1alpha1", Kind: "OAuthClient", Name: odd.Name, UID: odd.UID, Controller: &yes}},
			},
			Data: data,
		})).To(Succeed())
		edit(ctx, odd, func(c *v1alpha1.OAuthClient) { c.Spec.Scopes = nil })
		eventually(ctx, odd, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNameTaken)
		Expect(secretOf(ctx, w.apps, "odd-oauth").Data).To(Equal(data))
	})
})

var _ = Describe("A client secret that the app team brings", func() {
	It("convention 27 may come late, heals by itself, and is never another one", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		c := w.create(ctx, "reports", bringsSecret)
		Expect(eventually(ctx, c, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)).To(ContainSubstring("secretRef.name vault"))
		eventually(ctx, c, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
		eventually(ctx, c, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonSecretNotFound)
		Expect(secretOf(ctx, w.apps, "reports-oauth")).To(BeNil())
		Expect(document(ctx, w.platform, c)).To(BeNil())
		Eventually(func() []string { return events(ctx, c) }).Should(ContainElement(HavePrefix("SecretNotFound: ")))

		By("K3 one that did not opt in, and one of another namespace")
		s := w.vault(brought)
		s.Labels = nil
		Expect(admin.Create(ctx, s)).To(Succeed())
		elsewhere := w.vault(brought)
		elsewhere.Namespace = w.platform
		Expect(admin.Create(ctx, elsewhere)).To(Succeed())
		Consistently(func() any { return document(ctx, w.platform, c) }, time.Second).Should(BeNil())

		By("one that could be guessed")
		edit(ctx, s, func(s *corev1.Secret) {
			s.Labels = map[string]string{v1alpha1.LabelReferenced: "true"}
			s.Data["client-secret"] = []byte("correct-horse-battery")
		})
		Expect(eventually(ctx, c, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretTooWeak)).To(And(
			ContainSubstring("fewer than 32 characters"), Not(ContainSubstring("correct-horse"))))
		Eventually(func() []string { return events(ctx, c) }).Should(ContainElement(HavePrefix("SecretTooWeak: ")))
		Expect(document(ctx, w.platform, c)).To(BeNil())

		By("a good one")
		edit(ctx, s, func(s *corev1.Secret) { s.Data["client-secret"] = []byte(brought) })
		ready(ctx, c)
		Expect(secretOf(ctx, w.apps, "reports-oauth").Data).To(HaveKeyWithValue("client-secret", []byte(brought)))
		Expect(hashes(ctx, w, c)).To(HaveLen(1))
		Expect(hashes(ctx, w, c)[0].SHA256).To(Equal(credentials.Hash(brought).SHA256))

		By("another one: both work for the overlap")
		edit(ctx, s, func(s *corev1.Secret) { s.Data["client-secret"] = []byte(another) })
		Eventually(func(g Gomega) {
			g.Expect(secretOf(ctx, w.apps, "reports-oauth").Data).To(HaveKeyWithValue("client-secret", []byte(another)))
			got := hashes(ctx, w, c)
			g.Expect(got).To(HaveLen(2))
			g.Expect(got[0].SHA256).To(Equal(credentials.Hash(another).SHA256))
			g.Expect(got[1].SHA256).To(Equal(credentials.Hash(brought).SHA256))
			g.Expect(got[1].NotAfter).To(BeTemporally("~", time.Now().Add(24*time.Hour), time.Minute))
			g.Expect(events(ctx, c)).To(ContainElement(And(HavePrefix("SecretRotated: "), ContainSubstring("secretRef"))))
		}).Should(Succeed())
		ready(ctx, c)

		By("it goes: the client is served on with what it had")
		Expect(admin.Delete(ctx, s)).To(Succeed())
		eventually(ctx, c, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
		eventually(ctx, c, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, v1alpha1.ReasonServed)
		Expect(hashes(ctx, w, c)[0].SHA256).To(Equal(credentials.Hash(another).SHA256))
		Expect(secretOf(ctx, w.apps, "reports-oauth").Data).To(HaveKeyWithValue("client-secret", []byte(another)))

		By("it comes again, the same: nothing changes")
		version := secretOf(ctx, w.apps, "reports-oauth").ResourceVersion
		Expect(admin.Create(ctx, w.vault(another))).To(Succeed())
		ready(ctx, c)
		Expect(secretOf(ctx, w.apps, "reports-oauth").ResourceVersion).To(Equal(version))

		By("fault 21 the Secret is edited: written again, the same")
		edit(ctx, secretOf(ctx, w.apps, "reports-oauth"), func(s *corev1.Secret) { s.Data["client-secret"] = []byte(brought) })
		Eventually(func() map[string][]byte { return secretOf(ctx, w.apps, "reports-oauth").Data }, 5*time.Second).Should(HaveKeyWithValue("client-secret", []byte(another)))

		By("a generated one instead: registered first, and the one before works on")
		edit(ctx, c, func(c *v1alpha1.OAuthClient) { c.Spec.Authentication = nil })
		Eventually(func(g Gomega) {
			v, ok := credentials.FromSecret(secretOf(ctx, w.apps, "reports-oauth").Data)
			g.Expect(ok).To(BeTrue())
			got := hashes(ctx, w, c)
			g.Expect(got[0].SHA256).To(Equal(credentials.Hash(v).SHA256))
			g.Expect(got[1].SHA256).To(Equal(credentials.Hash(another).SHA256))
		}).Should(Succeed())
		ready(ctx, c)
	})

	It("need not be written anywhere else", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		Expect(admin.Create(ctx, w.vault(brought))).To(Succeed())
		c := w.create(ctx, "reports", bringsSecret, func(c *v1alpha1.OAuthClient) {
			c.Spec.Secret = &v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPresetNone}
		})
		ready(ctx, c)
		Expect(secretOf(ctx, w.apps, "reports-oauth")).To(BeNil())
		edit(ctx, w.vault(""), func(s *corev1.Secret) { s.Data["client-secret"] = []byte(another) })
		Eventually(func(g Gomega) {
			got := hashes(ctx, w, c)
			g.Expect(got).To(HaveLen(2))
			g.Expect(got[0].SHA256).To(Equal(credentials.Hash(another).SHA256))
		}).Should(Succeed())
		ready(ctx, c)
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, client.ObjectKeyFromObject(c), c)).To(Succeed())
			g.Expect(c.Status.Secrets).To(HaveLen(2))
		}).Should(Succeed())
	})
})
