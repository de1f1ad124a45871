package registration

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// How many of everything a document may have.
const (
	MaxRedirectURIs    = 20
	MaxClientScopes    = 100
	MaxSecrets         = 8
	MaxClientKeys      = 8
	MaxClusterKeys     = 32
	MaxPolicyResources = 100
	MaxTrustedProxies  = 64
	MaxPolicyEntries   = 500
	MaxResourceScopes  = 200
	MaxResourceServers = 20
	MaxAccounts        = 2000
	MaxGroups          = 100
	MaxOrigins         = 20
	MaxProviders       = 50 // that a policy names
	MaxChoices         = 200
	MaxUpstreamEntries = 100 // tenants, domains, organizations
	MaxUpstreamScopes  = 51  // openid and 50 of the manifest
	MaxSigningKeys     = 64
	MaxSymmetricKeys   = 32
	MaxAtRestKeys      = 512 // none is ever dropped: one a month for 40 years
)

// problems collects what is wrong with a document, field by field.
type problems struct{ errs []error }

// add notes a problem of a field, if there is one.
func (p *problems) add(field string, err error) {
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s: %w", field, err))
	}
}

// addValue is add with the value shown; for fields that hold nothing secret.
func (p *problems) addValue(field, value string, err error) {
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s %q: %w", field, clip(value), err))
	}
}

func (p *problems) addf(field, format string, args ...any) { p.add(field, fmt.Errorf(format, args...)) }

func (p *problems) join() error { return errors.Join(p.errs...) }

// clip keeps a bad value from filling a log.
func clip(s string) string {
	const limit = 128
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// list checks the length of a list, each entry, and that none is there twice.
func list[T ~string](p *problems, field string, values []T, limit int, check func(T) error) {
	if len(values) > limit {
		p.addf(field, "must have at most %d entries, not %d", limit, len(values))
		return
	}
	seen := make(map[T]struct{}, len(values))
	for i, v := range values {
		entry := fmt.Sprintf("%s[%d]", field, i)
		p.addValue(entry, string(v), check(v))
		if _, twice := seen[v]; twice {
			p.addValue(entry, string(v), errors.New("is there twice"))
		}
		seen[v] = struct{}{}
	}
}

func (p *problems) owner(namespace, name string) {
	p.addValue("namespace", namespace, CheckNamespace(namespace))
	p.addValue("name", name, CheckName(name))
}

func (p *problems) uid(s string) {
	if s == "" || len(s) > 64 || strings.Trim(s, "0123456789abcdefABCDEF-ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ") != "" {
		p.addf("uid", "must have 1 to 64 letters, digits and dashes")
	}
}

func (p *problems) optionalText(field, s string, limit int) {
	if s != "" {
		p.addValue(field, s, CheckText(s, limit))
	}
}

func (p *problems) lifetime(field string, d Duration, least, most time.Duration) {
	p.addValue(field, FormatDuration(d.Std()), CheckLifetime(d.Std(), least, most))
}

// Validate implements [Document].
func (d *Server) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	p.addValue("issuer", d.Issuer, CheckIssuer(d.Issuer))
	p.optionalText("displayName", d.DisplayName, MaxDisplayText)
	p.lifetime("device.codeTTL", d.Device.CodeTTL, MinDeviceCodeTTL, MaxDeviceCodeTTL)
	p.lifetime("device.interval", d.Device.Interval, MinDeviceInterval, MaxDeviceInterval)
	if d.Device.Interval >= d.Device.CodeTTL {
		p.addf("device.interval", "must be shorter than device.codeTTL")
	}
	list(&p, "trustedProxies", d.TrustedProxies, MaxTrustedProxies, CheckCIDR)
	if d.Branding.Logo != "" {
		p.add("branding.logo", CheckLogo(d.Branding.Logo))
	}
	for _, c := range []struct{ field, value string }{{"branding.accent", d.Branding.Accent}, {"branding.accentDark", d.Branding.AccentDark}} {
		if c.value != "" {
			p.addValue(c.field, c.value, CheckColour(c.value))
		}
	}
	if a := d.ServiceAccounts; a != nil {
		if a.Issuer == "" || len(a.Issuer) > MaxURI {
			p.addf("serviceAccounts.issuer", "must have 1 to %d characters", MaxURI)
		}
		p.add("serviceAccounts.jwks", CheckPublicJWKS(a.JWKS, MaxClusterKeys))
	}
	return p.join()
}

