// Package compile turns manifests into the documents of internal/registration, and says what is wrong with those that
// it cannot turn. It is pure: inputs in, registration and findings out; no I/O, no clock, no randomness.
//
// The controllers, the offline check and the embedded mode gather the inputs and call it; nothing else decides what a
// manifest means.
package compile
