package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// TryKubectl runs kubectl with the printed KUBECONFIG, stdin on its standard input, and returns all it prints.
func (d *Demo) TryKubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, d.kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+d.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Kubectl runs kubectl and returns what it prints; the test ends when kubectl fails.
func (d *Demo) Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := d.TryKubectl(t.Context(), "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Apply is `kubectl apply` of a manifest; the test ends when it is refused.
func (d *Demo) Apply(t testing.TB, manifest string) {
	t.Helper()
	if _, err := d.TryKubectl(t.Context(), manifest, "apply", "-f", "-"); err != nil {
		t.Fatalf("%v\n%s", err, manifest)
	}
}

// Refused is `kubectl apply` of a manifest that is to be refused; it returns the message.
func (d *Demo) Refused(t testing.TB, manifest string) string {
	t.Helper()
	out, err := d.TryKubectl(t.Context(), manifest, "apply", "-f", "-")
	if err == nil {
		t.Fatalf("it is accepted:\n%s", manifest)
	}
	return out
}

// Await waits until a condition of an OAuthClient has a status.
func (d *Demo) Await(t testing.TB, namespace, name, condition string) {
	t.Helper()
	d.Kubectl(t, "wait", "--for=condition="+condition, "--timeout=90s", "-n", namespace, "oauthclient/"+name)
}

// Client is an OAuthClient as it is now.
func (d *Demo) Client(t testing.TB, namespace, name string) *v1alpha1.OAuthClient {
	t.Helper()
	c := &v1alpha1.OAuthClient{}
	if err := json.Unmarshal([]byte(d.Kubectl(t, "get", "oauthclient", "-n", namespace, name, "-o", "json")), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Secret is the content of a Secret. What it has as client-secret is remembered.
func (d *Demo) Secret(t testing.TB, namespace, name string) map[string]string {
	t.Helper()
	s := &corev1.Secret{}
	if err := json.Unmarshal([]byte(d.Kubectl(t, "get", "secret", "-n", namespace, name, "-o", "json")), s); err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for k, v := range s.Data {
		content[k] = string(v)
	}
	d.Witness.SeeClientSecret(content["client-secret"])
	return content
}

// Objects is a client of the API server for what kubectl is too slow for.
func (d *Demo) Objects(t testing.TB) client.WithWatch {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", d.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1 // what is measured is not to be held up here
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Eventually waits until check has no error, at most for a bound, and returns how long it took. The test ends when it is not
// so in time.
func Eventually(t testing.TB, bound time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		took := time.Since(began)
		if err == nil {
			return took
		}
		if took > bound {
			t.Fatalf("%s: not within %v: %v", what, bound, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}
