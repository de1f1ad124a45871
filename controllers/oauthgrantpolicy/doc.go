// Package oauthgrantpolicy reconciles OAuthGrantPolicies: it has internal/compile turn each into a document for its
// server, which is one write however many clients the policy governs, and counts those clients.
//
// It does not decide about clients: their reconciler does, and the server does so again on every request.
package oauthgrantpolicy
