// Package local signs in the accounts that an OAuthIdentityProvider lists.
//
// It owns the look-up by canonical username and the checking of argon2id hashes with a bound on the memory that all
// checks together take. Checking costs the same whether or not there is such an account. It does not count guesses.
package local
