package manifest

import (
	"encoding/json"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// annotationOrigin is where kustomize writes which file an object comes from (its buildMetadata: [originAnnotations]).
const annotationOrigin = "config.kubernetes.io/origin"

// rendered finds where an object of rendered text was written: the file, and a document with the rendered content and the
// lines of the original. Without the annotation, or where the original is not found, both are those of the text.
func (r *reading) rendered(s Source, d *document) (string, *document) {
	var content map[string]any
	if json.Unmarshal(d.json, &content) != nil {
		return s.Path, d
	}
	metadata, _ := content["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	text, ok := annotations[annotationOrigin].(string)
	if !ok {
		return s.Path, d
	}
	delete(annotations, annotationOrigin)
	if len(annotations) == 0 {
		delete(metadata, "annotations")
	}
	stripped, err := json.Marshal(content)
	if err != nil {
		return s.Path, d
	}
	var origin struct {
		Path         string `json:"path"`
		ConfiguredIn string `json:"configuredIn"` // of what a generator made
	}
	if yaml.Unmarshal([]byte(text), &origin) != nil || origin.Path == "" && origin.ConfiguredIn == "" {
		return s.Path, &document{json: stripped, root: d.root, offset: d.offset}
	}
	if origin.Path == "" {
		return filepath.Join(s.Root, filepath.FromSlash(origin.ConfiguredIn)), &document{json: stripped}
	}
	file := filepath.Join(s.Root, filepath.FromSlash(origin.Path))
	var h header
	if json.Unmarshal(stripped, &h) != nil {
		return file, &document{json: stripped}
	}
	original := originalOf(file, h)
	original.json = stripped
	return file, original
}

// originalOf finds the document of a file that an object was made from: the one of its kind and name, or, as a name may have
// been given a prefix since, the only one of its kind.
func originalOf(file string, h header) *document {
	text, err := readBounded(file)
	if err != nil {
		return &document{}
	}
	var sameKind []*document
	parts, offsets := split(text)
	for i, part := range parts {
		d, err := parse(part, offsets[i])
		if err != nil || d.root == nil {
			continue
		}
		var other header
		if json.Unmarshal(d.json, &other) != nil || other.Kind != h.Kind {
			continue
		}
		if other.Metadata.Name == h.Metadata.Name {
			return d
		}
		sameKind = append(sameKind, d)
	}
	if len(sameKind) == 1 {
		return sameKind[0]
	}
	return &document{}
}
