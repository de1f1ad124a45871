// Package ldap signs users in against a directory (RFC 4511): search for the entry, bind as the entry, search for its groups.
//
// It owns the connections, always encrypted but on loopback, the escaping of what users type, and reading entries. Each question
// is one short connection. An unknown user costs what a wrong password costs. It does not count guesses; so that whoever does
// can count them by account, whatever of its names was typed, it says which account a name is of.
package ldap
