package replica_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
	"github.com/grantkeeper/grantkeeper/server/internal/replica"
)

// The control plane of all tests of the package.
var (
	plane *envtest.Environment
	admin kubernetes.Interface
)

func TestMain(m *testing.M) {
	os.Exit(testenv.Main(m, func(env *envtest.Environment) {
		plane = env
		admin = kubernetes.NewForConfigOrDie(env.Config)
	}))
}

// namespace makes one, and a user in it with the rights that reports need.
func namespace(t *testing.T, name string) *rest.Config {
	t.Helper()
	ctx := t.Context()
	if _, err := admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "server"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "patch"}}},
	}
	if _, err := admin.RbacV1().Roles(name).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "server"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "server"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "server-" + name}},
	}
	if _, err := admin.RbacV1().RoleBindings(name).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	user, err := plane.AddUser(envtest.User{Name: "server-" + name}, plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	return user.Config()
}

// fixture is a reporter that runs, and what it reports about.
type fixture struct {
	*replica.Reporter
	version atomic.Int64
	ready   atomic.Bool
	uses    atomic.Value // of string
	stop    func()
}

func start(t *testing.T, cfg *rest.Config, ns string) *fixture {
	t.Helper()
	f := &fixture{}
	f.ready.Store(true)
	f.uses.Store("")
	f.Reporter = replica.New(replica.Config{
		Client: kubernetes.NewForConfigOrDie(cfg).CoordinationV1(), Namespace: ns, Server: "main", Name: "pod-1",
		Version: func() string {
			if v := f.version.Load(); v > 0 {
				return strconv.FormatInt(v, 10)
			}
			return ""
		},
		Ready: f.ready.Load,
		Uses:  func() string { return f.uses.Load().(string) },
		Log:   slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(f.stop)
	return f
}

func (f *fixture) load(version int64) {
	f.version.Store(version)
	f.Notify()
}

// eventually waits for a Lease that satisfies until and returns it.
func eventually(t *testing.T, ns, what string, until func(*coordinationv1.Lease) bool) *coordinationv1.Lease {
	t.Helper()
	look, deadline := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer look.Stop()
	for {
		l, err := admin.CoordinationV1().Leases(ns).Get(t.Context(), "main-pod-1", metav1.GetOptions{})
		if err == nil && until(l) {
			return l
		}
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("%s: the Lease is %+v", what, l)
		}
	}
}

func says(loaded, ready string) func(*coordinationv1.Lease) bool {
	return func(l *coordinationv1.Lease) bool {
		return l.Annotations[registration.AnnotationLoaded] == loaded && l.Annotations[registration.AnnotationReady] == ready
	}
}

func TestWhatIsLoadedIsReported(t *testing.T) {
	const ns = "reported"
	f := start(t, namespace(t, ns), ns)
	l := eventually(t, ns, "a report before anything is loaded", says("", "true"))
	if l.Labels[registration.LabelReplica] != "main" || *l.Spec.HolderIdentity != "pod-1" || *l.Spec.LeaseDurationSeconds != 30 || time.Since(l.Spec.RenewTime.Time) > time.Minute {
		t.Errorf("the Lease is %+v", l)
	}
	if _, ok := l.Annotations[registration.AnnotationLoaded]; ok {
		t.Error("nothing is loaded and the Lease says what")
	}
	if m := l.ManagedFields; len(m) != 1 || m[0].Manager != replica.FieldManager || m[0].Operation != metav1.ManagedFieldsOperationApply {
		t.Errorf("managed fields %+v", m)
	}

	f.load(100)
	eventually(t, ns, "the first version", says("100", "true"))
	f.load(101)
	eventually(t, ns, "the next version", says("101", "true"))

	f.ready.Store(false)
	f.load(102)
	eventually(t, ns, "a replica that cannot serve reports nothing new", says("101", "false"))
	f.ready.Store(true)
	eventually(t, ns, "and all of it when it can again", says("102", "true"))

	f.stop()
	l = eventually(t, ns, "a replica that has gone", says("", "false"))
	if l.Spec.HolderIdentity != nil {
		t.Errorf("held by %s", *l.Spec.HolderIdentity)
	}
}

func TestUsesOfOldSecretsAreReportedAndOutliveTheReplica(t *testing.T) {
	const ns = "uses"
	f := start(t, namespace(t, ns), ns)
	l := eventually(t, ns, "the first report", says("", "true"))
	if _, ok := l.Annotations[registration.AnnotationRetiringUsed]; ok || l.Spec.AcquireTime == nil {
		t.Errorf("the Lease is %+v", l)
	}
	uses := registration.EncodeUses(map[registration.SecretUse]time.Time{{ClientUID: "0b5a3c1e", SecretID: "s1"}: time.Now()})
	f.uses.Store(uses)
	f.load(1) // whatever is written takes it along
	eventually(t, ns, "a use", func(l *coordinationv1.Lease) bool { return l.Annotations[registration.AnnotationRetiringUsed] == uses })
	f.stop()
	l = eventually(t, ns, "a replica that has gone", says("", "false"))
	if l.Annotations[registration.AnnotationRetiringUsed] != uses {
		t.Errorf("the Lease says %v", l.Annotations)
	}
}

func TestABurstOfVersionsIsFewReports(t *testing.T) {
	const ns = "burst"
	cfg := namespace(t, ns)
	var requests atomic.Int32
	cfg.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			return next.RoundTrip(r)
		})
	}
	f := start(t, cfg, ns)
	eventually(t, ns, "the first report", says("", "true"))
	begun := time.Now()
	pace := time.NewTicker(time.Millisecond) // of the changes
	defer pace.Stop()
	for v := range int64(2000) {
		f.load(v + 1)
		if v%10 == 0 {
			<-pace.C
		}
	}
	eventually(t, ns, "the last version", says("2000", "true"))
	// Five close together, and then five a second.
	if n, most := int(requests.Load()), 7+int(5*time.Since(begun).Seconds()); n > most {
		t.Errorf("%d requests in %v, want at most %d", n, time.Since(begun), most)
	}
}

func TestAReportThatFailsIsTriedAgain(t *testing.T) {
	const ns = "failing"
	cfg := namespace(t, ns)
	var failing atomic.Bool
	failed := make(chan struct{}, 2)
	cfg.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if failing.Load() {
				select {
				case failed <- struct{}{}:
				default: // twice is enough to know
				}
				return nil, fmt.Errorf("connection refused")
			}
			return next.RoundTrip(r)
		})
	}
	f := start(t, cfg, ns)
	eventually(t, ns, "the first report", says("", "true"))
	failing.Store(true)
	f.load(7)
	for range cap(failed) {
		select {
		case <-failed:
		case <-time.After(20 * time.Second):
			t.Fatal("it was not tried again")
		}
	}
	f.load(8)
	failing.Store(false)
	eventually(t, ns, "what was loaded in the meantime", says("8", "true"))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