// Validate implements [Document].
func (d *Policy) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	list(&p, "allow.grantTypes", d.Allow.GrantTypes, MaxPolicyEntries, CheckGrantType)
	list(&p, "allow.scopes", d.Allow.Scopes, MaxPolicyEntries, CheckScope)
	list(&p, "allow.redirectHosts", d.Allow.RedirectHosts, MaxPolicyEntries, CheckRedirectHost)
	list(&p, "allow.authentication", d.Allow.Authentication, 4, CheckAuthenticationMethod)
	list(&p, "allow.resources", d.Allow.Resources, MaxPolicyResources, CheckName)
	list(&p, "allow.identityProviders", d.Allow.IdentityProviders, MaxProviders, CheckName)
	if c := d.Require.Consent; c != "" && c != ConsentAlways {
		p.addValue("require.consent", string(c), fmt.Errorf("must be %s or absent", ConsentAlways))
	}
	if v := d.Limits.AccessTokenTTL; v != 0 {
		p.lifetime("limits.accessTokenTTL", v, MinAccessTokenTTL, MaxAccessTokenTTL)
	}
	if v := d.Limits.RefreshTokenTTL; v != 0 {
		p.lifetime("limits.refreshTokenTTL", v, MinRefreshTokenTTL, MaxRefreshTokenTTL)
	}
	if n := d.Limits.Clients; n != nil && *n < 0 {
		p.addf("limits.clients", "must not be negative")
	}
	if d.Limits.GrantsPerUser < 0 {
		p.addf("limits.grantsPerUser", "must not be negative")
	}
	if utf8.RuneCountInString(d.Users) > MaxExpression {
		p.addf("users", "must have at most %d characters", MaxExpression)
	}
	return p.join()
}

// Validate implements [Document].
func (d *Resource) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	p.addValue("identifier", d.Identifier, CheckResourceIdentifier(d.Identifier))
	p.optionalText("title", d.Title, MaxURI) // the identifier by default
	if len(d.Scopes) > MaxResourceScopes {
		p.addf("scopes", "must have at most %d entries", MaxResourceScopes)
		return p.join()
	}
	validateScopes(&p, d.Scopes)
	if d.Choices != nil {
		for _, e := range CheckChoices(d.Choices) {
			p.add("choices."+e.Field, e.Err)
		}
	}
	if len(d.ResourceServers) > MaxResourceServers {
		p.addf("resourceServers", "must have at most %d entries", MaxResourceServers)
		return p.join()
	}
	for i, s := range d.ResourceServers {
		namespace, name, ok := strings.Cut(s, "/")
		if !ok || CheckNamespace(namespace) != nil || CheckName(name) != nil {
			p.addValue(fmt.Sprintf("resourceServers[%d]", i), s, errors.New("must be the namespace and name of an OAuthClient, as in apps/gateway"))
		}
	}
	return p.join()
}

func validateScopes(p *problems, scopes []Scope) {
	seen := map[string]bool{}
	for i, s := range scopes {
		field := fmt.Sprintf("scopes[%d]", i)
		p.addValue(field+".name", s.Name, CheckScope(s.Name))
		if seen[s.Name] {
			p.addValue(field+".name", s.Name, errors.New("is there twice"))
		}
		if IsIdentityScope(s.Name) {
			p.addValue(field+".name", s.Name, errors.New("is a scope of OpenID Connect and belongs to no resource"))
		}
		seen[s.Name] = true
		p.addValue(field+".title", s.Title, CheckText(s.Title, MaxDisplayText))
		p.optionalText(field+".description", s.Description, MaxDescription)
	}
}
