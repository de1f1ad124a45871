package token

import (
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// ClaimsOf picks the claims about a user that the scopes allow (OpenID Connect Core section 5.4).
func ClaimsOf(u *storage.User, scopes []string) UserClaims {
	var c UserClaims
	if slices.Contains(scopes, oauth.ScopeProfile) {
		c.Name, c.PreferredUsername = u.Name, u.Username
	}
	if slices.Contains(scopes, oauth.ScopeEmail) && u.Email != "" {
		verified := u.EmailVerified
		c.Email, c.EmailVerified = u.Email, &verified
	}
	if slices.Contains(scopes, oauth.ScopeGroups) {
		c.Groups = u.Groups
	}
	return c
}
