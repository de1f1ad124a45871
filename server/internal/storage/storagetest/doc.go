// Package storagetest is the suite that every storage engine passes: each sentence of package storage is a subtest, and the
// sentences about "once" and "for ever" are also tried by many at once and checked against a small model.
//
// It uses nothing but the interfaces. What an engine alone can show (its file, its locks, its plans, a killed process) is
// tested in the engine's folder.
//
// GRANTKEEPER_FAULTS=full in the environment runs the races at full length; -short runs a few rounds of each.
package storagetest
