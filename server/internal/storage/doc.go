// Package storage holds what users did: accounts that signed in, their sessions and second factors, what they consented to,
// grants, authorization codes, device requests, pushed authorization requests, refresh tokens, revocations, uses of what clients may use once, the logouts that
// clients are to be told of, and the counters that throttle guesses. It owns the domain types, narrow interfaces over them, and the
// sentinel errors; engines are in folders below it and pass the suite in storagetest.
//
// The rule of the package: what may be used once is consumed by one conditional write, and what it yields is written in
// the same transaction. No engine reads and then writes, and none deletes what was consumed before it has expired.
//
// It does not know HTTP, token formats (it sees hashes) or clients beyond their ids.
package storage
