// Package authrequest is the authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1) and its
// response: it reads and judges a request against registrations, judges it again later, and writes the response in the
// response mode that was asked for.
//
// It is pure: no HTTP, no storage, the clock passed in. Whether somebody is signed in and consents is not its business.
package authrequest
