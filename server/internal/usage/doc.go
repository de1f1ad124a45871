// Package usage remembers when client secrets that are no longer current were last used, so that people can see who is late with a new
// one, and the operator does not end a secret that is in use.
//
// It owns the memory, of one replica and bounded. Who reports it is package replica; what follows from it is the controllers'
// business. A use of a current secret, which is nearly every one, never comes here.
package usage
