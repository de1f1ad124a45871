// Package edge is what holds for every request before an endpoint sees it: the host must be the issuer's, the path must
// be written one way, sizes are bounded, a panic ends one request and nothing else, and the caller's address is worked
// out once.
//
// It does not know any endpoint; the route table is in package server.
package edge
