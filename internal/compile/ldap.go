package compile

import (
	"errors"
	"strings"

	"github.com/go-ldap/ldap/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// The keys of a Secret with the account that searches a directory.
const (
	keyBindDN       = "bind-dn"
	keyBindPassword = "bind-password"
)

// Defaults of a directory, as the kind has them.
const (
	defaultUserFilter  = "(uid=" + registration.UsernamePlace + ")"
	defaultGroupFilter = "(member=" + registration.DNPlace + ")"
)

var (
	errDN     = errors.New("must be a distinguished name, such as ou=people,dc=acme,dc=example (RFC 4514)")
	errFilter = errors.New("must be a search filter (RFC 4515), such as (&(objectClass=person)(uid={username}))")
)

// ldap makes the document of a directory.
func (k *checker) ldap(p *v1alpha1.OAuthIdentityProvider, secret *corev1.Secret) *registration.LDAPProvider {
	l := p.Spec.LDAP
	d := &registration.LDAPProvider{URL: l.URL, StartTLS: l.StartTLS, CABundle: l.CABundle}
	a := v1alpha1.LDAPAttributes{}
	if l.Users.Attributes != nil {
		a = *l.Users.Attributes
	}
	d.Users = registration.LDAPUsers{
		BaseDN: l.Users.BaseDN, Filter: orDefault(l.Users.Filter, defaultUserFilter),
		Subject: orDefault(a.Subject, "entryUUID"), Username: orDefault(a.Username, "uid"),
		Name: orDefault(a.Name, "cn"), Email: orDefault(a.Email, "mail"),
	}
	if g := l.Groups; g != nil {
		d.Groups = &registration.LDAPGroups{BaseDN: g.BaseDN, Filter: orDefault(g.Filter, defaultGroupFilter), Name: orDefault(g.Name, "cn")}
	}
	if l.BindSecretRef != nil && k.referenced(p, secret, "spec.ldap.bindSecretRef.name", l.BindSecretRef.Name) {
		d.BindDN = k.secretValue(secret, keyBindDN, checkDN)
		d.BindPassword = k.secretValue(secret, keyBindPassword, checkBindPassword)
	}
	found := registration.CheckLDAP(d)
	// The library that searches knows better what it can read, and is asked where the form is right.
	for _, v := range []struct {
		field, value string
		check        func(string) error
	}{
		{"users.baseDN", d.Users.BaseDN, checkDN}, {"users.filter", d.Users.Filter, checkFilter},
	} {
		found = appendUnless(found, v.field, v.check(v.value))
	}
	if d.Groups != nil {
		found = appendUnless(found, "groups.baseDN", checkDN(d.Groups.BaseDN))
		found = appendUnless(found, "groups.filter", checkFilter(d.Groups.Filter))
	}
	for i, e := range found {
		for _, attribute := range []string{"subject", "username", "name", "email"} {
			if e.Field == "users."+attribute {
				found[i].Field = "users.attributes." + attribute
			}
		}
	}
	k.checkFields("spec.ldap", found)
	return d
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// appendUnless adds a problem of a field that has none yet.
func appendUnless(found []registration.FieldError, field string, err error) []registration.FieldError {
	for _, e := range found {
		if e.Field == field {
			return found
		}
	}
	if err != nil {
		found = append(found, registration.FieldError{Field: field, Err: err})
	}
	return found
}

// checkDN checks a distinguished name. What the library says is left out: it may repeat what came out of a Secret.
func checkDN(s string) error {
	if dn, err := ldap.ParseDN(s); err != nil || len(dn.RDNs) == 0 || len(s) > registration.MaxDirectoryText {
		return errDN
	}
	return nil
}

func checkFilter(s string) error {
	s = strings.NewReplacer(registration.UsernamePlace, "ada", registration.DNPlace, "uid=ada").Replace(s)
	if _, err := ldap.CompileFilter(s); err != nil {
		return errFilter
	}
	return nil
}

func checkBindPassword(s string) error {
	switch {
	case s == "":
		// A bind without a password succeeds and proves nothing (RFC 4513 section 5.1.2).
		return errors.New("must not be empty")
	case len(s) > registration.MaxUpstreamSecret:
		return errors.New("is too long")
	case strings.HasSuffix(s, "\n"):
		return errors.New("ends with a line end, which is hardly part of it; write it without")
	}
	return nil
}
