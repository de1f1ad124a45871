package controllers_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// world is one platform namespace with a server, and one app namespace.
type world struct {
	platform, apps string
	server         *v1alpha1.OAuthServer
}

func unique(prefix string) string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return prefix + "-" + hex.EncodeToString(b[:])
}

func namespace(ctx context.Context, prefix string, labels map[string]string) string {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: unique(prefix), Labels: labels}}
	Expect(admin.Create(ctx, ns)).To(Succeed())
	return ns.Name
}

// newWorld makes the namespaces, a server, and a policy that lets the apps have what the specs ask for. No replica runs
// yet.
func newWorld(ctx context.Context) *world {
	GinkgoHelper()
	w := &world{platform: namespace(ctx, "platform", nil)}
	w.apps = namespace(ctx, "apps", map[string]string{"world": w.platform})
	w.server = &v1alpha1.OAuthServer{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: "main"},
		Spec:       v1alpha1.OAuthServerSpec{Issuer: "https://" + w.platform + ".example.com"},
	}
	DeferCleanup(w.end)
	Expect(admin.Create(ctx, w.server)).To(Succeed())
	Expect(admin.Create(ctx, w.policy("apps"))).To(Succeed())
	return w
}

// end deletes what was in the world: an operator that starts in a later spec looks at everything there is.
func (w *world) end(ctx context.Context) {
	for _, ns := range []string{w.apps, w.platform} {
		for _, kind := range []client.Object{
			&v1alpha1.OAuthClient{}, &v1alpha1.OAuthGrantPolicy{}, &v1alpha1.OAuthResource{}, &v1alpha1.OAuthIdentityProvider{}, &v1alpha1.OAuthServer{},
		} {
			Expect(admin.DeleteAllOf(ctx, kind, client.InNamespace(ns))).To(Succeed())
		}
	}
}

func (w *world) policy(name string) *v1alpha1.OAuthGrantPolicy {
	return &v1alpha1.OAuthGrantPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.platform, Name: name},
		Spec: v1alpha1.OAuthGrantPolicySpec{
			Clients: v1alpha1.PolicyClients{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"world": w.platform}}},
			Allow: v1alpha1.PolicyAllow{
				GrantTypes: []v1alpha1.GrantType{
					v1alpha1.GrantTypeAuthorizationCode, v1alpha1.GrantTypeClientCredentials, v1alpha1.GrantTypeDeviceCode, v1alpha1.GrantTypeRefreshToken,
				},
				Scopes: []string{"openid", "orders.read"},
			},
		},
	}
}

func (w *world) client(name string) *v1alpha1.OAuthClient {
	return &v1alpha1.OAuthClient{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.apps, Name: name},
		Spec: v1alpha1.OAuthClientSpec{
			ServerRef: &v1alpha1.ServerReference{Name: "main", Namespace: w.platform},
			Type:      v1alpha1.ClientTypeService,
		},
	}
}

// create makes a client of the manifest, changed as the spec wants it.
func (w *world) create(ctx context.Context, name string, change ...func(*v1alpha1.OAuthClient)) *v1alpha1.OAuthClient {
	GinkgoHelper()
	c := w.client(name)
	for _, f := range change {
		f(c)
	}
	Expect(admin.Create(ctx, c)).To(Succeed())
	return c
}

// replica plays one replica of the server: it reports in its Lease what it was told to have loaded, and renews.
type replica struct {
	w      *world
	name   string
	follow atomic.Bool
	loaded atomic.Pointer[string]
	uses   atomic.Pointer[string] // what it reports of secrets that are not current
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{}
}

const (
	// replicaPeriod is how often a replica of the specs looks, and renewPeriod how often it renews when it has nothing new to say.
	replicaPeriod = 100 * time.Millisecond
	renewPeriod   = time.Second
	// leaseSeconds is how long a replica of the specs lives without a renewal: long enough for a machine that does much else.
	leaseSeconds = 8
)

// startReplica runs a replica that loads whatever there is until it is told to freeze.
func (w *world) startReplica(name string) *replica {
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{w: w, name: name, cancel: cancel, done: make(chan struct{}), began: clock()}
	r.follow.Store(true)
	r.uses.Store(new(string))
	go func() {
		defer close(r.done)
		tick := time.NewTicker(replicaPeriod)
		defer tick.Stop()
		var last reported
		for ctx.Err() == nil {
			last = r.report(ctx, last)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	DeferCleanup(r.kill)
	return r
}

// reported is what a replica said last, and when.
type reported struct {
	loaded, uses string
	at           time.Time
}

func (r *replica) report(ctx context.Context, last reported) reported {
	if r.follow.Load() {
		var list corev1.SecretList
		if err := admin.List(ctx, &list, client.InNamespace(r.w.platform), client.HasLabels{registration.LabelDocument}); err != nil {
			return last
		}
		if r.follow.Load() { // told to stop meanwhile, it must not have loaded what was written since
			r.loaded.Store(newest(list.Items))
		}
	}
	now := reported{uses: *r.uses.Load(), at: clock()}
	if p := r.loaded.Load(); p != nil {
		now.loaded = *p
	}
	if since := now.at.Sub(last.at); now.loaded == last.loaded && now.uses == last.uses && 0 <= since && since < renewPeriod {
		return last
	}
	lease := coordinationv1ac.Lease(r.name, r.w.platform).
		WithLabels(map[string]string{registration.LabelReplica: "main"}).
		WithAnnotations(map[string]string{registration.AnnotationLoaded: now.loaded, registration.AnnotationRetiringUsed: now.uses}).
		WithSpec(coordinationv1ac.LeaseSpec().WithHolderIdentity(r.name).
			WithLeaseDurationSeconds(leaseSeconds).WithAcquireTime(metav1.NewMicroTime(r.began)).WithRenewTime(metav1.NewMicroTime(now.at)))
	if err := admin.Apply(ctx, lease, client.FieldOwner("replica"), client.ForceOwnership); err != nil {
		return last
	}
	return now
}

// newest is the resourceVersion of the document that was written last. That of the list moves with every object of the cluster.
func newest(documents []corev1.Secret) *string {
	version := new(string)
	for i := range documents {
		got := documents[i].ResourceVersion
		if later, err := resourceversion.CompareResourceVersion(got, *version); err != nil || later > 0 {
			version = &got
		}
	}
	return version
}

// saw has the replica report that a secret of a client was used.
func (r *replica) saw(c *v1alpha1.OAuthClient, id string, at time.Time) {
	s := registration.EncodeUses(map[registration.SecretUse]time.Time{{ClientUID: string(c.UID), SecretID: id}: at})
	r.uses.Store(&s)
}

// kill ends the replica without a word, as a crash does.
func (r *replica) kill() {
	r.cancel()
	<-r.done
}

// leave ends the replica and gives up its Lease.
func (r *replica) leave(ctx context.Context) {
	r.kill()
	_ = admin.Delete(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: r.w.platform, Name: r.name}})
}

