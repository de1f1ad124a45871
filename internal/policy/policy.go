package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Finding is one reason why a policy refuses a client.
type Finding struct {
	// Policy is the policy's name.
	Policy string
	// Field is the field of the OAuthClient, as in "spec.redirectURIs[1]".
	Field string
	// Value is what the client has there, as it is.
	Value string
	// Rule is the field of the OAuthGrantPolicy that refuses it, as in "spec.allow.redirectHosts".
	Rule string
	// Allowed is what the rule allows, in words: "hosts *.acme.example", "no scopes", "at most 15m".
	Allowed string
	// Fix says in one line what to do about it.
	Fix string
}

// String is the finding in one line, for people: field, value, rule and fix. The value of a client that was validated has
// no control characters and no credentials.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s: policy %s allows %s (%s); %s", f.Field, f.Value, f.Policy, f.Allowed, f.Rule, f.Fix)
}

// Accepts evaluates a policy against a whole client and returns every reason to refuse it, in the order of the client's
// fields; none means that the policy accepts it. A list of the policy that is empty allows nothing, but for
// allow.authentication and allow.resources, which allow everything when they are empty, and allow.identityProviders, which is asked
// when somebody signs in. What only a request can tell (identityProviders, users, require) is not asked here, and limits.clients, which
// is about all clients together, was decided when they were compiled.
//
// Redirects to loopback need no entry in allow.redirectHosts: they lead to the user's own machine, not to a host that
// somebody could take over. Redirects to a private scheme need an entry of that scheme: any app on a device can claim any
// scheme (RFC 8252 section 8.4), and what the platform did not list is denied. The server itself calls backChannelLogout
// and jwksURI, so that loopback has to be listed there like any other host.
//
// A lifetime that the client did not ask for is none to refuse: see [Lifetimes].
func Accepts(p *registration.Policy, c *registration.Client) []Finding {
	e := evaluation{policy: p.Name, hosts: p.Allow.RedirectHosts}
	for i, uri := range c.RedirectURIs {
		e.redirect(fmt.Sprintf("spec.redirectURIs[%d]", i), uri)
	}
	for i, uri := range c.PostLogoutRedirectURIs {
		e.redirect(fmt.Sprintf("spec.postLogoutRedirectURIs[%d]", i), uri)
	}
	if c.BackChannelLogoutURI != "" {
		e.called("spec.backChannelLogout.uri", c.BackChannelLogoutURI)
	}
	for i, origin := range c.AllowedOrigins {
		e.redirect(fmt.Sprintf("spec.allowedOrigins[%d]", i), origin)
	}
	if c.Consent == registration.ConsentSkip && !p.Allow.SkipConsent {
		e.add("spec.consent", string(c.Consent), "spec.allow.skipConsent", "no client that does not ask people",
			"use "+string(registration.ConsentRemember))
	}
	for i, g := range c.GrantTypes {
		if !slices.Contains(p.Allow.GrantTypes, g) {
			e.unlisted(fmt.Sprintf("spec.grantTypes[%d]", i), g, "spec.allow.grantTypes", "grant types", p.Allow.GrantTypes)
		}
	}
	for i, s := range c.Scopes {
		if !slices.Contains(p.Allow.Scopes, s) {
			e.unlisted(fmt.Sprintf("spec.scopes[%d]", i), s, "spec.allow.scopes", "scopes", p.Allow.Scopes)
		}
	}
	for _, name := range c.Resources {
		if !AllowsResource(p, name) {
			e.unlisted("spec.scopes", name, ResourcesRule, "resources", p.Allow.Resources)
		}
	}
	for _, m := range c.Authentication.Methods {
		if len(p.Allow.Authentication) > 0 && !slices.Contains(p.Allow.Authentication, m) {
			e.unlisted("spec.authentication", string(m), "spec.allow.authentication", "authentication", words(p.Allow.Authentication))
		}
	}
	if c.Authentication.JWKSURI != "" {
		e.called("spec.authentication.privateKeyJWT.jwksURI", c.Authentication.JWKSURI)
	}
	if !c.Tokens.AccessTokenDefault {
		e.lifetime("spec.tokens.accessToken.ttl", c.Tokens.AccessTokenTTL, "spec.limits.accessTokenTTL", p.Limits.AccessTokenTTL)
	}
	if slices.Contains(c.GrantTypes, registration.GrantTypeRefreshToken) && !c.Tokens.RefreshTokenDefault {
		e.lifetime("spec.tokens.refreshToken.ttl", c.Tokens.RefreshTokenTTL, "spec.limits.refreshTokenTTL", p.Limits.RefreshTokenTTL)
	}
	return e.findings
}

