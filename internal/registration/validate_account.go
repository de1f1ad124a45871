package registration

import (
	"errors"
	"fmt"
)

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
	for _, e := range checkProfile(&a.Profile) {
		check("profile."+e.Field, e.Err)
	}
	return found
}
