package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// MaxFileSize bounds one file, in bytes. etcd takes no object larger than 1.5 MiB, so a larger file is not a manifest.
const MaxFileSize = 4 << 20

// Loader reads folders. It is safe for concurrent use, and cheaper the second time: compiled schemas are kept.
type Loader struct {
	schemas map[schema.GroupVersionKind]*kindSchema
}

// NewLoader makes a Loader that judges by the given CustomResourceDefinitions.
func NewLoader(crds []*apiextensionsv1.CustomResourceDefinition) *Loader {
	return &Loader{schemas: schemasOf(crds)}
}

// Load reads every .yaml, .yml and .json file below dir, but for kustomizations and names that begin with a dot. The
// Set has every object that is in order; each Problem is one that is not, or a file that cannot be read. A folder that
// cannot be read at all is one Problem.
func (l *Loader) Load(ctx context.Context, dir string) (Set, []Problem) {
	r := l.begin(Options{})
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		r.problem(Problem{Origin: Origin{File: dir}, Message: "cannot be read: not a folder"})
		return r.set, r.problems
	}
	r.source(ctx, Source{Path: dir})
	return r.set, r.problems
}

// Source is something that manifests are read from.
type Source struct {
	// Path is a folder, which is read as by Load, or a file. With Text it is what problems call it.
	Path string
	// Text, unless nil, is what is read.
	Text []byte
	// Root, unless empty, is the folder that Text was rendered from by kustomize: its annotations config.kubernetes.io/origin say
	// which file below it an object comes from, so that problems name that file.
	Root string
}

// Options say what holds for all sources.
type Options struct {
	// Namespace is that of the objects that name none; "default" when empty.
	Namespace string
	// Before is what the manifests are edits of, nil for nothing: rules about changes are checked against it, and what was
	// there already is older than what was not.
	Before *Set
	// Context is read too, for what the manifests refer to: it is older, an object that the sources have as well is passed over, and
	// Set.InContext tells which objects are from there alone.
	Context []Source
}

// Read reads sources one after the other, as Load does.
func (l *Loader) Read(ctx context.Context, sources []Source, o Options) (Set, []Problem) {
	r := l.begin(o)
	for _, s := range sources {
		r.source(ctx, s)
	}
	r.context = true
	for _, s := range o.Context {
		r.source(ctx, s)
	}
	return r.set, r.problems
}

func (l *Loader) begin(o Options) *reading {
	if o.Namespace == "" {
		o.Namespace = metav1.NamespaceDefault
	}
	r := &reading{loader: l, options: o, set: Set{Origins: map[ObjectKey]Origin{}, documents: map[ObjectKey]*document{}, judged: map[ObjectKey]map[string]any{}, ages: map[ObjectKey]int{}, context: map[ObjectKey]bool{}}}
	if o.Before != nil {
		r.order = len(o.Before.ages)
	}
	return r
}

func (r *reading) source(ctx context.Context, s Source) {
	if s.Text != nil {
		r.set.Files = append(r.set.Files, s.Path)
		r.text(ctx, s, s.Text)
		return
	}
	files := []string{s.Path}
	info, err := os.Stat(s.Path)
	if err == nil && info.IsDir() {
		files, err = find(s.Path)
	}
	if err != nil {
		r.problem(Problem{Origin: Origin{File: s.Path}, Message: fmt.Sprintf("cannot be read: %v", reason(err))})
		return
	}
	for _, f := range files {
		if info.IsDir() && !below(s.Path, f) {
			r.problem(Problem{Origin: Origin{File: f}, Message: "cannot be read: it is a link that leads out of the folder; put the file there instead"})
			continue
		}
		r.file(ctx, f)
	}
}

// below reports whether a file is in a folder once links are followed. Manifests may come from somebody who is not trusted with the
// files of this machine, as in a pull request. Of what cannot be told, reading says why.
func below(dir, file string) bool {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return true
	}
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return true
	}
	rel, err := filepath.Rel(root, target)
	return err != nil || filepath.IsLocal(rel)
}

// find lists the manifests below dir, sorted by path. It follows a link to a file, so that a mounted ConfigMap can be read, but not
// one to a folder.
func find(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !IsManifest(d.Name()) {
			return nil
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil
		}
		files = append(files, path)
		return nil
	})
	slices.Sort(files)
	return files, err
}

// IsManifest reports whether a file of that name is read by Load.
func IsManifest(name string) bool {
	base := filepath.Base(name)
	if IsKustomization(base) {
		return false
	}
	switch filepath.Ext(base) {
	case ".yaml", ".yml", ".json":
		return !strings.HasPrefix(base, ".")
	}
	return false
}

