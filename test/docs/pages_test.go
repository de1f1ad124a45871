package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository's.
const root = "../.."

// block is one fenced block of a page, or one comment for this test.
type block struct {
	// info is what follows the opening fence: "yaml", "sh test"; "comment" for a comment.
	info string
	text string
	line int
}

// page is one file of the documentation.
type page struct {
	path   string // from the repository's root
	text   string
	blocks []block
}

var (
	fenced  = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	comment = regexp.MustCompile(`(?m)^<!-- test: (.*) -->$`)
	code    = regexp.MustCompile("`([^`]+)`")
)

// prose is the text without its blocks.
func (p *page) prose() string { return fenced.ReplaceAllString(p.text, "") }

// code lists everything in backticks outside of blocks, with line breaks as spaces.
func (p *page) code() []string {
	var out []string
	for _, m := range code.FindAllStringSubmatch(p.prose(), -1) {
		out = append(out, strings.Join(strings.Fields(m[1]), " "))
	}
	return out
}

// of lists the blocks with that info.
func (p *page) of(info string) []block {
	var out []block
	for _, b := range p.blocks {
		if b.info == info {
			out = append(out, b)
		}
	}
	return out
}

// pages reads the documentation that people write; docs/bad-input.md is printed by a test of its own.
func pages(t *testing.T) []*page {
	t.Helper()
	var out []*page
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if filepath.Base(f) != "bad-input.md" {
				out = append(out, read(t, f))
			}
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

func read(t *testing.T, path string) *page {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{path: filepath.ToSlash(rel), text: string(b)}
	line := func(at int) int { return 1 + strings.Count(p.text[:at], "\n") }
	for _, m := range fenced.FindAllStringSubmatchIndex(p.text, -1) {
		p.blocks = append(p.blocks, block{p.text[m[2]:m[3]], p.text[m[4]:m[5]], line(m[0])})
	}
	for _, m := range comment.FindAllStringSubmatchIndex(p.text, -1) {
		p.blocks = append(p.blocks, block{"comment", p.text[m[2]:m[3]] + "\n", line(m[0])})
	}
	slices.SortFunc(p.blocks, func(a, b block) int { return a.line - b.line })
	return p
}

// named finds a page by its path.
func named(t *testing.T, path string) *page {
	t.Helper()
	return read(t, filepath.Join(root, filepath.FromSlash(path)))
}
