package oauth

import (
	"io"
	"strings"
)

// requestURI is the namespace of the references that the server hands out for pushed requests (RFC 9126 section 2.2).
const requestURI = "urn:ietf:params:oauth:request_uri:"

// NewRequestURI makes the reference to a pushed authorization request, of 256 random bits, and the hash under which the request is
// stored.
func NewRequestURI(random io.Reader) (uri string, hash [32]byte, err error) {
	value, err := NewCredential(PrefixPushedRequest, random)
	if err != nil {
		return "", hash, err
	}
	hash, _ = ParseCredential(PrefixPushedRequest, value)
	return requestURI + value, hash, nil
}

// IsRequestURI reports whether a request_uri is meant to refer to a pushed request. Any other one refers to a request object
// elsewhere (RFC 9101).
func IsRequestURI(uri string) bool { return strings.HasPrefix(uri, requestURI) }

// ParseRequestURI checks the form of a reference that the server may have handed out, and returns the hash under which the request is
// stored.
func ParseRequestURI(uri string) (hash [32]byte, ok bool) {
	value, ok := strings.CutPrefix(uri, requestURI)
	if !ok {
		return hash, false
	}
	return ParseCredential(PrefixPushedRequest, value)
}
