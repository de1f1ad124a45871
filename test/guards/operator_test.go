package guards

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// managed is the label of what the operator makes.
var managed = map[string]string{"grantkeeper.dev/managed-by": "grantkeeper-operator"}

// secret is one in the apps' namespace that an OAuthClient owns, changed as a case wants it.
func secret(name string, change ...func(*corev1.Secret)) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: apps, Name: name, Labels: managed,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "grantkeeper.dev/v1alpha1", Kind: "OAuthClient", Name: "reports", UID: "1"}},
		},
		Type: "servicebinding.io/oauth2",
		Data: map[string][]byte{"client-secret": []byte("x")},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

func unlabelled(s *corev1.Secret) { s.Labels = nil }
func unowned(s *corev1.Secret)    { s.OwnerReferences = nil }
func proven(s *corev1.Secret)     { s.Annotations = map[string]string{"grantkeeper.dev/proof": "v1.x"} }
func foreign(s *corev1.Secret) {
	s.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "shop", UID: "2"}}
}

func typed(t corev1.SecretType) func(*corev1.Secret) {
	return func(s *corev1.Secret) {
		s.Type = t
		s.Data = map[string][]byte{"release": []byte("x"), ".dockerconfigjson": []byte("{}"), "tls.crt": nil, "tls.key": nil}
		s.Annotations = map[string]string{corev1.ServiceAccountNameKey: "default"}
	}
}

func in(namespace string) func(*corev1.Secret) {
	return func(s *corev1.Secret) { s.Namespace = namespace }
}

// TestK04StolenOperatorMakesNoForeignSecrets: whoever took the operator's pod over has its rights, and RBAC lets it create any
// Secret. What it may not make is refused all the same.
func TestK04StolenOperatorMakesNoForeignSecrets(t *testing.T) {
	operator := world.AsAccount(t, operatorNamespace, operatorAccount)
	for name, c := range map[string]struct {
		secret *corev1.Secret
		// says is in the refusal; empty when it is allowed.
		says string
	}{
		"one of its own":                     {secret("ours"), ""},
		"one that is to outlive its client":  {secret("retained", unowned, proven), ""},
		"one without the label":              {secret("a", unlabelled), "grantkeeper.dev/managed-by"},
		"one that nobody owns":               {secret("b", unowned), "an OAuthClient or OAuthServer owns"},
		"one of a Deployment":                {secret("c", foreign), "an OAuthClient or OAuthServer owns"},
		"one with a second, foreign owner":   {secret("d", proven, foreign), "an owner of another kind"},
		"a token of a ServiceAccount":        {secret("e", typed(corev1.SecretTypeServiceAccountToken)), "somebody else"},
		"a token that lets nodes in":         {secret("bootstrap-token-abcdef", typed(corev1.SecretTypeBootstrapToken), in("kube-system")), "the cluster's own"},
		"a release of Helm":                  {secret("f", typed("helm.sh/release.v1")), "somebody else"},
		"one of a person":                    {secret("k", typed(corev1.SecretTypeOpaque)), "somebody else"},
		"a certificate":                      {secret("g", typed(corev1.SecretTypeTLS)), "somebody else"},
		"a registry's password":              {secret("h", typed(corev1.SecretTypeDockerConfigJson)), "somebody else"},
		"one in the cluster's own namespace": {secret("i", in("kube-system")), "the cluster's own"},
		"one that everybody may read":        {secret("j", in("kube-public")), "the cluster's own"},
	} {
		t.Run(name, func(t *testing.T) {
			err := operator.Create(t.Context(), c.secret, client.DryRunAll)
			switch {
			case c.says == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case c.says != "" && !Refused(err, "grantkeeper-operator-secrets", c.says):
				t.Errorf("want a refusal with %q, got %v", c.says, err)
			}
		})
	}
}

