// Package wire is what the protocol endpoints share of HTTP: reading a bounded form or JSON body into parameters, and the
// one way to write a success and the one way to write an error.
//
// It owns limits, content types and response headers. It does not know any endpoint.
package wire
