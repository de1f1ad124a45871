// Package servertest runs a whole Grantkeeper server for tests of what is on the other side of it: from a folder of documents, over
// a database of its own, on a loopback port, by a clock that stands still until it is moved. It is what a server is in production,
// but for the clock.
//
// Tests of the server itself have their own way to start it, which shares the folder and the browser: see registrationtest and
// test/forms.
package servertest
