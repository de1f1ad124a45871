// Package login is what people meet in their browser on the way to an app or a device: signing in, at a provider elsewhere too,
// second factors, entering a device's code, deciding about it, signing out. It is the authorization endpoint.
//
// One dispatcher ([next]) decides the step from what was gathered about a request; handlers gather, change one thing, and
// redirect to where the dispatcher says; steps never call each other. What is unfinished is a flow. It has a key in the address and
// is kept sealed in the browser, in cookies of its own, so that tabs do not disturb each other, every step may be served by another
// replica, and people who have not signed in write nothing to the database except counters of sign-ins they tried.
//
// What a sign-in has to be (how recent, whose, at which provider, how strong) is worked out by [demandsOf] from the request, the
// policy and the provider, and held against the session, never against anything in an address. No session begins before a second
// factor that somebody has is given; the first factor waits in the flow.
//
// The package owns the session cookie, the tokens in forms and what a response to an app is sent by. Who may sign in is decided by
// package idp, what proves a second factor by package factor, what people are asked by package consent, what a request says by
// package authrequest, and what a page looks like by package page; what a device or an app gets for its code is decided by the
// grants.
package login
