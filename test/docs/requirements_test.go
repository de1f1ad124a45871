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
	"strconv"
	"strings"
	"testing"
)

// lines are the requirements about what the server answers, by letter: A are those of the authorization endpoint, sign-in and
// consent, C and D of codes and refresh tokens, F of devices, G of pushed requests and proofs of possession, I of the rest.
var lines = map[byte]int{'A': 38, 'C': 12, 'D': 12, 'F': 13, 'G': 4, 'I': 12}

// unbuilt are lines of what does not exist.
var unbuilt = map[string]string{
	"I11": "the server speaks plain HTTP behind something that ends TLS; there is no certificate to load",
}

var (
	beginsWithIDs = regexp.MustCompile(`^([A-Z][0-9]{2})(?:[ :,]|$)`)
	namedAfterID  = regexp.MustCompile(`^Test([A-Z][0-9]{2})(?:[^0-9]|$)`)
)

// ids are those that a name begins with: "A04 A05 what it is".
func ids(name string) []string {
	var out []string
	for {
		m := beginsWithIDs.FindStringSubmatch(name)
		if m == nil {
			return out
		}
		out, name = append(out, m[1]), strings.TrimLeft(name[len(m[1]):], " :,")
	}
}

// Every line is the name of a test, or is known to be about what is not there.
func TestRequirementsAreTests(t *testing.T) {
	named := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "node_modules"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !isTest(path) || d.Name() == "requirements_test.go": // which names lines without testing any
			return nil
		}
		names, err := testNames(path)
		for _, name := range names {
			for _, id := range ids(name) {
				named[id] = path
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for letter, last := range lines {
		for n := 1; n <= last; n++ {
			id := fmt.Sprintf("%c%02d", letter, n)
			path, tested := named[id]
			why, missing := unbuilt[id]
			switch {
			case !tested && !missing:
				t.Errorf("no test is named after %s", id)
			case tested && missing:
				t.Errorf("%s has a test in %s, and is said not to be built: %s", id, path, why)
			}
		}
	}
}

// isTest reports whether a file holds tests: also one of the suites that several packages share, whose folders are called so.
func isTest(path string) bool {
	return strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".go") && strings.HasSuffix(filepath.Dir(path), "test")
}

// testNames are the names of tests in a file: of functions by what follows Test, of subtests as they are written: in a call of Run,
// as the key of a table, or as its field name. Messages of tests are none.
func testNames(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	add := func(e ast.Expr) {
		if s, ok := leading(e); ok {
			names = append(names, s)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if m := namedAfterID.FindStringSubmatch(n.Name.Name); m != nil && n.Recv == nil {
				names = append(names, m[1])
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Run" && len(n.Args) > 1 {
				add(n.Args[0])
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
	return names, nil
}

// leading is the text that an expression begins with: a literal, or the first of several that are added up.
func leading(e ast.Expr) (string, bool) {
	for {
		switch x := e.(type) {
		case *ast.BinaryExpr:
			e = x.X
		case *ast.BasicLit:
			s, err := strconv.Unquote(x.Value)
			return s, err == nil && x.Kind == token.STRING
		default:
			return "", false
		}
	}
}

func TestNamesOfTests(t *testing.T) {
	for name, want := range map[string]string{
		"A04 loopback port": "A04", "A01 A02 A05 what is addressed badly": "A01 A02 A05", "A04": "A04", "F07: a page": "F07",
		"the line A04": "", "A041 is none": "", "a04": "", "S1 a story": "",
	} {
		if got := strings.Join(ids(name), " "); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
