// Package logout signs people out: when an app asks for it (OpenID Connect RP-Initiated Logout 1.0) it asks the person before,
// unless the app shows that it is about this very session; and whoever ended a session, it tells the apps that took part in it
// (OpenID Connect Back-Channel Logout 1.0).
//
// It owns the end_session_endpoint, what happens when a browser is signed out ([End]), which clients are told ([Tell]) and how
// they are ([Notifier]). It does not own the page for people who sign out by themselves, which is package login's, nor the
// sessions on the account pages; both end sessions the same way. What ends together with a session is storage's to decide.
package logout
