package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
)

// ClaimsRequest is the claims parameter of an authorization request (OpenID Connect Core section 5.5).
type ClaimsRequest struct {
	UserInfo map[string]ClaimRequest `json:"userinfo,omitempty"`
	IDToken  map[string]ClaimRequest `json:"id_token,omitempty"`
}

// ClaimRequest is one claim that is asked for: voluntary unless Essential, of one of Values when there are any.
type ClaimRequest struct {
	Essential bool  `json:"essential,omitempty"`
	Values    []any `json:"values,omitempty"`
}

// UserScopes are the scopes that stand for claims, in the order of discovery.
func UserScopes() []string {
	return []string{ScopeProfile, ScopeEmail, ScopeAddress, ScopePhone, ScopeGroups}
}

// ClaimsOfScope are the claims about the user that a scope stands for (OpenID Connect Core section 5.4, and groups); nil for a
// scope that stands for none.
func ClaimsOfScope(scope string) []string {
	switch scope {
	case ScopeProfile:
		return []string{"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
			"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"}
	case ScopeEmail:
		return []string{"email", "email_verified"}
	case ScopeAddress:
		return []string{"address"}
	case ScopePhone:
		return []string{"phone_number", "phone_number_verified"}
	case ScopeGroups:
		return []string{"groups"}
	}
	return nil
}

// ScopeOfClaim is the scope that stands for a claim about the user; empty for none.
func ScopeOfClaim(claim string) string {
	for _, scope := range UserScopes() {
		if slices.Contains(ClaimsOfScope(scope), claim) {
			return scope
		}
	}
	return ""
}

// ScopesOfClaims are the scopes that stand for what one member of a claims parameter, userinfo or id_token, asks for, in the order of
// [UserScopes]: member is JSON as it is kept with a grant. nil for none.
func ScopesOfClaims(member json.RawMessage) []string {
	asked := readMember(member)
	var out []string
	for _, scope := range UserScopes() {
		if slices.ContainsFunc(ClaimsOfScope(scope), func(name string) bool { _, is := asked[name]; return is }) {
			out = append(out, scope)
		}
	}
	return out
}

// ClaimsWithin leaves of such a member what one of the scopes stands for, and what no scope does; nil when nothing is left.
func ClaimsWithin(member json.RawMessage, scopes []string) json.RawMessage {
	asked := readMember(member)
	before := len(asked)
	maps.DeleteFunc(asked, func(name string, _ ClaimRequest) bool {
		scope := ScopeOfClaim(name)
		return scope != "" && !slices.Contains(scopes, scope)
	})
	switch len(asked) {
	case 0:
		return nil
	case before:
		return member
	}
	out, err := json.Marshal(asked)
	if err != nil { // what was read can be written
		return nil
	}
	return out
}

// readMember reads what the server wrote; nil for nothing.
func readMember(member json.RawMessage) map[string]ClaimRequest {
	var asked map[string]ClaimRequest
	if len(member) == 0 || json.Unmarshal(member, &asked) != nil {
		return nil
	}
	return asked
}

// requestable reports whether a claim may be asked for by name: one about the user, or one about the authentication that the
// request can demand something of.
func requestable(claim string) bool {
	switch claim {
	case "sub", "acr", "amr", "auth_time":
		return true
	}
	return ScopeOfClaim(claim) != ""
}

// Bounds of the claims parameter.
const (
	maxClaimsDepth  = 8
	maxClaimsValues = 16
)

var errClaims = errors.New("not a claims parameter")

// ParseClaims reads the claims parameter. Members and claims that the server does not know are left out, as OpenID Connect Core
// section 5.5 has it; nil when nothing is left. invalid_request for what is not JSON of the right shape, repeats a member, or is
// nested beyond reason.
func ParseClaims(s string) (*ClaimsRequest, *Error) {
	bad := InvalidRequest("the claims parameter cannot be read")
	if err := checkJSON([]byte(s)); err != nil {
		return nil, bad
	}
	var raw struct {
		UserInfo map[string]*claimParameter `json:"userinfo"`
		IDToken  map[string]*claimParameter `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(s), &raw); err != nil {
		return nil, bad
	}
	out := &ClaimsRequest{}
	var ok1, ok2 bool
	if out.UserInfo, ok1 = requested(raw.UserInfo); !ok1 {
		return nil, bad
	}
	if out.IDToken, ok2 = requested(raw.IDToken); !ok2 {
		return nil, bad
	}
	if len(out.UserInfo) == 0 && len(out.IDToken) == 0 {
		return nil, nil
	}
	return out, nil
}

// claimParameter is one member of userinfo or id_token; null for a voluntary claim of any value.
type claimParameter struct {
	Essential bool  `json:"essential"`
	Value     any   `json:"value"`
	Values    []any `json:"values"`
}

func requested(in map[string]*claimParameter) (map[string]ClaimRequest, bool) {
	var out map[string]ClaimRequest
	for name, p := range in {
		if !requestable(name) {
			continue
		}
		var r ClaimRequest
		if p != nil {
			if p.Value != nil && p.Values != nil || len(p.Values) > maxClaimsValues {
				return nil, false
			}
			r = ClaimRequest{Essential: p.Essential, Values: p.Values}
			if p.Value != nil {
				r.Values = []any{p.Value}
			}
		}
		if out == nil {
			out = make(map[string]ClaimRequest)
		}
		out[name] = r
	}
	return out, true
}

// checkJSON demands one object without repeated members, nested within bounds.
func checkJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	t, err := dec.Token()
	if err != nil || t != json.Delim('{') {
		return errClaims
	}
	if err := checkMembers(dec, true, 1); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errClaims
	}
	return nil
}

// checkMembers reads to the end of an object or array whose beginning was read.
func checkMembers(dec *json.Decoder, object bool, depth int) error {
	if depth > maxClaimsDepth {
		return errClaims
	}
	seen := map[string]struct{}{}
	for dec.More() {
		if object {
			t, err := dec.Token()
			name, ok := t.(string)
			if err != nil || !ok {
				return errClaims
			}
			if _, twice := seen[name]; twice {
				return errClaims
			}
			seen[name] = struct{}{}
		}
		t, err := dec.Token()
		if err != nil {
			return errClaims
		}
		if d, ok := t.(json.Delim); ok {
			if err := checkMembers(dec, d == '{', depth+1); err != nil {
				return err
			}
		}
	}
	_, err := dec.Token()
	return err
}

// Allows reports whether a value is one of those asked for; every one is when none was named.
func (c ClaimRequest) Allows(value string) bool {
	if len(c.Values) == 0 {
		return true
	}
	for _, v := range c.Values {
		if s, ok := v.(string); ok && s == value {
			return true
		}
	}
	return false
}
