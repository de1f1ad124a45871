// Package ops is what operators see of a running server: whether it is alive, whether it is ready, and its metrics, on a
// port of their own that no issuer's address reaches.
//
// It owns the probes, the names and labels of the server's metrics, and measuring the storage. Labels take few values, all
// known in advance; nothing of a client, a user or a token is ever one. What is counted, and when, is told by the parts of
// the server; profiles (pprof) are not exposed.
package ops
