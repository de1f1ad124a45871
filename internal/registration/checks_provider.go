package registration

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of what an upstream is configured with, in bytes.
const (
	MaxUpstreamClientID = 256
	MaxUpstreamSecret   = 1024
	MaxCABundle         = 64 << 10
)

// TenantPlace is what stands for the tenant in the issuer of a MultiTenant provider, as in Microsoft's metadata.
const TenantPlace = "{tenantid}"

// fieldErrors collects problems by field. None holds a value that may be secret.
type fieldErrors struct{ found []FieldError }

func (f *fieldErrors) check(field string, err error) {
	if err != nil {
		f.found = append(f.found, FieldError{field, err})
	}
}

// set checks the length of a list, each entry, and that none is there twice.
func (f *fieldErrors) set(field string, values []string, limit int, check func(string) error) {
	if len(values) > limit {
		f.check(field, fmt.Errorf("must have at most %d entries, not %d", limit, len(values)))
		return
	}
	for i, v := range values {
		entry := fmt.Sprintf("%s[%d]", field, i)
		f.check(entry, check(v))
		if slices.Contains(values[:i], v) {
			f.check(entry, errors.New("is there twice; remove one of them"))
		}
	}
}

// CheckOIDC checks an OpenID provider upstream.
func CheckOIDC(d *OIDCProvider) []FieldError {
	var f fieldErrors
	if d.MultiTenant {
		f.check("issuer", checkTenantIssuer(d.Issuer))
		if d.DiscoveryURL == "" {
			f.check("discoveryURL", errors.New("must be set with multiTenant"))
		}
	} else {
		f.check("issuer", CheckServiceBase(d.Issuer))
		if len(d.Tenants) > 0 {
			f.check("tenants", errors.New("must be empty without multiTenant"))
		}
	}
	if d.DiscoveryURL != "" {
		f.check("discoveryURL", CheckServiceURI(d.DiscoveryURL))
	}
	f.set("tenants", d.Tenants, MaxUpstreamEntries, CheckTenantID)
	f.set("hostedDomains", d.HostedDomains, MaxUpstreamEntries, CheckDomain)
	f.check("clientID", CheckUpstreamClientID(d.ClientID))
	if d.ClientSecret != "" {
		f.check("clientSecret", CheckUpstreamSecret(d.ClientSecret))
	}
	f.set("scopes", d.Scopes, MaxUpstreamScopes, CheckScope)
	if !slices.Contains(d.Scopes, "openid") {
		f.check("scopes", errors.New("must have openid"))
	}
	if d.CABundle != "" {
		f.check("caBundle", CheckCABundle(d.CABundle))
	}
	return f.found
}

// checkTenantIssuer checks an issuer with a place for the tenant.
func checkTenantIssuer(s string) error {
	if strings.Count(s, TenantPlace) != 1 {
		return fmt.Errorf("must have %s once", TenantPlace)
	}
	if authority, _, _ := strings.Cut(strings.TrimPrefix(s, "https://"), "/"); strings.Contains(authority, TenantPlace) {
		return fmt.Errorf("must have %s in the path", TenantPlace)
	}
	return CheckServiceBase(strings.Replace(s, TenantPlace, "tenantid", 1))
}

// CheckTenantID checks the id of a Microsoft tenant: a GUID in lower case.
func CheckTenantID(s string) error {
	ok := len(s) == 36
	for i := 0; ok && i < len(s); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			ok = s[i] == '-'
		} else {
			ok = strings.IndexByte("0123456789abcdef", s[i]) >= 0
		}
	}
	if !ok {
		return errors.New("must be the id of a tenant in lower case, like 72f988bf-86f1-41af-91ab-2d7cd011db47")
	}
	return nil
}

// CheckDomain checks a domain of at least two labels, in lower case.
func CheckDomain(s string) error {
	if err := checkHostName(s); err != nil {
		return err
	}
	if !strings.Contains(s, ".") {
		return errors.New("must be a domain with a dot, like acme.example")
	}
	return nil
}

// CheckGitHub checks a GitHub.
func CheckGitHub(d *GitHubProvider) []FieldError {
	var f fieldErrors
	f.check("url", CheckServiceBase(d.URL))
	f.check("apiURL", CheckServiceBase(d.APIURL))
	f.check("clientID", CheckUpstreamClientID(d.ClientID))
	f.check("clientSecret", CheckUpstreamSecret(d.ClientSecret))
	f.set("organizations", d.Organizations, MaxUpstreamEntries, CheckOrganization)
	if d.CABundle != "" {
		f.check("caBundle", CheckCABundle(d.CABundle))
	}
	return f.found
}

// CheckOrganization checks the name of an organization on GitHub.
func CheckOrganization(s string) error {
	if s == "" || len(s) > 39 || !isAlphanumeric(s[0]) || !isAlphanumeric(s[len(s)-1]) {
		return errors.New("must have 1 to 39 characters, a letter or digit at both ends")
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '-' && c != '_' {
			return errors.New("must consist of letters, digits and dashes")
		}
	}
	return nil
}

// CheckUpstreamClientID checks the client id that this server has at another.
func CheckUpstreamClientID(s string) error {
	if s == "" || len(s) > MaxUpstreamClientID {
		return fmt.Errorf("must have 1 to %d characters", MaxUpstreamClientID)
	}
	return visibleASCII(s)
}

// CheckUpstreamSecret checks the client secret that this server has at another. The error does not hold it.
func CheckUpstreamSecret(s string) error {
	if s == "" || len(s) > MaxUpstreamSecret {
		return fmt.Errorf("must have 1 to %d characters", MaxUpstreamSecret)
	}
	return visibleASCII(s)
}

func visibleASCII(s string) error {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return errors.New("must consist of visible ASCII characters, without spaces or line ends")
		}
	}
	return nil
}

// CheckCABundle checks certificates in PEM, at least one and nothing else.
func CheckCABundle(s string) error {
	if len(s) > MaxCABundle {
		return fmt.Errorf("must have at most %d KiB", MaxCABundle>>10)
	}
	n := 0
	for rest := []byte(s); len(bytes.TrimSpace(rest)) > 0; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d cannot be read; write it in PEM as it came", n+1)
		}
		if len(bytes.TrimSpace(rest)) == 0 {
			return nil
		}
	}
	return errors.New("must be certificates in PEM and nothing else (-----BEGIN CERTIFICATE-----)")
}
