// Package github signs users in at GitHub, or at a GitHub Enterprise Server: its OAuth 2.0 web flow, and its API for who they are
// and which organizations and teams they are in.
//
// GitHub is no OpenID provider: there is no ID token and no time of authentication, so that what it says is as fresh as the
// session of the user there. It does not know pages or sessions.
package github
