//go:build race

package demo

// raceDetector is true when the tests run with the race detector; then the command is built with it too.
const raceDetector = true
