package kube_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/registry/kube"
)

// control is the control plane of all tests of the package.
type control struct {
	env   *envtest.Environment
	admin kubernetes.Interface
}

var plane control

func TestMain(m *testing.M) {
	// A folder of its own for certificates, so that they outlive a restart of the API server.
	certs, err := os.MkdirTemp("", "grantkeeper-kube-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := 1
	env, err := testenv.New()
	if err == nil {
		env.ControlPlane.GetAPIServer().CertDir = certs
		// It also bounds how long the API server waits for watches to end before it stops.
		env.ControlPlane.GetAPIServer().Configure().Set("request-timeout", "5s")
		if _, err = env.Start(); err == nil {
			plane.env = env
			if plane.admin, err = kubernetes.NewForConfig(env.Config); err == nil {
				status = m.Run()
			}
			err = errors.Join(err, env.Stop())
		}
	}
	_ = os.RemoveAll(certs)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// namespace makes one, and a user in it with the rights of K1 in which the server runs.
func namespace(t testing.TB, name string) *rest.Config {
	t.Helper()
	ctx := t.Context()
	if _, err := plane.admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "server"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list", "watch"}}},
	}
	if _, err := plane.admin.RbacV1().Roles(name).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "server"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "server"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "server-" + name}},
	}
	if _, err := plane.admin.RbacV1().RoleBindings(name).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	user, err := plane.env.AddUser(envtest.User{Name: "server-" + name}, plane.env.Config)
	if err != nil {
		t.Fatal(err)
	}
	cfg := user.Config()
	cfg.QPS = -1 // what is measured is the source, not its limiter
	return cfg
}

// sink hands on to a registry and counts the lists.
type sink struct {
	*registry.Registry
	lists atomic.Int32
}

func (s *sink) Replace(docs []registry.Change, version string) {
	s.lists.Add(1)
	s.Registry.Replace(docs, version)
}

// start runs a source for the server "main" until the test ends and waits for its first list.
func start(t testing.TB, cfg *rest.Config, ns string) *sink {
	t.Helper()
	client, err := kubernetes.NewForConfig(kube.Tune(cfg))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &sink{Registry: registry.New(log)}
	source := kube.New(kube.Config{Client: client.CoreV1(), Namespace: ns, Server: "main", Log: log})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	waitFor(t, s, "the first list", func(*registry.Snapshot) bool { return s.Synced() })
	return s
}

func waitFor(t testing.TB, s *sink, what string, until func(*registry.Snapshot) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.WaitFor(ctx, until); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// document encodes a resource whose title tells its edits apart.
func document(t testing.TB, name, title string) []byte {
	t.Helper()
	b, err := registration.Encode(&registration.Resource{Namespace: "oauth", Name: name, Identifier: "https://" + name + ".example", Title: title})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func secret(name, server string, content []byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{registration.LabelServer: server}},
		Type:       registration.SecretType,
		Data:       map[string][]byte{registration.DataKey: content},
	}
}

func create(t testing.TB, ns string, s *corev1.Secret) *corev1.Secret {
	t.Helper()
	made, err := plane.admin.CoreV1().Secrets(ns).Create(t.Context(), s, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func update(t testing.TB, ns string, s *corev1.Secret) *corev1.Secret {
	t.Helper()
	made, err := plane.admin.CoreV1().Secrets(ns).Update(t.Context(), s, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func remove(t testing.TB, ns, name string) {
	t.Helper()
	if err := plane.admin.CoreV1().Secrets(ns).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// titled is a condition: the resource has the title; "" means that there is none.
func titled(name, want string) func(*registry.Snapshot) bool {
	return func(s *registry.Snapshot) bool {
		r, ok := s.Resource("https://" + name + ".example")
		return ok && r.Title == want || !ok && want == ""
	}
}
