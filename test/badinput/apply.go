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
		client("the type is missing", "  scopes: [orders.read]", "spec.type", "Required value"),
		client("the type does not exist", "  type: Web", "spec.type", `Unsupported value: "Web": supported values: "Service", "Device"`),
		client("a redirect to plain http", "  type: Device\n  redirectURIs: [http://reports.acme.example/cb]", "spec.redirectURIs[0]", begin),
		client("a redirect with a wildcard", "  type: Device\n  redirectURIs: ['https://*.acme.example/cb']", "spec.redirectURIs[0]",
			"redirectURIs: wildcards do not exist; list every address"),
		client("a redirect whose real host is behind an @", "  type: Device\n  redirectURIs: ['https://acme.example@evil.example/cb']", "spec.redirectURIs[0]",
			"redirectURIs: remove the userinfo (the part before @)"),
		client("a redirect with a fragment", "  type: Device\n  redirectURIs: ['https://acme.example/#/cb']", "spec.redirectURIs[0]",
			"redirectURIs: remove the fragment (#), which browsers never send"),
		client("a redirect to a private scheme that any app may claim", "  type: Device\n  redirectURIs: ['myapp:/cb']", "spec.redirectURIs[0]", begin),
		client("a device that wants client_credentials", "  type: Device\n  grantTypes: [client_credentials]", "spec.grantTypes",
			"grantTypes of a client of type Device must not have client_credentials: a device acts for a user; use type Service"),
		client("refresh tokens without a grant that begins with a user", "  type: Service\n  grantTypes: [client_credentials, refresh_token]", "spec.grantTypes",
			"grantTypes: refresh_token needs a grant that begins with a user; add urn:ietf:params:oauth:grant-type:device_code, or remove it"),
		client("a service without a secret", "  type: Service\n  authentication: {none: {}}", "spec.authentication",
			"authentication.none makes a public client, which must not use client_credentials (RFC 6749 section 4.4); use clientSecret, or type Device"),
		client("two ways to authenticate at once", "  type: Device\n  authentication: {clientSecret: {}, none: {}}", "spec.authentication",
			"authentication takes exactly one of clientSecret and none"),
		client("a service that asks who the user is", "  type: Service\n  scopes: [openid, orders.read]", "spec.scopes",
			"scopes: openid, profile, email, groups and offline_access speak of a user and need a grant that begins with one; remove them, or use type Device"),
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
			Message:  "redirectHosts: must be a host name in lower case without scheme, port and path, or *. and a domain of at least two labels, as in *.acme.example"},
		{What: "an API that takes openid for itself", By: Apply,
			Manifest: object("OAuthResource", "orders-api", "  identifier: https://api.example.com\n  scopes: [{name: openid, title: Know you}]"),
			Field:    "spec.scopes[0].name",
			Message:  "name must not be a scope of OpenID Connect (openid, profile, email, groups, offline_access), which belongs to no resource"},
		{What: "an identity provider that is none", By: Apply, Manifest: object("OAuthIdentityProvider", "staff", "  displayName: Staff"),
			Field: "spec", Message: "spec needs exactly one provider; set local"},
		client("a field that does not exist", "  type: Service\n  redirectUris: [https://acme.example/cb]", "spec.redirectUris", "unknown field"),
	}
}
