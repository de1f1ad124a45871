// Package account serves the pages on which people see and take back what they gave: authorized apps, the browsers they are
// signed in with, second factors, and their data.
//
// It owns these pages and what they change. Everything is of the account that is signed in: ids in requests are looked up
// among its own, and what is somebody else's is as unknown as what does not exist. Whoever is not signed in, or not recently
// enough for what is asked, is sent to the sign-in and comes back. Every change is a POST with a token of the form, bound to
// what it changes, and an audit event. Letting an app have more is the consent's, not this package's.
package account
