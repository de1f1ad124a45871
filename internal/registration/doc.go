// Package registration is the contract between the cluster side and the server side: the documents that controllers
// compile manifests to, and that every server replica loads into its registry.
//
// One document describes one manifest (or one set of keys). It is a small, versioned JSON object, kept in one Secret
// of the server's namespace or one file of a folder. It carries hashes and public keys of clients, never a client
// secret; the one document with private material is [Keys], which the server signs and seals with.
//
// The package owns the plain structs, their validation and the strict codec. It does not know where documents are
// kept, what manifests look like, or what the server does with them. It imports the standard library only.
package registration
