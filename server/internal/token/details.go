package token

import (
	"encoding/json"
	"slices"
)

// DetailsFor leaves those of a grant's authorization details that are for one of the resources: an API learns nothing of what was
// chosen at another one (RFC 9396 section 6.1). Details that name no locations (section 2.2) are for all. It returns nil when
// nothing is left, and what cannot be read is left out.
func DetailsFor(details json.RawMessage, resources []string) json.RawMessage {
	if len(details) == 0 {
		return nil
	}
	var all []json.RawMessage
	if json.Unmarshal(details, &all) != nil {
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(all), func(one json.RawMessage) bool {
		var d struct {
			Locations []string `json:"locations"`
		}
		if json.Unmarshal(one, &d) != nil {
			return true
		}
		return len(d.Locations) > 0 && !slices.ContainsFunc(d.Locations, func(l string) bool { return slices.Contains(resources, l) })
	})
	if len(left) == 0 {
		return nil
	}
	out, err := json.Marshal(left)
	if err != nil { // raw messages that were read always marshal
		return nil
	}
	return out
}
