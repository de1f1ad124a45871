package consent

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// MaxDetails is how many things a person may choose for one app: tokens carry them all.
const MaxDetails = 100

// Detail is one object of authorization_details (RFC 9396 section 2): one thing that was chosen.
type Detail struct {
	// Type is what the API calls things of the kind (registration.Choices.Type).
	Type string `json:"type"`
	// Locations holds the identifier of the API alone.
	Locations []string `json:"locations"`
	// Identifier is what the API calls the thing.
	Identifier string `json:"identifier"`
	// Parent is what the API calls that which the thing belongs to; empty for nothing.
	Parent string `json:"parent,omitempty"`
}

// Location is the identifier of the API.
func (d Detail) Location() string {
	if len(d.Locations) != 1 {
		return ""
	}
	return d.Locations[0]
}

// ParseDetails reads what EncodeDetails wrote; nil for nothing. What cannot be read is nothing too: the person is then asked
// again.
func ParseDetails(raw json.RawMessage) []Detail {
	var all []Detail
	if len(raw) == 0 || json.Unmarshal(raw, &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(d Detail) bool { return d.Type == "" || d.Location() == "" || d.Identifier == "" })
}

// EncodeDetails writes authorization_details, sorted by API, type, parent and identifier and without repetitions, so that the
// same choice is always the same text; nil for none.
func EncodeDetails(details []Detail) json.RawMessage {
	if len(details) == 0 {
		return nil
	}
	order := func(a, b Detail) int {
		return cmp.Or(cmp.Compare(a.Location(), b.Location()), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Parent, b.Parent), cmp.Compare(a.Identifier, b.Identifier))
	}
	sorted := slices.SortedFunc(slices.Values(details), order)
	sorted = slices.CompactFunc(sorted, func(a, b Detail) bool { return order(a, b) == 0 })
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as in tokens, where every byte counts
	_ = e.Encode(sorted)   // strings always marshal, and a buffer takes everything
	return bytes.TrimSpace(b.Bytes())
}

// Narrow takes from what is left of a consent or a grant the audience and the authorization details of APIs that none of its
// scopes belongs to. Without any API it is for the issuer.
func Narrow(d Declared, issuer string, left storage.Access) storage.Access {
	elsewhere := func(identifier string) bool {
		return !slices.ContainsFunc(left.Scopes, func(s string) bool {
			r, _, ok := d.ScopeResource(s)
			return ok && r.Identifier == identifier
		})
	}
	audience := slices.DeleteFunc(slices.Clone(left.Audience), elsewhere)
	details := slices.DeleteFunc(ParseDetails(left.AuthorizationDetails), func(one Detail) bool { return !slices.Contains(audience, one.Location()) })
	if len(audience) == 0 {
		audience = []string{issuer}
	}
	return storage.Access{Scopes: left.Scopes, Audience: audience, AuthorizationDetails: EncodeDetails(details)}
}

// detailsOf are the objects for what was chosen at an API.
func detailsOf(r *registration.Resource, chosen List) []Detail {
	out := make([]Detail, 0, len(chosen))
	for _, c := range chosen {
		out = append(out, Detail{Type: r.Choices.Type, Locations: []string{r.Identifier}, Identifier: c.ID, Parent: c.Parent})
	}
	return out
}