// condition of an object of ours, as it is now.
func condition(ctx context.Context, obj client.Object, t v1alpha1.ConditionType) metav1.Condition {
	GinkgoHelper()
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(obj), obj)).To(Succeed())
	got := meta.FindStatusCondition(conditionsOf(obj), string(t))
	if got == nil {
		return metav1.Condition{}
	}
	if got.ObservedGeneration != obj.GetGeneration() {
		got.Status = "stale " + got.Status
	}
	return *got
}

func conditionsOf(obj client.Object) []metav1.Condition {
	switch x := obj.(type) {
	case *v1alpha1.OAuthServer:
		return x.Status.Conditions
	case *v1alpha1.OAuthClient:
		return x.Status.Conditions
	case *v1alpha1.OAuthGrantPolicy:
		return x.Status.Conditions
	case *v1alpha1.OAuthResource:
		return x.Status.Conditions
	case *v1alpha1.OAuthIdentityProvider:
		return x.Status.Conditions
	}
	return nil
}

// eventually waits until a condition has a status and a reason, and returns its message.
func eventually(ctx context.Context, obj client.Object, t v1alpha1.ConditionType, s metav1.ConditionStatus, reason v1alpha1.ConditionReason) string {
	GinkgoHelper()
	var got metav1.Condition
	Eventually(func(g Gomega) {
		got = condition(ctx, obj, t)
		g.Expect(string(got.Status)+" "+got.Reason).To(Equal(string(s)+" "+string(reason)), "%s: %s", t, got.Message)
	}).Should(Succeed())
	return got.Message
}

func ready(ctx context.Context, objs ...client.Object) {
	GinkgoHelper()
	for _, obj := range objs {
		eventually(ctx, obj, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	}
}

// document reads the registration of a client, nil when there is none.
func document(ctx context.Context, namespace string, owner client.Object) *registration.Client {
	GinkgoHelper()
	s := &corev1.Secret{}
	name := compile.DocumentName(registration.KindClient, client.ObjectKeyFromObject(owner))
	err := admin.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, s)
	if client.IgnoreNotFound(err) == nil && err != nil {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	d, err := registration.Decode(s.Data[registration.DataKey])
	Expect(err).NotTo(HaveOccurred())
	return d.(*registration.Client)
}

// secretOf reads a Secret; nil when there is none.
func secretOf(ctx context.Context, namespace, name string) *corev1.Secret {
	GinkgoHelper()
	s := &corev1.Secret{}
	err := admin.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, s)
	if client.IgnoreNotFound(err) == nil && err != nil {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	return s
}

func value(s *corev1.Secret) string {
	GinkgoHelper()
	Expect(s).NotTo(BeNil())
	v, ok := credentials.FromSecret(s.Data)
	Expect(ok).To(BeTrue(), "the Secret %s has no usable client secret", s.Name)
	return v
}

// edit changes an object as a person would, again if somebody else was quicker.
func edit[T client.Object](ctx context.Context, obj T, change func(T)) {
	GinkgoHelper()
	Eventually(func() error {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		change(obj)
		return admin.Update(ctx, obj)
	}).Should(Succeed())
}

// events lists "reason: note" of everything that happened to an object.
func events(ctx context.Context, obj client.Object) []string {
	GinkgoHelper()
	var list eventsv1.EventList
	Expect(admin.List(ctx, &list, client.InNamespace(obj.GetNamespace()))).To(Succeed())
	var out []string
	for _, e := range list.Items {
		if e.Regarding.Name == obj.GetName() && e.Regarding.UID == obj.GetUID() {
			out = append(out, fmt.Sprintf("%s: %s", e.Reason, e.Note))
		}
	}
	return out
}

// documentsOf lists the Secrets with the documents of a kind in a namespace.
func documentsOf(ctx context.Context, namespace string, kind registration.Kind) []corev1.Secret {
	GinkgoHelper()
	var list corev1.SecretList
	Expect(admin.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{registration.LabelDocument: string(kind)})).To(Succeed())
	return list.Items
}
