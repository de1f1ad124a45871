package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	pathLike = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?$`)
	makeCall = regexp.MustCompile(`\bmake ([a-z]+)`)
	target   = regexp.MustCompile(`(?m)^([a-z-]+):`)
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(path)))
	return err == nil
}

// inRepository reports whether something in backticks is a path of the repository: it begins with a folder of it, or ends like
// a source file. bin is built.
func inRepository(s string) bool {
	first, _, nested := strings.Cut(s, "/")
	if !pathLike.MatchString(s) || first == "bin" {
		return false
	}
	return nested && (exists(first) || strings.HasSuffix(s, ".go") || strings.HasSuffix(s, ".md"))
}

func TestPathsExist(t *testing.T) {
	for _, p := range pages(t) {
		for _, s := range p.code() {
			if inRepository(s) && !exists(s) {
				t.Errorf("%s names %s, which does not exist", p.path, s)
			}
		}
	}
}

func TestMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	for _, p := range pages(t) {
		commands := p.code()
		for _, b := range p.blocks {
			commands = append(commands, b.text)
		}
		for line := range strings.SplitSeq(p.prose(), "\n") {
			if strings.HasPrefix(line, "    ") { // an indented block
				commands = append(commands, line)
			}
		}
		for _, m := range makeCall.FindAllStringSubmatch(strings.Join(commands, "\n"), -1) {
			if !targets[m[1]] {
				t.Errorf("%s says make %s, which the Makefile does not have", p.path, m[1])
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.prose(), -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") || to == "" {
				continue
			}
			if at := filepath.ToSlash(filepath.Join(filepath.Dir(p.path), to)); !exists(at) {
				t.Errorf("%s links to %s, which does not exist", p.path, at)
			}
		}
	}
}
