// Package clientauth establishes which client a request comes from (RFC 6749 section 2.3): a file per authentication
// method, and one Authenticator that every endpoint calls.
//
// It owns the order of checks, their equal cost for known and unknown clients, the throttle on wrong attempts, what an assertion (RFC
// 7523) must say, and the keys that clients publish at an address of theirs: when they are fetched, for how long they are kept. It does
// not know grants; whether a client may do what it asks for is decided after. A client that has a secret is authenticated without any
// I/O.
package clientauth
