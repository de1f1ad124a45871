// Package jwkset holds the public keys with which others sign what they send: clients their assertions (RFC 7523), a cluster the
// tokens of its ServiceAccounts.
//
// It owns which keys of a set (RFC 7517 section 5) are of use, which of them a signature may be tried with, and the verification
// itself, by the algorithms of registration.AssertionAlgorithms and no other. A header chooses among the keys that are there by kid,
// and nothing else in it is followed. Where a set comes from, and what the signed text means, is the caller's.
package jwkset
