// Package oauthidentityprovider reconciles OAuthIdentityProviders: it reads the Secret that a provider names, if that opted in
// by its label, has internal/compile turn both into a document for the server, and reports.
//
// The Secret is read from a cache that holds nothing but Secrets with the label grantkeeper.dev/referenced: "true", so
// that no manifest makes the operator read any other (K3).
package oauthidentityprovider