type evaluation struct {
	policy   string
	hosts    []string
	findings []Finding
}

func (e *evaluation) add(field, value, rule, allowed, fix string) {
	e.findings = append(e.findings, Finding{
		Policy: e.policy, Field: field, Value: value, Rule: rule, Allowed: allowed,
		Fix: fix + " or ask the platform team to change the policy",
	})
}

// unlisted is a value that a list of the policy does not have.
func (e *evaluation) unlisted(field, value, rule, what string, allowed []string) {
	fix := "use one of these"
	if len(allowed) == 0 {
		fix = "remove it"
	}
	e.add(field, value, rule, oneOf(what, allowed), fix)
}

const hostsRule = "spec.allow.redirectHosts"

// ResourcesRule is the rule of findings about resources. Their field is spec.scopes, and their value the name of an OAuthResource: which
// of the scopes lead to it is not known here.
const ResourcesRule = "spec.allow.resources"

// redirect is an address that people's browsers are sent to, or come from.
func (e *evaluation) redirect(field, uri string) {
	r, err := registration.ParseRedirectURI(uri)
	switch {
	case err != nil:
		// Validation refuses it before; but what cannot be read is never let through here either.
		e.add(field, uri, hostsRule, oneOf("hosts", e.hosts), "it "+err.Error())
	case r.Loopback:
	case r.Private:
		listed := e.schemes()
		if slices.Contains(listed, r.Scheme+":") {
			return
		}
		fix := "use https or a loopback address"
		if len(listed) > 0 {
			fix = "use one of these, https or a loopback address"
		}
		e.add(field, uri, hostsRule, oneOf("private schemes", listed), fix)
	case !e.listed(r.Host):
		e.unlisted(field, uri, hostsRule, "hosts", e.hosts)
	}
}

// called is an address that the server calls.
func (e *evaluation) called(field, uri string) {
	r, err := registration.ParseRedirectURI(uri)
	switch {
	case err != nil:
		e.add(field, uri, hostsRule, oneOf("hosts", e.hosts), "it "+err.Error())
	case r.Private || !e.listed(r.Host):
		e.unlisted(field, uri, hostsRule, "hosts", e.hosts)
	}
}

func (e *evaluation) listed(host string) bool {
	return slices.ContainsFunc(e.hosts, func(entry string) bool { return MatchHost(entry, host) })
}

// schemes are the private schemes that are listed.
func (e *evaluation) schemes() []string {
	var private []string
	for _, h := range e.hosts {
		if strings.HasSuffix(h, ":") {
			private = append(private, h)
		}
	}
	return private
}

func (e *evaluation) lifetime(field string, value registration.Duration, rule string, limit registration.Duration) {
	if limit > 0 && value > limit {
		most := registration.FormatDuration(limit.Std())
		e.add(field, registration.FormatDuration(value.Std()), rule, "at most "+most, "set "+most+" or less")
	}
}

// MatchHost reports whether an entry of allow.redirectHosts covers a host: the same name, or, for "*." and a domain, any
// name strictly below the domain. The domain itself is not below itself.
func MatchHost(entry, host string) bool {
	if domain, wildcard := strings.CutPrefix(entry, "*."); wildcard {
		below, found := strings.CutSuffix(host, "."+domain)
		return found && below != ""
	}
	return entry == host
}

// oneOf names what a list allows, briefly however long it is.
func oneOf(what string, allowed []string) string {
	const shown = 8
	switch more := len(allowed) - shown; {
	case len(allowed) == 0:
		return "no " + what
	case more > 0:
		return fmt.Sprintf("%s %s and %d more", what, strings.Join(allowed[:shown], ", "), more)
	}
	return what + " " + strings.Join(allowed, ", ")
}

func words(methods []registration.AuthenticationMethod) []string {
	w := make([]string, len(methods))
	for i, m := range methods {
		w[i] = string(m)
	}
	return w
}