// IsKustomization reports whether a file of that name tells kustomize what to do with the others of its folder.
func IsKustomization(name string) bool {
	switch filepath.Base(name) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// reading is one Load under way.
type reading struct {
	loader   *Loader
	options  Options
	set      Set
	problems []Problem
	order    int
	// context is true while what the manifests refer to is read.
	context bool
}

func (r *reading) problem(p Problem) {
	p.InContext = r.context
	r.problems = append(r.problems, p)
}

func (r *reading) file(ctx context.Context, path string) {
	r.set.Files = append(r.set.Files, path)
	text, err := readBounded(path)
	if err != nil {
		r.problem(Problem{Origin: Origin{File: path}, Message: fmt.Sprintf("cannot be read: %v", reason(err))})
		return
	}
	r.text(ctx, Source{Path: path}, text)
}

// text reads the documents of a file, or what was rendered.
func (r *reading) text(ctx context.Context, s Source, text []byte) {
	parts, offsets := split(text)
	for i, part := range parts {
		d, err := parse(part, offsets[i])
		switch {
		case err != nil:
			r.problem(problemOf(s.Path, err))
		case d.root == nil:
		case s.Root != "":
			file, original := r.rendered(s, d)
			r.document(ctx, file, original)
		default:
			r.document(ctx, s.Path, d)
		}
	}
}

func tooLarge(size int64) error {
	return fmt.Errorf("%d bytes, more than the %d a file of manifests may have", size, MaxFileSize)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxFileSize {
		return nil, tooLarge(info.Size())
	}
	// What is no file has no size: a pipe, or a device that never ends.
	text, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err == nil && len(text) > MaxFileSize {
		return nil, tooLarge(int64(len(text)))
	}
	return text, err
}

// reason is an error of the file system without the path, which the Problem already names.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// header is what every object has.
type header struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        struct {
		Name         string `json:"name"`
		Namespace    string `json:"namespace"`
		GenerateName string `json:"generateName"`
	} `json:"metadata"`
	Items []json.RawMessage `json:"items"`
}

func (r *reading) document(ctx context.Context, file string, d *document) {
	var h header
	if err := json.Unmarshal(d.json, &h); err != nil {
		// The type error names the Go struct, which means nothing to a reader.
		r.problem(Problem{Origin: Origin{file, d.line("")}, Message: "not a manifest: want an object with apiVersion, kind and metadata.name, each a string"})
		return
	}
	if h.APIVersion == "v1" && h.Kind == "List" {
		for i, item := range h.Items {
			r.document(ctx, file, d.item(i, item))
		}
		return
	}
	key := ObjectKey{h.Kind, h.Metadata.Namespace, h.Metadata.Name}
	gv, err := schema.ParseGroupVersion(h.APIVersion)
	switch {
	case h.APIVersion == "" || h.Kind == "":
		r.problem(Problem{Origin: Origin{file, d.line("")}, Message: "apiVersion and kind are required"})
	case err != nil:
		r.problem(Problem{Origin: Origin{file, d.line("apiVersion")}, Object: key, Message: err.Error()})
	case h.Metadata.Name == "" && h.Metadata.GenerateName != "":
		r.problem(Problem{Origin: Origin{file, d.line("metadata.generateName")}, Object: key, Message: "metadata.generateName: cannot be applied; give the object a metadata.name"})
	case gv.Group == v1alpha1.GroupVersion.Group:
		r.custom(ctx, file, d, gv.WithKind(h.Kind), key)
	case gv == corev1.SchemeGroupVersion && (h.Kind == "Namespace" || h.Kind == "Secret"):
		r.core(file, d, key)
	default:
		r.set.PassedOver = append(r.set.PassedOver, Problem{Origin: Origin{file, d.line("")}, Object: key, Message: "passed over: " + h.APIVersion + " is none of Grantkeeper's concern here"})
	}
}

// keep records where an object stands; false when another one of that name was read before.
func (r *reading) keep(file string, d *document, key ObjectKey) bool {
	at := Origin{file, d.line("")}
	if first, ok := r.set.Origins[key]; ok {
		if r.context && !r.set.context[key] {
			return false
		}
		r.problem(Problem{Origin: Origin{file, d.line("metadata.name")}, Object: key, Message: fmt.Sprintf("is already declared at %s; remove one of the two", first)})
		return false
	}
	var content map[string]any
	if err := utiljson.Unmarshal(d.json, &content); err != nil {
		r.problem(Problem{Origin: at, Object: key, Message: err.Error()})
		return false
	}
	if meta, ok := content["metadata"].(map[string]any); ok && key.Namespace != "" {
		meta["namespace"] = key.Namespace
	}
	r.set.Objects = append(r.set.Objects, Object{key, content})
	r.set.Origins[key] = at
	r.set.documents[key] = &document{root: d.root, offset: d.offset}
	r.set.ages[key] = r.age(key)
	if r.context {
		r.set.context[key] = true
	}
	return true
}

// contextAge is how much older the context is than everything else: more than a folder can have objects.
const contextAge = 1 << 24

// age is an object's place in the order of creation: what was there before keeps its own.
func (r *reading) age(key ObjectKey) int {
	if r.options.Before != nil {
		if age, ok := r.options.Before.ages[key]; ok {
			return age
		}
	}
	defer func() { r.order++ }()
	if r.context {
		return r.order - contextAge
	}
	return r.order
}
