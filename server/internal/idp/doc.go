// Package idp is where users prove who they are: small interfaces over identity providers, the canonical form of a
// username, and the set of providers that a snapshot of the registry declares.
//
// Kinds of providers are in folders below it, each made by a [Factory]; every one that takes passwords passes the suite in
// idptest. The package does not know sessions, pages or throttling: the login flow owns those.
package idp
