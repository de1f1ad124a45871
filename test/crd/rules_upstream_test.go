package crd_test

import (
	"fmt"
	"strings"
)

const (
	sampleCertificate = `"-----BEGIN CERTIFICATE-----\n` + sampleCertificateBody + `\n-----END CERTIFICATE-----\n"`
	// Made once; its key is lost.
	sampleCertificateBody = "MIIBizCCATGgAwIBAgIUWTA035SeLfiBoSU6rESUFLwFekIwCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPY2EuYWNtZS5leGFtcGxlMCAXDTI2MTEyMTEyNDA1OFoYDzIxMjYxMDI4MTI0MDU4WjAaMRgwFgYDVQQDDA9jYS5hY21lLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATTxfyeMRpw+X94XA4mAFwBngAVFJ2xdHBZ8oB58MDJkPiB2yCSokotfREzlt737NHoESmx4ylMr5p29OrgJJUMo1MwUTAdBgNVHQ4EFgQUyad3peiMh2VKS0jtNduQRhanO4EwHwYDVR0jBBgwFoAUyad3peiMh2VKS0jtNduQRhanO4EwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA9GuVUXtvQl37I11TgGx+1if6pEZCpYfYce/uaLoxpiMCICg6Y1L+atk7NEM85WhY/RrkELJhFpzhd895ZdrrEOdZ"
)

func upstream(spec string) rule { return rule{kind: "OAuthIdentityProvider", spec: spec} }

