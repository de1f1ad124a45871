package crd_test

import (
	"fmt"
	"strings"
)

func serverRules() map[string]rule {
	server := func(rest string) rule {
		return rule{kind: "OAuthServer", spec: "{issuer: https://login.example.com" + rest + "}"}
	}
	refused := func(rest, field, message string) rule {
		r := server(rest)
		r.field, r.message = field, message
		return r
	}
	named := func(name, message string) rule {
		r := server("")
		r.name, r.message = name, message
		if message != "" {
			r.field = objectItself
		}
		return r
	}
	const (
		storage = "storage needs exactly one engine; set sqlite, or remove storage for the default"
		size    = "size must be a quantity above zero, such as 1Gi"
		proxy   = "trustedProxies: must be a network such as 10.0.0.0/8 or fd00::/8 with no bits behind the prefix; a single address is 192.0.2.1/32"
		proxies = "trustedProxies: must not be every address there is; name the networks of the proxies"
		ingress = "expose.ingress needs an issuer that is https with a host name; change issuer or remove expose.ingress"
		name    = "metadata.name must begin with a letter, have lower-case letters, digits and - only, and at most 40 of them, because a Service and other objects are named after it"
	)
	return map[string]rule{
		"an issuer alone": server(""),
		"every field at once": server(`,
  displayName: Acme,
  storage: {sqlite: {size: 10Gi, storageClassName: fast}},
  expose: {ingress: {className: traefik, annotations: {a.example/b: c}, tlsSecretName: login-tls}, trustedProxies: [10.0.0.0/8, "fd00::/8"]},
  clients: {namespaceSelector: {matchLabels: {oauth: "on"}}},
  signingKeys: {rotateEvery: 24h},
  device: {codeTTL: 5m, interval: 2s},
  compatibility: {jsonRequestBodies: true},
  backChannelLogout: {allowPrivateAddresses: true},
  branding: {accent: "#175e54", accentDark: "#5CC9B5", logo: "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="}`),
		"private addresses by a word":       refused(`, backChannelLogout: {allowPrivateAddresses: "yes"}`, "spec.backChannelLogout.allowPrivateAddresses", "must be of type boolean"),
		"storage without an engine":         refused(`, storage: {}`, "spec.storage", storage),
		"a size as a number":                server(`, storage: {sqlite: {size: 1073741824}}`),
		"no room":                           refused(`, storage: {sqlite: {size: "0"}}`, "spec.storage.sqlite.size", size),
		"less than no room":                 refused(`, storage: {sqlite: {size: -1Gi}}`, "spec.storage.sqlite.size", size),
		"zero as a number":                  refused(`, storage: {sqlite: {size: 0}}`, "spec.storage.sqlite.size", size),
		"a size in words":                   refused(`, storage: {sqlite: {size: 1 GB}}`, "spec.storage.sqlite.size", size),
		"a proxy by its address":            refused(`, expose: {trustedProxies: [192.0.2.1]}`, "spec.expose.trustedProxies[0]", proxy),
		"a proxy by its name":               refused(`, expose: {trustedProxies: [proxy.example]}`, "spec.expose.trustedProxies[0]", proxy),
		"a network with bits behind":        refused(`, expose: {trustedProxies: [10.0.0.1/8]}`, "spec.expose.trustedProxies[0]", proxy),
		"a prefix that is too long":         refused(`, expose: {trustedProxies: [10.0.0.0/33]}`, "spec.expose.trustedProxies[0]", proxy),
		"the whole internet as a proxy":     refused(`, expose: {trustedProxies: [0.0.0.0/0]}`, "spec.expose.trustedProxies[0]", proxies),
		"the whole IPv6 internet":           refused(`, expose: {trustedProxies: ["::/0"]}`, "spec.expose.trustedProxies[0]", proxies),
		"one IPv6 address as a network":     server(`, expose: {trustedProxies: ["2001:db8::1/128"]}`),
		"an Ingress for a loopback issuer":  {kind: "OAuthServer", spec: `{issuer: "http://127.0.0.1:9080", expose: {ingress: {}}}`, field: "spec.expose", message: ingress},
		"an Ingress for an address":         {kind: "OAuthServer", spec: `{issuer: "https://192.0.2.1", expose: {ingress: {}}}`, field: "spec.expose", message: ingress},
		"an Ingress for a host with a port": {kind: "OAuthServer", spec: `{issuer: "https://a.example:8443/x", expose: {ingress: {}}}`},
		"a loopback issuer without Ingress": {kind: "OAuthServer", spec: `{issuer: "http://127.0.0.1:9080", expose: {trustedProxies: [127.0.0.0/8]}}`},
		"a name of 40 characters":           named("a"+strings.Repeat("-", 38)+"z", ""),
		"a name of 41 characters":           named(strings.Repeat("a", 41), name),
		"a name with a dot":                 named("a.b", name),
		"a name that begins with a digit":   named("1a", name),
	}
}

