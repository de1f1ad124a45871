// Package replica reports what this replica of the server has loaded, in a Lease of the server's namespace, so that the
// controllers can tell when a client is served everywhere.
//
// It owns the Lease: its name, what is in it, when it is written. It needs to create and patch Leases in that namespace and
// never reads one. Who judges the reports, and who removes those of replicas that are no more, is the controllers' business.
package replica