// TestK04StolenOperatorTouchesNoForeignSecrets: neither changes nor deletes what it did not make, nor makes it its own first.
func TestK04StolenOperatorTouchesNoForeignSecrets(t *testing.T) {
	operator := world.AsAccount(t, operatorNamespace, operatorAccount)
	for name, c := range map[string]struct {
		there  *corev1.Secret
		change func(*corev1.Secret)
		says   string
	}{
		"one of its own": {secret("own"), func(s *corev1.Secret) { s.Data["client-secret"] = []byte("y") }, ""},
		"one of its own gets the proof in place of an owner": {secret("retain"), func(s *corev1.Secret) { unowned(s); proven(s) }, ""},
		"one from a backup is adopted":                       {secret("restored", unowned, proven), func(s *corev1.Secret) { s.OwnerReferences = secret("").OwnerReferences }, ""},
		"one of a person":                                    {secret("person", unlabelled, unowned), func(s *corev1.Secret) { s.Data["client-secret"] = []byte("y") }, "grantkeeper.dev/managed-by"},
		"one of a person, labelled by it":                    {secret("label", unlabelled, unowned), func(s *corev1.Secret) { s.Labels = managed }, "grantkeeper.dev/managed-by"},
		"one of a person, labelled, owned and proven by it": {secret("all", unlabelled, unowned), func(s *corev1.Secret) {
			s.Labels, s.OwnerReferences = managed, secret("").OwnerReferences
			proven(s)
		}, "grantkeeper.dev/managed-by"},
		"one that carries the label and is somebody else's": {secret("foreign", foreign), func(s *corev1.Secret) { s.Data["client-secret"] = []byte("y") }, "an OAuthClient or OAuthServer owns"},
		"one of its own, given away":                        {secret("away"), unlabelled, "grantkeeper.dev/managed-by"},
		"one of its own, given to a Deployment":             {secret("given", proven), foreign, "an owner of another kind"},
		"a token of a ServiceAccount":                       {secret("sa", typed(corev1.SecretTypeServiceAccountToken)), func(s *corev1.Secret) { s.Data["token"] = []byte("y") }, "somebody else"},
		"one in the cluster's own namespace":                {secret("kube", in("kube-system")), func(s *corev1.Secret) { s.Data["client-secret"] = []byte("y") }, "the cluster's own"},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.there.DeepCopy()
			if err := world.Admin.Create(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			changed := s.DeepCopy()
			c.change(changed)
			err := operator.Update(t.Context(), changed, client.DryRunAll)
			gone := operator.Delete(t.Context(), s, client.DryRunAll)
			if c.says == "" {
				if err != nil || gone != nil {
					t.Errorf("it is refused: %v, %v", err, gone)
				}
				return
			}
			if !Refused(err, "grantkeeper-operator-secrets", c.says) {
				t.Errorf("want a refusal with %q, got %v", c.says, err)
			}
			own := c.there.Labels != nil && c.says != "somebody else" && c.there.Namespace == apps && c.there.OwnerReferences[0].Kind == "OAuthClient"
			if !own && !Refused(gone, "grantkeeper-operator-secrets") {
				t.Errorf("it could be deleted: %v", gone)
			}
		})
	}
}

// workload is an object of the kinds that the operator makes for servers.
const workload = `
apiVersion: %s
kind: %s
metadata:
  name: %s
  namespace: %s
  labels: {grantkeeper.dev/managed-by: %s}
  ownerReferences: [{apiVersion: grantkeeper.dev/v1alpha1, kind: OAuthServer, name: main, uid: "1"}]
%s`

// pod is a Deployment's spec, with the ServiceAccount and further fields of the pod.
const pod = `spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {serviceAccountName: %s, %s containers: [{name: server, image: "x", securityContext: {allowPrivilegeEscalation: false}}]}
`