func issuerRules() map[string]rule {
	const (
		scheme  = "issuer must begin with https://; http:// is for 127.0.0.1, [::1] and localhost only"
		slash   = "issuer must not end with a slash; remove it"
		query   = "issuer must not have a query or a fragment; remove everything from ? or # on"
		user    = "issuer must not have userinfo; remove the part up to @"
		host    = "issuer must name a host in lower case, an international name as xn--…, or an address in its canonical form"
		path    = "issuer must have a path of plain segments: letters, digits and . _ ~ -, neither . nor .."
		port    = "issuer must have a port from 1 to 65535; leave out 443 of https and 80 of http, as clients do"
		tooLong = "may not be more than 256"
	)
	rules := map[string]rule{
		"an issuer is required": {kind: "OAuthServer", spec: `{}`, field: "spec.issuer", message: "Required value"},
	}
	for _, issuer := range acceptedIssuers() {
		rules["accepted: "+short(issuer)] = rule{kind: "OAuthServer", spec: fmt.Sprintf("{issuer: %q}", issuer)}
	}
	for issuer, message := range map[string]string{
		"http://login.example.com":                      scheme,
		"http://127.0.0.1.evil.example":                 scheme,
		"http://localhost.example":                      scheme,
		"login.example.com":                             scheme,
		"ftp://login.example.com":                       scheme,
		"https://login.example.com/":                    slash,
		"https://login.example.com/x/":                  slash,
		"https://login.example.com?x":                   query,
		"https://login.example.com#x":                   query,
		"https://a@login.example.com":                   user,
		"https://a:b@login.example.com":                 user,
		"https://Login.example.com":                     host,
		"https://b\u00fccher.example":                   host,
		"https://login_1.example.com":                   host,
		"https://login.example.com.":                    host,
		"https://":                                      host,
		"https://127.1":                                 host,
		"https://*.example.com":                         host,
		"https://login.example.com//x":                  path,
		"https://login.example.com/../x":                path,
		"https://login.example.com/%61":                 path,
		"https://login.example.com/a b":                 path,
		"https://login.example.com/a\n":                 path,
		"https://login.example.com:443":                 port,
		"http://127.0.0.1:80":                           port,
		"https://login.example.com:0":                   port,
		"https://login.example.com:65536":               port,
		"https://login.example.com:":                    port,
		"https://a.example/" + strings.Repeat("a", 250): tooLong,
	} {
		rules["refused: "+short(issuer)] = rule{kind: "OAuthServer", spec: fmt.Sprintf("{issuer: %q}", issuer), field: "spec.issuer", message: message}
	}
	return rules
}

// acceptedIssuers must be accepted by the API server and by every later check.
func acceptedIssuers() []string {
	return []string{
		"https://login.example.com", "https://login.example.com/tenant-1/oauth2", "https://login.example.com:8443",
		"https://login.example.com/.well-known", "https://192.0.2.1", "https://[2001:db8::1]:8443", "https://localhost",
		"http://127.0.0.1:9080", "http://127.0.0.1", "http://[::1]:9080", "http://localhost:9080", "https://xn--bcher-kva.example",
		"https://a.example/" + strings.Repeat("a", 238),
	}
}

