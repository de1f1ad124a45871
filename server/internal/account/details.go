package account

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// key tells one chosen thing from all others.
func key(d consent.Detail) string {
	return strconv.Quote(d.Location()) + strconv.Quote(d.Type) + strconv.Quote(d.Parent) + strconv.Quote(d.Identifier)
}

// readChosen lists what was chosen in any of them, each thing once, sorted as it is written.
func readChosen(details ...json.RawMessage) []consent.Detail {
	var all []consent.Detail
	for _, raw := range details {
		all = append(all, consent.ParseDetails(raw)...)
	}
	return consent.ParseDetails(consent.EncodeDetails(all))
}

// narrower takes scopes and chosen things away from a grant or a consent. Every API that had a choice keeps one, or loses its
// scopes; and one that loses its scopes loses what was chosen, and its place in the audience.
func narrower(s *registry.Snapshot, scopes, keys map[string]bool) func(storage.Access) (storage.Access, error) {
	return func(had storage.Access) (storage.Access, error) {
		before := consent.ParseDetails(had.AuthorizationDetails)
		after := slices.DeleteFunc(slices.Clone(before), func(one consent.Detail) bool { return keys[key(one)] })
		left := slices.DeleteFunc(slices.Clone(had.Scopes), func(scope string) bool {
			r, _, ok := s.ScopeResource(scope)
			return scopes[scope] || ok && chosenAt(before, r.Identifier) && !chosenAt(after, r.Identifier)
		})
		return consent.Narrow(s, s.Server().Issuer, storage.Access{
			Scopes: left, Audience: had.Audience, AuthorizationDetails: consent.EncodeDetails(after),
		}), nil
	}
}

// chosenAt reports whether anything was chosen at an API.
func chosenAt(details []consent.Detail, identifier string) bool {
	return slices.ContainsFunc(details, func(d consent.Detail) bool { return d.Location() == identifier })
}

// emptied reports whether an API would keep a scope and lose all that was chosen at it: then it is not clear what is meant.
func emptied(s consent.Declared, has access, scopes, keys map[string]bool) bool {
	for _, scope := range has.scopes {
		r, _, ok := s.ScopeResource(scope)
		if !ok || scopes[scope] || !chosenAt(has.chosen, r.Identifier) {
			continue
		}
		if !slices.ContainsFunc(has.chosen, func(d consent.Detail) bool { return d.Location() == r.Identifier && !keys[key(d)] }) {
			return true
		}
	}
	return false
}

// listsWithin is how long APIs may take to say what things are called, all together: the page is of use without it.
const listsWithin = 2 * time.Second

// lists asks what may be chosen at the APIs where something was. Those that do not say are left out.
func (a *Account) lists(v *visit, app storage.ClientRef, has access) consent.Lists {
	ctx, cancel := context.WithTimeout(v.R.Context(), listsWithin)
	defer cancel()
	out := consent.Lists{}
	for _, d := range has.chosen {
		r, ok := v.Snapshot.Resource(d.Location())
		if _, done := out[d.Location()]; done || !ok || r.Choices == nil || r.Choices.Type != d.Type {
			continue
		}
		q := choices.Query{Issuer: v.Snapshot.Server().Issuer, Resource: r, User: v.User, Client: app}
		for _, scope := range has.scopes {
			if at, _, ok := v.Snapshot.ScopeResource(scope); ok && at.Identifier == r.Identifier {
				q.Scopes = append(q.Scopes, scope)
			}
		}
		list, err := a.Choices.List(ctx, q)
		if err != nil {
			list = nil // ids, then
		}
		out[d.Location()] = list
	}
	return out
}

// titles are what a chosen thing, what it belongs to, and its kind are called, as far as the API says: their ids, else.
func titles(s *registry.Snapshot, lists consent.Lists, d consent.Detail) (title, parent, group string) {
	title, parent, group = d.Identifier, d.Parent, d.Type
	r, ok := s.Resource(d.Location())
	if !ok || r.Choices == nil || r.Choices.Type != d.Type {
		return title, parent, group
	}
	named := func(id, parent string) string {
		list := lists[d.Location()]
		i := slices.IndexFunc(list, func(c registration.Choice) bool { return c.ID == id && c.Parent == parent })
		if i < 0 {
			return id
		}
		return list[i].Title
	}
	if parent != "" {
		parent = named(d.Parent, "")
	}
	return named(d.Identifier, d.Parent), parent, r.Choices.Title
}
