// Package cluster reads with which keys the cluster signs the tokens of its ServiceAccounts, so that servers can verify them without
// asking anybody.
//
// It owns when that is read, from the API server's OpenID configuration (/.well-known/openid-configuration and /openid/v1/jwks), which of
// the keys are taken, and their canonical form: as long as nothing changed the result is the same to the byte, and nobody has to
// write. Who is told is the caller's.
package cluster