func policyRules() map[string]rule {
	policy := func(rest string) rule {
		return rule{kind: "OAuthGrantPolicy", spec: "{clients: {}, allow: {" + rest + "}}"}
	}
	const host = "redirectHosts: must be a host name in lower case without scheme, port and path, *. and a domain of at least two labels, as in *.acme.example, or a private scheme with a dot and its colon, as in com.example.app:"
	rules := map[string]rule{
		"a policy that allows nothing": policy(""),
		"every field at once": {kind: "OAuthGrantPolicy", spec: `
serverRef: {name: main}
priority: -5
clients: {namespaceSelector: {}, selector: {matchLabels: {kind: cli}}}
allow:
  grantTypes: [client_credentials]
  scopes: [orders.read]
  redirectHosts: ["*.acme.example"]
  resources: [{name: orders-api}]
  authentication: [ClientSecret, PrivateKeyJWT, KubernetesServiceAccount, None]
  identityProviders: [corp, local.2]
  skipConsent: true
  withoutPKCE: true
require: {mfa: true, dpop: true, pushedAuthorizationRequests: true}
limits: {accessTokenTTL: 15m, refreshTokenTTL: 720h, clients: 50, grantsPerUser: 20}
users: "'staff' in user.groups"`},
		"clients are required":         {kind: "OAuthGrantPolicy", spec: `{allow: {}}`, field: "spec.clients", message: "Required value"},
		"allow is required":            {kind: "OAuthGrantPolicy", spec: `{clients: {}}`, field: "spec.allow", message: "Required value"},
		"a method that does not exist": withRefusal(policy(`authentication: [TLSClientAuth]`), "spec.allow.authentication[0]", `supported values: "ClientSecret", "PrivateKeyJWT", "KubernetesServiceAccount", "None"`),
		"no method at all":             withRefusal(policy(`authentication: []`), "spec.allow.authentication", "should have at least 1 items"),
		"a name of 64 characters": {kind: "OAuthGrantPolicy", name: strings.Repeat("a", 64), spec: "{clients: {}, allow: {}}",
			field: objectItself, message: "metadata.name must have at most 63 characters; choose a shorter name"},
	}
	for _, h := range acceptedRedirectHosts() {
		rules["accepted host: "+h] = policy(fmt.Sprintf("redirectHosts: [%q]", h))
	}
	for _, h := range []string{"*", "*.com", "*.", "a.*.example", "*acme.example", "**.acme.example", "https://acme.example", "acme.example:443",
		"acme.example/cb", "Acme.example", "acme.example.", "-a.example", "b\u00fccher.example", "*.192.0.2.1", "127.1", "user@acme.example", "acme.example\n", "myapp:", "javascript:", "com.example.app:/cb", "com..app:", ".app:", "Com.example.app:"} {
		rules["refused host: "+short(h)] = withRefusal(policy(fmt.Sprintf("redirectHosts: [%q]", h)), "spec.allow.redirectHosts[0]", host)
	}
	return rules
}

// acceptedRedirectHosts must be accepted by the API server and by every later check.
func acceptedRedirectHosts() []string {
	return []string{"acme.example", "*.acme.example", "*.a.b.acme.example", "chat", "192.0.2.1", "2001:db8::1", "xn--bcher-kva.example", "*.co.uk", "com.example.app:", "com.example.app-2+x:"}
}

func withRefusal(r rule, field, message string) rule {
	r.field, r.message = field, message
	return r
}

