package grant

import (
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// ReadScopes checks scope (RFC 6749 section 3.3) and resource (RFC 8707 section 2) of a request against client, policy and
// registry: invalid_scope for a scope that the client may not ask for or that no resource declares any more, and for one of a resource
// that the policy does not allow; invalid_target for such a resource, and for one that is not known.
func ReadScopes(s *registry.Snapshot, c *registry.Client, p oauth.Params) (scopes, resources []string, err *oauth.Error) {
	if scopes, err = oauth.ParseScope(p.Get("scope")); err != nil {
		return nil, nil, err
	}
	for _, scope := range scopes {
		if !MayHave(s, c, scope) {
			return nil, nil, oauth.InvalidScope("a scope is not allowed to the client: " + scope)
		}
	}
	resources = p.All("resource")
	for _, id := range resources {
		r, ok := s.Resource(id)
		if !ok {
			return nil, nil, oauth.InvalidTarget("the resource is not known")
		}
		if !allowsResource(s, c, r) {
			return nil, nil, oauth.InvalidTarget("the resource is not allowed to the client")
		}
	}
	return scopes, resources, nil
}

// MayHave reports whether a client that is served may have a scope now: it is registered for it, which its policy accepts, and it is a
// scope of OpenID Connect, or declared by a resource that the policy allows.
func MayHave(s *registry.Snapshot, c *registry.Client, scope string) bool {
	if _, ok := c.ScopeSet[scope]; !ok {
		return false
	}
	if r, _, ok := s.ScopeResource(scope); ok {
		return allowsResource(s, c, r)
	}
	return oauth.IsIdentityScope(scope)
}

// allowsResource reports whether the client's policy lets tokens be for a resource.
func allowsResource(s *registry.Snapshot, c *registry.Client, r *registration.Resource) bool {
	governing, ok := s.Policy(c.Policy)
	return ok && policy.AllowsResource(governing, r.Name)
}

// DefaultScopes are what a client gets that asks for none: all that it is registered for, without those of resources that its policy does
// not allow. invalid_scope when that leaves none.
func DefaultScopes(s *registry.Snapshot, c *registry.Client) ([]string, *oauth.Error) {
	if p, ok := s.Policy(c.Policy); ok && len(p.Allow.Resources) == 0 {
		return c.Scopes, nil
	}
	scopes := make([]string, 0, len(c.Scopes))
	for _, scope := range c.Scopes {
		if _, _, declared := s.ScopeResource(scope); !declared || MayHave(s, c, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 && len(c.Scopes) > 0 {
		return nil, oauth.InvalidScope("none of the client's scopes is allowed to it any more")
	}
	return scopes, nil
}

// grantedScopes narrows the grant to what the client's registration still has and what is still declared by an API that the
// user granted, and to what the request asks for. A scope that another API declares by now is another scope: the user never
// saw it. invalid_scope when the request asks for more than was granted (RFC 6749 section 6); invalid_grant when nothing is
// left of what was.
func grantedScopes(r *Request, g storage.Grant) ([]string, *oauth.Error) {
	if !subset(r.Scopes, g.Scopes) {
		return nil, oauth.InvalidScope("the scope is wider than what was granted")
	}
	wanted := r.Scopes
	if len(wanted) == 0 {
		wanted = g.Scopes
	}
	scopes := make([]string, 0, len(wanted))
	for _, s := range wanted {
		if !MayHave(r.Snapshot, r.Client.Client, s) {
			continue
		}
		if resource, _, declared := r.Snapshot.ScopeResource(s); !declared || slices.Contains(g.Audience, resource.Identifier) {
			scopes = append(scopes, s)
		}
	}
	if len(wanted) > 0 && len(scopes) == 0 {
		return nil, oauth.InvalidGrant("nothing is left of what was granted")
	}
	return scopes, nil
}

// AudienceOf works out the audience of an access token: the resources that declare its scopes, narrowed to those asked
// for (RFC 8707 section 2.2), or the issuer itself, for userinfo, when no scope belongs to a resource. The scopes that
// remain are returned too: a narrowed token carries no scope of another resource, and none carries a scope whose resource
// is gone. invalid_target when nothing of what was asked for is left, invalid_scope when no resource declares any of it.
func AudienceOf(s *registry.Snapshot, scopes, resources []string) (audience, remaining []string, err *oauth.Error) {
	remaining = make([]string, 0, len(scopes))
	for _, scope := range scopes {
		r, _, ok := s.ScopeResource(scope)
		if !ok {
			if exists(s, scope) { // of OpenID Connect
				remaining = append(remaining, scope)
			}
			continue
		}
		if len(resources) > 0 && !slices.Contains(resources, r.Identifier) {
			continue
		}
		remaining = append(remaining, scope)
		if !slices.Contains(audience, r.Identifier) {
			audience = append(audience, r.Identifier)
		}
	}
	for _, id := range resources {
		if !slices.Contains(audience, id) {
			return nil, nil, oauth.InvalidTarget("none of the scopes is for the resource")
		}
	}
	if len(scopes) > 0 && len(remaining) == 0 {
		return nil, nil, oauth.InvalidScope("no resource declares any of the scopes")
	}
	if len(audience) == 0 {
		audience = []string{s.Server().Issuer}
	}
	return audience, remaining, nil
}

// exists reports whether a scope is one of OpenID Connect or a resource declares it now.
func exists(s *registry.Snapshot, scope string) bool {
	_, _, ok := s.ScopeResource(scope)
	return ok || oauth.IsIdentityScope(scope)
}

// subset reports whether every element of a is in b.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
