// Package offline compiles a folder of manifests as the operator compiles a cluster: every server, policy, resource, identity
// provider and client, by the same functions of internal/compile, with nothing but the manifests to go by.
//
// It owns what the operator's controllers gather from a cluster, gathered from a manifest.Set: which clients rival for a client id,
// which namespace has which labels, which Secret a manifest names. It does not read files (internal/manifest), decide
// (internal/compile) or print. `grantkeeper check` and `grantkeeper dev --files` both stand on it. It is pure.
package offline
