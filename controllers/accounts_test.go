package controllers_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var _ = Describe("The cluster's keys", func() {
	It("are in the settings of every server, and are written once", func(ctx context.Context) {
		w := newWorld(ctx)
		w.startReplica("main-0")
		ready(ctx, w.server)
		d := platformDocument(ctx, registration.KindServer, w.server).(*registration.Server)
		Expect(d.ServiceAccounts).NotTo(BeNil())
		Expect(d.ServiceAccounts.Issuer).To(HavePrefix("https://"))
		Expect(registration.CheckPublicJWKS(d.ServiceAccounts.JWKS, registration.MaxClusterKeys)).To(Succeed())
		Expect(condition(ctx, w.server, v1alpha1.ConditionAccepted).Message).NotTo(ContainSubstring("cannot be read"))

		name := compile.DocumentName(registration.KindServer, client.ObjectKeyFromObject(w.server))
		was := secretOf(ctx, w.platform, name).ResourceVersion
		edit(ctx, w.server, func(s *v1alpha1.OAuthServer) { s.Annotations = map[string]string{"reconcile": "again"} })
		other := newWorld(ctx) // another server, which reads the same
		eventually(ctx, other.server, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
		Expect(secretOf(ctx, w.platform, name).ResourceVersion).To(Equal(was))
	})

	It("K1 are all that the operator may get that is no resource, besides what everybody may", func(ctx context.Context) {
		operator, err := client.New(as(operatorNamespace, operatorAccount), client.Options{Scheme: admin.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: operatorNamespace}}
		Expect(operator.Create(ctx, review)).To(Succeed())
		urls := map[string][]string{}
		for _, r := range review.Status.NonResourceRules {
			for _, u := range r.NonResourceURLs {
				urls[u] = append(urls[u], r.Verbs...)
			}
		}
		for _, u := range []string{"/.well-known/openid-configuration", "/openid/v1/jwks"} {
			Expect(urls).To(HaveKey(u))
		}
		for u, verbs := range urls {
			Expect(verbs).To(HaveEach("get"), u)
		}
	})
})
