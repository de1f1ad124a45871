// Package web is what every page of the server is served through: it reads a request's form strictly, finds who is signed in,
// keeps cookies, ties forms to the browser they were sent to, throttles guesses, and turns errors into pages.
//
// It owns cookies' names and attributes, form tokens, the session of a request, and the failure page. It does not own what
// the pages are about: the browser flow is package login's, the account pages are package account's.
package web
