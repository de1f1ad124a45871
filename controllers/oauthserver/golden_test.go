package oauthserver

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files")

func TestWorkloadGolden(t *testing.T) {
	class, storage, size := "traefik", "fast", resource.MustParse("5Gi")
	for name, spec := range map[string]v1alpha1.OAuthServerSpec{
		"smallest": {Issuer: "https://login.example.com"},
		"full": {
			Issuer:  "https://example.com/tenants/a",
			Storage: &v1alpha1.ServerStorage{SQLite: &v1alpha1.SQLiteStorage{Size: &size, StorageClassName: &storage}},
			Expose: &v1alpha1.ServerExposure{Ingress: &v1alpha1.IngressExposure{
				ClassName: &class, Annotations: map[string]string{"example.com/timeout": "30s"}, TLSSecretName: "login-tls",
			}},
			BackChannelLogout: &v1alpha1.ServerBackChannelLogout{AllowPrivateAddresses: true},
		},
		"ingress-at-root": {
			Issuer: "https://login.example.com:8443",
			Expose: &v1alpha1.ServerExposure{Ingress: &v1alpha1.IngressExposure{}},
			// As the API server shows it back when nothing is set.
			BackChannelLogout: &v1alpha1.ServerBackChannelLogout{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &v1alpha1.OAuthServer{ObjectMeta: metav1.ObjectMeta{Namespace: "oauth-system", Name: "main", UID: "uid-of-main"}, Spec: spec}
			var got bytes.Buffer
			for _, d := range objects(s, "registry.example/grantkeeper-server:v1", &appsv1.Deployment{}) {
				b, err := yaml.Marshal(d.want)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(b)
			}
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("the workload changed; run with -update if that is meant (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWorkloadNameSuitsEveryKind(t *testing.T) {
	seen := map[string]string{}
	for _, server := range []string{
		"main", "9", "a.b", "a-b", strings.Repeat("x", 57), strings.Repeat("x", 58), strings.Repeat("x", 63),
		strings.Repeat("x", 62) + "y", strings.Repeat("a.", 31) + "a", strings.Repeat("a-", 31) + "a",
	} {
		name := workloadName(server)
		if problems := validation.IsDNS1035Label(name); len(problems) > 0 {
			t.Errorf("server %q: %q: %v", server, name, problems)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("servers %q and %q share the name %q", server, other, name)
		}
		seen[name] = server
	}
}

func TestRolledOut(t *testing.T) {
	for name, c := range map[string]struct {
		generation int64
		status     appsv1.DeploymentStatus
		want       bool
	}{
		"one that no controller looks at has nothing to say": {1, appsv1.DeploymentStatus{}, true},
		"one that is observed and available is":              {2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}, true},
		"one with an edit not observed yet is not":           {3, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}, false},
		"one whose old Pod still runs is not":                {2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 1}, false},
		"one whose Pod is not available is not":              {2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: c.generation}, Status: c.status}
			if got := rolledOut(d); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
