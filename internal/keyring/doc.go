// Package keyring decides about the life of a server's keys: which exist, which one signs, when the next one takes over
// and when an old one is dropped (K20). It is pure but for the random source: the keys and the time go in, the keys as
// they should be and the time to look again come out.
//
// It owns the states of signing keys (next, active, retired) and the order of sealing, derivation and at-rest keys. It does not
// know where keys are kept, and it signs nothing.
package keyring
