package controllers_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/controllers"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

const (
	operatorNamespace = "grantkeeper-system"
	operatorAccount   = "grantkeeper-operator"
	serverImage       = "registry.example/grantkeeper-server:test"
)

var (
	env *envtest.Environment
	// admin may do everything; the operator works as itself.
	admin client.WithWatch
	// statuses checks every status that anybody writes, at each moment.
	statuses *statusWatch
)

func TestControllers(t *testing.T) {
	RegisterFailHandler(Fail)
	// What has to happen within a time says so. All else has as long as a small machine takes that does much else.
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "Controllers")
}

var _ = BeforeSuite(func(ctx context.Context) {
	logf.SetLogger(GinkgoLogr)
	var err error
	env, err = testenv.New()
	Expect(err).NotTo(HaveOccurred())
	_, err = env.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(env.Stop()).To(Succeed()) })

	var m manager.Options
	Expect(controllers.Configure(&m, controllers.Options{})).To(Succeed())
	admin, err = client.NewWithWatch(env.Config, client.Options{Scheme: m.Scheme})
	Expect(err).NotTo(HaveOccurred())
	grantOperator(ctx)
	statuses = watchStatuses(admin)
	startOperator()
})

var _ = AfterSuite(func() {
	if stopOperator != nil {
		stopOperator()
	}
	if statuses != nil {
		Expect(statuses.stop()).To(BeEmpty(), "statuses that break the rules of kstatus")
	}
})

// grantOperator gives the operator the rights that its markers ask for, and no other, so that every spec tests them too.
func grantOperator(ctx context.Context) {
	GinkgoHelper()
	b, err := os.ReadFile(filepath.Join("..", "config", "rbac", "role.yaml"))
	Expect(err).NotTo(HaveOccurred())
	role := &rbacv1.ClusterRole{}
	Expect(yaml.UnmarshalStrict(b, role)).To(Succeed())
	Expect(admin.Create(ctx, role)).To(Succeed())
	Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}})).To(Succeed())
	Expect(admin.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: operatorAccount},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: operatorAccount, Namespace: operatorNamespace}},
	})).To(Succeed())
	guardOperator(ctx)
}

// guardOperator installs the admission policies about the operator, so that every spec tests as well that they leave it to its
// work.
func guardOperator(ctx context.Context) {
	GinkgoHelper()
	files, err := filepath.Glob(filepath.Join("..", "config", "admission", "operator_*.yaml"))
	Expect(err).NotTo(HaveOccurred())
	Expect(files).NotTo(BeEmpty())
	for _, f := range files {
		b, err := os.ReadFile(f)
		Expect(err).NotTo(HaveOccurred())
		for manifest := range strings.SplitSeq(string(b), "\n---\n") {
			o := &unstructured.Unstructured{}
			Expect(yaml.UnmarshalStrict([]byte(manifest), &o.Object)).To(Succeed())
			Expect(admin.Create(ctx, o)).To(Succeed())
		}
	}
}

// as is the configuration of a ServiceAccount.
func as(namespace, account string) *rest.Config {
	c := rest.CopyConfig(env.Config)
	c.QPS = -1
	c.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + account,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	return c
}

// ahead is how far the clock of the operator and of the replicas is ahead of that of this machine.
var ahead atomic.Int64

func clock() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }

// pass lets time pass for the operator and the replicas, until the end of the spec.
func pass(d time.Duration) {
	ahead.Add(int64(d))
	DeferCleanup(func() { ahead.Store(0) })
}

var stopOperator func()

// startOperator runs the operator until stopOperator is called.
func startOperator() {
	GinkgoHelper()
	o := controllers.Options{Deploy: true, ServerImage: serverImage, Clock: clock}
	skip := true
	m := manager.Options{
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: ctrlconfig.Controller{SkipNameValidation: &skip},
	}
	Expect(controllers.Configure(&m, o)).To(Succeed())
	mgr, err := ctrl.NewManager(as(operatorNamespace, operatorAccount), m)
	Expect(err).NotTo(HaveOccurred())
	Expect(controllers.Register(mgr, o)).To(Succeed())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopOperator = func() {
		GinkgoHelper()
		cancel()
		Eventually(done).Should(Receive(Not(HaveOccurred())))
		stopOperator = func() {}
	}
}
