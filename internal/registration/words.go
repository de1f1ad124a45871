package registration

import (
	"slices"
	"time"
)

// The types of clients, as OAuthClient.spec.type has them.
const (
	TypeWeb     = "Web"
	TypeBrowser = "Browser"
	TypeNative  = "Native"
	TypeDevice  = "Device"
	TypeService = "Service"
)

// AlwaysPublic reports whether clients of a type never authenticate: whoever has the app can read what is in it (RFC 8252
// section 8.5).
func AlwaysPublic(clientType string) bool {
	return clientType == TypeBrowser || clientType == TypeNative
}

// The grant types a client can be registered for, by their registered names (RFC 7591 section 2).
const (
	GrantTypeAuthorizationCode = "authorization_code"
	GrantTypeClientCredentials = "client_credentials"
	GrantTypeRefreshToken      = "refresh_token"
	GrantTypeDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// The algorithms that signing keys can have (RFC 7518 section 3.1).
const (
	AlgorithmES256 = "ES256"
	AlgorithmRS256 = "RS256"
)

// JWKSMaxAge is how long verifiers may keep a server's key set: what the server says in Cache-Control, and what the life of a
// signing key is planned by, must be the same.
const JWKSMaxAge = 5 * time.Minute

// IsIdentityScope reports whether a scope is one of OpenID Connect (Core sections 3.1.2.1, 5.4 and 11, and groups): it
// speaks about a user, belongs to no resource, and no resource may declare it.
func IsIdentityScope(s string) bool {
	switch s {
	case "openid", "profile", "email", "address", "phone", "groups", "offline_access":
		return true
	}
	return false
}

// IsUserGrant reports whether a grant type begins with a user who lets the client in.
func IsUserGrant(grantType string) bool {
	return grantType == GrantTypeDeviceCode || grantType == GrantTypeAuthorizationCode
}

// HasUserGrant reports whether one of the grant types begins with a user.
func HasUserGrant(grantTypes []string) bool { return slices.ContainsFunc(grantTypes, IsUserGrant) }

// Bounds of how often a server's signing keys are rotated.
const (
	MinRotateEvery = time.Hour
	MaxRotateEvery = 365 * 24 * time.Hour
)
