package ldap

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	ldaplib "github.com/go-ldap/ldap/v3"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// Attributes by which directories say that an account may not be used: OpenLDAP's password policy, Active Directory, and 389
// Directory Server.
const (
	attributeLocked   = "pwdAccountLockedTime"
	attributeControl  = "userAccountControl"
	attributeDisabled = "nsAccountLock"

	// lockedForGood is the value of an account that an administrator locked.
	lockedForGood = "000001010000Z"
	// controlDisabled is ADS_UF_ACCOUNTDISABLE.
	controlDisabled = 0x2

	objectGUID   = "objectGUID"
	maxClaim     = 4 << 10
	maxOfOne     = 1000
	subtree      = ldaplib.ScopeWholeSubtree
	neverAliases = ldaplib.NeverDerefAliases
)

// find looks for the one entry that a filter matches: nil for none, and for several, which are nobody.
func (p *Provider) find(c *connection, filter string) (*ldaplib.Entry, error) {
	u := p.declared.Users
	attributes := []string{u.Subject, u.Username, u.Name, u.Email, "givenName", "sn", attributeLocked, attributeControl, attributeDisabled}
	if p.everything {
		attributes = append(attributes, "*", "memberOf")
	}
	found, err := c.Search(ldaplib.NewSearchRequest(u.BaseDN, subtree, neverAliases, 2, int(each/time.Second), false, filter, attributes, nil))
	switch {
	case ldaplib.IsErrorWithCode(err, ldaplib.LDAPResultSizeLimitExceeded):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the directory's users: %w", plain(err))
	case len(found.Entries) != 1 || found.Entries[0].DN == "":
		return nil, nil
	}
	return found.Entries[0], nil
}

// identity reads an entry and finds its groups.
func (p *Provider) identity(c *connection, e *ldaplib.Entry) (idp.Identity, error) {
	subject, err := p.subject(e)
	if err != nil {
		return idp.Identity{}, err
	}
	u := p.declared.Users
	i := idp.Identity{
		Subject: subject, Username: first(e, u.Username), Name: first(e, u.Name), Email: first(e, u.Email),
		Profile: registration.Profile{GivenName: first(e, "givenName"), FamilyName: first(e, "sn")},
	}
	if i.Groups, err = p.groups(c, e.DN, i.Username); err != nil {
		return idp.Identity{}, err
	}
	if p.everything {
		i.Claims = claimsOf(e)
	}
	return i, nil
}

// subject is the value of the attribute that is stable and unique, in hex when it is binary.
func (p *Provider) subject(e *ldaplib.Entry) (string, error) {
	values := e.GetEqualFoldRawAttributeValues(p.declared.Users.Subject)
	if len(values) != 1 || len(values[0]) == 0 {
		return "", fmt.Errorf("the directory's entry needs exactly one %s", p.declared.Users.Subject)
	}
	if p.binarySubject() {
		return hex.EncodeToString(values[0]), nil
	}
	return string(values[0]), nil
}

func (p *Provider) binarySubject() bool {
	return strings.EqualFold(p.declared.Users.Subject, objectGUID)
}

// subjectFilter is a subject as a filter has it.
func (p *Provider) subjectFilter(subject string) string {
	if p.binarySubject() {
		raw, err := hex.DecodeString(subject)
		if err != nil {
			return "\\00" // of nobody
		}
		var b strings.Builder
		for _, c := range raw {
			fmt.Fprintf(&b, "\\%02x", c)
		}
		return b.String()
	}
	return ldaplib.EscapeFilter(subject)
}

func (p *Provider) groups(c *connection, dn, username string) ([]string, error) {
	g := p.declared.Groups
	if g == nil {
		return nil, nil
	}
	filter := strings.NewReplacer(registration.DNPlace, ldaplib.EscapeFilter(dn), registration.UsernamePlace, ldaplib.EscapeFilter(username)).Replace(g.Filter)
	found, err := c.Search(ldaplib.NewSearchRequest(g.BaseDN, subtree, neverAliases, idp.MaxGroups, int(each/time.Second), false, filter, []string{g.Name}, nil))
	if ldaplib.IsErrorWithCode(err, ldaplib.LDAPResultSizeLimitExceeded) {
		return nil, fmt.Errorf("%w: it has more groups than %d, or than the directory tells", idp.ErrNotAllowed, idp.MaxGroups)
	}
	if err != nil {
		return nil, fmt.Errorf("the directory's groups: %w", plain(err))
	}
	var names []string
	for _, e := range found.Entries {
		if name := first(e, g.Name); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names) // a directory has no order
	return names, nil
}

// locked reports whether the directory would not let the account in for now.
func locked(e *ldaplib.Entry) bool { return first(e, attributeLocked) != "" }

// disabled reports whether an administrator has disabled the account. A lock that guesses have caused ends by itself, and is the
// directory's to judge when a password is tried.
func disabled(e *ldaplib.Entry) bool {
	control, err := strconv.ParseInt(first(e, attributeControl), 10, 64)
	return err == nil && control&controlDisabled != 0 ||
		strings.EqualFold(first(e, attributeDisabled), "true") || first(e, attributeLocked) == lockedForGood
}

// first is the first value of an attribute that is text.
func first(e *ldaplib.Entry, attribute string) string {
	for _, v := range e.GetEqualFoldAttributeValues(attribute) {
		if v != "" && utf8.ValidString(v) {
			return v
		}
	}
	return ""
}

// claimsOf are the attributes that are text, each a list, but for those that hold secrets.
func claimsOf(e *ldaplib.Entry) map[string]any {
	claims := map[string]any{}
	for _, a := range e.Attributes {
		name := strings.ToLower(a.Name)
		if strings.Contains(name, "passw") || strings.Contains(name, "pwd") || strings.Contains(name, "secret") {
			continue
		}
		var values []string
		for _, v := range a.Values {
			if len(v) <= maxClaim && utf8.ValidString(v) && len(values) < maxOfOne {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			claims[a.Name] = values
		}
	}
	return claims
}
