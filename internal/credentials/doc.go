// Package credentials makes client secrets, their verifiers, and the content of the Secret from which an app takes its
// credentials. It is pure but for the random source.
//
// It owns the form of a client secret and the key set of the Secret. It does not know where Secrets are kept, and it
// verifies nothing: the server compares hashes.
package credentials
