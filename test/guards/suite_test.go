package guards

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// world is a cluster with config/default, its operator, and one server with a replica and a client.
var world struct {
	*Cluster
	operator, server *Program
	// listen is where the replica of the server main listens.
	listen string
}

// The namespaces of the world.
const (
	platform = "oauth-system"
	apps     = "partners"
)

func TestMain(m *testing.M) {
	flag.Parse()
	log.SetLogger(logr.Discard())
	os.Exit(run(m))
}

func run(m *testing.M) int {
	err := start(context.Background())
	status := 1
	if err == nil {
		status = m.Run()
	}
	if world.Cluster != nil {
		err = errors.Join(err, world.Stop())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		for _, p := range []*Program{world.operator, world.server} {
			if p != nil {
				fmt.Fprintln(os.Stderr, p.Logged())
			}
		}
		return max(status, 1)
	}
	return status
}

func start(ctx context.Context) (err error) {
	if world.Cluster, err = NewCluster(); err != nil {
		return err
	}
	if err := world.Install("config/default"); err != nil {
		return err
	}
	if world.operator, err = world.RunOperator(ctx); err != nil {
		return err
	}
	world.listen, world.server, err = world.populate(ctx)
	return err
}

// populate makes a server, a client that a policy accepts, and a replica; it returns when the client is Ready.
func (k *Cluster) populate(ctx context.Context) (listen string, server *Program, err error) {
	if listen, err = freeport.Address(); err != nil {
		return "", nil, err
	}
	manifests := fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: v1
kind: Namespace
metadata: {name: %[2]s, labels: {tier: partner}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: main, namespace: %[1]s}
spec: {issuer: "http://%[3]s"}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: partners, namespace: %[1]s}
spec:
  serverRef: {name: main}
  clients: {namespaceSelector: {matchLabels: {tier: partner}}}
  allow: {grantTypes: [client_credentials]}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata: {name: reports, namespace: %[2]s}
spec: {type: Service, serverRef: {name: main, namespace: %[1]s}}
`, platform, apps, listen)
	if _, err := k.Kubectl(manifests, "apply", "--server-side", "-f", "-"); err != nil {
		return "", nil, err
	}
	if server, err = k.StartServer(ctx, platform, "main", listen); err != nil {
		return "", nil, err
	}
	reports := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: apps, Name: "reports"}}
	return listen, server, k.Wait(ctx, reports, v1alpha1.ConditionReady)
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-file +now); if that is right, run the test with -update:\n%s", file, diff)
	}
}

// inForce waits until the admission policies are: the API server learns of them a moment after they are written. probe is to
// be refused by the policy that a test is about.
func inForce(t *testing.T, probe func() error) {
	t.Helper()
	demo.Eventually(t, soon, "the admission policies are in force", func() error {
		if err := probe(); !Refused(err) {
			return fmt.Errorf("it is not refused: %w", err)
		}
		return nil
	})
}

// inTime waits until something that takes the API server a moment works.
func inTime(t *testing.T, what string, try func() error) {
	t.Helper()
	demo.Eventually(t, soon, what, try)
}

// refusedByKubectl is refused for what kubectl prints.
func refusedByKubectl(err error, says string) bool {
	return err != nil && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'grantkeeper-") && strings.Contains(err.Error(), says)
}

// sorted joins words in their order.
func sorted(words []string) string {
	words = slices.Clone(words)
	slices.Sort(words)
	return strings.Join(words, ",")
}
