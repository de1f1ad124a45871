// Package oauthresource reconciles OAuthResources: it has internal/compile turn each into a document for its server, the
// older of two that have the same identifier or scope winning, and reports when the server serves it.
package oauthresource
