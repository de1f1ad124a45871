// Package login is what people meet in their browser: signing in, entering a device's code, deciding about it, signing out.
//
// One dispatcher ([next]) decides the step from what was gathered about a request; handlers gather, change one thing, and
// redirect to where the dispatcher says; steps never call each other. What is unfinished is kept sealed in the browser, so
// that people who have not signed in write nothing to the database except counters of sign-ins they tried. The package owns
// the session cookie, the tokens in forms, and the throttles of guesses. Who may sign in is decided by package idp, what a
// page looks like by package page; what a device is told is decided by the device code grant.
package login
