// Package e2e tests the main job end to end: a manifest becomes a client that gets tokens. It runs the real command with a
// real API server (package demo), uses kubectl and the libraries that apps use, and looks at nothing that people do not see.
//
// Bounds in time are those of the issue. Under the race detector they are longer, since it slows all processes down.
package e2e
