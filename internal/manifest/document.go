package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	yamlnode "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// document is one YAML document of a file.
type document struct {
	// json is the document as kubectl would send it.
	json []byte
	// root finds lines; nil for an empty document.
	root *yamlnode.Node
	// offset is how many lines of the file come before the document.
	offset int
}

// syntaxError is an error with a line of the file.
type syntaxError struct {
	line    int
	message string
}

func (e *syntaxError) Error() string { return e.message }

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// parse reads one document. Its JSON is made by the converter that kubectl uses, so that a bare yes is a boolean here too;
// the nodes, which that converter does not give, are only for line numbers.
func parse(text []byte, offset int) (*document, error) {
	var root yamlnode.Node
	if err := yamlnode.Unmarshal(text, &root); err != nil {
		return nil, locate(err, offset)
	}
	if root.Kind == 0 || len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
		return &document{offset: offset}, nil
	}
	b, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, locate(err, offset)
	}
	return &document{json: b, root: root.Content[0], offset: offset}, nil
}

// locate turns the line in a message of the YAML parser into a line of the file.
func locate(err error, offset int) error {
	message := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
	line := offset + 1
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line = offset + n
		}
		message = message[len(m[0]):]
	}
	return &syntaxError{line: line, message: "not valid YAML: " + strings.TrimSpace(message)}
}

// split cuts a file at its document markers; the returned offsets count the lines before each part.
func split(text []byte) (parts [][]byte, offsets []int) {
	start, startLine := 0, 0
	line := 0
	for pos := 0; pos < len(text); line++ {
		end := bytes.IndexByte(text[pos:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += pos + 1
		}
		if isMarker(text[pos:end]) {
			parts, offsets = append(parts, text[start:pos]), append(offsets, startLine)
			start, startLine = end, line+1
		}
		pos = end
	}
	return append(parts, text[start:]), append(offsets, startLine)
}

// isMarker reports whether a line separates documents: three dashes, with nothing but space or a comment after.
func isMarker(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	if !ok {
		return false
	}
	trimmed := bytes.TrimSpace(rest)
	return len(trimmed) == 0 || (trimmed[0] == '#' && (rest[0] == ' ' || rest[0] == '\t'))
}

var pathStep = regexp.MustCompile(`[^.\[\]]+|\[[^\]]*\]`)

// line finds the line of a field by its path as the API server prints it ("spec.redirectURIs[1]"), or of the nearest
// ancestor that is written down.
func (d *document) line(path string) int {
	n := d.root
	if n == nil {
		return d.offset + 1
	}
	at := n.Line
	for _, step := range pathStep.FindAllString(path, -1) {
		key, next := child(n, step)
		if next == nil {
			break
		}
		n, at = next, key.Line
	}
	return d.offset + at
}

// child finds a member by name, or an element by "[index]" or "[key]"; key is the node that carries the line to show.
func child(n *yamlnode.Node, step string) (key, value *yamlnode.Node) {
	if n.Kind == yamlnode.AliasNode {
		n = n.Alias
	}
	name := strings.Trim(step, "[]")
	switch n.Kind {
	case yamlnode.SequenceNode:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	case yamlnode.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i], n.Content[i+1]
			}
		}
	}
	return nil, nil
}

// item is the part of a document that is one of its list's items.
func (d *document) item(i int, json []byte) *document {
	_, items := child(d.root, "items")
	if items == nil || i >= len(items.Content) {
		return &document{json: json, root: d.root, offset: d.offset}
	}
	return &document{json: json, root: items.Content[i], offset: d.offset}
}

// problemOf turns an error of parse into a Problem of the file.
func problemOf(file string, err error) Problem {
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		return Problem{Origin: Origin{File: file, Line: syntax.line}, Message: syntax.message}
	}
	return Problem{Origin: Origin{File: file}, Message: fmt.Sprintf("cannot be read: %v", err)}
}
