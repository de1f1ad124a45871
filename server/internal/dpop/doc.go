// Package dpop verifies proofs of possession (RFC 9449): that whoever sends a request holds a private key, now, for this request.
//
// It owns the form of a proof and its bounds, the comparison of addresses, the nonces, and how a proof is spent. Verification is
// pure: the clock, the address of the endpoint and the keys of the nonces are arguments. Spending a proof is one call of
// storage. It does not know who has to send a proof, nor what a token is bound to; grants and endpoints do.
package dpop
