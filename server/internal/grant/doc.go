// Package grant decides what a token request yields. One pipeline runs the checks that every grant type shares, in one
// order: authenticate the client, is the grant type allowed, scopes and resources; then the grant itself, which consumes
// what it redeems; then minting. Grants fill in the last step only, so that none can forget a check.
//
// A file per grant type; none of them imports another. It does not know HTTP.
package grant
