package crd_test

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// peopleRules are about what people meet: apps that they sign in to, consent, choices, the look of pages.
func peopleRules() map[string]rule {
	client := func(spec string) rule { return rule{kind: "OAuthClient", spec: spec} }
	const (
		codeTypes = "grantTypes: authorization_code is for types Web, Browser and Native; remove it, or change type"
		needs     = "redirectURIs: authorization_code needs at least one; add where people are sent back to, or choose type Device or Service"
		useless   = "redirectURIs are for authorization_code, without which nobody is sent there; remove them, or use a type and grantTypes that have it"
		private   = "redirectURIs: a private scheme is for type Native only; use https, or type Native"
		leaving   = "postLogoutRedirectURIs: a private scheme is for type Native only; use https, or type Native"
		origins   = "allowedOrigins is for type Browser only, an app that calls the server from a page; remove it, or use type Browser"
		readable  = "authentication.clientSecret is not for types Browser and Native, whose users could read it (RFC 8252 section 8.5); remove it, or use type Web"
		actsForA  = "grantTypes: client_credentials is for types Web and Service, apps of the other types act for a user; remove it, or use type Service"
		contrary  = "require.consent: Always contradicts allow.skipConsent; remove one of them"
		provider  = "identityProviders: must be the names of OAuthIdentityProviders: lower-case letters, digits, - and ."
	)
	rules := map[string]rule{
		"redirects alone make a manifest":        client(`{redirectURIs: ["https://a.example/cb"]}`),
		"a web app without redirects":            withRefusal(client(`{}`), "spec.redirectURIs", needs),
		"a web app with no redirects":            withRefusal(client(`{redirectURIs: []}`), "spec.redirectURIs", needs),
		"a native app without redirects":         withRefusal(client(`{type: Native}`), "spec.redirectURIs", needs),
		"a browser app without redirects":        withRefusal(client(`{type: Browser}`), "spec.redirectURIs", needs),
		"a web app that is a device only":        client(`{grantTypes: ["urn:ietf:params:oauth:grant-type:device_code"]}`),
		"a web app that acts for itself only":    client(`{grantTypes: [client_credentials]}`),
		"a web app with all grants":              client(`{redirectURIs: ["https://a.example/cb"], grantTypes: [authorization_code, client_credentials, refresh_token, "urn:ietf:params:oauth:grant-type:device_code"]}`),
		"refresh tokens after a code":            client(`{redirectURIs: ["https://a.example/cb"], grantTypes: [authorization_code, refresh_token]}`),
		"codes of a device":                      withRefusal(client(`{type: Device, redirectURIs: ["https://a.example/cb"], grantTypes: [authorization_code]}`), "spec.grantTypes", codeTypes),
		"codes of a service":                     withRefusal(client(`{type: Service, redirectURIs: ["https://a.example/cb"], grantTypes: [authorization_code]}`), "spec.grantTypes", codeTypes),
		"redirects of a device":                  withRefusal(client(`{type: Device, redirectURIs: ["https://a.example/cb"]}`), "spec.redirectURIs", useless),
		"redirects of a service":                 withRefusal(client(`{type: Service, redirectURIs: ["https://a.example/cb"]}`), "spec.redirectURIs", useless),
		"redirects of a web app without codes":   withRefusal(client(`{redirectURIs: ["https://a.example/cb"], grantTypes: [client_credentials]}`), "spec.redirectURIs", useless),
		"a private scheme of a native app":       client(`{type: Native, redirectURIs: ["com.example.app:/cb"], postLogoutRedirectURIs: ["com.example.app:/bye"]}`),
		"loopback of a native app":               client(`{type: Native, redirectURIs: ["http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb"]}`),
		"a claimed address of a native app":      client(`{type: Native, redirectURIs: ["https://a.example/app"]}`),
		"a private scheme of a web app":          withRefusal(client(`{redirectURIs: ["https://a.example/cb", "com.example.app:/cb"]}`), "spec.redirectURIs", private),
		"a private scheme of a browser app":      withRefusal(client(`{type: Browser, redirectURIs: ["com.example.app:/cb"]}`), "spec.redirectURIs", private),
		"signed out to a private scheme":         withRefusal(client(`{redirectURIs: ["https://a.example/cb"], postLogoutRedirectURIs: ["com.example.app:/bye"]}`), "spec.postLogoutRedirectURIs", leaving),
		"a public web app":                       client(`{redirectURIs: ["https://a.example/cb"], authentication: {none: {}}}`),
		"a web app with its secret":              client(`{redirectURIs: ["https://a.example/cb"], authentication: {clientSecret: {}}}`),
		"a native app that is public":            client(`{type: Native, redirectURIs: ["http://127.0.0.1/cb"], authentication: {none: {}}}`),
		"a native app with a secret":             withRefusal(client(`{type: Native, redirectURIs: ["http://127.0.0.1/cb"], authentication: {clientSecret: {}}}`), "spec.authentication.clientSecret", readable),
		"a browser app with a secret":            withRefusal(client(`{type: Browser, redirectURIs: ["https://a.example/cb"], authentication: {clientSecret: {}}}`), "spec.authentication.clientSecret", readable),
		"a native app that acts for itself":      withRefusal(client(`{type: Native, redirectURIs: ["http://127.0.0.1/cb"], grantTypes: [authorization_code, client_credentials]}`), "spec.grantTypes", actsForA),
		"origins of a browser app":               client(`{type: Browser, redirectURIs: ["https://a.example/cb"], allowedOrigins: ["https://a.example"]}`),
		"no origins of a web app":                client(`{redirectURIs: ["https://a.example/cb"], allowedOrigins: []}`),
		"origins of a web app":                   withRefusal(client(`{redirectURIs: ["https://a.example/cb"], allowedOrigins: ["https://a.example"]}`), "spec.allowedOrigins", origins),
		"consent that is always asked":           client(`{redirectURIs: ["https://a.example/cb"], consent: Always}`),
		"consent that is skipped":                client(`{redirectURIs: ["https://a.example/cb"], consent: Skip}`),
		"consent that does not exist":            withRefusal(client(`{redirectURIs: ["https://a.example/cb"], consent: Never}`), "spec.consent", `supported values: "Always", "Remember", "Skip"`),
		"ID tokens by RS256":                     client(`{redirectURIs: ["https://a.example/cb"], tokens: {idToken: {signingAlgorithm: RS256}}}`),
		"ID tokens by a secret":                  withRefusal(client(`{redirectURIs: ["https://a.example/cb"], tokens: {idToken: {signingAlgorithm: HS256}}}`), "spec.tokens.idToken.signingAlgorithm", `supported values: "RS256", "ES256"`),
		"ID tokens that are not signed":          withRefusal(client(`{redirectURIs: ["https://a.example/cb"], tokens: {idToken: {signingAlgorithm: none}}}`), "spec.tokens.idToken.signingAlgorithm", `supported values: "RS256", "ES256"`),
		"a back channel without its address":     withRefusal(client(`{redirectURIs: ["https://a.example/cb"], backChannelLogout: {}}`), "spec.backChannelLogout.uri", "Required value"),
		"a policy that always asks":              {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {skipConsent: false}, require: {consent: Always, mfa: true}}`},
		"a policy that always and never asks":    {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {skipConsent: true}, require: {consent: Always}}`, field: "spec.require.consent", message: contrary},
		"a policy that requires too little":      {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {}, require: {consent: Skip}}`, field: "spec.require.consent", message: `supported values: "Always"`},
		"a policy for no provider":               {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {identityProviders: []}}`, field: "spec.allow.identityProviders", message: "should have at least 1 items"},
		"a policy for a provider twice":          {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {identityProviders: [a, a]}}`, field: "spec.allow.identityProviders[1]", message: "Duplicate value"},
		"a policy for a provider that is none":   {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {identityProviders: [Acme SSO]}}`, field: "spec.allow.identityProviders[0]", message: provider},
		"a policy for a provider's namespace":    {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {identityProviders: [a/b]}}`, field: "spec.allow.identityProviders[0]", message: provider},
		"a policy for a provider by a long name": {kind: "OAuthGrantPolicy", spec: `{clients: {}, allow: {identityProviders: [` + strings.Repeat("a", 64) + `]}}`, field: "spec.allow.identityProviders[0]", message: "may not be more than 63"},
	}
	for sentence, r := range originRules() {
		rules["origin: "+sentence] = r
	}
	for sentence, r := range choicesRules() {
		rules["choices: "+sentence] = r
	}
	for sentence, r := range brandingRules() {
		rules["branding: "+sentence] = r
	}
	return rules
}

// originRules are B16 of the requirements, as far as a manifest can be.
func originRules() map[string]rule {
	const (
		form = "allowedOrigins: must be https:// and a host in lower case, with a port or none, and nothing else, not even a slash; http:// is for 127.0.0.1, [::1] and localhost only"
		port = "allowedOrigins: the port must be from 1 to 65535; leave out 443 of https and 80 of http, as browsers do"
	)
	rules := map[string]rule{}
	origin := func(s string) rule {
		return rule{kind: "OAuthClient", spec: fmt.Sprintf(`{type: Browser, redirectURIs: ["https://a.example/cb"], allowedOrigins: [%q]}`, s)}
	}
	for _, ok := range []string{"https://a.example", "https://a.example:8443", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080", "https://[2001:db8::1]", "https://192.0.2.1:1"} {
		rules["accepted: "+ok] = origin(ok)
	}
	for bad, message := range map[string]string{
		"null": form, "*": form, "https://*.example": form, "https://a.example/": form, "https://a.example/app": form, "https://a.example?x": form,
		"https://a.example#x": form, "https://A.example": form, "http://a.example": form, "a.example": form, "https://user@a.example": form, "https://": form,
		"https://a.example\n": form, "file://": form, "https://a.example ": form, "https://b\u00fccher.example": form,
		"https://a.example:443": port, "http://localhost:80": port, "https://a.example:0": port, "https://a.example:65536": port, "https://a.example:08": port,
	} {
		rules["refused: "+short(bad)] = withRefusal(origin(bad), "spec.allowedOrigins[0]", message)
	}
	rules["21 origins"] = rule{kind: "OAuthClient", spec: `{type: Browser, redirectURIs: ["https://a.example/cb"], allowedOrigins: [` + numbered(`"https://a%d.example"`, 21) + `]}`,
		field: "spec.allowedOrigins", message: "must have at most 20 items"}
	return rules
}

func choicesRules() map[string]rule {
	const (
		kind    = "type must have letters, digits and - _ . : / only"
		one     = "source takes exactly one of url and static"
		parents = "static: a parent must be the id of an entry that has no parent itself: there are two levels"
		id      = "id must have visible ASCII characters only, without spaces"
	)
	choices := func(s string) rule {
		return rule{kind: "OAuthResource", spec: "{identifier: urn:a:b, choices: " + s + "}"}
	}
	static := func(s string) rule { return choices("{type: project, title: Projects, source: {static: [" + s + "]}}") }
	return map[string]rule{
		"from the API":                     choices(`{type: project, title: Projects, source: {url: "https://api.example.com/.oauth/choices"}}`),
		"of a type that is a URI":          choices(`{type: "https://api.example.com/project_1.2-3", title: Projects, source: {url: "https://api.example.com/choices?v=1"}}`),
		"organizations with projects":      static("{id: o1, title: Acme}, {id: p1, title: Shop, parent: o1}, {id: p2, title: Site, parent: o1}, {id: o2, title: Alone}"),
		"200 of them, 199 with one parent": static("{id: last, title: Acme}, " + numbered("{id: p%d, title: Shop, parent: last}", 199)),
		"201 of them":                      withRefusal(static(numbered("{id: p%d, title: Shop}", 201)), "spec.choices.source.static", "must have at most 200 items"),
		"none of them":                     withRefusal(static(""), "spec.choices.source.static", "should have at least 1 items"),
		"from nowhere":                     withRefusal(choices(`{type: project, title: Projects, source: {}}`), "spec.choices.source", one),
		"from two places":                  withRefusal(choices(`{type: project, title: Projects, source: {url: "https://api.example.com", static: [{id: a, title: A}]}}`), "spec.choices.source", one),
		"without a source":                 withRefusal(choices(`{type: project, title: Projects}`), "spec.choices.source", "Required value"),
		"without a type":                   withRefusal(choices(`{title: Projects, source: {url: "https://api.example.com"}}`), "spec.choices.type", "Required value"),
		"without a title":                  withRefusal(choices(`{type: project, source: {url: "https://api.example.com"}}`), "spec.choices.title", "Required value"),
		"of a type with a space":           withRefusal(choices(`{type: my project, title: Projects, source: {url: "https://api.example.com"}}`), "spec.choices.type", kind),
		"of a type with a line end":        withRefusal(choices(`{type: "project\n", title: Projects, source: {url: "https://api.example.com"}}`), "spec.choices.type", kind),
		"of a type in Cyrillic":            withRefusal(choices(`{type: "рroject", title: Projects, source: {url: "https://api.example.com"}}`), "spec.choices.type", kind),
		"of a type that is too long":       withRefusal(choices(`{type: `+strings.Repeat("a", 101)+`, title: Projects, source: {url: "https://api.example.com"}}`), "spec.choices.type", "may not be more than 100"),
		"an id twice":                      withRefusal(static("{id: a, title: A}, {id: a, title: B}"), "spec.choices.source.static[1]", "Duplicate value"),
		"an id with a space":               withRefusal(static("{id: a b, title: A}"), "spec.choices.source.static[0].id", id),
		"a parent that is not there":       withRefusal(static("{id: a, title: A, parent: b}"), "spec.choices.source.static", parents),
		"a parent with a parent":           withRefusal(static("{id: a, title: A}, {id: b, title: B, parent: a}, {id: c, title: C, parent: b}"), "spec.choices.source.static", parents),
		"its own parent":                   withRefusal(static("{id: a, title: A, parent: a}"), "spec.choices.source.static", parents),
		"a circle":                         withRefusal(static("{id: a, title: A, parent: b}, {id: b, title: B, parent: a}"), "spec.choices.source.static", parents),
	}
}

func brandingRules() map[string]rule {
	const (
		logo   = "logo must be a data URI of at most 32 KiB: data:image/svg+xml;base64, or data:image/png;base64, and the picture in base64"
		accent = "accent must be a colour of six hexadecimal digits, such as #175e54"
		dark   = "accentDark must be a colour of six hexadecimal digits, such as #5cc9b5"
	)
	branding := func(s string) rule {
		return rule{kind: "OAuthServer", spec: "{issuer: https://a.example, branding: {" + s + "}}"}
	}
	svg := func(n int) string {
		s := `<svg xmlns="http://www.w3.org/2000/svg">`
		return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(s+strings.Repeat(" ", n-len(s)-6)+"</svg>"))
	}
	return map[string]rule{
		"nothing":                      branding(""),
		"a colour in capitals":         branding(`accent: "#0B57D0"`),
		"a colour by its name":         withRefusal(branding(`accent: teal`), "spec.branding.accent", accent),
		"a colour of three digits":     withRefusal(branding(`accent: "#abc"`), "spec.branding.accent", accent),
		"a colour that ends the style": withRefusal(branding(`accent: "#0;}a{"`), "spec.branding.accent", accent),
		"a colour and a line end":      withRefusal(branding(`accent: "#17565\n"`), "spec.branding.accent", accent),
		"a dark colour that is none":   withRefusal(branding(`accentDark: "5cc9b5"`), "spec.branding.accentDark", dark),
		"a colour that is too long":    withRefusal(branding(`accentDark: "#5cc9b5ff"`), "spec.branding.accentDark", "may not be more than 7"),
		"the largest logo":             branding("logo: '" + svg(32<<10) + "'"),
		"a logo that is too large":     withRefusal(branding("logo: '"+svg(33<<10)+"'"), "spec.branding.logo", "may not be more than 43720"),
		"a logo elsewhere":             withRefusal(branding("logo: https://a.example/logo.png"), "spec.branding.logo", logo),
		"a logo of another type":       withRefusal(branding("logo: 'data:text/html;base64,PGI+'"), "spec.branding.logo", logo),
		"a logo in the clear":          withRefusal(branding("logo: 'data:image/svg+xml,<svg/>'"), "spec.branding.logo", logo),
		"a logo with a line end":       withRefusal(branding(`logo: "data:image/png;base64,AAAA\n"`), "spec.branding.logo", logo),
	}
}
