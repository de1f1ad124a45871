package guards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

const (
	operatorNamespace = "grantkeeper-system"
	operatorAccount   = "grantkeeper-operator"
)

// soon is what is waited for without a bound of its own.
var soon = demo.Patience(30 * time.Second)

// auditPolicy records every request of a ServiceAccount once it is answered.
const auditPolicy = `{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],
"rules":[{"level":"Metadata","userGroups":["system:serviceaccounts"]},{"level":"None"}]}`

// Cluster is a control plane with one of the installations of config/.
type Cluster struct {
	env *envtest.Environment
	// Admin may do everything.
	Admin client.Client
	// dir is for files of this cluster.
	dir string
	// stops end what was started, in the order in which it was.
	stops []func() error
}

// NewCluster starts a control plane with nothing of ours in it but namespaces. The caller stops it.
func NewCluster(namespaces ...string) (_ *Cluster, err error) {
	k := &Cluster{}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Stop())
		}
	}()
	if k.dir, err = os.MkdirTemp("", "guards-"); err != nil {
		return nil, err
	}
	if k.env, err = testenv.New(); err != nil {
		return nil, err
	}
	k.env.CRDs = nil
	policy := filepath.Join(k.dir, "audit-policy.json")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	k.env.ControlPlane.GetAPIServer().Configure().Append("audit-policy-file", policy).Append("audit-log-path", k.auditLog())
	if _, err := k.env.Start(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(k.kubeconfig(), k.env.KubeConfig, 0o600); err != nil {
		return nil, err
	}
	if k.Admin, err = k.Client(k.env.Config); err != nil {
		return nil, err
	}
	for _, n := range namespaces {
		if err := k.Admin.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n}}); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// Install applies a folder of the repository.
func (k *Cluster) Install(folder string) error {
	_, err := k.Kubectl("", "apply", "--server-side", "-k", filepath.Join(demo.Root(), folder))
	return err
}

func (k *Cluster) auditLog() string   { return filepath.Join(k.dir, "audit.log") }
func (k *Cluster) kubeconfig() string { return filepath.Join(k.dir, "kubeconfig") }

// Stop ends what was started, and the control plane.
func (k *Cluster) Stop() error {
	var errs []error
	for i := len(k.stops) - 1; i >= 0; i-- {
		errs = append(errs, k.stops[i]())
	}
	if k.env != nil {
		errs = append(errs, k.env.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(k.dir))...)
}

// Client is a client with a configuration, for all kinds that tests need.
func (k *Cluster) Client(config *rest.Config) (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS = -1
	return client.New(config, client.Options{Scheme: scheme})
}

// Kubectl runs the real kubectl and returns what it prints; what it complains about is in the error.
func (k *Cluster) Kubectl(stdin string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(k.env.ControlPlane.KubectlPath, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig(), "HOME="+k.dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), errors.Join(err, errors.New(errs.String()))
	}
	return out.String(), nil
}

// account is the configuration of a ServiceAccount with a token of its own, as a pod would have.
func (k *Cluster) account(ctx context.Context, namespace, name string) (*rest.Config, error) {
	request := &authenticationv1.TokenRequest{}
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := k.Admin.SubResource("token").Create(ctx, sa, request); err != nil {
		return nil, err
	}
	c := rest.AnonymousClientConfig(k.env.Config)
	c.BearerToken, c.QPS = request.Status.Token, -1
	return c, nil
}

