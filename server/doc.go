// Package server is the authorization server: it wires the parts in server/internal together (server.go, the only place
// that names concrete types), holds the route table (routes.go), listens and drains.
//
// It learns about clients, policies and keys from registration documents alone. It imports neither the kinds nor the
// controllers, and reads no other namespace.
package server
