// Package oauth holds the words of the protocol: the error value, grant types, scopes, parameter parsing rules and token
// formats. It knows no storage, no HTTP routes and no clients, and imports the standard library only.
package oauth
