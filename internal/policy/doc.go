// Package policy answers one question: does this OAuthGrantPolicy accept this client? It is pure: no I/O, no clock.
//
// The same functions run in the compile step (controller, offline check, embedded mode) and in every server replica, so
// that what a status says and what a request meets cannot drift apart. It works on the documents of
// internal/registration and knows neither manifests nor requests.
package policy
