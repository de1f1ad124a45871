package registration

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what a directory is asked, in bytes.
const (
	MaxDirectoryText = 512 // a distinguished name or a filter
	MaxAttribute     = 100
)

// What stands for values in the filters of a directory.
const (
	UsernamePlace = "{username}"
	DNPlace       = "{dn}"
)

// CheckLDAP checks a directory.
func CheckLDAP(d *LDAPProvider) []FieldError {
	var f fieldErrors
	f.check("url", CheckLDAPURL(d.URL, d.StartTLS))
	if d.CABundle != "" {
		f.check("caBundle", CheckCABundle(d.CABundle))
	}
	if (d.BindDN == "") != (d.BindPassword == "") {
		// A name without a password is an unauthenticated bind (RFC 4513 section 5.1.2), which proves nothing.
		f.check("bindPassword", errors.New("must be set with bindDN, and bindDN with it"))
	}
	if d.BindDN != "" {
		f.check("bindDN", checkBounded(d.BindDN))
	}
	if len(d.BindPassword) > MaxUpstreamSecret {
		f.check("bindPassword", fmt.Errorf("must have at most %d bytes", MaxUpstreamSecret))
	}
	f.check("users.baseDN", checkBounded(d.Users.BaseDN))
	f.check("users.filter", CheckFilter(d.Users.Filter, UsernamePlace))
	for _, a := range []struct{ field, value string }{
		{"users.subject", d.Users.Subject}, {"users.username", d.Users.Username}, {"users.name", d.Users.Name}, {"users.email", d.Users.Email},
	} {
		f.check(a.field, CheckAttribute(a.value))
	}
	if g := d.Groups; g != nil {
		f.check("groups.baseDN", checkBounded(g.BaseDN))
		f.check("groups.filter", CheckFilter(g.Filter, DNPlace, UsernamePlace))
		f.check("groups.name", CheckAttribute(g.Name))
	}
	return f.found
}

// CheckLDAPURL checks the address of a directory: ldaps, or ldap with StartTLS or on loopback; host and port alone.
func CheckLDAPURL(s string, startTLS bool) error {
	scheme, rest, _ := strings.Cut(s, "://")
	if scheme != "ldaps" && scheme != "ldap" || len(s) > MaxURI || strings.ContainsAny(rest, "/?#@ ") {
		return errors.New("must be ldaps:// or ldap:// with a host, and a port if need be, and nothing else")
	}
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("is not a valid URI")
	}
	host, err := checkAuthority(u)
	switch {
	case err != nil:
		return err
	case scheme == "ldaps" && startTLS:
		return errors.New("must be ldap:// with startTLS; ldaps:// is encrypted from the start")
	case scheme == "ldap" && !startTLS && !IsLoopback(host):
		return errors.New("must be ldaps://, or have startTLS, because passwords are sent")
	}
	return nil
}

// CheckFilter checks the form of a search filter (RFC 4515): balanced parentheses around it, and one of the places for what
// is searched.
func CheckFilter(s string, places ...string) error {
	if err := checkBounded(s); err != nil {
		return err
	}
	depth := 0
	for i, c := range []byte(s) {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 || depth == 0 && i < len(s)-1 {
			return errors.New("must be one filter in balanced parentheses (RFC 4515)")
		}
	}
	if depth != 0 || !slices.ContainsFunc(places, func(p string) bool { return strings.Contains(s, p) }) {
		return fmt.Errorf("must be a filter in balanced parentheses with %s in it", strings.Join(places, " or "))
	}
	return nil
}

var attributeName = regexp.MustCompile(`^([a-zA-Z][-a-zA-Z0-9]*|[0-9]+([.][0-9]+)+)$`)

// CheckAttribute checks the name of an attribute (RFC 4512 section 2.5): a descriptor or an object identifier.
func CheckAttribute(s string) error {
	if s == "" || len(s) > MaxAttribute {
		return fmt.Errorf("must be the name of an attribute, with 1 to %d characters", MaxAttribute)
	}
	if !attributeName.MatchString(s) {
		return errors.New("must be the name of an attribute: letters, digits and dashes, or an object identifier")
	}
	return nil
}

// checkBounded checks a text for a directory: there, not too long, valid, and without controls.
func checkBounded(s string) error {
	if s == "" || len(s) > MaxDirectoryText {
		return fmt.Errorf("must have 1 to %d bytes", MaxDirectoryText)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return errors.New("must be valid UTF-8 without control characters")
	}
	return nil
}