// upstreamRules are about providers on the internet.
func upstreamRules() map[string]rule {
	const (
		needsID      = "oidc needs clientID, or clientSecretRef with a Secret that has the key client-id"
		clientID     = "clientID must have visible ASCII characters only, without spaces"
		key          = "key must be a key of a Secret: letters, digits and - _ ."
		scopes       = "scopes: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
		ca           = "caBundle must be certificates in PEM (-----BEGIN CERTIFICATE-----), and no private key"
		domains      = "hostedDomains: must be a domain in lower case, such as acme.example"
		tenants      = "tenants is for the tenants common and organizations; remove it"
		tenant       = "tenant must be the id of a tenant in lower case, a domain of it, common, organizations or consumers"
		tenantIDs    = "tenants: must be the id of a tenant in lower case, such as 72f988bf-86f1-41af-91ab-2d7cd011db47"
		api          = "apiURL goes with url, the address of a GitHub Enterprise Server; set both or neither"
		organization = "organizations: must be the name of an organization on GitHub: letters, digits and -"
		one          = "spec needs exactly one of oidc, google, microsoft, github, ldap and local"
		id           = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	)
	refused := func(spec, field, message string) rule { return withRefusal(upstream(spec), field, message) }
	return map[string]rule{
		"the smallest: oidc":      upstream(`{oidc: {issuer: "https://idp.example", clientSecretRef: {name: idp}}}`),
		"the smallest: google":    upstream(`{google: {clientSecretRef: {name: idp}}}`),
		"the smallest: microsoft": upstream(`{microsoft: {tenant: common, clientSecretRef: {name: idp}}}`),
		"the smallest: github":    upstream(`{github: {clientSecretRef: {name: idp}}}`),
		"every field: oidc": upstream(`
serverRef: {name: main}
displayName: Acme SSO
order: -5
oidc: {issuer: "https://idp.example/", clientID: "a/b", clientSecretRef: {name: idp, key: oidc.secret_1}, scopes: [openid, email], caBundle: ` + sampleCertificate + `}
mapping: {username: claims.upn, name: claims.name, email: claims.mail, emailVerified: "true", groups: claims.groups}
allow: claims.email.endsWith('@acme.example')`),
		"every field: google":       upstream(`{google: {clientID: a, clientSecretRef: {name: idp, key: k}, hostedDomains: [acme.example, a.b.example]}}`),
		"every field: microsoft":    upstream(`{microsoft: {tenant: organizations, tenants: [` + id + `], clientID: a, clientSecretRef: {name: idp, key: k}}}`),
		"every field: github":       upstream(`{github: {url: "https://github.acme.example", apiURL: "https://github.acme.example/api/v3", clientID: a, clientSecretRef: {name: idp, key: k}, organizations: [acme, Acme-Labs], caBundle: ` + sampleCertificate + `}}`),
		"two providers":             refused(`{github: {clientSecretRef: {name: a}}, google: {clientSecretRef: {name: a}}}`, "spec", one),
		"a public client":           upstream(`{oidc: {issuer: "https://idp.example", clientID: a}}`),
		"no client at all":          refused(`{oidc: {issuer: "https://idp.example"}}`, "spec.oidc", needsID),
		"google without its Secret": refused(`{google: {clientID: a}}`, "spec.google.clientSecretRef", "Required value"),
		"K03 a secret in the clear": refused(`{oidc: {issuer: "https://idp.example", clientID: a, clientSecret: hunter2}}`, "spec.oidc.clientSecret", unknownField),
		"K03 a Secret elsewhere":    refused(`{github: {clientSecretRef: {name: a, namespace: kube-system}}}`, "spec.github.clientSecretRef.namespace", unknownField),
		"a client id with a space":  refused(`{github: {clientID: a b, clientSecretRef: {name: a}}}`, "spec.github.clientID", clientID),
		"a client id with a break":  refused(`{oidc: {issuer: "https://idp.example", clientID: "a\n"}}`, "spec.oidc.clientID", clientID),
		"a key that is none":        refused(`{google: {clientSecretRef: {name: a, key: "a/b"}}}`, "spec.google.clientSecretRef.key", key),
		"a scope with a space":      refused(`{oidc: {issuer: "https://idp.example", clientID: a, scopes: [a b]}}`, "spec.oidc.scopes[0]", scopes),
		"certificates that are not": refused(`{oidc: {issuer: "https://idp.example", clientID: a, caBundle: /etc/ssl/ca.pem}}`, "spec.oidc.caBundle", ca),
		"K3 a key in the bundle":    refused(`{oidc: {issuer: "https://idp.example", clientID: a, caBundle: "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----"}}`, "spec.oidc.caBundle", ca),
		"a domain in capitals":      refused(`{google: {clientSecretRef: {name: a}, hostedDomains: [Acme.example]}}`, "spec.google.hostedDomains[0]", domains),
		"a domain of one label":     refused(`{google: {clientSecretRef: {name: a}, hostedDomains: [acme]}}`, "spec.google.hostedDomains[0]", domains),
		"a domain with a wildcard":  refused(`{google: {clientSecretRef: {name: a}, hostedDomains: ["*.acme.example"]}}`, "spec.google.hostedDomains[0]", domains),
		"one tenant by its id":      upstream(`{microsoft: {tenant: ` + id + `, clientSecretRef: {name: a}}}`),
		"one tenant by its domain":  upstream(`{microsoft: {tenant: acme.onmicrosoft.com, clientSecretRef: {name: a}}}`),
		"personal accounts":         upstream(`{microsoft: {tenant: consumers, clientSecretRef: {name: a}}}`),
		"no tenant":                 refused(`{microsoft: {clientSecretRef: {name: a}}}`, "spec.microsoft.tenant", "Required value"),
		"a tenant by its name":      refused(`{microsoft: {tenant: acme, clientSecretRef: {name: a}}}`, "spec.microsoft.tenant", tenant),
		"a tenant in capitals":      refused(`{microsoft: {tenant: `+strings.ToUpper(id)+`, clientSecretRef: {name: a}}}`, "spec.microsoft.tenant", tenant),
		"a tenant that is a path":   refused(`{microsoft: {tenant: common/v2.0, clientSecretRef: {name: a}}}`, "spec.microsoft.tenant", tenant),
		"tenants of one tenant":     refused(`{microsoft: {tenant: consumers, tenants: [`+id+`], clientSecretRef: {name: a}}}`, "spec.microsoft.tenants", tenants),
		"tenants by their domains":  refused(`{microsoft: {tenant: common, tenants: [acme.example], clientSecretRef: {name: a}}}`, "spec.microsoft.tenants[0]", tenantIDs),
		"an API without its GitHub": refused(`{github: {apiURL: "https://api.acme.example", clientSecretRef: {name: a}}}`, "spec.github.apiURL", api),
		"a GitHub without its API":  upstream(`{github: {url: "https://github.acme.example", clientSecretRef: {name: a}}}`),
		"an organization's team":    refused(`{github: {organizations: [acme/dev], clientSecretRef: {name: a}}}`, "spec.github.organizations[0]", organization),
		"an organization with a -":  refused(`{github: {organizations: [acme-], clientSecretRef: {name: a}}}`, "spec.github.organizations[0]", organization),
		"a long expression":         upstream(`{google: {clientSecretRef: {name: a}}, allow: "'` + strings.Repeat("a", 1012) + `' != ''"}`),
		"a longer expression":       refused(`{google: {clientSecretRef: {name: a}}, allow: "`+strings.Repeat("a", 1025)+`"}`, "spec.allow", "may not be more than 1024"),
		"a second factor":           upstream(`{local: {accountsSecretRef: {name: a}, secondFactor: Required}}`),
		"half a second factor":      refused(`{local: {accountsSecretRef: {name: a}, secondFactor: Sometimes}}`, "spec.local.secondFactor", `supported values: "Optional", "Required"`),
	}
}

