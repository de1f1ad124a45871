// Package registrationtest makes for tests what controllers make in a cluster: keys of a server, and a folder of documents.
package registrationtest
