package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

func crds(t *testing.T) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	all, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestManifestsLoad(t *testing.T) {
	loader := manifest.NewLoader(crds(t))
	found := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if !strings.HasPrefix(b.info, "yaml") || !strings.Contains(b.text, "apiVersion: grantkeeper.dev/") {
				continue
			}
			found++
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "block.yaml"), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, problems := loader.Load(t.Context(), dir)
			for _, problem := range problems {
				t.Errorf("%s, the manifest in line %d: %s", p.path, b.line, problem)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d manifests were found", found)
	}
}

// leaves lists the fields of a schema that have no fields of their own, such as "scopes[].name".
func leaves(s *apiextensionsv1.JSONSchemaProps, at string) []string {
	if s.Items != nil && s.Items.Schema != nil {
		return leaves(s.Items.Schema, at+"[]")
	}
	_, selector := s.Properties["matchLabels"] // every reader knows what a label selector has
	if len(s.Properties) == 0 || selector {
		return []string{strings.TrimSuffix(at, "[]")}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		child := s.Properties[name]
		out = append(out, leaves(&child, strings.TrimPrefix(at+"."+name, "."))...)
	}
	return out
}

func TestEveryFieldIsOnThePageOfItsKind(t *testing.T) {
	for _, c := range crds(t) {
		kind := c.Spec.Names.Kind
		p := named(t, "docs/kinds/"+strings.ToLower(kind)+".md")
		spec := c.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		words := p.code()
		for _, field := range leaves(&spec, "") {
			if !slices.Contains(words, field) {
				t.Errorf("%s does not say what `%s` is", p.path, field)
			}
		}
		for _, s := range c.Spec.Names.ShortNames {
			if !slices.Contains(words, s) {
				t.Errorf("%s does not name the short name %s", p.path, s)
			}
		}
	}
}

// constants are the values of the string constants of a type in a source file; of none when typeName is empty.
func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok || typeOf(v.Type) != typeName {
				continue
			}
			for _, value := range v.Values {
				if lit, ok := value.(*ast.BasicLit); ok {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, text)
				}
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no constants of type %s", file, typeName)
	}
	return out
}

func typeOf(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

func TestEveryConstantIsDocumented(t *testing.T) {
	for name, tt := range map[string]struct{ page, file, typeName string }{
		"every condition":                    {"docs/reference/conditions.md", "api/v1alpha1/conditions.go", "ConditionType"},
		"every reason of a condition":        {"docs/reference/conditions.md", "api/v1alpha1/conditions.go", "ConditionReason"},
		"every audit event of an endpoint":   {"docs/how-to/operate.md", "server/internal/audit/audit.go", "Action"},
		"every audit event of the browser":   {"docs/how-to/operate.md", "server/internal/login/audit.go", "Action"},
		"every audit event of consent":       {"docs/how-to/operate.md", "server/internal/login/consent.go", "Action"},
		"every audit event of the account":   {"docs/how-to/operate.md", "server/internal/account/account.go", "Action"},
		"every audit event of logout":        {"docs/how-to/operate.md", "server/internal/logout/logout.go", "Action"},
		"every reason of a refused sign-in":  {"docs/how-to/operate.md", "server/internal/login/audit.go", ""},
		"every way of client authentication": {"docs/kinds/oauthgrantpolicy.md", "api/v1alpha1/oauthgrantpolicy_types.go", "AuthenticationMethod"},
	} {
		t.Run(name, func(t *testing.T) {
			words := named(t, tt.page).code()
			for _, c := range constants(t, tt.file, tt.typeName) {
				if !slices.Contains(words, c) {
					t.Errorf("%s does not explain `%s`", tt.page, c)
				}
			}
		})
	}
}

func TestConvention03ReasonsExist(t *testing.T) {
	p := named(t, "docs/reference/conditions.md")
	known := constants(t, "api/v1alpha1/conditions.go", "ConditionReason")
	_, table, _ := strings.Cut(p.text, "## Reasons")
	table, _, _ = strings.Cut(table, "## Events")
	for line := range strings.SplitSeq(table, "\n") {
		if word, ok := strings.CutPrefix(line, "| `"); ok {
			if reason, _, _ := strings.Cut(word, "`"); !slices.Contains(known, reason) {
				t.Errorf("%s explains `%s`, which is no reason", p.path, reason)
			}
		}
	}
}

// TestConvention03EveryReasonIsTested: every reason of a condition is what some test of the controllers, of the compile step or of what
// people see expects, by its constant or by its word.
func TestConvention03EveryReasonIsTested(t *testing.T) {
	var tests strings.Builder
	for _, folder := range []string{"controllers", "internal/compile", "test", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || filepath.Base(filepath.Dir(path)) == "docs" {
				return err
			}
			b, err := os.ReadFile(path)
			tests.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, reason := range constants(t, "api/v1alpha1/conditions.go", "ConditionReason") {
		if !regexp.MustCompile(`Reason` + reason + `\b|"` + reason + `"`).MatchString(tests.String()) {
			t.Errorf("no test expects the reason %s", reason)
		}
	}
}
