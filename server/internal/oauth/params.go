package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxParams bounds the parameters of one request.
const MaxParams = 64

// Params are the parameters of one request, decoded once. The zero value has none.
type Params struct {
	pairs []pair
}

type pair struct{ name, value string }

// Get returns a parameter; empty when it is absent, since a parameter without a value is treated as if it were omitted
// (RFC 6749 section 3.1).
func (p Params) Get(name string) string {
	for i := range p.pairs {
		if p.pairs[i].name == name {
			return p.pairs[i].value
		}
	}
	return ""
}

// All returns every value of a parameter that may be repeated; see [ParseForm].
func (p Params) All(name string) []string {
	var out []string
	for i := range p.pairs {
		if p.pairs[i].name == name && p.pairs[i].value != "" {
			out = append(out, p.pairs[i].value)
		}
	}
	return out
}

// Size is how many bytes the names and values have, decoded, but for those of the parameters without.
func (p Params) Size(without ...string) int {
	n := 0
	for i := range p.pairs {
		if !slices.Contains(without, p.pairs[i].name) {
			n += len(p.pairs[i].name) + len(p.pairs[i].value)
		}
	}
	return n
}

// repeatable are the parameters that may occur more than once: resource (RFC 8707 section 2).
func repeatable(name string) bool { return name == "resource" }

// add enforces what holds for every parameter: bounded number, valid UTF-8 without control characters, and no repetition
// (RFC 6749 section 3.2), so that two readers of one request can never see two values.
func (p *Params) add(name, value string) *Error {
	if len(p.pairs) >= MaxParams {
		return InvalidRequest("too many parameters")
	}
	if !clean(name) || !clean(value) {
		return InvalidRequest("a parameter has bytes that are not text")
	}
	if !repeatable(name) {
		for i := range p.pairs {
			if p.pairs[i].name == name {
				return InvalidRequest("parameter " + shorten(name) + " is repeated")
			}
		}
	}
	p.pairs = append(p.pairs, pair{name, value})
	return nil
}

func clean(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c == 0x7f {
			return false
		}
		if c >= 0x80 {
			return utf8.ValidString(s) && !strings.ContainsFunc(s[i:], func(r rune) bool { return r < 0x20 || (r >= 0x7f && r < 0xa0) })
		}
	}
	return true
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40]
	}
	return s
}

// ParseForm decodes application/x-www-form-urlencoded, once. Errors are invalid_request: bad escapes, repeated parameters
// (but resource), too many of them, and bytes that are not text.
func ParseForm(body string) (Params, *Error) {
	p := Params{pairs: make([]pair, 0, 8)}
	for body != "" {
		var field string
		field, body, _ = strings.Cut(body, "&")
		if field == "" {
			continue
		}
		name, value, _ := strings.Cut(field, "=")
		name, err := unescape(name)
		if err != nil {
			return Params{}, err
		}
		value, err = unescape(value)
		if err != nil {
			return Params{}, err
		}
		if err := p.add(name, value); err != nil {
			return Params{}, err
		}
	}
	return p, nil
}

func unescape(s string) (string, *Error) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	out, err := url.QueryUnescape(s)
	if err != nil {
		return "", InvalidRequest("the body is not form-encoded")
	}
	return out, nil
}

// ParseJSON decodes a JSON object whose members are strings, for servers that allow such bodies. A member that may be
// repeated may be an array of strings; null counts as absent. The same rules hold as in [ParseForm].
func ParseJSON(body []byte) (Params, *Error) {
	p := Params{pairs: make([]pair, 0, 8)}
	bad := InvalidRequest("the body is not a JSON object of strings")
	if !utf8.Valid(body) { // the decoder would replace what is invalid
		return Params{}, bad
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return Params{}, bad
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return Params{}, bad
		}
		name, _ := t.(string)
		values, ok := jsonValues(dec, repeatable(name))
		if !ok {
			return Params{}, bad
		}
		for _, v := range values {
			if err := p.add(name, v); err != nil {
				return Params{}, err
			}
		}
	}
	if _, err := dec.Token(); err != nil {
		return Params{}, bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) { // More would pass over a closing bracket
		return Params{}, bad
	}
	return p, nil
}

func jsonValues(dec *json.Decoder, many bool) ([]string, bool) {
	t, err := dec.Token()
	if err != nil {
		return nil, false
	}
	switch v := t.(type) {
	case string:
		return []string{v}, true
	case nil:
		return []string{""}, true // absent, and yet there: a second one is a repetition
	case json.Delim:
		if !many || v != '[' {
			return nil, false
		}
		var out []string
		for dec.More() {
			e, err := dec.Token()
			s, ok := e.(string)
			if err != nil || !ok {
				return nil, false
			}
			out = append(out, s)
		}
		_, err := dec.Token()
		return out, err == nil
	default:
		return nil, false
	}
}
