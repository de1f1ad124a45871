// Package clientauth establishes which client a request comes from (RFC 6749 section 2.3): a file per authentication
// method, and one Authenticator that every endpoint calls.
//
// It owns the order of checks, their equal cost for known and unknown clients, and the throttle on wrong secrets. It
// does not know grants; whether a client may do what it asks for is decided after.
package clientauth
