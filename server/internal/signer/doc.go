// Package signer holds the server's signing keys: it signs, verifies what it signed, and publishes the public half as a
// JWK Set (RFC 7517).
//
// It owns algorithms (ES256 and RS256, nothing else), key states and the JWS compact form (RFC 7515 section 3.1). It does
// not know what is signed: claims are the business of package token.
package signer
