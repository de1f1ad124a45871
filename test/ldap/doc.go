// Package ldap runs a real directory, OpenLDAP's slapd, for tests: a process of its own per test on a loopback port, over a
// folder that ends with the test, with TLS and a password policy.
//
// It needs slapd (/usr/sbin/slapd, or what SLAPD names), which test/ldap/install gets. Where it is missing a test is skipped as
// NOT RUN; where GRANTKEEPER_REQUIRE lists "ldap" or "all" it fails instead.
package ldap
