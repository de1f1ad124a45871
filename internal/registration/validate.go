package registration

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// How many of everything a document may have.
const (
	MaxRedirectURIs    = 20
	MaxClientScopes    = 100
	MaxSecrets         = 8
	MaxTrustedProxies  = 64
	MaxPolicyEntries   = 500
	MaxResourceScopes  = 200
	MaxResourceServers = 20
	MaxAccounts        = 2000
	MaxGroups          = 100
	MaxSigningKeys     = 64
	MaxSymmetricKeys   = 32
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
	return p.join()
}

// Validate implements [Document].
func (d *Policy) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	list(&p, "allow.grantTypes", d.Allow.GrantTypes, MaxPolicyEntries, CheckGrantType)
	list(&p, "allow.scopes", d.Allow.Scopes, MaxPolicyEntries, CheckScope)
	list(&p, "allow.redirectHosts", d.Allow.RedirectHosts, MaxPolicyEntries, CheckRedirectHost)
	list(&p, "allow.authentication", d.Allow.Authentication, 2, CheckAuthenticationMethod)
	if v := d.Limits.AccessTokenTTL; v != 0 {
		p.lifetime("limits.accessTokenTTL", v, MinAccessTokenTTL, MaxAccessTokenTTL)
	}
	if v := d.Limits.RefreshTokenTTL; v != 0 {
		p.lifetime("limits.refreshTokenTTL", v, MinRefreshTokenTTL, MaxRefreshTokenTTL)
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
	seen := map[string]bool{}
	for i, s := range d.Scopes {
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

// Validate implements [Document].
func (d *IdentityProvider) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	p.uid(d.UID)
	p.addValue("displayName", d.DisplayName, CheckText(d.DisplayName, MaxName))
	if d.Local == nil {
		p.addf("local", "must be set: it is the only kind of provider so far")
		return p.join()
	}
	if len(d.Local.Accounts) > MaxAccounts {
		p.addf("local.accounts", "must have at most %d entries", MaxAccounts)
		return p.join()
	}
	seen := map[string]bool{}
	for i := range d.Local.Accounts {
		a := &d.Local.Accounts[i]
		field := fmt.Sprintf("local.accounts[%d]", i)
		p.addValue(field+".username", a.Username, CheckUsername(a.Username))
		if key := strings.ToLower(a.Username); seen[key] {
			p.addValue(field+".username", a.Username, errors.New("is there twice; case makes no difference"))
		} else {
			seen[key] = true
		}
		for _, e := range CheckAccount(a) {
			p.add(field+"."+e.Field, e.Err)
		}
	}
	return p.join()
}

// FieldError is a problem of one field. Err never holds the field's value when that may be secret.
type FieldError struct {
	Field string
	Err   error
}

// CheckAccount checks everything of a local account but its username.
func CheckAccount(a *LocalAccount) []FieldError {
	var found []FieldError
	check := func(field string, err error) {
		if err != nil {
			found = append(found, FieldError{field, err})
		}
	}
	check("passwordHash", CheckPasswordHash(a.PasswordHash))
	if a.Name != "" {
		check("name", CheckText(a.Name, MaxDisplayText))
	}
	if a.Email != "" {
		check("email", CheckEmail(a.Email))
	}
	if a.EmailVerified && a.Email == "" {
		check("emailVerified", errors.New("must not be true without an email"))
	}
	if len(a.Groups) > MaxGroups {
		check("groups", fmt.Errorf("must have at most %d entries", MaxGroups))
		return found
	}
	seen := map[string]bool{}
	for i, g := range a.Groups {
		field := fmt.Sprintf("groups[%d]", i)
		check(field, CheckText(g, MaxDisplayText))
		if seen[g] {
			check(field, errors.New("is there twice"))
		}
		seen[g] = true
	}
	return found
}
