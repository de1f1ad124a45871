package crd_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
)

// invalid returns what the compile step finds wrong with the form of a manifest, whatever else there is in the cluster.
func invalid(t *testing.T, r rule) []compile.Finding {
	t.Helper()
	name := r.name
	if name == "" {
		name = "sample"
	}
	content := manifest(t, r.kind, "apps", name, r.spec).Object
	into := func(obj any) {
		t.Helper()
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, obj); err != nil {
			t.Skipf("not even a %s: %v", r.kind, err)
		}
	}
	var findings []compile.Finding
	main := v1alpha1.OAuthServer{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "main", Annotations: map[string]string{v1alpha1.AnnotationDefaultServer: "true"}}}
	main.Spec.Issuer = "https://main.example"
	servers := []v1alpha1.OAuthServer{main}
	switch r.kind {
	case "OAuthClient":
		c := &v1alpha1.OAuthClient{}
		into(c)
		c.Spec.ServerRef = nil // whose form is checked by whether it is found
		findings = compile.Client(compile.ClientInputs{Client: c, Servers: servers}).Findings
	case "OAuthServer":
		s := &v1alpha1.OAuthServer{}
		into(s)
		_, findings = compile.Server(s, nil)
	case "OAuthGrantPolicy":
		p := &v1alpha1.OAuthGrantPolicy{}
		into(p)
		_, findings = compile.Policy(p, servers)
	case "OAuthResource":
		o := &v1alpha1.OAuthResource{}
		into(o)
		_, findings = compile.Resource(o, servers, nil)
	case "OAuthIdentityProvider":
		p := &v1alpha1.OAuthIdentityProvider{}
		into(p)
		p.UID = "11111111-2222-3333-4444-555555555555"
		_, findings = compile.IdentityProvider(p, servers, secretOf(p))
	}
	var wrong []compile.Finding
	for _, f := range findings {
		if f.Reason == v1alpha1.ReasonInvalid {
			wrong = append(wrong, f)
		}
	}
	return wrong
}

// secretOf is a Secret that has whatever a provider reads.
func secretOf(p *v1alpha1.OAuthIdentityProvider) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: compile.ReferencedSecret(&p.Spec), Labels: map[string]string{v1alpha1.LabelReferenced: "true"}}}
	if p.Spec.Local == nil {
		s.Data = map[string][]byte{"client-id": []byte("a"), "client-secret": []byte("b"), "k": []byte("b"), "oidc.secret_1": []byte("b"), "bind-dn": []byte("cn=a"), "bind-password": []byte("b")}
	}
	return s
}

// TestCompileAcceptsWhatTheAPIServerDoes: whatever `kubectl apply` takes, the operator does not call malformed, but for what no rule
// of the API server can tell.
func TestCompileAcceptsWhatTheAPIServerDoes(t *testing.T) {
	for table, rules := range ruleTables() {
		for sentence, r := range rules {
			if r.field != "" {
				continue
			}
			t.Run(table+"/"+sentence, func(t *testing.T) {
				found := invalid(t, r)
				if r.compiled != "" {
					if len(found) != 1 || !strings.Contains(found[0].Message, r.compiled) {
						t.Errorf("the compile step says %v, and should say %q alone", found, r.compiled)
					}
					return
				}
				if len(found) > 0 {
					t.Errorf("accepted by the API server, and refused by the compile step: %v", found)
				}
			})
		}
	}
}

// TestK12CompileRefusesWhatTheAPIServerDoes: the operator checks again what is dangerous, because a manifest may have been
// stored before a rule was, and because there is no API server in front of a folder of manifests.
func TestK12CompileRefusesWhatTheAPIServerDoes(t *testing.T) {
	// What only the API server refuses: a matter of taste, what an exact comparison makes harmless, or a Secret that is not found.
	admissionOnly := func(sentence string) bool {
		return strings.HasSuffix(sentence, ": a space at the beginning") || strings.HasSuffix(sentence, ": a space at the end") ||
			slices.Contains([]string{"a policy for a provider by a long name", "google without its Secret", "a key that is none"}, sentence) ||
			strings.HasPrefix(sentence, "a key of a Secret that is ") || slices.Contains(admissionOnlyKeys(), sentence) || slices.Contains(admissionOnlyBounds(), sentence) ||
			strings.HasSuffix(sentence, "refused: https://a.example/..;/cb") || strings.HasSuffix(sentence, "refused: https://a.example/..;/x")
	}
	for _, table := range []string{"redirect URIs", "issuer", "texts", "addresses", "scopes", "selectors", "people", "upstreams", "directories", "services", "authentication", "boundaries", "secrets"} {
		rules, ok := ruleTables()[table]
		if !ok {
			t.Fatalf("there is no table %q", table)
		}
		for sentence, r := range rules {
			if r.field == "" || r.message == unknownField || admissionOnly(sentence) {
				continue
			}
			t.Run(table+"/"+sentence, func(t *testing.T) {
				if len(invalid(t, r)) == 0 {
					t.Error("refused by the API server, and accepted by the compile step")
				}
			})
		}
	}
}

// admissionOnlyKeys are refused for order's sake: members that no library looks at for a key of that type, and an empty list,
// which is what an absent one is.
func admissionOnlyKeys() []string {
	return []string{"key set: OKP with two coordinates", "key set: RSA with a curve", "key set: EC with an exponent", "key set: a key for encryption",
		"key set: a name that is too long", "key set: no algorithm"}
}

// admissionOnlyBounds are limits that are none in effect, an expression that is the same as none, templates that are none or leave a key
// empty, and a name that no object has.
func admissionOnlyBounds() []string {
	return []string{"too many clients", "too many grants for a user", "users by nothing", "a resource by a long name", "a template without keys", "an empty template"}
}
