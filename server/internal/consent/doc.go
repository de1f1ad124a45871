// Package consent works out what a person is asked when an app wants access, and what comes out of the answer: scopes,
// audience and authorization details (RFC 9396).
//
// It owns the rules: the result is never wider than what was asked for and never names a choice outside the person's own
// list; what was allowed before is not asked again; every API that has choices gets one, or none of its scopes. It is pure: no
// HTTP, no storage, no clock. Where the choices come from is the business of package choices, what the page looks like that
// of page/consent, and when people are asked at all that of package login.
package consent
