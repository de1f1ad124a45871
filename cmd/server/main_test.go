package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The operator starts this command in a Deployment whose golden file is read here: a flag that is renamed on one side alone
// would be a pod that never starts.
func TestTheFlagsOfTheDeploymentExist(t *testing.T) {
	for file, private := range map[string]bool{"smallest": false, "full": true} {
		t.Run(file, func(t *testing.T) {
			args := arguments(t, "../../controllers/oauthserver/testdata/"+file+".yaml")
			kubeconfig := t.TempDir() + "/config"
			config := "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\ncontexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n"
			if err := os.WriteFile(kubeconfig, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := parse(append(args, "--kubeconfig="+kubeconfig), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if c.Kube == nil || c.Kube.Namespace != "oauth-system" || c.Kube.Server != "main" || c.SQLite == "" || c.Operations == "" {
				t.Errorf("got %+v", c)
			}
			if c.PrivateLogouts != private {
				t.Errorf("private addresses are told of logouts: %v, want %v", c.PrivateLogouts, private)
			}
		})
	}
}

// arguments of the server's container in a golden file.
func arguments(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for part := range strings.SplitSeq(string(b), "\n---\n") {
		var d struct {
			Kind string
			Spec struct {
				Template struct {
					Spec struct{ Containers []struct{ Args []string } }
				}
			}
		}
		if err := yaml.Unmarshal([]byte(part), &d); err != nil {
			t.Fatal(err)
		}
		if d.Kind == "Deployment" {
			args = d.Spec.Template.Spec.Containers[0].Args
		}
	}
	if len(args) < 5 {
		t.Fatalf("the Deployment starts the server with %q", args)
	}
	return args
}

func TestWrongFlagsSayWhatIsMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no database":        {[]string{"--namespace=a", "--server=b"}, "--sqlite is required"},
		"no server":          {[]string{"--sqlite=x", "--namespace=a"}, "--namespace and --server are required"},
		"an argument":        {[]string{"--sqlite=x", "serve"}, `unexpected argument "serve"`},
		"a flag that is not": {[]string{"--postgres=x"}, "not defined: -postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(tt.args, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
