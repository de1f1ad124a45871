package oauth

// The grant types, by their registered names.
const (
	GrantTypeAuthorizationCode = "authorization_code"
	GrantTypeClientCredentials = "client_credentials"
	GrantTypeRefreshToken      = "refresh_token"
	GrantTypeDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// The scopes of OpenID Connect Core sections 3.1.2.1, 5.4 and 11, which belong to no resource.
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeAddress       = "address"
	ScopePhone         = "phone"
	ScopeGroups        = "groups"
	ScopeOfflineAccess = "offline_access"
)

// IsIdentityScope reports whether a scope is about the user and thus meaningless without one.
func IsIdentityScope(s string) bool {
	switch s {
	case ScopeOpenID, ScopeProfile, ScopeEmail, ScopeAddress, ScopePhone, ScopeGroups, ScopeOfflineAccess:
		return true
	}
	return false
}
