package registration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// strict decodes one JSON value and nothing after it. encoding/json takes the last of repeated members and ignores the
// case of their names, so that two readers may see two documents in the same bytes; members are checked beforehand.
func strict(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := checkMembers(dec, reflect.TypeOf(into), ""); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("trailing data after the document")
	}
	return json.Unmarshal(b, into)
}

// checkMembers walks over the next value as it will be decoded into a t: every member of an object must be a field of
// the struct, spelled exactly so, and there once.
func checkMembers(dec *json.Decoder, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[json.RawMessage]() {
		// It is walked when it is decoded itself.
		var skipped json.RawMessage
		return syntax(dec.Decode(&skipped))
	}
	token, err := dec.Token()
	if err != nil {
		return syntax(err)
	}
	switch token {
	case json.Delim('{'):
		return checkObject(dec, t, path)
	case json.Delim('['):
		if t.Kind() != reflect.Slice || t.Elem().Kind() == reflect.Uint8 { // bytes are base64, and nothing else
			return fmt.Errorf("%s: an array is not expected", orDocument(path))
		}
		for i := 0; dec.More(); i++ {
			if err := checkMembers(dec, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		_, err = dec.Token()
		return syntax(err)
	}
	return nil
}

func checkObject(dec *json.Decoder, t reflect.Type, path string) error {
	// time.Time and the like are structs that are no objects in JSON.
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return fmt.Errorf("%s: an object is not expected", orDocument(path))
	}
	fields := make(map[string]reflect.Type, t.NumField())
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	seen := make(map[string]struct{}, len(fields))
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return syntax(err)
		}
		name, _ := token.(string)
		member := strings.TrimPrefix(path+"."+name, ".")
		field, known := fields[name]
		if !known {
			return fmt.Errorf("unknown field %q", clip(member))
		}
		if _, twice := seen[name]; twice {
			return fmt.Errorf("field %q is there twice", member)
		}
		seen[name] = struct{}{}
		if err := checkMembers(dec, field, member); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return syntax(err)
}

func orDocument(path string) string {
	if path == "" {
		return "the document"
	}
	return path
}

// syntax says what encoding/json found, without io.EOF, which callers take for the end of many documents.
func syntax(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the document is cut off")
	}
	return fmt.Errorf("not valid JSON: %w", err)
}
