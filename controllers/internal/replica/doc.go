// Package replica reads what the replicas of a server report in their Leases: who is alive and what each has loaded. From
// that follows whether a document is served.
//
// It owns the judgement, which is pure, and the list of those who wait for replicas to catch up, so that a Lease that
// moves wakes only them. It does not write Leases; the server does.
package replica
