package check

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/kustomize"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

// maxInput bounds what a pipe brings, in bytes.
const maxInput = 64 << 20

// gatherer finds what to read.
type gatherer struct {
	in       io.Reader
	problems []manifest.Problem
	read     bool
}

func (g *gatherer) unreadable(file, format string, args ...any) {
	g.problems = append(g.problems, manifest.Problem{Origin: manifest.Origin{File: file}, Message: fmt.Sprintf(format, args...)})
}

// sources are where the manifests of paths are read from.
func (g *gatherer) sources(paths []string) []manifest.Source {
	var out []manifest.Source
	for _, path := range paths {
		switch {
		case path == "-":
			out = append(out, g.stdin()...)
		case kustomize.Root(path) != "":
			text, err := kustomize.Build(path)
			if err != nil {
				g.unreadable(kustomize.Root(path), "cannot be rendered: %v", err)
				continue
			}
			out = append(out, manifest.Source{Path: kustomize.Root(path), Text: text, Root: path})
		default:
			if g.plain(path) {
				out = append(out, manifest.Source{Path: path})
			}
		}
	}
	return out
}

func (g *gatherer) stdin() []manifest.Source {
	const name = "standard input"
	if g.read {
		g.unreadable(name, "is read once; name - once")
		return nil
	}
	g.read = true
	text, err := io.ReadAll(io.LimitReader(g.in, maxInput+1))
	switch {
	case err != nil:
		g.unreadable(name, "cannot be read: %v", err)
	case len(text) > maxInput:
		g.unreadable(name, "has more than %d bytes", maxInput)
	case len(bytes.TrimSpace(text)) == 0:
		// A pipe whose first part has failed must not pass for one in which all is well.
		g.unreadable(name, "is empty; whatever was to render the manifests has failed")
	default:
		return []manifest.Source{{Path: name, Text: text}}
	}
	return nil
}

// plain reports whether a folder holds manifests as they are. A chart has to be rendered; and where a folder below has a
// kustomization, its files are pieces that only kustomize can put together.
func (g *gatherer) plain(dir string) bool {
	before := len(g.problems)
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // which reading reports
		case d.IsDir() && path != dir && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case d.Name() == "Chart.yaml":
			g.unreadable(path, "is a Helm chart, whose templates have to be rendered first: helm template %s | grantkeeper check -", filepath.Dir(path))
			return fs.SkipDir
		case manifest.IsKustomization(d.Name()):
			g.unreadable(path, "a kustomization puts the files of this folder together; check it by itself: grantkeeper check %s", filepath.Dir(path))
			return fs.SkipDir
		}
		return nil
	})
	return len(g.problems) == before
}

// isTemplate reports whether a file that cannot be read is a Go template.
func isTemplate(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close() // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, manifest.MaxFileSize))
	return err == nil && bytes.Contains(text, []byte("{{"))
}
