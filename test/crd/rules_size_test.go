package crd_test

import (
	"fmt"
	"strings"
)

// sizeRules are manifests as large as may be. The API server charges rules for the size of what they read; a manifest
// within the bounds must never run out of that budget.
func sizeRules() map[string]rule {
	each := func(n int, entry func(i int) string) string {
		entries := make([]string, n)
		for i := range entries {
			entries[i] = entry(i)
		}
		return strings.Join(entries, ", ")
	}
	padded := func(prefix string, i, length int) string {
		s := fmt.Sprintf("%s%03d", prefix, i)
		return s + strings.Repeat("a", length-len(s))
	}
	text := strings.Repeat("注", 100)
	return map[string]rule{
		"the largest client": {kind: "OAuthClient", spec: fmt.Sprintf(`
type: Web
display: {name: %[1]s, publisher: %[1]s, homepage: %[2]q, policyURI: %[2]q}
redirectURIs: [%[3]s]
postLogoutRedirectURIs: [%[3]s]
backChannelLogout: {uri: %[2]q}
scopes: [%[4]s]`, text, padded("https://acme.example/", 0, 512),
			each(20, func(i int) string { return fmt.Sprintf("%q", padded("https://acme.example/", i, 512)) }),
			each(100, func(i int) string { return padded("s", i, 128) }))},
		"the largest browser app": {kind: "OAuthClient", spec: fmt.Sprintf(`
type: Browser
redirectURIs: [%[1]s]
allowedOrigins: [%[2]s]`,
			each(20, func(i int) string { return fmt.Sprintf("%q", padded("https://acme.example/", i, 512)) }),
			each(20, func(i int) string {
				return fmt.Sprintf("'https://h%03d.%sexample'", i, strings.Repeat(strings.Repeat("a", 60)+".", 3))
			}))},
		"the largest provider": {kind: "OAuthIdentityProvider", spec: fmt.Sprintf(`
displayName: %[1]s
oidc: {issuer: %[2]q, clientID: %[3]s, clientSecretRef: {name: %[4]s, key: %[4]s}, scopes: [%[5]s]}
mapping: {username: %[6]s, name: %[6]s, email: %[6]s, groups: "[%[6]s]"}
allow: %[6]s == ''`, text, padded("https://acme.example/", 0, 512), padded("c", 0, 256), strings.Repeat("a", 253),
			each(50, func(i int) string { return padded("s", i, 128) }), "claims."+strings.Repeat("a", 1000))},
		"the largest GitHub": {kind: "OAuthIdentityProvider", spec: fmt.Sprintf(`
github: {clientSecretRef: {name: a}, organizations: [%s]}`, each(100, func(i int) string { return padded("o", i, 39) }))},
		"the largest Microsoft": {kind: "OAuthIdentityProvider", spec: fmt.Sprintf(`
microsoft: {tenant: common, clientSecretRef: {name: a}, tenants: [%s]}`, each(100, func(i int) string { return fmt.Sprintf("72f988bf-86f1-41af-91ab-2d7cd011d%03d", i) }))},
		"the largest Google": {kind: "OAuthIdentityProvider", spec: fmt.Sprintf(`
google: {clientSecretRef: {name: a}, hostedDomains: [%s]}`, each(100, func(i int) string {
			return fmt.Sprintf("h%03d.%sexample", i, strings.Repeat(strings.Repeat("a", 60)+".", 3))
		}))},
		"the largest choices": {kind: "OAuthResource", spec: fmt.Sprintf(`
identifier: urn:a:b
choices: {type: %s, title: %s, source: {static: [%s, {id: %s, title: %s}]}}`, strings.Repeat("a", 100), text,
			each(199, func(i int) string {
				return fmt.Sprintf("{id: %s, title: %s, parent: %s}", padded("c", i, 100), text, padded("p", 0, 100))
			}),
			padded("p", 0, 100), text)},
		"the largest policy": {kind: "OAuthGrantPolicy", spec: fmt.Sprintf(`
clients:
  namespaceSelector: {matchExpressions: [%[1]s]}
  selector: {matchExpressions: [%[1]s]}
allow:
  identityProviders: [%[4]s]
  scopes: [%[2]s]
  redirectHosts: [%[3]s]`,
			each(200, func(i int) string { return fmt.Sprintf("{key: key-%d, operator: In, values: [a, b, c]}", i) }),
			each(500, func(i int) string { return padded("s", i, 128) }),
			each(500, func(i int) string {
				label := strings.Repeat("a", 60) + "."
				return fmt.Sprintf("'*.h%03d.%s'", i, strings.Repeat(label, 4)[:253-7-8]+".example"[:8])
			}),
			each(50, func(i int) string { return padded("p", i, 63) }))},
		"the largest resource": {kind: "OAuthResource", spec: fmt.Sprintf(`
identifier: %q
title: %s
scopes: [%s]`, padded("urn:", 0, 512), text,
			each(200, func(i int) string {
				return fmt.Sprintf("{name: %s, title: %s, description: %s}", padded("s", i, 128), text, strings.Repeat(text, 5))
			}))},
		"the largest server": {kind: "OAuthServer", spec: fmt.Sprintf(`
issuer: %q
displayName: %s
expose: {trustedProxies: [%s]}`, padded("https://acme.example/", 0, 256), text,
			each(64, func(i int) string { return fmt.Sprintf("'2001:db8:aaaa:bbbb:cccc:dddd:eeee:%x/128'", i+1) }))},
	}
}
