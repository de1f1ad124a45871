package kustomize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

// Build renders the kustomization in dir. Every object says by the annotation config.kubernetes.io/origin which file it comes
// from. The error of a kustomization that reaches beyond this machine's files names what does, and what to do instead.
func Build(dir string) ([]byte, error) {
	// As kustomize resolves it, so that the root is recognised when it is read.
	root, err := filepath.EvalSymlinks(dir)
	if err == nil {
		root, err = filepath.Abs(root)
	}
	if err != nil {
		return nil, err
	}
	fs := &vetting{FileSystem: filesys.MakeFsOnDisk(), dir: dir, root: root}
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, root)
	if fs.refused != nil {
		// Not what kustomize makes of it, which is long.
		return nil, fs.refused
	}
	if err != nil {
		return nil, err
	}
	return objects.AsYaml()
}

// Root is the kustomization of a folder; empty when there is none.
func Root(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if manifest.IsKustomization(e.Name()) {
			return filepath.Join(dir, e.Name())
		}
	}
	return ""
}

// vetting is the file system, but for kustomizations that reach beyond it: they cannot be read. Kustomize reads every
// kustomization before it follows what that names, so that nothing is ever fetched.
type vetting struct {
	filesys.FileSystem
	// dir is the folder that is rendered, as the caller names it, and root as kustomize does.
	dir, root string
	// refused is why a kustomization was not handed out.
	refused error
}

// ReadFile reads a file, and a kustomization only if it is in order: what is handed out is what was looked at.
func (v *vetting) ReadFile(path string) ([]byte, error) {
	text, err := v.FileSystem.ReadFile(path)
	if err != nil || !manifest.IsKustomization(path) {
		return text, err
	}
	if len(text) > manifest.MaxFileSize {
		return nil, v.refuse(path, fmt.Errorf("%d bytes, more than the %d a kustomization may have", len(text), manifest.MaxFileSize))
	}
	content, err := decode(text)
	if err != nil {
		v.refused = fmt.Errorf("%s: %w", path, err)
		return nil, v.refused
	}
	if err := vet(content); err != nil {
		return nil, v.refuse(path, err)
	}
	options, _ := content["buildMetadata"].([]any)
	if filepath.Dir(path) == v.root && !slices.Contains(options, any("originAnnotations")) {
		content["buildMetadata"] = append(options, "originAnnotations")
	}
	return yaml.Marshal(content)
}

func (v *vetting) refuse(path string, why error) error {
	v.refused = fmt.Errorf("%s: %w; render it first: kustomize build %s | grantkeeper check -", path, why, v.dir)
	return v.refused
}

// decode reads a kustomization as kustomize does, to which RESOURCES are resources as well, and gives every field the name that
// it has here.
func decode(text []byte) (map[string]any, error) {
	var k types.Kustomization
	if err := k.Unmarshal(text); err != nil {
		return nil, err
	}
	plain, err := yaml.Marshal(k)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	return content, yaml.Unmarshal(plain, &content)
}

// vet finds what a kustomization would run or fetch.
func vet(content map[string]any) error {
	for _, field := range []string{"generators", "transformers", "validators", "helmCharts", "helmChartInflationGenerator"} {
		if entries, ok := content[field].([]any); ok && len(entries) > 0 {
			return errors.New(field + " are not run here")
		}
	}
	for _, field := range []string{"resources", "bases", "components", "crds", "configurations", "patches", "patchesStrategicMerge", "patchesJson6902",
		"replacements", "openapi", "configMapGenerator", "secretGenerator"} {
		for _, path := range paths(content[field], "") {
			if remote(path) {
				return fmt.Errorf("%s: %s is not on this machine, and nothing is fetched here", field, path)
			}
		}
	}
	return nil
}

// paths lists the strings of a field that kustomize may take for a path: entries themselves, and members by the names that
// paths have.
func paths(v any, member string) []string {
	switch v := v.(type) {
	case string:
		// A patch that is written out is no path.
		if !strings.Contains(v, "\n") && slices.Contains([]string{"", "path", "files", "envs", "env"}, member) {
			_, file, ok := strings.Cut(v, "=")
			if member == "files" && ok {
				return []string{v, file}
			}
			return []string{v}
		}
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, paths(e, member)...)
		}
		return out
	case map[string]any:
		var out []string
		for name, e := range v {
			out = append(out, paths(e, name)...)
		}
		return out
	}
	return nil
}

// elsewhere is how kustomize knows an address: a scheme, a user before a host, or GitHub's host.
var elsewhere = regexp.MustCompile(`(?i)^\s*(git::|[a-z][a-z0-9+.-]*:|[^/]*@|([a-z0-9-]+\.)*github\.com([:/]|$))`)

func remote(path string) bool { return elsewhere.MatchString(path) || strings.Contains(path, "://") }
