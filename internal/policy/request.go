package policy

import (
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// What follows is asked on every request, from memory. p is the governing policy.

// AllowsProvider reports whether users of an identity provider, by its name, may use the client.
func AllowsProvider(p *registration.Policy, provider string) bool {
	return len(p.Allow.IdentityProviders) == 0 || slices.Contains(p.Allow.IdentityProviders, provider)
}

// NeedsPKCE reports whether the client must use PKCE (RFC 7636): always, unless the policy exempts confidential clients.
func NeedsPKCE(p *registration.Policy, c *registration.Client) bool {
	return !p.Allow.WithoutPKCE || slices.Contains(c.Authentication.Methods, registration.AuthenticationNone)
}

// Consent is when people are asked to let the client in.
func Consent(p *registration.Policy, c *registration.Client) registration.ConsentMode {
	switch {
	case p.Require.Consent == registration.ConsentAlways, c.Consent == registration.ConsentAlways:
		return registration.ConsentAlways
	case c.Consent == registration.ConsentSkip && p.Allow.SkipConsent:
		return registration.ConsentSkip
	default:
		return registration.ConsentRemember
	}
}

// AllowsResource reports whether tokens may be for an OAuthResource, by its name.
func AllowsResource(p *registration.Policy, resource string) bool {
	return len(p.Allow.Resources) == 0 || slices.Contains(p.Allow.Resources, resource)
}

// Lifetimes are the lifetimes of the tokens that a client gets: its own, and where it did not ask for any the defaults, or the policy's
// limits where those are less. So a limit can be tightened by one write, whatever the clients were compiled with.
func Lifetimes(p *registration.Policy, c *registration.Client) registration.Tokens {
	t := c.Tokens
	if limit := p.Limits.AccessTokenTTL; t.AccessTokenDefault && limit > 0 {
		t.AccessTokenTTL = min(t.AccessTokenTTL, limit)
	}
	if limit := p.Limits.RefreshTokenTTL; t.RefreshTokenDefault && limit > 0 {
		t.RefreshTokenTTL = min(t.RefreshTokenTTL, limit)
	}
	t.RefreshTokenIdle = min(t.RefreshTokenIdle, t.RefreshTokenTTL)
	return t
}

// NeedsPushedRequest reports whether the client must push its authorization requests (RFC 9126 section 6).
func NeedsPushedRequest(p *registration.Policy) bool { return p.Require.PushedAuthorizationRequests }

// NeedsMFA reports whether a sign-in for the client takes more than one factor.
func NeedsMFA(p *registration.Policy) bool { return p.Require.MFA }

// NeedsDPoP reports whether every token of the client must be bound to a key of the client (RFC 9449).
func NeedsDPoP(p *registration.Policy) bool { return p.Require.DPoP }