// directoryRules are about LDAP.
func directoryRules() map[string]rule {
	const (
		open      = "url with ldap:// sends passwords in the clear; use ldaps://, or set startTLS"
		twice     = "startTLS is for ldap:// alone, ldaps:// is encrypted from the start; remove it"
		form      = "url must be ldaps:// or ldap:// and a host in lower case, with a port from 1 to 65535 or none, and nothing else"
		dn        = "baseDN must be a distinguished name, such as dc=acme,dc=example"
		filter    = "filter must be an LDAP filter in parentheses with {username} in it, such as (uid={username})"
		groups    = "filter must be an LDAP filter in parentheses with {dn} or {username} in it, such as (member={dn})"
		attribute = " must be the name of an attribute: letters, digits and -, or an object identifier in dots"
	)
	ldap := func(rest string) rule { return upstream("{ldap: {" + rest + "}}") }
	users := func(rest string) rule {
		return ldap(`url: "ldaps://ldap.example", users: {baseDN: "dc=a"` + rest + `}`)
	}
	group := func(rest string) rule {
		return ldap(`url: "ldaps://ldap.example", users: {baseDN: "dc=a"}, groups: {baseDN: "dc=a"` + rest + `}`)
	}
	rules := map[string]rule{
		"the smallest": users(""),
		"every field": ldap(`url: "ldap://ldap.example:389", startTLS: true, caBundle: ` + sampleCertificate + `, bindSecretRef: {name: reader},
  users: {baseDN: "ou=people,dc=acme,dc=example", filter: "(&(objectClass=person)(uid={username}))", attributes: {subject: entryUUID, username: uid, name: cn, email: "0.9.2342.19200300.100.1.3"}},
  groups: {baseDN: "ou=groups,dc=acme,dc=example", filter: "(member={dn})", name: cn}`),
		"groups by username":         group(`, filter: "(memberUid={username})"`),
		"ldaps on another port":      ldap(`url: "ldaps://ldap.example:3269", users: {baseDN: "dc=a"}`),
		"no encryption, on loopback": ldap(`url: "ldap://127.0.0.1:3389", users: {baseDN: "dc=a"}`),
		"no encryption":              withRefusal(ldap(`url: "ldap://ldap.example", users: {baseDN: "dc=a"}`), "spec.ldap.url", open),
		"no encryption, spelled out": withRefusal(ldap(`url: "ldap://ldap.example", startTLS: false, users: {baseDN: "dc=a"}`), "spec.ldap.url", open),
		"loopback by its looks":      withRefusal(ldap(`url: "ldap://127.0.0.1.evil.example", users: {baseDN: "dc=a"}`), "spec.ldap.url", open),
		"encryption twice":           withRefusal(ldap(`url: "ldaps://ldap.example", startTLS: true, users: {baseDN: "dc=a"}`), "spec.ldap.startTLS", twice),
		"no users":                   withRefusal(ldap(`url: "ldaps://ldap.example"`), "spec.ldap.users", "Required value"),
		"a base that is no name":     withRefusal(ldap(`url: "ldaps://ldap.example", users: {baseDN: people}`), "spec.ldap.users.baseDN", dn),
		"groups that have no base":   withRefusal(ldap(`url: "ldaps://ldap.example", users: {baseDN: "dc=a"}, groups: {baseDN: "=a"}`), "spec.ldap.groups.baseDN", dn),
		"a filter for nobody":        withRefusal(users(`, filter: "(uid=ada)"`), "spec.ldap.users.filter", filter),
		"a filter that is bare":      withRefusal(users(`, filter: "uid={username}"`), "spec.ldap.users.filter", filter),
		"groups of nobody":           withRefusal(group(`, filter: "(objectClass=group)"`), "spec.ldap.groups.filter", groups),
		"a group with no name":       withRefusal(group(`, name: "c n"`), "spec.ldap.groups.name", "name"+attribute),
		"K03 a password in the open": withRefusal(ldap(`url: "ldaps://ldap.example", bindPassword: hunter2, users: {baseDN: "dc=a"}`), "spec.ldap.bindPassword", unknownField),
	}
	for _, bad := range []string{"ldapi://socket", "https://ldap.example", "ldaps://LDAP.example", "ldaps://ldap.example/dc=a", "ldaps://ldap.example?x", "ldaps://user@ldap.example",
		"ldaps://ldap.example:0", "ldaps://ldap.example:65536", "ldaps://", "ldaps://ldap.example\n", "ldap.example"} {
		rules["refused: "+short(bad)] = withRefusal(ldap(fmt.Sprintf(`url: %q, users: {baseDN: "dc=a"}`, bad)), "spec.ldap.url", form)
	}
	for _, name := range []string{"subject", "username", "name", "email"} {
		for _, bad := range []string{"c n", "cn;binary", "1", "cn=", "(cn", "cn\n"} {
			rules[name+" refused: "+short(bad)] = withRefusal(users(fmt.Sprintf(`, attributes: {%s: %q}`, name, bad)), "spec.ldap.users.attributes."+name, name+attribute)
		}
	}
	return rules
}