func resourceRules() map[string]rule {
	const (
		chars    = "identifier must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
		absolute = "identifier must be absolute and begin with a scheme in lower case, such as https://api.example.com or urn:example:api"
		query    = "identifier must not have a query or a fragment (RFC 8707 section 2); remove everything from ? or # on"
		host     = "identifier with http or https must name a host in lower case, without userinfo"
		dots     = "identifier must have neither . nor .. as a path segment, and no userinfo"
		port     = "identifier must have a port from 1 to 65535, or none"
		openID   = "name must not be a scope of OpenID Connect (openid, profile, email, address, phone, groups, offline_access), which belongs to no resource"
	)
	resource := func(rest string) rule {
		return rule{kind: "OAuthResource", spec: "{identifier: https://api.example.com" + rest + "}"}
	}
	rules := map[string]rule{
		"resource servers here and elsewhere": resource(`, resourceServers: [{name: gateway}, {name: a.b, namespace: apps}]`),
		"a resource server that is no name": {kind: "OAuthResource", spec: `{identifier: https://api.example.com, resourceServers: [{name: "Gate way"}]}`,
			field: "spec.resourceServers[0].name", message: "resourceServers: name must be the name of an object: lower-case letters, digits, - and ."},
		"a resource server in no namespace": {kind: "OAuthResource", spec: `{identifier: https://api.example.com, resourceServers: [{name: gateway, namespace: a.b}]}`,
			field: "spec.resourceServers[0].namespace", message: "resourceServers: namespace must be the name of a namespace: lower-case letters, digits and -"},
		"an identifier is required": {kind: "OAuthResource", spec: `{}`, field: "spec.identifier", message: "Required value"},
		"every field at once": resource(`, serverRef: {name: main}, title: Orders,
  scopes: [{name: orders.read, title: Read your orders, description: "Dates, prices and addresses", sensitive: true}]`),
		"a scope without a title": withRefusal(resource(`, scopes: [{name: orders.read}]`), "spec.scopes[0].title", "Required value"),
		"a scope twice":           withRefusal(resource(`, scopes: [{name: a, title: A}, {name: a, title: B}]`), "spec.scopes[1]", "Duplicate value"),
		"200 scopes":              resource(`, scopes: [` + numbered("{name: s%d, title: A}", 200) + `]`),
		"201 scopes":              withRefusal(resource(`, scopes: [`+numbered("{name: s%d, title: A}", 201)+`]`), "spec.scopes", "must have at most 200 items"),
		"a name of 64 characters": {kind: "OAuthResource", name: strings.Repeat("a", 64), spec: "{identifier: urn:x:y}",
			field: objectItself, message: "metadata.name must have at most 63 characters; choose a shorter name"},
	}
	for _, s := range []string{"openid", "profile", "email", "address", "phone", "groups", "offline_access"} {
		rules["the scope "+s] = withRefusal(resource(`, scopes: [{name: `+s+`, title: A}]`), "spec.scopes[0].name", openID)
	}
	for _, id := range acceptedIdentifiers() {
		rules["accepted: "+short(id)] = rule{kind: "OAuthResource", spec: fmt.Sprintf("{identifier: %q}", id)}
	}
	for id, message := range map[string]string{
		"https://api.example.com/\u00e4":  chars,
		"https://api.example.com/a b":     chars,
		"https://api.example.com/\\":      chars,
		"https://api.example.com/\n":      chars,
		"api.example.com":                 absolute,
		"/orders":                         absolute,
		"urn:/%2f":                        absolute,
		"HTTPS://api.example.com":         absolute,
		"https://":                        absolute,
		"https://api.example.com?x=1":     query,
		"https://api.example.com#x":       query,
		"https://API.example.com":         host,
		"https:api.example.com":           host,
		"https://api.example.com/../x":    dots,
		"spiffe://user@a.example/x":       dots,
		"https://api.example.com:0":       port,
		"https://api.example.com:70000/x": port,
		"urn:" + strings.Repeat("a", 510): "may not be more than 512",
	} {
		rules["refused: "+short(id)] = rule{kind: "OAuthResource", spec: fmt.Sprintf("{identifier: %q}", id), field: "spec.identifier", message: message}
	}
	return rules
}

// acceptedIdentifiers must be accepted by the API server and by every later check.
func acceptedIdentifiers() []string {
	return []string{
		"https://api.example.com", "https://api.example.com/", "https://api.example.com:8443/orders/v1", "http://orders.shop.svc:8080",
		"urn:example:orders", "api://orders", "spiffe://cluster.local/ns/shop/sa/orders", "https://192.0.2.1/x",
	}
}

func providerRules() map[string]rule {
	return map[string]rule{
		"local accounts": {kind: "OAuthIdentityProvider", spec: `{local: {accountsSecretRef: {name: accounts}}}`},
		"every field at once": {kind: "OAuthIdentityProvider",
			spec: `{serverRef: {name: main}, displayName: Staff, local: {accountsSecretRef: {name: accounts}}}`},
		"no provider": {kind: "OAuthIdentityProvider", spec: `{displayName: Staff}`, field: "spec", message: "spec needs exactly one of oidc, google, microsoft, github, ldap and local"},
		"a provider without its Secret": {kind: "OAuthIdentityProvider", spec: `{local: {}}`,
			field: "spec.local.accountsSecretRef", message: "Required value"},
		"K03 a Secret of another namespace": {kind: "OAuthIdentityProvider", spec: `{local: {accountsSecretRef: {name: accounts, namespace: kube-system}}}`,
			field: "spec.local.accountsSecretRef.namespace", message: unknownField},
		"a name of 64 characters": {kind: "OAuthIdentityProvider", name: strings.Repeat("a", 64), spec: "{local: {accountsSecretRef: {name: accounts}}}",
			field: objectItself, message: "metadata.name must have at most 63 characters; choose a shorter name"},
	}
}
