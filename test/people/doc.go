// Package people walks through everything that a person meets, in a real Chromium against the real demo: sign-in with local
// accounts, with a second Grantkeeper as the OpenID provider and with a real directory; a chat assistant, an app on the person's
// computer and a command line; second factors and passkeys; the account pages; every way to sign out. The sample API serves what
// was chosen, and nothing else.
//
// It needs a control plane, Chromium and slapd: see test/demo, test/browser and test/ldap. Scripts are off, but for passkeys.
//
// GRANTKEEPER_SCREENSHOTS names a folder for pictures of every page. Those in docs/pages are made so.
package people