// serviceAddressRules are about addresses that the server calls.
func serviceAddressRules() map[string]rule {
	rules := map[string]rule{}
	for _, p := range []place{
		{"OAuthClient", `{redirectURIs: ["https://a.example/cb"], backChannelLogout: {uri: %s}}`, "spec.backChannelLogout.uri", "backChannelLogout.uri"},
		{"OAuthClient", `{type: Service, authentication: {privateKeyJWT: {jwksURI: %s}}}`, "spec.authentication.privateKeyJWT.jwksURI", "privateKeyJWT.jwksURI"},
		{"OAuthResource", `{identifier: urn:a:b, choices: {type: a, title: A, source: {url: %s}}}`, "spec.choices.source.url", "url"},
		{"OAuthIdentityProvider", `{oidc: {clientID: a, issuer: %s}}`, "spec.oidc.issuer", "issuer"},
		{"OAuthIdentityProvider", `{github: {clientSecretRef: {name: a}, url: %s}}`, "spec.github.url", "url"},
		{"OAuthIdentityProvider", `{github: {clientSecretRef: {name: a}, url: "https://a.example", apiURL: %s}}`, "spec.github.apiURL", "apiURL"},
	} {
		base := p.kind == "OAuthIdentityProvider"
		chars := p.called + " must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
		form := p.called + " must begin with https:// and a host name in lower case (http:// is for 127.0.0.1, [::1] and localhost only), without userinfo or fragment"
		if base {
			form = strings.Replace(form, "userinfo or fragment", "userinfo, query or fragment", 1)
		}
		dots := p.called + " must not have . or .. as a path segment; write the path that it leads to"
		port := p.called + " must have a port from 1 to 65535, or none"
		accepted := []string{"https://a.example", "https://a.example/", "https://a.example:8443/x/y", "http://127.0.0.1:9090", "http://[::1]:9090/x", "http://localhost", "https://192.0.2.1/x"}
		refused := map[string]string{
			"https://a.example/a b": chars, "https://a.example/\n": chars, "https://a.example/\u00e4": chars, "https://a.example\\@b.example": chars,
			"http://a.example": form, "http://127.0.0.1.evil.example": form, "http://127.0.0.2": form, "//a.example": form, "file:///etc/passwd": form, "HTTPS://a.example": form,
			"https://A.example": form, "https://user:pw@a.example": form, "https://a.example/#x": form, "gopher://a.example": form, "https://0x7f.1": form,
			"https://a.example/../x": dots, "https://a.example/%2e%2e/x": dots, "https://a.example/..;/x": dots,
			"https://a.example:0/": port, "https://a.example:65536": port, "https://a.example:": port,
			"https://a.example/" + strings.Repeat("a", 500): "may not be more than 512",
		}
		if base {
			refused["https://a.example/?x=1"] = form
		} else {
			accepted = append(accepted, "https://a.example/x?y=z", "https://a.example?y")
		}
		for _, ok := range accepted {
			rules[p.field+" accepted: "+ok] = p.rule(fmt.Sprintf("%q", ok))
		}
		for bad, message := range refused {
			rules[p.field+" refused: "+short(bad)] = p.refused(fmt.Sprintf("%q", bad), message)
		}
	}
	return rules
}
