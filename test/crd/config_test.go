package crd_test

import (
	"os"
	"strings"
	"testing"
)

// TestSamples: both ways of applying config/samples work on a fresh cluster, the way a newcomer would run them.
func TestSamples(t *testing.T) {
	for _, args := range [][]string{{"apply", "-f", "../../config/samples"}, {"apply", "-k", "../../config/samples"}} {
		stdout, stderr, err := kubectl(t, "", args...)
		if err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr)
		}
		if stderr != "" {
			t.Errorf("kubectl %s warns: %s", strings.Join(args, " "), stderr)
		}
		for _, want := range []string{
			"oauthserver.grantkeeper.dev/main", "oauthresource.grantkeeper.dev/orders-api", "oauthgrantpolicy.grantkeeper.dev/services",
			"oauthgrantpolicy.grantkeeper.dev/command-lines", "oauthidentityprovider.grantkeeper.dev/local",
			"oauthclient.grantkeeper.dev/reports", "oauthclient.grantkeeper.dev/cli",
			"oauthresource.grantkeeper.dev/sample-clusters", "oauthclient.grantkeeper.dev/sample-chat",
		} {
			if !strings.Contains(stdout, want) {
				t.Errorf("kubectl %s made no %s:\n%s", strings.Join(args, " "), want, stdout)
			}
		}
	}
}

// TestDefaultInstallation: config/default is taken by a real API server, with strict field validation and under the
// restricted pod security standard that its namespace enforces.
func TestDefaultInstallation(t *testing.T) {
	rendered, stderr, err := kubectl(t, "", "kustomize", "../../config/default")
	if err != nil {
		t.Fatalf("kubectl kustomize: %v\n%s", err, stderr)
	}
	stdout, stderr, err := kubectl(t, rendered, "apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-")
	if err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, stderr)
	}
	if strings.Contains(stderr, "violate") {
		t.Errorf("the operator's pod is not fit for the restricted profile: %s", stderr)
	}
	for _, want := range []string{"deployment.apps/grantkeeper-operator", "clusterrole.rbac.authorization.k8s.io/grantkeeper-edit", "namespace/grantkeeper-system"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %s:\n%s", want, stdout)
		}
	}
	// envtest runs no controller that would make the pod; the API server judges it all the same.
	pod, stderr, err := kubectl(t, "", "get", "deployment", "grantkeeper-operator", "-n", "grantkeeper-system", "-o", "jsonpath={.spec.template.spec}")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"operator","namespace":"grantkeeper-system"},"spec":` + pod + `}`
	if stdout, stderr, err := kubectl(t, pod, "create", "--dry-run=server", "-f", "-"); err != nil {
		t.Errorf("the operator's pod is refused: %v\n%s%s", err, stdout, stderr)
	}
}

// TestKustomizationsAreWhole: no generated CRD and no sample is left out of its kustomization.
func TestKustomizationsAreWhole(t *testing.T) {
	for folder, list := range map[string]string{"../../config/crd/bases": "../../config/crd/kustomization.yaml", "../../config/samples": "../../config/samples/Kustomization"} {
		b, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f.Name(), ".yaml") && !strings.Contains(string(b), f.Name()) {
				t.Errorf("%s does not list %s", list, f.Name())
			}
		}
	}
}
