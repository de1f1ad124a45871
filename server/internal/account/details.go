package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// chosen is one thing in authorization_details (RFC 9396).
type chosen struct {
	// key tells it from all others.
	key string
	// typ is the type of the details; location the resource, empty when it is not said.
	typ, location, id string
}

// detail is what is read of one authorization details object: the common data fields of RFC 9396 section 2.2, and the list
// of several identifiers.
type detail struct {
	Type        string   `json:"type"`
	Locations   []string `json:"locations"`
	Identifier  string   `json:"identifier"`
	Identifiers []string `json:"identifiers"`
}

func (d detail) chosen() []chosen {
	ids := d.Identifiers
	if d.Identifier != "" {
		ids = append([]string{d.Identifier}, ids...)
	}
	location := ""
	if len(d.Locations) > 0 {
		location = d.Locations[0]
	}
	out := make([]chosen, 0, len(ids))
	for _, id := range ids {
		out = append(out, chosen{key: fmt.Sprintf("%q %q %q", location, d.Type, id), typ: d.Type, location: location, id: id})
	}
	return out
}

// readChosen lists what was chosen, each thing once, in the order in which it is written.
func readChosen(details ...json.RawMessage) ([]chosen, error) {
	var out []chosen
	for _, raw := range details {
		if len(raw) == 0 {
			continue
		}
		var all []detail
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("stored authorization details: %w", err)
		}
		for _, d := range all {
			for _, c := range d.chosen() {
				if !slices.ContainsFunc(out, func(o chosen) bool { return o.key == c.key }) {
					out = append(out, c)
				}
			}
		}
	}
	return out, nil
}

// errNothingLeft is a narrowing that would leave nothing of something: then the access is to be revoked.
var errNothingLeft = errors.New("nothing would be left")

// without makes details without the keys, and leaves everything else as it is, fields that it does not know too. An object that
// held nothing but these goes as a whole.
func without(details json.RawMessage, keys map[string]bool) (json.RawMessage, error) {
	if len(details) == 0 || len(keys) == 0 {
		return details, nil
	}
	var objects []map[string]json.RawMessage
	if err := json.Unmarshal(details, &objects); err != nil {
		return nil, fmt.Errorf("stored authorization details: %w", err)
	}
	kept := objects[:0]
	for _, o := range objects {
		raw, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		var d detail
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("stored authorization details: %w", err)
		}
		all := d.chosen()
		left := slices.DeleteFunc(slices.Clone(all), func(c chosen) bool { return keys[c.key] })
		if len(all) > 0 && len(left) == 0 {
			continue
		}
		if len(left) < len(all) {
			if err := d.keep(o, keys); err != nil {
				return nil, err
			}
		}
		kept = append(kept, o)
	}
	if len(kept) == 0 {
		return nil, errNothingLeft
	}
	return compact(kept)
}

// keep writes what is left of an object's identifiers into it.
func (d detail) keep(o map[string]json.RawMessage, keys map[string]bool) error {
	one := detail{Type: d.Type, Locations: d.Locations, Identifier: d.Identifier}
	if d.Identifier != "" && keys[one.chosen()[0].key] {
		delete(o, "identifier")
	}
	if len(d.Identifiers) == 0 {
		return nil
	}
	var ids []string
	several := detail{Type: d.Type, Locations: d.Locations, Identifiers: d.Identifiers}
	for _, c := range several.chosen() {
		if !keys[c.key] {
			ids = append(ids, c.id)
		}
	}
	if len(ids) == 0 {
		delete(o, "identifiers")
		return nil
	}
	raw, err := json.Marshal(ids)
	o["identifiers"] = raw
	return err
}

// compact writes JSON without escaping what needs none outside of HTML.
func compact(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// titles are what a chosen thing and its kind are called, as far as the resource declares it: the id and the type, else.
func titles(s *registry.Snapshot, audience []string, c chosen) (title, group string) {
	title, group = c.id, c.typ
	resources := audience
	if c.location != "" {
		resources = []string{c.location}
	}
	for _, identifier := range resources {
		r, ok := s.Resource(identifier)
		if !ok || r.Choices == nil || r.Choices.Type != c.typ {
			continue
		}
		group = r.Choices.Title
		for _, choice := range r.Choices.Static {
			if choice.ID == c.id {
				title = choice.Title
			}
		}
	}
	return title, group
}
