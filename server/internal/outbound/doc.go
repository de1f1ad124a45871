// Package outbound is the one way out to addresses that come from manifests: identity providers, APIs that list choices,
// clients that are told of logouts.
//
// It owns which addresses may be reached, judged when they are dialled and so after DNS has answered, and the bounds of an
// exchange: https, TLS 1.2 or newer, no redirects, no proxy of the environment, a few seconds, a small body. What is asked
// and what the answer means is the caller's.
package outbound