// accountFile writes the credentials of a ServiceAccount as a kubeconfig file and returns its path.
func (k *Cluster) accountFile(ctx context.Context, namespace, name string) (string, error) {
	c, err := k.account(ctx, namespace, name)
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: c.BearerToken}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	path := filepath.Join(k.dir, namespace+"-"+name+".kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

// As is a client of a person.
func (k *Cluster) As(t *testing.T, user string) client.Client {
	t.Helper()
	config := rest.CopyConfig(k.env.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	c, err := k.Client(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Person is the configuration of somebody with a certificate, who is in no group but that of everybody who is known.
func (k *Cluster) Person(t *testing.T, user string) *rest.Config {
	t.Helper()
	known, err := k.env.AddUser(envtest.User{Name: user}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return known.Config()
}

// AsAccount is a client of a ServiceAccount, with its own token.
func (k *Cluster) AsAccount(t *testing.T, namespace, name string) client.Client {
	t.Helper()
	config, err := k.account(t.Context(), namespace, name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Client(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Namespace makes a namespace.
func (k *Cluster) Namespace(t *testing.T, name string, labels map[string]string) string {
	t.Helper()
	if err := k.Admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
		t.Fatal(err)
	}
	return name
}

// Bind gives a person a ClusterRole in a namespace.
func (k *Cluster) Bind(t *testing.T, namespace, user, role string) {
	t.Helper()
	err := k.Admin.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "binding-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Apply creates or replaces what manifests in YAML say, as admin.
func (k *Cluster) Apply(t *testing.T, manifests string) {
	t.Helper()
	if _, err := k.Kubectl(manifests, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

// Object reads a manifest.
func Object(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict([]byte(manifest), &o.Object); err != nil {
		t.Fatalf("%v\n%s", err, manifest)
	}
	return o
}

// Refused reports whether an error is a refusal by an admission policy of ours that says all that is wanted.
func Refused(err error, says ...string) bool {
	if err == nil || !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'grantkeeper-") {
		return false
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			return false
		}
	}
	return true
}

// Aggregate fills in the rules of the cluster's own roles as the controller of kube-controller-manager does, which is not part
// of a bare API server: the rules of all roles that the selectors select, together.
func (k *Cluster) Aggregate(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		var all rbacv1.ClusterRoleList
		if err := k.Admin.List(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		var role rbacv1.ClusterRole
		if err := k.Admin.Get(t.Context(), client.ObjectKey{Name: name}, &role); err != nil {
			t.Fatal(err)
		}
		role.Rules = nil
		for _, s := range role.AggregationRule.ClusterRoleSelectors {
			selector, err := metav1.LabelSelectorAsSelector(&s)
			if err != nil {
				t.Fatal(err)
			}
			for _, from := range all.Items {
				if from.Name != name && selector.Matches(labels.Set(from.Labels)) {
					role.Rules = append(role.Rules, from.Rules...)
				}
			}
		}
		if err := k.Admin.Update(t.Context(), &role); err != nil {
			t.Fatal(err)
		}
	}
}

// pause waits a moment; it fails with why when the time is over.
func pause(ctx context.Context, why error) error {
	select {
	case <-ctx.Done():
		return errors.Join(ctx.Err(), why)
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// Wait waits until a condition of an object of ours is True for what is declared now.
func (k *Cluster) Wait(ctx context.Context, obj client.Object, condition v1alpha1.ConditionType) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	for {
		if err := k.Admin.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return fmt.Errorf("%T %s: %w", obj, obj.GetName(), err)
		}
		var conditions []metav1.Condition
		switch x := obj.(type) {
		case *v1alpha1.OAuthServer:
			conditions = x.Status.Conditions
		case *v1alpha1.OAuthClient:
			conditions = x.Status.Conditions
		}
		c := meta.FindStatusCondition(conditions, string(condition))
		if c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == obj.GetGeneration() {
			return nil
		}
		if err := pause(ctx, fmt.Errorf("%T %s is not %s: %v", obj, obj.GetName(), condition, conditions)); err != nil {
			return err
		}
	}
}

// StartServer runs a replica of a server as soon as it has its keys and its Deployment.
func (k *Cluster) StartServer(ctx context.Context, namespace, name, listen string) (*Program, error) {
	server := &v1alpha1.OAuthServer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := k.Wait(ctx, server, v1alpha1.ConditionKeysReady); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	for {
		p, err := k.runServer(ctx, namespace, name, listen)
		if err == nil {
			return p, nil
		}
		if err := pause(ctx, err); err != nil {
			return nil, err
		}
	}
}

// InstallGatewayAPI installs kinds of the Gateway API, in the version that hack/tools pins.
func (k *Cluster) InstallGatewayAPI(t *testing.T, kinds ...string) {
	t.Helper()
	crds := gatewayAPI(t)
	for _, kind := range kinds {
		if _, err := k.Kubectl("", "apply", "--server-side", "-f", filepath.Join(crds, "gateway.networking.k8s.io_"+kind+".yaml")); err != nil {
			t.Fatal(err)
		}
	}
}

// gatewayAPI is the folder with the CRDs of the Gateway API.
func gatewayAPI(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", "sigs.k8s.io/gateway-api")
	cmd.Dir = filepath.Join(demo.Root(), "hack", "tools", "gateway-api")
	cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(module.Dir, "config", "crd", "standard")
}
