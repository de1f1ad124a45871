// Package clients tests the server with clients that exist, against the real demo: a database cloud's command line, in the
// wire form that its program has, with Chromium on the pages; golang.org/x/oauth2 and coreos/go-oidc; the habits of
// kubelogin; openid-client and oauth4webapi in Node.js.
//
// It needs Chromium and Node.js with what test/clients/install gets. Where they are missing a test is skipped as NOT RUN;
// where GRANTKEEPER_REQUIRE lists "clients" or "all" it fails instead.
package clients
