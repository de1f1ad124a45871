// Package token is the only code that mints: JWT access tokens (RFC 9068), ID tokens (OpenID Connect Core section 2) and
// refresh tokens. It also reads access tokens back.
//
// It owns the claims and how they are written. It does not decide who gets a token; grants do. It does no I/O.
package token
