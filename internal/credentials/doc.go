// Package credentials decides about client secrets and about the content of the Secret from which an app takes its credentials:
// which secret is the current one, which older ones are honoured and until when, when there is a new one, which keys a
// consumer reads, and what proves that a Secret is as the operator wrote it. It is pure but for the random source; the clock
// is an argument.
//
// It owns the form of generated secrets, the presets and the templates, and the rotation. It does not know where Secrets are
// kept, and it verifies no requests: the server compares hashes.
package credentials
