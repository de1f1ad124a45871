package badinput

// World is what the cases of Status assume: a server, an API, and a policy that is narrow. The suite makes it once, as
// YAML objects of the server's namespace.
func World() []string {
	return []string{
		object("OAuthResource", "orders-api", `  identifier: https://api.example.com
  scopes:
  - {name: orders.read, title: Read your orders}
  - {name: orders.write, title: Change your orders}
`),
		object("OAuthGrantPolicy", "partners", `  clients:
    namespaceSelector: {}
    selector:
      matchExpressions:
      - {key: team, operator: NotIn, values: [unknown]}
  allow:
    grantTypes: [client_credentials, authorization_code, refresh_token]
    scopes: [orders.read]
    redirectHosts: ['*.acme.example']
    authentication: [ClientSecret]
  limits: {accessTokenTTL: 15m}
`),
	}
}

// statusCases are refused by the operator, because they depend on other objects: those of World.
func statusCases() []Case {
	client := func(what, spec, reason, message string) Case {
		return Case{What: what, By: Status, Manifest: object("OAuthClient", "reports", spec), Reason: reason, Message: message}
	}
	platform := func(what, kind, name, spec, reason, message string) Case {
		return Case{What: what, By: Status, Manifest: object(kind, name, spec), Reason: reason, Message: message}
	}
	unselected := client("a client that no policy selects", "  type: Service\n", "NoPolicy",
		"metadata.namespace partners: no OAuthGrantPolicy of server oauth-system/main selects this client; ask the platform team for a policy whose spec.clients matches the labels of the namespace or of the client")
	unselected.Manifest = "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata:\n  name: reports\n  labels: {team: unknown}\nspec:\n  type: Service\n"
	conflict := client("a client id that somebody else has", "  type: Service\n  clientID: acme\n", "ClientIDConflict", "spec.clientID acme: the OAuthClient partners/first of server oauth-system/main has this client id; choose another")
	conflict.Before = object("OAuthClient", "first", "  type: Service\n  clientID: acme\n")
	return []Case{
		client("a redirect to a host that the policy does not allow", "  redirectURIs: ['https://evil.example/cb']\n", "PolicyRefused",
			"spec.redirectURIs[0] https://evil.example/cb: policy partners allows hosts *.acme.example (spec.allow.redirectHosts); use one of these or ask the platform team to change the policy"),
		client("a scope that the policy does not allow", "  type: Service\n  scopes: [orders.write]\n", "PolicyRefused",
			"spec.scopes[0] orders.write: policy partners allows scopes orders.read (spec.allow.scopes); use one of these or ask the platform team to change the policy"),
		client("a scope that no API has", "  type: Service\n  scopes: [invoices.read]\n", "ScopeUnknown", "spec.scopes[0] invoices.read: no OAuthResource of server oauth-system/main declares it; correct it, or ask the platform team for it. Also: spec.scopes[0] invoices.read: policy partners allows scopes orders.read (spec.allow.scopes); use one of these or ask the platform team to change the policy"),
		client("a lifetime that is longer than the policy's", "  type: Service\n  tokens: {accessToken: {ttl: 1h}}\n", "PolicyRefused",
			"spec.tokens.accessToken.ttl 1h: policy partners allows at most 15m (spec.limits.accessTokenTTL); set 15m or less or ask the platform team to change the policy"),
		client("a type that the policy does not allow", "  type: Device\n", "PolicyRefused", "spec.grantTypes (default of type Device) urn:ietf:params:oauth:grant-type:device_code: policy partners allows grant types client_credentials, authorization_code, refresh_token (spec.allow.grantTypes); use one of these or ask the platform team to change the policy. Also: spec.authentication (default of type Device) None: policy partners allows authentication ClientSecret (spec.allow.authentication); use one of these or ask the platform team to change the policy"),
		client("consent that the client skips by its own word", "  redirectURIs: ['https://a.acme.example/cb']\n  consent: Skip\n", "PolicyRefused",
			"spec.consent Skip: policy partners allows no client that does not ask people (spec.allow.skipConsent); use Remember or ask the platform team to change the policy"),
		client("a private scheme that the policy does not list", "  type: Native\n  redirectURIs: ['com.acme.app:/cb']\n", "PolicyRefused",
			"spec.redirectURIs[0] com.acme.app:/cb: policy partners allows no private schemes (spec.allow.redirectHosts); use https or a loopback address or ask the platform team to change the policy. Also: spec.authentication (default of type Native) None: policy partners allows authentication ClientSecret (spec.allow.authentication); use one of these or ask the platform team to change the policy"),
		client("logouts told to a host that the policy does not allow", "  redirectURIs: ['https://a.acme.example/cb']\n  backChannelLogout: {uri: 'http://127.0.0.1:9081/'}\n", "PolicyRefused",
			"spec.backChannelLogout.uri http://127.0.0.1:9081/: policy partners allows hosts *.acme.example (spec.allow.redirectHosts); use one of these or ask the platform team to change the policy"),
		client("a server that does not exist", "  type: Service\n  serverRef: {name: nowhere}\n", "ServerNotFound", "spec.serverRef oauth-system/nowhere: there is no OAuthServer of this name; correct name and namespace, or create it"),
		unselected,
		conflict,
		platform("accounts in a Secret that does not exist", "OAuthIdentityProvider", "staff", "  local: {accountsSecretRef: {name: staff}}\n", "SecretNotFound",
			"spec.local.accountsSecretRef.name staff: there is no Secret of this name with the label grantkeeper.dev/referenced: \"true\" in namespace oauth-system; create it, or label it"),
		platform("credentials at an upstream in a Secret that does not exist", "OAuthIdentityProvider", "corp", "  oidc: {issuer: 'https://idp.acme.example', clientSecretRef: {name: corp-idp}}\n", "SecretNotFound",
			"spec.oidc.clientSecretRef.name corp-idp: there is no Secret of this name with the label grantkeeper.dev/referenced: \"true\" in namespace oauth-system; create it, or label it"),
		platform("an expression that reads what does not exist", "OAuthIdentityProvider", "corp", "  oidc: {issuer: 'https://idp.acme.example', clientID: grantkeeper}\n  allow: user.mail.endsWith('@acme.example')\n", "Invalid",
			"spec.allow: line 1, column 5: undefined field 'mail'"),
		platform("an accent that people cannot read", "OAuthServer", "yellow", "  issuer: https://yellow.example.com\n  branding: {accent: '#ffcc00'}\n", "Invalid",
			"spec.branding.accent #ffcc00: has a contrast of 1.51:1 with the background #ffffff, and people need at least 4.5:1 (WCAG 2.2); choose a darker colour"),
		platform("an API that is there already", "OAuthResource", "orders-copy", "  identifier: https://api.example.com\n", "IdentifierConflict",
			"spec.identifier https://api.example.com: the older OAuthResource oauth-system/orders-api has this identifier; choose another, or add the scopes there"),
	}
}
