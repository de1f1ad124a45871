// Package badinput is one table of wrong manifests, each with how it is refused and what is said about it: by the API
// server on `kubectl apply`, or in the status by the operator. docs/bad-input.md is printed from it.
//
// It owns the manifests and the expected messages, so that the suites which run them and the document cannot differ. It
// runs nothing: test/crd applies those of [Apply] to a real API server, the suites of controllers those of [Status].
package badinput
