package consent

import (
	"encoding/json"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// Answer is what a person ticked.
type Answer struct {
	// Scopes are the names of the boxes that are ticked.
	Scopes []string
	// Picks are what was chosen, by the identifier of the API.
	Picks map[string]Pick
}

// Lists are what the person may choose among, by the identifier of the API.
type Lists map[string]List

// Result is what the person let the app have.
type Result struct {
	// Scopes in the order asked, Audience in the order of the scopes.
	Scopes, Audience []string
	// Details are authorization_details (RFC 9396); nil when nothing was to be chosen.
	Details json.RawMessage
	// Keep is what need not be asked again from now on; nil to leave what is remembered as it is.
	Keep *Keep
}

// Keep is what to remember: the result, and what was allowed before and was not asked about now.
type Keep struct {
	Scopes, Audience []string
	Details          json.RawMessage
}

// Problem is why an answer yields nothing yet. The empty one is none.
type Problem string

// The problems.
const (
	// Nothing was ticked: tick something, or deny.
	Nothing Problem = "nothing"
	// Unchosen: a scope is ticked whose API has choices, and none is chosen.
	Unchosen Problem = "unchosen"
	// TooMany: more than [MaxDetails] are chosen.
	TooMany Problem = "toomany"
)

// Unasked is the result when nothing needs to be asked. Of a sheet that is needed it is what was allowed before, which is too
// little to go on with.
func (s *Sheet) Unasked() Result {
	var names []string
	for _, scope := range s.Scopes {
		if !s.Needed || scope.Allowed {
			names = append(names, scope.Name)
		}
	}
	return s.result(names, s.kept)
}

// Decide is what comes out of an answer. With a problem there is no result; at is the API it is about, if it is about one.
func (s *Sheet) Decide(a Answer, lists Lists) (r Result, problem Problem, at string) {
	ticked := set(a.Scopes)
	var names []string
	optional, some := false, false
	for _, scope := range s.Scopes {
		_, on := ticked[scope.Name]
		optional = optional || scope.Optional
		if scope.Optional && !on {
			continue
		}
		names = append(names, scope.Name)
		// Staying, without being let in to anything, is nothing.
		some = some || scope.Name != oauth.ScopeOfflineAccess || len(s.Scopes) == 1
	}
	if optional && !some {
		return Result{}, Nothing, ""
	}
	details := slices.Clone(s.kept)
	for _, g := range s.Groups {
		id := g.Resource.Identifier
		if !s.grants(names, id) {
			continue
		}
		picked := lists[id].Pick(a.Picks[id])
		switch {
		case len(picked) == 0:
			return Result{}, Unchosen, id
		case len(picked) > MaxDetails:
			return Result{}, TooMany, id
		}
		details = append(details, detailsOf(g.Resource, picked)...)
	}
	if len(details) > MaxDetails {
		return Result{}, TooMany, ""
	}
	r = s.result(names, details)
	s.keep(&r)
	return r, "", ""
}

// grants reports whether one of the scopes belongs to the API.
func (s *Sheet) grants(names []string, identifier string) bool {
	return slices.ContainsFunc(s.Scopes, func(scope Scope) bool {
		return scope.Resource != nil && scope.Resource.Identifier == identifier && slices.Contains(names, scope.Name)
	})
}

// result is what follows from the scopes that are let through: their APIs, or the issuer itself when they have none.
func (s *Sheet) result(names []string, details []Detail) Result {
	r := Result{Scopes: names}
	for _, scope := range s.Scopes {
		if scope.Resource != nil && slices.Contains(names, scope.Name) && !slices.Contains(r.Audience, scope.Resource.Identifier) {
			r.Audience = append(r.Audience, scope.Resource.Identifier)
		}
	}
	r.Details = EncodeDetails(slices.DeleteFunc(slices.Clone(details), func(d Detail) bool { return !slices.Contains(r.Audience, d.Location()) }))
	if len(r.Audience) == 0 {
		r.Audience = []string{s.question.Issuer}
	}
	return r
}

// keep works out what to remember: the result, with what was allowed before as far as it was not asked about.
func (s *Sheet) keep(r *Result) {
	if s.Always() {
		return // it is asked the next time whatever is remembered
	}
	k := &Keep{Scopes: slices.Clone(r.Scopes), Audience: slices.Clone(r.Audience)}
	details := ParseDetails(r.Details)
	if before := s.question.Remembered; before != nil {
		for _, name := range before.Scopes {
			resource, _, declared := s.declared.ScopeResource(name)
			if slices.ContainsFunc(s.Scopes, named(name)) || !declared && !oauth.IsIdentityScope(name) || !s.question.remembers(resource, name) {
				continue
			}
			k.Scopes = append(k.Scopes, name)
			if declared && !slices.Contains(k.Audience, resource.Identifier) {
				k.Audience = append(k.Audience, resource.Identifier)
			}
		}
		for _, d := range ParseDetails(before.AuthorizationDetails) {
			if slices.Contains(k.Audience, d.Location()) && !slices.ContainsFunc(details, func(n Detail) bool { return n.Location() == d.Location() }) {
				details = append(details, d)
			}
		}
	}
	k.Details = EncodeDetails(details)
	r.Keep = k
}
