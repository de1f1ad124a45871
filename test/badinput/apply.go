package badinput

// object puts a manifest together.
func object(kind, name, spec string) string {
	return "apiVersion: grantkeeper.dev/v1alpha1\nkind: " + kind + "\nmetadata:\n  name: " + name + "\nspec:\n" + spec
}

// applyCases are refused by the API server, by OpenAPI or CEL.
func applyCases() []Case {
	client := func(what, spec, field, message string) Case {
		return Case{What: what, By: Apply, Manifest: object("OAuthClient", "reports", spec), Field: field, Message: message}
	}
	server := func(what, spec, field, message string) Case {
		return Case{What: what, By: Apply, Manifest: object("OAuthServer", "main", spec), Field: field, Message: message}
	}
	const begin = "redirectURIs: begin with https:// and a host name in lower case, http:// on 127.0.0.1, [::1] or localhost, or a private scheme with a dot, as in com.example.app:/callback"
	return []Case{
		client("a web app without redirects", "  scopes: [orders.read]", "spec.redirectURIs",
			"redirectURIs: authorization_code needs at least one; add where people are sent back to, or choose type Device or Service"),
		client("the type does not exist", "  type: Desktop", "spec.type", `Unsupported value: "Desktop": supported values: "Web", "Browser", "Native", "Device", "Service"`),
		client("a redirect to plain http", "  redirectURIs: [http://reports.acme.example/cb]", "spec.redirectURIs[0]", begin),
		client("a redirect with a wildcard", "  redirectURIs: ['https://*.acme.example/cb']", "spec.redirectURIs[0]",
			"redirectURIs: wildcards do not exist; list every address"),
		client("a redirect whose real host is behind an @", "  redirectURIs: ['https://acme.example@evil.example/cb']", "spec.redirectURIs[0]",
			"redirectURIs: remove the userinfo (the part before @)"),
		client("a redirect with a fragment", "  redirectURIs: ['https://acme.example/#/cb']", "spec.redirectURIs[0]",
			"redirectURIs: remove the fragment (#), which browsers never send"),
		client("a redirect to a private scheme that any app may claim", "  type: Native\n  redirectURIs: ['myapp:/cb']", "spec.redirectURIs[0]", begin),
		client("a private scheme of a web app", "  redirectURIs: ['com.acme.app:/cb']", "spec.redirectURIs",
			"redirectURIs: a private scheme is for type Native only; use https, or type Native"),
		client("redirects of a program that sends nobody there", "  type: Service\n  redirectURIs: ['https://acme.example/cb']", "spec.redirectURIs",
			"redirectURIs are for authorization_code, without which nobody is sent there; remove them, or use a type and grantTypes that have it"),
		client("a secret in an app that runs in the browser", "  type: Browser\n  redirectURIs: ['https://acme.example/cb']\n  authentication: {clientSecret: {}}", "spec.authentication.clientSecret",
			"authentication.clientSecret is not for types Browser and Native, whose users could read it (RFC 8252 section 8.5); remove it, or use type Web"),
		client("an origin with a slash", "  type: Browser\n  redirectURIs: ['https://acme.example/cb']\n  allowedOrigins: ['https://acme.example/']", "spec.allowedOrigins[0]",
			"allowedOrigins: must be https:// and a host in lower case, with a port or none, and nothing else, not even a slash; http:// is for 127.0.0.1, [::1] and localhost only"),
		client("a device that wants client_credentials", "  type: Device\n  grantTypes: [client_credentials]", "spec.grantTypes",
			"grantTypes: client_credentials is for types Web and Service, apps of the other types act for a user; remove it, or use type Service"),
		client("refresh tokens without a grant that begins with a user", "  type: Service\n  grantTypes: [client_credentials, refresh_token]", "spec.grantTypes",
			"grantTypes: refresh_token needs a grant that begins with a user; add authorization_code or urn:ietf:params:oauth:grant-type:device_code, or remove it"),
		client("a service without a secret", "  type: Service\n  authentication: {none: {}}", "spec.authentication",
			"authentication.none makes a public client, which must not use client_credentials (RFC 6749 section 4.4); use clientSecret, or type Device"),
		client("two ways to authenticate at once", "  type: Device\n  authentication: {clientSecret: {}, none: {}}", "spec.authentication",
			"authentication takes exactly one of clientSecret, privateKeyJWT, kubernetesServiceAccount and none"),
		client("a service that asks who the user is", "  type: Service\n  scopes: [openid, orders.read]", "spec.scopes",
			"scopes: openid, profile, email, address, phone, groups and offline_access speak of a user and need a grant that begins with one; remove them, or use another type"),
		client("a scope with a space in it", "  type: Service\n  scopes: [orders read]", "spec.scopes[0]",
			"scopes: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"),
		client("a client id that cannot go into a URI as it is", "  type: Service\n  clientID: acme/reports", "spec.clientID",
			"clientID must begin with a letter or digit and have letters, digits and . _ ~ - only"),
		client("a name that reads backwards", `  type: Device
  display: {name: "Acme \u202Etfosorcim"}`, "spec.display.name",
			"display.name must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"),
		client("an access token for a year", "  type: Service\n  tokens: {accessToken: {ttl: 8760h}}", "spec.tokens.accessToken.ttl",
			"ttl must be a duration from 1m to 720h in h, m and s, such as 10m"),
		client("a lifetime in days", "  type: Device\n  tokens: {refreshToken: {ttl: 30d}}", "spec.tokens.refreshToken.ttl",
			"ttl must be a duration from 5m to 8760h in h, m and s, such as 720h"),
		client("idle longer than the whole lifetime", "  type: Device\n  tokens: {refreshToken: {ttl: 24h, idle: 48h}}", "spec.tokens.refreshToken.idle",
			"idle must not be longer than ttl (720h when absent); shorten idle or lengthen ttl"),
		{What: "a client id that changes", By: Apply, Before: object("OAuthClient", "reports", "  type: Service\n  clientID: reports"),
			Manifest: object("OAuthClient", "reports", "  type: Service\n  clientID: reports-2"), Field: "spec.clientID",
			Message: "clientID is immutable, adding and removing it included; delete the OAuthClient and create it again"},
		server("an issuer with a slash at the end", "  issuer: https://login.example.com/", "spec.issuer", "issuer must not end with a slash; remove it"),
		server("an issuer that is not https", "  issuer: http://login.example.com", "spec.issuer",
			"issuer must begin with https://; http:// is for 127.0.0.1, [::1] and localhost only"),
		server("a proxy by its address", "  issuer: https://login.example.com\n  expose: {trustedProxies: [192.0.2.1]}", "spec.expose.trustedProxies[0]",
			"trustedProxies: must be a network such as 10.0.0.0/8 or fd00::/8 with no bits behind the prefix; a single address is 192.0.2.1/32"),
		{What: "redirects to every host of a top-level domain", By: Apply,
			Manifest: object("OAuthGrantPolicy", "partners", "  clients: {namespaceSelector: {}}\n  allow: {redirectHosts: ['*.com']}"),
			Field:    "spec.allow.redirectHosts[0]",
			Message:  "redirectHosts: must be a host name in lower case without scheme, port and path, *. and a domain of at least two labels, as in *.acme.example, or a private scheme with a dot and its colon, as in com.example.app:"},
		{What: "a policy that contradicts itself", By: Apply,
			Manifest: object("OAuthGrantPolicy", "partners", "  clients: {}\n  allow: {skipConsent: true}\n  require: {consent: Always}"),
			Field:    "spec.require.consent",
			Message:  "require.consent: Always contradicts allow.skipConsent; remove one of them"},
		{What: "choices from nowhere", By: Apply,
			Manifest: object("OAuthResource", "orders-api", "  identifier: https://api.example.com\n  choices: {type: project, title: Projects, source: {}}"),
			Field:    "spec.choices.source", Message: "source takes exactly one of url and static"},
		{What: "choices in three levels", By: Apply,
			Manifest: object("OAuthResource", "orders-api", "  identifier: https://api.example.com\n  choices:\n    type: cluster\n    title: Clusters\n    source:\n      static:\n      - {id: o1, title: Acme}\n      - {id: p1, title: Shop, parent: o1}\n      - {id: c1, title: EU, parent: p1}"),
			Field:    "spec.choices.source.static", Message: "static: a parent must be the id of an entry that has no parent itself: there are two levels"},
		{What: "a directory that is sent passwords in the clear", By: Apply,
			Manifest: object("OAuthIdentityProvider", "staff", "  ldap: {url: 'ldap://ldap.acme.example', users: {baseDN: 'dc=acme,dc=example'}}"),
			Field:    "spec.ldap.url", Message: "url with ldap:// sends passwords in the clear; use ldaps://, or set startTLS"},
		{What: "a logo from elsewhere", By: Apply,
			Manifest: object("OAuthServer", "main", "  issuer: https://login.example.com\n  branding: {logo: 'https://acme.example/logo.svg'}"),
			Field:    "spec.branding.logo",
			Message:  "logo must be a data URI of at most 32 KiB: data:image/svg+xml;base64, or data:image/png;base64, and the picture in base64"},
		{What: "an API that takes openid for itself", By: Apply,
			Manifest: object("OAuthResource", "orders-api", "  identifier: https://api.example.com\n  scopes: [{name: openid, title: Know you}]"),
			Field:    "spec.scopes[0].name",
			Message:  "name must not be a scope of OpenID Connect (openid, profile, email, address, phone, groups, offline_access), which belongs to no resource"},
		{What: "an identity provider that is none", By: Apply, Manifest: object("OAuthIdentityProvider", "staff", "  displayName: Staff"),
			Field: "spec", Message: "spec needs exactly one of oidc, google, microsoft, github, ldap and local"},
		client("a field that does not exist", "  type: Service\n  redirectUris: [https://acme.example/cb]", "spec.redirectUris", "unknown field"),
	}
}
