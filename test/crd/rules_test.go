package crd_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/config/crd"
)

// rule is one manifest and what the API server must say about it.
type rule struct {
	kind string
	// name of the object; "sample" when empty.
	name string
	// spec in YAML.
	spec string
	// field and message of the refusal, the message in part; both empty when the manifest is to be accepted.
	field, message string
	// compiled is what the compile step says, in part, of a manifest that the API server has to accept, because no rule could tell.
	compiled string
}

// unknownField is what the API server says of a field that a kind does not have.
const unknownField = "unknown field"

// objectItself is the field of a refusal of the whole object. The API server lets a rule about metadata.name sit nowhere
// else, so such messages name the field themselves.
const objectItself = "<nil>"

// ruleTables are all tables, by the file they are in. Each is keyed by a sentence.
func ruleTables() map[string]map[string]rule {
	return map[string]map[string]rule{
		"OAuthClient":           clientRules(),
		"redirect URIs":         redirectRules(),
		"OAuthServer":           serverRules(),
		"issuer":                issuerRules(),
		"OAuthGrantPolicy":      policyRules(),
		"OAuthResource":         resourceRules(),
		"OAuthIdentityProvider": providerRules(),
		"boundaries":            boundaryRules(),
		"authentication":        authenticationRules(),
		"secrets":               secretRules(),
		"people":                peopleRules(),
		"upstreams":             upstreamRules(),
		"directories":           directoryRules(),
		"services":              serviceAddressRules(),
		"texts":                 textRules(),
		"addresses":             webAddressRules(),
		"durations":             durationRules(),
		"names":                 nameRules(),
		"selectors":             selectorRules(),
		"scopes":                scopeRules(),
		"sizes":                 sizeRules(),
	}
}

func TestConvention10Rules(t *testing.T) {
	c := newClient(t)
	namespace := newNamespace(t, c)
	for _, table := range slices.Sorted(maps.Keys(ruleTables())) {
		t.Run(table, func(t *testing.T) {
			for sentence, r := range ruleTables()[table] {
				t.Run(sentence, func(t *testing.T) {
					t.Parallel()
					r.check(t, c, namespace)
				})
			}
		})
	}
}

func (r rule) check(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	name := r.name
	if name == "" {
		name = "sample"
	}
	obj := manifest(t, r.kind, namespace, name, r.spec)
	err := c.Create(context.Background(), obj, client.DryRunAll)
	if r.field == "" {
		if err != nil {
			t.Errorf("refused, should be accepted: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatalf("accepted, should be refused: %s: %s", r.field, r.message)
	}
	expectRefusal(t, err, r.field, r.message)
}

// expectRefusal checks that an error of the API server has a cause for the field with the message.
func expectRefusal(t *testing.T, err error, field, message string) {
	t.Helper()
	causes := causesOf(err)
	if message == unknownField && strings.Contains(err.Error(), "unknown field \""+field+"\"") {
		return // strict decoding has no causes
	}
	if len(causes) == 0 {
		t.Fatalf("not a refusal of a manifest: %v", err)
	}
	for _, c := range causes {
		if c.Field == field && strings.Contains(c.Message, message) {
			return
		}
	}
	t.Errorf("refused for other reasons than %s: %s\n%v", field, message, err)
}

func causesOf(err error) []metav1.StatusCause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	return status.Status().Details.Causes
}

// node is a place in a schema that has rules of its own.
type node struct {
	kind, path string
	messages   []string
}

// nodesWithRules walks the schemas of all kinds. A path is as in "spec.redirectURIs[]".
func nodesWithRules(t *testing.T) []node {
	t.Helper()
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	var nodes []node
	for _, d := range crds {
		var walk func(path string, s *apiextensionsv1.JSONSchemaProps)
		walk = func(path string, s *apiextensionsv1.JSONSchemaProps) {
			n := node{kind: d.Spec.Names.Kind, path: path}
			for _, v := range s.XValidations {
				if v.Message == "" {
					t.Errorf("%s %s: the rule %q has no message", n.kind, path, v.Rule)
				}
				n.messages = append(n.messages, v.Message)
			}
			if len(n.messages) > 0 {
				nodes = append(nodes, n)
			}
			for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
				p := s.Properties[name]
				walk(strings.TrimPrefix(path+"."+name, "."), &p)
			}
			if s.Items != nil && s.Items.Schema != nil {
				walk(path+"[]", s.Items.Schema)
			}
		}
		walk("", d.Spec.Versions[0].Schema.OpenAPIV3Schema)
	}
	return nodes
}

// TestEveryRuleIsTested keeps the tables whole: a rule that is added without a manifest that it refuses and one that it
// accepts fails here, not in front of a user.
func TestEveryRuleIsTested(t *testing.T) {
	refused, accepted := map[string]bool{}, map[string]bool{}
	for _, table := range ruleTables() {
		for _, r := range table {
			if r.field != "" {
				refused[r.kind+" "+r.message] = true
				continue
			}
			spec := manifest(t, r.kind, "any", "any", r.spec).Object["spec"]
			accepted[r.kind+" "] = true
			for _, p := range pathsOf("spec", spec) {
				accepted[r.kind+" "+p] = true
			}
		}
	}
	for _, u := range updateRules() {
		refused[u.kind+" "+u.message] = true
	}
	nodes := nodesWithRules(t)
	if len(nodes) < 40 {
		t.Errorf("only %d places with rules were found; the walk is broken", len(nodes))
	}
	for _, n := range nodes {
		for _, m := range n.messages {
			if !refused[n.kind+" "+m] {
				t.Errorf("%s %s: no manifest is refused with %q", n.kind, n.path, m)
			}
		}
		if !accepted[n.kind+" "+n.path] {
			t.Errorf("%s %s: no manifest with this field is accepted", n.kind, n.path)
		}
	}
}

// pathsOf lists the paths that a value has, as nodesWithRules writes them.
func pathsOf(path string, v any) []string {
	paths := []string{path}
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			paths = append(paths, pathsOf(path+"."+name, field)...)
		}
	case []any:
		for _, item := range v {
			paths = append(paths, pathsOf(path+"[]", item)...)
		}
	}
	return paths
}
