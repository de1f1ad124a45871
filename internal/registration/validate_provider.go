package registration

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxExpression bounds a CEL expression, in characters.
const MaxExpression = 1024

// Validate implements [Document].
func (d *IdentityProvider) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	p.uid(d.UID)
	p.addValue("displayName", d.DisplayName, CheckText(d.DisplayName, MaxName))
	for _, e := range []struct{ field, value string }{
		{"mapping.username", d.Mapping.Username}, {"mapping.name", d.Mapping.Name}, {"mapping.email", d.Mapping.Email},
		{"mapping.emailVerified", d.Mapping.EmailVerified}, {"mapping.groups", d.Mapping.Groups}, {"allow", d.Allow},
	} {
		p.add(e.field, CheckExpressionText(e.value))
	}
	kinds := 0
	if d.OIDC != nil {
		kinds++
		p.fields("oidc.", CheckOIDC(d.OIDC))
	}
	if d.GitHub != nil {
		kinds++
		p.fields("github.", CheckGitHub(d.GitHub))
	}
	if d.LDAP != nil {
		kinds++
		p.fields("ldap.", CheckLDAP(d.LDAP))
	}
	if d.Local != nil {
		kinds++
		d.Local.validate(&p)
	}
	if kinds != 1 {
		p.addf("oidc, github, ldap, local", "exactly one must be set, not %d", kinds)
	}
	return p.join()
}

func (p *problems) fields(prefix string, errs []FieldError) {
	for _, e := range errs {
		p.add(prefix+e.Field, e.Err)
	}
}

// CheckExpressionText checks the form of a CEL expression, which may be empty; whether it compiles is the business of
// internal/expression.
func CheckExpressionText(s string) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > MaxExpression {
		return fmt.Errorf("must have at most %d characters of UTF-8", MaxExpression)
	}
	return nil
}

func (l *LocalProvider) validate(p *problems) {
	if len(l.Accounts) > MaxAccounts {
		p.addf("local.accounts", "must have at most %d entries", MaxAccounts)
		return
	}
	seen := map[string]bool{}
	for i := range l.Accounts {
		a := &l.Accounts[i]
		field := fmt.Sprintf("local.accounts[%d]", i)
		p.addValue(field+".username", a.Username, CheckUsername(a.Username))
		if key := strings.ToLower(a.Username); seen[key] {
			p.addValue(field+".username", a.Username, errors.New("is there twice; case makes no difference"))
		} else {
			seen[key] = true
		}
		p.fields(field+".", CheckAccount(a))
	}
}
