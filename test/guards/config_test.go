package guards

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// TestK04AnotherNamespace: an overlay that moves the operator to another namespace moves the policies along.
func TestK04AnotherNamespace(t *testing.T) {
	out, err := world.Kubectl("", "kustomize", "testdata/renamed")
	if err != nil {
		t.Fatal(err)
	}
	if at := strings.Index(out, operatorNamespace); at >= 0 {
		t.Errorf("the old namespace is still named: … %s …", out[max(0, at-200):min(len(out), at+100)])
	}
	for what, n := range map[string]int{
		"'system:serviceaccount:' + 'oauth-operator'":                  2,
		"\n    namespace: oauth-operator\n    parameterNotFoundAction": 4,
	} {
		if got := strings.Count(out, what); got != n {
			t.Errorf("%q is there %d times, want %d", what, got, n)
		}
	}
}

// policies reads the admission policies of config/admission by name.
func policies(t *testing.T) map[string]admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(demo.Root(), "config", "admission", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]admissionv1.ValidatingAdmissionPolicy{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(b), "\n---\n") {
			if !strings.Contains(doc, "kind: ValidatingAdmissionPolicy\n") {
				continue
			}
			var p admissionv1.ValidatingAdmissionPolicy
			if err := yaml.UnmarshalStrict([]byte(doc), &p); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			out[p.Name] = p
		}
	}
	return out
}

// TestConvention11PoliciesFailClosed: what a policy cannot judge it refuses, and every refusal has a sentence of its own.
func TestConvention11PoliciesFailClosed(t *testing.T) {
	all := policies(t)
	if len(all) != 7 {
		t.Errorf("%d policies", len(all))
	}
	for name, p := range all {
		if p.Spec.FailurePolicy == nil || *p.Spec.FailurePolicy != admissionv1.Fail {
			t.Errorf("%s lets pass what it cannot judge", name)
		}
		for _, v := range p.Spec.Validations {
			if v.Message == "" && v.MessageExpression == "" || v.Reason == nil {
				t.Errorf("%s: %s has no message or no reason", name, v.Expression)
			}
		}
	}
}

// TestK11PoliciesAgree: the policies about hosts judge them in the same words.
func TestK11PoliciesAgree(t *testing.T) {
	words := map[string]map[string]string{}
	for name, p := range policies(t) {
		if !strings.HasPrefix(name, "grantkeeper-issuer-hosts-") {
			continue
		}
		words[name] = map[string]string{"named": p.Spec.Validations[0].MessageExpression, "pattern": p.Spec.Validations[1].Expression}
		for _, v := range p.Spec.Variables {
			if v.Name == "aliases" || v.Name == "issuers" || v.Name == "foreign" || v.Name == "taken" {
				words[name][v.Name] = v.Expression
			}
		}
	}
	for name, w := range words {
		if diff := cmp.Diff(words["grantkeeper-issuer-hosts-ingress"], w); diff != "" || len(w) != 6 {
			t.Errorf("%s differs from that of Ingress:\n%s", name, diff)
		}
	}
}

// TestConvention11NoWebhooks: a webhook is a server that has to be there for the API server to work.
func TestConvention11NoWebhooks(t *testing.T) {
	out, err := world.Kubectl("", "kustomize", filepath.Join(demo.Root(), "config", "default"))
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?i)kind: .*webhook.*`).FindString(out); found != "" {
		t.Error(found)
	}
}
