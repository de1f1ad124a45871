// Package oidc signs users in at OpenID providers: any with discovery, Google's, and Microsoft's, whose issuer differs from
// tenant to tenant.
//
// It owns the code flow with PKCE, state apart: discovery, the checks of the answer and of the ID token, userinfo, and the
// upstream's refresh token as a way to ask about an account later. It keeps metadata and keys in memory, the last good ones when
// the upstream is away. It does not know pages or sessions.
package oidc