// TestK04StolenOperatorRunsNothingElse: with the right to create Deployments anywhere, it could run one as any ServiceAccount,
// and be whatever that is.
func TestK04StolenOperatorRunsNothingElse(t *testing.T) {
	operator := world.AsAccount(t, operatorNamespace, operatorAccount)
	const ours, theirs = "grantkeeper-operator", "somebody"
	role := "rules: [{apiGroups: [\"\"], resources: [secrets], verbs: [get, list, watch]}]"
	bind := func(role, account, namespace string) string {
		return fmt.Sprintf("roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %s}\nsubjects: [{kind: ServiceAccount, name: %s, namespace: %s}]", role, account, namespace)
	}
	for name, c := range map[string]struct{ manifest, says string }{
		"the Deployment of a server":      {fmt.Sprintf(workload, "apps/v1", "Deployment", "oauth-x", platform, ours, fmt.Sprintf(pod, "oauth-x", "")), ""},
		"one that is not labelled":        {fmt.Sprintf(workload, "apps/v1", "Deployment", "oauth-x", platform, theirs, fmt.Sprintf(pod, "oauth-x", "")), "somebody else"},
		"one of another name":             {fmt.Sprintf(workload, "apps/v1", "Deployment", "shop", platform, ours, fmt.Sprintf(pod, "shop", "")), "named oauth-"},
		"one as another ServiceAccount":   {fmt.Sprintf(workload, "apps/v1", "Deployment", "oauth-x", platform, ours, fmt.Sprintf(pod, "cluster-admin", "")), "the ServiceAccount of its own name"},
		"one in the node's network":       {fmt.Sprintf(workload, "apps/v1", "Deployment", "oauth-x", platform, ours, fmt.Sprintf(pod, "oauth-x", "hostNetwork: true,")), "nothing of the node"},
		"one with the node's files":       {fmt.Sprintf(workload, "apps/v1", "Deployment", "oauth-x", platform, ours, fmt.Sprintf(pod, "oauth-x", "volumes: [{name: a, hostPath: {path: /}}],")), "nothing of the node"},
		"one in kube-system":              {fmt.Sprintf(workload, "apps/v1", "Deployment", "oauth-x", "kube-system", ours, fmt.Sprintf(pod, "oauth-x", "")), "the cluster's own"},
		"the Role of a server":            {fmt.Sprintf(workload, "rbac.authorization.k8s.io/v1", "Role", "oauth-x", platform, ours, role), ""},
		"a Role in kube-system":           {fmt.Sprintf(workload, "rbac.authorization.k8s.io/v1", "Role", "oauth-x", "kube-system", ours, role), "the cluster's own"},
		"the RoleBinding of a server":     {fmt.Sprintf(workload, "rbac.authorization.k8s.io/v1", "RoleBinding", "oauth-main", platform, ours, bind("oauth-main", "oauth-main", platform)), ""},
		"a Role for somebody else":        {fmt.Sprintf(workload, "rbac.authorization.k8s.io/v1", "RoleBinding", "oauth-main", platform, ours, bind("oauth-main", "default", apps)), "to the ServiceAccount of its own name"},
		"somebody else's Role":            {fmt.Sprintf(workload, "rbac.authorization.k8s.io/v1", "RoleBinding", "oauth-y", platform, ours, bind("oauth-main", "oauth-y", platform)), "the Role of its own name"},
		"a ServiceAccount":                {fmt.Sprintf(workload, "v1", "ServiceAccount", "oauth-x", platform, ours, ""), ""},
		"somebody else's Service":         {fmt.Sprintf(workload, "v1", "Service", "kubernetes", "default", ours, "spec: {ports: [{port: 443}]}"), "named oauth-"},
		"the Lease of another controller": {fmt.Sprintf(workload, "coordination.k8s.io/v1", "Lease", "cloud-controller", "default", ours, ""), "its own only"},
	} {
		t.Run(name, func(t *testing.T) {
			err := operator.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(Object(t, c.manifest)), client.FieldOwner("test"), client.ForceOwnership, client.DryRunAll)
			switch {
			case c.says == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case c.says != "" && !Refused(err, "grantkeeper-operator-workload", c.says):
				t.Errorf("want a refusal with %q, got %v", c.says, err)
			}
		})
	}
}

// TestK04OthersAreNotConcerned: the policies are about the operator's identity alone.
func TestK04OthersAreNotConcerned(t *testing.T) {
	if err := world.Admin.Create(t.Context(), secret("theirs", unlabelled, unowned), client.DryRunAll); err != nil {
		t.Error(err)
	}
	// The operator in another namespace is another identity, without rights.
	world.Apply(t, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: grantkeeper-operator, namespace: "+apps+"}\n")
	impostor := world.AsAccount(t, apps, operatorAccount)
	if err := impostor.Create(t.Context(), secret("x"), client.DryRunAll); !apierrors.IsForbidden(err) || Refused(err) {
		t.Errorf("want a refusal by RBAC, got %v", err)
	}
}
