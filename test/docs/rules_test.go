package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rules are those of the cluster (K) and the conventions of operators, by their numbers: how many there are of the first, and which of
// the second concern what exists.
var (
	rules       = 21
	conventions = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 26, 27}
)

// unruled are rules about what does not exist.
var unruled = map[string]string{
	"K16": "network policies come with the chart, and there is none yet",
	"K19": "several replicas need an engine of storage that they share, and there is none yet",
}

var (
	ruleOf       = regexp.MustCompile(`(?:^|[^A-Za-z0-9])K0?([0-9]{1,2})(?:[^0-9A-Za-z]|$)`)
	conventionOf = regexp.MustCompile(`[Cc]onvention ?0?([0-9]{1,2})`)
	testOfRule   = regexp.MustCompile(`^TestK0?([0-9]{1,2})(?:[^0-9]|$)`)
)

// namedRules lists the rules that the name of a test speaks of, as "K4" and "convention 7".
func namedRules(name string, function bool) []string {
	var out []string
	patterns := map[string]*regexp.Regexp{"K": ruleOf, "convention ": conventionOf}
	if function {
		patterns["K"] = testOfRule
	}
	for prefix, pattern := range patterns {
		for _, m := range pattern.FindAllStringSubmatch(name, -1) {
			out = append(out, prefix+m[1])
		}
	}
	slices.Sort(out)
	return out
}

// Every rule of the cluster and every convention that concerns what exists is in the name of a test.
func TestRulesAreTests(t *testing.T) {
	tested := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "node_modules"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !isTest(path) || strings.HasSuffix(filepath.ToSlash(path), "test/docs/rules_test.go"): // which names rules without testing any
			return nil
		}
		names, err := rulesIn(path)
		for _, name := range names {
			tested[name] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for n := 1; n <= rules; n++ {
		all = append(all, fmt.Sprintf("K%d", n))
	}
	for _, n := range conventions {
		all = append(all, fmt.Sprintf("convention %d", n))
	}
	for _, id := range all {
		path, is := tested[id]
		why, missing := unruled[id]
		switch {
		case !is && !missing:
			t.Errorf("no test is named after %s", id)
		case is && missing:
			t.Errorf("%s has a test in %s, and is said not to be built: %s", id, path, why)
		}
	}
}

// rulesIn lists the rules that the names of the tests of a file speak of: those of functions, of subtests, of the rows of tables, and
// of the specs of Ginkgo.
func rulesIn(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []string
	add := func(e ast.Expr) {
		if s, ok := leading(e); ok {
			out = append(out, namedRules(s, false)...)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if strings.HasPrefix(n.Name.Name, "Test") && n.Recv == nil {
				out = append(out, namedRules(n.Name.Name, true)...)
			}
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.SelectorExpr:
				if f.Sel.Name == "Run" && len(n.Args) > 1 {
					add(n.Args[0])
				}
			case *ast.Ident:
				if slices.Contains([]string{"It", "Describe", "Context", "Entry"}, f.Name) && len(n.Args) > 1 {
					add(n.Args[0])
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "name" {
				add(n.Value)
			} else {
				add(n.Key)
			}
		}
		return true
	})
	return out, nil
}

func TestNamesOfRules(t *testing.T) {
	for name, want := range map[string]string{
		"K4 what it is": "K4", "never adopts (K04)": "K4", "K14 and K07": "K14 K7", "HK4 is none": "", "K140": "",
		"convention 7: two owners": "convention 7", "K18 convention 08 goes": "K18 convention 8", "of conventions": "",
	} {
		if got := strings.Join(namedRules(name, false), " "); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"TestK01LeastPrivilege": "K1", "TestConvention26Health": "convention 26", "TestKind": "", "TestK6Secrets": "K6"} {
		if got := strings.Join(namedRules(name, true), " "); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
