package controllers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var _ = Describe("An OAuthServer", func() {
	It("gets keys, a document and a workload, and is ready when a replica has loaded them", func(ctx context.Context) {
		w := newWorld(ctx)
		eventually(ctx, w.server, v1alpha1.ConditionKeysReady, metav1.ConditionTrue, v1alpha1.ReasonKeysReady)
		eventually(ctx, w.server, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeploying)
		r := w.startReplica("main-0")
		ready(ctx, w.server)
		Expect(w.server.Status.Replicas).To(BeEquivalentTo(1))
		Expect(w.server.Status.Storage).To(Equal("SQLite"))
		Expect(w.server.Status.SigningKeys).NotTo(BeEmpty())
		Expect(w.server.Status.ActiveKeySince).NotTo(BeNil())
		Expect(platformDocument(ctx, registration.KindServer, w.server)).To(HaveField("Issuer", w.server.Spec.Issuer))

		By("settings that are not loaded yet")
		r.follow.Store(false)
		edit(ctx, w.server, func(s *v1alpha1.OAuthServer) { s.Spec.DisplayName = "Acme" })
		eventually(ctx, w.server, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotServed)
		r.follow.Store(true)
		ready(ctx, w.server)

		By("a replica that dies without a word")
		r.kill()
		eventually(ctx, w.server, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeploying)
	})

	It("has its keys made once and never overwritten", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		ready(ctx, w.server)
		name := compile.DocumentName(registration.KindKeys, client.ObjectKeyFromObject(w.server))
		was := secretOf(ctx, w.platform, name)
		edit(ctx, w.server, func(s *v1alpha1.OAuthServer) { s.Spec.DisplayName = "Acme" })
		ready(ctx, w.server)
		Expect(secretOf(ctx, w.platform, name).Data).To(Equal(was.Data))

		By("keys that somebody damaged")
		broken := was.DeepCopy()
		broken.Data[registration.DataKey] = []byte(`{"version":99}`)
		Expect(admin.Update(ctx, broken)).To(Succeed())
		Expect(eventually(ctx, w.server, v1alpha1.ConditionKeysReady, metav1.ConditionFalse, v1alpha1.ReasonKeysInvalid)).To(ContainSubstring("backup"))
		eventually(ctx, w.server, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonKeysInvalid)
		Expect(secretOf(ctx, w.platform, name).Data).To(Equal(broken.Data))
		restored := secretOf(ctx, w.platform, name)
		restored.Data = was.Data
		Expect(admin.Update(ctx, restored)).To(Succeed())
		ready(ctx, w.server)
		Expect(secretOf(ctx, w.platform, name).Data).To(Equal(was.Data))
	})

	It("leaves a Secret alone that has the name of its keys", func(ctx context.Context) {
		ns := namespace(ctx, "squatted", nil)
		name := compile.DocumentName(registration.KindKeys, types.NamespacedName{Namespace: ns, Name: "main"})
		squatter := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: map[string][]byte{"a": []byte("b")}}
		Expect(admin.Create(ctx, squatter)).To(Succeed())
		s := &v1alpha1.OAuthServer{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "main"},
			Spec:       v1alpha1.OAuthServerSpec{Issuer: "https://" + ns + ".example.com"},
		}
		Expect(admin.Create(ctx, s)).To(Succeed())
		eventually(ctx, s, v1alpha1.ConditionKeysReady, metav1.ConditionFalse, v1alpha1.ReasonKeysInvalid)
		Expect(secretOf(ctx, ns, name).Data).To(Equal(squatter.Data))

		By("a client of it waits, and is told for what")
		w := &world{platform: ns, apps: namespace(ctx, "apps", map[string]string{"world": ns})}
		DeferCleanup(w.end)
		Expect(admin.Create(ctx, w.policy("apps"))).To(Succeed())
		c := w.create(ctx, "reports")
		Expect(eventually(ctx, c, v1alpha1.ConditionSecretReady, metav1.ConditionFalse, v1alpha1.ReasonPending)).To(ContainSubstring("OAuthServer " + ns + "/main has its keys"))
		Expect(condition(ctx, c, v1alpha1.ConditionAccepted).Status).To(Equal(metav1.ConditionTrue))
	})

	It("has its workload repaired, and leaves alone what others own", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		edit(ctx, w.server, func(s *v1alpha1.OAuthServer) {
			s.Spec.Expose = &v1alpha1.ServerExposure{Ingress: &v1alpha1.IngressExposure{}}
		})
		ready(ctx, w.server)
		name := types.NamespacedName{Namespace: w.platform, Name: "oauth-main"}
		d := &appsv1.Deployment{}
		Expect(admin.Get(ctx, name, d)).To(Succeed())
		Expect(d.Spec.Template.Spec.Containers[0].Image).To(Equal(serverImage))

		By("an edit by hand, and an annotation by somebody else")
		edit(ctx, d, func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Image = "evil.example/image"
			d.Annotations = map[string]string{"example.com/mine": "1"}
		})
		Eventually(func(g Gomega) {
			g.Expect(admin.Get(ctx, name, d)).To(Succeed())
			g.Expect(d.Spec.Template.Spec.Containers[0].Image).To(Equal(serverImage))
			g.Expect(d.Annotations).To(HaveKeyWithValue("example.com/mine", "1"))
		}).Should(Succeed())
		svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
		Expect(admin.Delete(ctx, svc)).To(Succeed())
		Eventually(func() error { return admin.Get(ctx, name, svc) }).Should(Succeed())

		By("an Ingress that is not wanted any more")
		Expect(admin.Get(ctx, name, &networkingv1.Ingress{})).To(Succeed())
		edit(ctx, w.server, func(s *v1alpha1.OAuthServer) { s.Spec.Expose = nil })
		Eventually(func() error { return admin.Get(ctx, name, &networkingv1.Ingress{}) }).ShouldNot(Succeed())
	})

	It("K15 runs Pods that the restricted standard lets in", func(ctx context.Context) {
		w := newWorld(ctx)
		eventually(ctx, w.server, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeploying)
		d := &appsv1.Deployment{}
		Expect(admin.Get(ctx, types.NamespacedName{Namespace: w.platform, Name: "oauth-main"}, d)).To(Succeed())
		strict := namespace(ctx, "strict", map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: strict, Name: "p"}, Spec: d.Spec.Template.Spec}
		Expect(admin.Create(ctx, pod.DeepCopy(), client.DryRunAll)).To(Succeed())
		pod.Spec.Containers[0].SecurityContext = nil
		Expect(admin.Create(ctx, pod, client.DryRunAll)).To(MatchError(ContainSubstring("restricted")), "the check itself does not work")
	})

	It("takes over no object of somebody else", func(ctx context.Context) {
		ns := namespace(ctx, "taken", nil)
		theirs := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "oauth-main"}}
		Expect(admin.Create(ctx, theirs)).To(Succeed())
		s := &v1alpha1.OAuthServer{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "main"},
			Spec:       v1alpha1.OAuthServerSpec{Issuer: "https://" + ns + ".example.com"},
		}
		Expect(admin.Create(ctx, s)).To(Succeed())
		eventually(ctx, s, v1alpha1.ConditionDeployed, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(theirs), theirs)).To(Succeed())
		Expect(theirs.OwnerReferences).To(BeEmpty())
	})

	It("with the issuer of an older one is refused until that goes", func(ctx context.Context) {
		w := newWorld(ctx)
		other := namespace(ctx, "other", nil)
		eventually(ctx, w.server, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
		s := &v1alpha1.OAuthServer{ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: "main"}, Spec: v1alpha1.OAuthServerSpec{Issuer: w.server.Spec.Issuer}}
		// The older one wins, and within one second the one whose namespace comes first by name: "other" does.
		Eventually(func() bool { return metav1.Now().Unix() > w.server.CreationTimestamp.Unix() }).Should(BeTrue())
		Expect(admin.Create(ctx, s)).To(Succeed())
		eventually(ctx, s, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonIdentifierConflict)
		Expect(platformDocument(ctx, registration.KindKeys, s)).To(BeNil())
		Expect(admin.Delete(ctx, w.server)).To(Succeed())
		eventually(ctx, s, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
		Eventually(func() registration.Document { return platformDocument(ctx, registration.KindKeys, w.server) }).Should(BeNil())
	})

	It("K1 gives its replicas the rights they need, by the API server's own account, and no other", func(ctx context.Context) {
		w := newWorld(ctx)
		eventually(ctx, w.server, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeploying)
		nobody := rules(ctx, w.platform, "nobody")
		var granted []string
		for _, r := range rules(ctx, w.platform, "oauth-main") {
			if !slices.Contains(nobody, r) {
				granted = append(granted, r)
			}
		}
		Expect(granted).To(ConsistOf(
			"[get list watch]  secrets",
			"[create patch] coordination.k8s.io leases",
		))
		Expect(rulesElsewhere(ctx, w)).To(ConsistOf(nobody))
	})

	It("K1 lets the operator do what its markers say, and no other", func(ctx context.Context) {
		nobody := rules(ctx, operatorNamespace, "nobody")
		var granted []string
		for _, r := range rules(ctx, operatorNamespace, operatorAccount) {
			if !slices.Contains(nobody, r) {
				granted = append(granted, r)
			}
		}
		for _, r := range granted {
			Expect(r).NotTo(ContainSubstring("*"))
			Expect(r).NotTo(MatchRegexp(`secrets.*(patch|deletecollection)`))
		}
		Expect(granted).To(ContainElement("[create delete get list update watch]  secrets"))
	})
})

// rules asks the API server what a ServiceAccount may do in a namespace.
func rules(ctx context.Context, namespace, account string) []string {
	return rulesIn(ctx, namespace, namespace, account)
}

// rulesElsewhere asks what the replicas may do in the apps' namespace.
func rulesElsewhere(ctx context.Context, w *world) []string {
	return rulesIn(ctx, w.apps, w.platform, "oauth-main")
}

func rulesIn(ctx context.Context, namespace, home, account string) []string {
	GinkgoHelper()
	c, err := client.New(as(home, account), client.Options{Scheme: admin.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	Expect(c.Create(ctx, review)).To(Succeed())
	var out []string
	for _, r := range review.Status.ResourceRules {
		slices.Sort(r.Verbs)
		out = append(out, fmt.Sprintf("[%s] %s %s", strings.Join(r.Verbs, " "), strings.Join(r.APIGroups, ","), strings.Join(r.Resources, ",")))
	}
	return out
}
