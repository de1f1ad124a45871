package consent

import (
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Declared is what APIs declare; *registry.Snapshot is one.
type Declared interface {
	// ScopeResource finds the API that declares a scope.
	ScopeResource(name string) (*registration.Resource, *registration.Scope, bool)
}

// Question is what an app asks a person for.
type Question struct {
	// Scopes asked for, all of them allowed to the client, and the resources (RFC 8707) that narrow them; nil for none.
	Scopes, Resources []string
	// Issuer is the audience of tokens that are for no API.
	Issuer string
	// Mode says when people are asked.
	Mode registration.ConsentMode
	// Prompted asks whatever was allowed before: prompt=consent.
	Prompted bool
	// Confirmed is true when the person approves of the request on a page of its own anyway, that of a device's: then only
	// what takes more than approving is asked here, sensitive scopes and choices.
	Confirmed bool
	// Unproven is true when any program on the person's device may be the client: it has no secret, and its address is not on a
	// host of its own. Then somebody is asked every time, whatever is remembered (RFC 8252 section 8.6); what is remembered
	// still need not be ticked again.
	Unproven bool
	// Changing is true when the person wants to change what they let the app have: everything is asked.
	Changing bool
	// Remembered is what the person allowed the client before, by its UID; nil for nothing.
	Remembered *storage.Consent
}

// Sheet is what a person is asked.
type Sheet struct {
	// Needed is false when there is nothing to ask: then [Sheet.Unasked] is the result.
	Needed bool
	// Scopes are those asked for that some API or OpenID Connect still has, in the order asked.
	Scopes []Scope
	// Groups are the APIs to choose at.
	Groups []Group

	question Question
	declared Declared
	kept     []Detail // chosen before and not asked again
}

// Always reports whether nothing of the answer is remembered.
func (s *Sheet) Always() bool { return s.question.Mode == registration.ConsentAlways }

// EveryTime reports whether the person is asked the next time too, though nothing is new then.
func (s *Sheet) EveryTime() bool { return s.Always() || s.question.Unproven }

// Scope is one scope that is asked for.
type Scope struct {
	Name string
	// Resource and Declared say what it is; nil for a scope of OpenID Connect.
	Resource *registration.Resource
	Declared *registration.Scope
	// Allowed is true when it was allowed before, by the person or by the operator, and is not asked again.
	Allowed bool
	// Optional is true when there is a box to tick. Without one the scope comes with approving: because it is Allowed, or
	// because it is openid, which says no more than that somebody signed in.
	Optional bool
	// Ticked is how the box is to begin with.
	Ticked bool
}

// Sensitive reports whether the API says so.
func (s *Scope) Sensitive() bool { return s.Declared != nil && s.Declared.Sensitive }

// Group is one API to choose at.
type Group struct {
	Resource *registration.Resource
	// Chosen are the ids that were chosen before: ticked to begin with.
	Chosen []string
}

// Ask works out what to ask.
func Ask(d Declared, q Question) *Sheet {
	s := &Sheet{question: q, declared: d}
	again := q.Prompted || q.Changing || q.Mode == registration.ConsentAlways
	fresh := map[string]bool{} // APIs of which a scope is asked
	for _, name := range q.Scopes {
		resource, declared, ok := d.ScopeResource(name)
		if !ok && !oauth.IsIdentityScope(name) || ok && !wanted(q, resource) || slices.ContainsFunc(s.Scopes, named(name)) {
			continue
		}
		scope := Scope{Name: name, Resource: resource, Declared: declared}
		before := q.remembers(resource, name)
		scope.Allowed = !again && (before || q.Mode == registration.ConsentSkip)
		scope.Optional = !scope.Allowed && name != oauth.ScopeOpenID
		scope.Ticked = !scope.Sensitive() || before
		s.Scopes = append(s.Scopes, scope)
		if !scope.Allowed {
			if resource != nil {
				fresh[resource.Identifier] = true
			}
			s.Needed = s.Needed || !q.Confirmed || scope.Sensitive()
		}
	}
	s.askChoices(again, fresh)
	s.Needed = s.Needed || q.Unproven && q.Mode != registration.ConsentSkip // the operator knows what runs there
	// Who asks for nothing still signs somebody in.
	s.Needed = s.Needed || q.Changing || len(s.Groups) > 0 || !q.Confirmed && (q.Prompted || len(s.Scopes) == 0 && q.asksAnyway())
	return s
}

// asksAnyway reports whether a request for no scopes at all is asked about.
func (q *Question) asksAnyway() bool {
	return q.Mode == registration.ConsentAlways || q.Mode != registration.ConsentSkip && q.Remembered == nil
}

// askChoices finds the APIs to choose at: where nothing was chosen yet, and where something new is asked, so that people see
// what it is about.
func (s *Sheet) askChoices(again bool, fresh map[string]bool) {
	for i := range s.Scopes {
		r := s.Scopes[i].Resource
		if r == nil || r.Choices == nil || slices.ContainsFunc(s.Groups, func(g Group) bool { return g.Resource.Identifier == r.Identifier }) || keeps(s.kept, r) {
			continue
		}
		before := s.question.chosen(r)
		if len(before) > 0 && !again && (s.question.Confirmed && !s.sensitive(r) || !fresh[r.Identifier]) {
			s.kept = append(s.kept, before...)
			continue
		}
		g := Group{Resource: r}
		for _, d := range before {
			g.Chosen = append(g.Chosen, d.Identifier)
		}
		s.Groups = append(s.Groups, g)
	}
}

// sensitive reports whether a sensitive scope of the API is asked.
func (s *Sheet) sensitive(r *registration.Resource) bool {
	return slices.ContainsFunc(s.Scopes, func(scope Scope) bool {
		return scope.Resource != nil && scope.Resource.Identifier == r.Identifier && !scope.Allowed && scope.Sensitive()
	})
}

func keeps(kept []Detail, r *registration.Resource) bool {
	return slices.ContainsFunc(kept, func(d Detail) bool { return d.Location() == r.Identifier })
}

func named(name string) func(Scope) bool { return func(s Scope) bool { return s.Name == name } }

// wanted reports whether the request is for an API: for all of them when it names none.
func wanted(q Question, r *registration.Resource) bool {
	return len(q.Resources) == 0 || slices.Contains(q.Resources, r.Identifier)
}

// remembers reports whether a scope was allowed before, and as what it is now: a scope that another API declares by now is
// another scope.
func (q *Question) remembers(r *registration.Resource, scope string) bool {
	c := q.Remembered
	return c != nil && slices.Contains(c.Scopes, scope) && (r == nil || slices.Contains(c.Audience, r.Identifier))
}

// chosen is what was chosen at an API before, as far as the API still has it in a list of its manifest.
func (q *Question) chosen(r *registration.Resource) []Detail {
	if q.Remembered == nil {
		return nil
	}
	all := ParseDetails(q.Remembered.AuthorizationDetails)
	return slices.DeleteFunc(all, func(d Detail) bool {
		if d.Location() != r.Identifier || d.Type != r.Choices.Type {
			return true
		}
		if r.Choices.URL != "" {
			return false // the API itself decides about what is gone
		}
		return !slices.ContainsFunc(List(r.Choices.Static).Leaves(), func(c registration.Choice) bool {
			return c.ID == d.Identifier && c.Parent == d.Parent
		})
	})
}
