package crd_test

import (
	"fmt"
	"strings"
)

func clientRules() map[string]rule {
	client := func(spec string) rule { return rule{kind: "OAuthClient", spec: spec} }
	refused := func(spec, field, message string) rule {
		return rule{kind: "OAuthClient", spec: spec, field: field, message: message}
	}
	const (
		deviceCode  = "urn:ietf:params:oauth:grant-type:device_code"
		deviceCC    = "grantTypes of a client of type Device must not have client_credentials: a device acts for a user; use type Service"
		refresh     = "grantTypes: refresh_token needs a grant that begins with a user; add urn:ietf:params:oauth:grant-type:device_code, or remove it"
		public      = "authentication.none makes a public client, which must not use client_credentials (RFC 6749 section 4.4); use clientSecret, or type Device"
		optional    = "authentication.clientSecret.optional is for type Device only; remove it"
		identity    = "scopes: openid, profile, email, groups and offline_access speak of a user and need a grant that begins with one; remove them, or use type Device"
		exactlyOne  = "authentication takes exactly one of clientSecret and none"
		idle        = "idle must not be longer than ttl (720h when absent); shorten idle or lengthen ttl"
		clientID    = "clientID must begin with a letter or digit and have letters, digits and . _ ~ - only"
		nameTooLong = "metadata.name must have at most 63 characters; choose a shorter name"
	)
	return map[string]rule{
		"a service needs its type alone": client(`{type: Service}`),
		"a device needs its type alone":  client(`{type: Device}`),
		"every field at once": client(`
type: Device
serverRef: {name: main, namespace: oauth-system}
clientID: cli
display: {name: CLI, publisher: Acme GmbH, homepage: "https://acme.example/cli", policyURI: "https://acme.example/privacy#cli"}
redirectURIs: ["http://127.0.0.1/callback"]
grantTypes: ["` + deviceCode + `", refresh_token]
scopes: [openid, orders.read]
authentication: {clientSecret: {optional: true}}
tokens: {accessToken: {ttl: 720h}, refreshToken: {ttl: 8760h, idle: 720h}}
secret: {name: cli-credentials}
suspended: true`),
		"type is required":              refused(`{}`, "spec.type", "Required value"),
		"a type that does not exist":    refused(`{type: Web}`, "spec.type", `supported values: "Service", "Device"`),
		"a grant type that is no more":  refused(`{type: Service, grantTypes: [password]}`, "spec.grantTypes[0]", `supported values: "client_credentials", "refresh_token"`),
		"a grant type twice":            refused(`{type: Service, grantTypes: [client_credentials, client_credentials]}`, "spec.grantTypes[1]", "Duplicate value"),
		"no grant type at all":          refused(`{type: Service, grantTypes: []}`, "spec.grantTypes", "should have at least 1 items"),
		"a service by its grant type":   client(`{type: Service, grantTypes: [client_credentials]}`),
		"client_credentials, Device":    refused(`{type: Device, grantTypes: [client_credentials]}`, "spec.grantTypes", deviceCC),
		"device code alone":             client(`{type: Device, grantTypes: ["` + deviceCode + `"]}`),
		"refresh_token alone":           refused(`{type: Device, grantTypes: [refresh_token]}`, "spec.grantTypes", refresh),
		"refresh_token of a service":    refused(`{type: Service, grantTypes: [client_credentials, refresh_token]}`, "spec.grantTypes", refresh),
		"a public device":               client(`{type: Device, authentication: {none: {}}}`),
		"a public service":              refused(`{type: Service, authentication: {none: {}}}`, "spec.authentication", public),
		"a public service, spelled out": refused(`{type: Service, grantTypes: [client_credentials], authentication: {none: {}}}`, "spec.authentication", public),
		"a service with a secret":       client(`{type: Service, authentication: {clientSecret: {}}}`),
		"an optional secret, Device":    client(`{type: Device, authentication: {clientSecret: {optional: true}}}`),
		"an optional secret, Service":   refused(`{type: Service, authentication: {clientSecret: {optional: true}}}`, "spec.authentication.clientSecret.optional", optional),
		"optional said to be false":     client(`{type: Service, authentication: {clientSecret: {optional: false}}}`),
		"two ways to authenticate":      refused(`{type: Device, authentication: {clientSecret: {}, none: {}}}`, "spec.authentication", exactlyOne),
		"no way to authenticate":        refused(`{type: Device, authentication: {}}`, "spec.authentication", exactlyOne),
		"a service that wants a user's": refused(`{type: Service, scopes: [orders.read, openid]}`, "spec.scopes", identity),
		"E01 offline_access, Service":   refused(`{type: Service, scopes: [offline_access]}`, "spec.scopes", identity),
		"openid with a device code":     client(`{type: Device, scopes: [openid, profile, email, groups, offline_access]}`),
		"a client id of all characters": client(`{type: Service, clientID: "9aZ._~-"}`),
		"a client id of 128 characters": client(`{type: Service, clientID: "` + strings.Repeat("a", 128) + `"}`),
		"a client id that is too long":  refused(`{type: Service, clientID: "`+strings.Repeat("a", 129)+`"}`, "spec.clientID", "may not be more than 128"),
		"a client id with a colon":      refused(`{type: Service, clientID: "client:x"}`, "spec.clientID", clientID),
		"a client id that is a URL":     refused(`{type: Service, clientID: "https://acme.example/client"}`, "spec.clientID", clientID),
		"a client id with a line end":   refused(`{type: Service, clientID: "cli\n"}`, "spec.clientID", clientID),
		"a client id that begins badly": refused(`{type: Service, clientID: ".hidden"}`, "spec.clientID", clientID),
		"a client id in Cyrillic":       refused(`{type: Service, clientID: "сli"}`, "spec.clientID", clientID),
		"idle longer than ttl":          refused(`{type: Device, tokens: {refreshToken: {ttl: 24h, idle: 25h}}}`, "spec.tokens.refreshToken.idle", idle),
		"idle longer than the default":  refused(`{type: Device, tokens: {refreshToken: {idle: 721h}}}`, "spec.tokens.refreshToken.idle", idle),
		"idle as long as ttl":           client(`{type: Device, tokens: {refreshToken: {ttl: 24h, idle: 1440m}}}`),
		"idle alone":                    client(`{type: Device, tokens: {refreshToken: {idle: 1h}}}`),
		"a name of 63 characters":       {kind: "OAuthClient", name: strings.Repeat("a", 63), spec: `{type: Service}`},
		"a name of 64 characters":       {kind: "OAuthClient", name: strings.Repeat("a", 64), spec: `{type: Service}`, field: objectItself, message: nameTooLong},
		"101 scopes":                    refused(`{type: Service, scopes: [`+numbered("s%d", 101)+`]}`, "spec.scopes", "must have at most 100 items"),
		"100 scopes":                    client(`{type: Service, scopes: [` + numbered("s%d", 100) + `]}`),
		"a field that does not exist":   refused(`{type: Service, redirectUris: []}`, "spec.redirectUris", unknownField),
	}
}

// numbered lists a format with the numbers from 0.
func numbered(format string, n int) string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(values, ", ")
}

// redirectRules are K13 of the conventions and A02, A03 of the requirements.
func redirectRules() map[string]rule {
	const (
		chars    = "redirectURIs: use the characters of a URI only: no space, control character or backslash; percent-encode the rest, write the host as xn--…"
		fragment = "redirectURIs: remove the fragment (#), which browsers never send"
		wildcard = "redirectURIs: wildcards do not exist; list every address"
		userinfo = "redirectURIs: remove the userinfo (the part before @)"
		dots     = "redirectURIs: remove path segments . and .., which browsers resolve before they compare"
		form     = "redirectURIs: begin with https:// and a host name in lower case, http:// on 127.0.0.1, [::1] or localhost, or a private scheme with a dot, as in com.example.app:/callback"
		port     = "redirectURIs: the port must be from 1 to 65535, or left out"
	)
	rules := map[string]rule{
		"20 URIs": {kind: "OAuthClient", spec: `{type: Device, redirectURIs: [` + numbered(`"https://a.example/%d"`, 20) + `]}`},
		"21 URIs": {kind: "OAuthClient", spec: `{type: Device, redirectURIs: [` + numbered(`"https://a.example/%d"`, 21) + `]}`,
			field: "spec.redirectURIs", message: "must have at most 20 items"},
		"a URI twice": {kind: "OAuthClient", spec: `{type: Device, redirectURIs: ["https://a.example/", "https://a.example/"]}`,
			field: "spec.redirectURIs[1]", message: "Duplicate value"},
	}
	for _, uri := range acceptedRedirectURIs() {
		rules["accepted: "+short(uri)] = rule{kind: "OAuthClient", spec: fmt.Sprintf("{type: Device, redirectURIs: [%q]}", uri)}
	}
	for uri, message := range map[string]string{
		"https://a.example/\u00e4":                      chars,
		"https://b\u00fccher.example/cb":                chars,
		"https://a.example/c b":                         chars,
		"https://a.example/cb\n":                        chars,
		"https://a.example/\t":                          chars,
		`https://a.example\@evil.example/`:              chars,
		"https://a.example/%":                           chars,
		"https://a.example/%0d%0a":                      chars,
		"https://a.example/%7f":                         chars,
		"https://a.example/\u202ecb":                    chars,
		"/callback":                                     form,
		"https://a.example/#x":                          fragment,
		"https://a.example/#":                           fragment,
		"https://*.example/cb":                          wildcard,
		"https://a.example/*":                           wildcard,
		"https://a.example@evil.example/":               userinfo,
		"https://user:password@a.example/":              userinfo,
		"http://user@127.0.0.1/":                        userinfo,
		"com.example.app://user@host/":                  userinfo,
		"https://a.example/../cb":                       dots,
		"https://a.example/a/%2e%2E/cb":                 dots,
		"https://a.example/..;/cb":                      dots,
		"https://a.example/a%2f..":                      dots,
		"https://a.example/.":                           dots,
		"http://a.example/cb":                           form,
		"http://127.0.0.1.evil.example/cb":              form,
		"http://localhost.evil.example/cb":              form,
		"http://127.0.0.2/cb":                           form,
		"http://0.0.0.0/cb":                             form,
		"HTTPS://a.example/cb":                          form,
		"https://A.example/cb":                          form,
		"https://a..example/cb":                         form,
		"https://a.example./cb":                         form,
		"https:///cb":                                   form,
		"https://0x7f.1/cb":                             form,
		"https://127.1/cb":                              form,
		"https://010.0.0.1/cb":                          form,
		"javascript:alert(1)":                           form,
		"data:text/html,x":                              form,
		"myapp:/cb":                                     form,
		"com.example.app:cb":                            form,
		"urn:ietf:wg:oauth:2.0:oob":                     form,
		"https://a.example:0/cb":                        port,
		"https://a.example:65536/cb":                    port,
		"https://a.example:/cb":                         port,
		"https://a.example:080/cb":                      port,
		"https://a.example:80x/cb":                      port,
		"http://[::1]:99999/cb":                         port,
		"https://a.example/" + strings.Repeat("a", 500): "may not be more than 512",
	} {
		rules["refused: "+short(uri)] = rule{kind: "OAuthClient", spec: fmt.Sprintf("{type: Device, redirectURIs: [%q]}", uri),
			field: "spec.redirectURIs[0]", message: message}
	}
	return rules
}

// acceptedRedirectURIs must be accepted by the API server and by every later check.
func acceptedRedirectURIs() []string {
	return []string{
		"https://reports.acme.example/cb", "https://a.example", "https://a.example/", "https://a.example:8443/cb",
		"https://a.example:65535/cb", "https://a.example/cb?tenant=1&x=y", "https://a.example?x=1", "https://192.0.2.1/cb",
		"https://[2001:db8::1]/cb", "https://xn--bcher-kva.example/cb", "https://a.example/%C3%A4/it's(fine)!",
		"https://a.example/a..b/.well-known/...", "https://chat/cb",
		"http://127.0.0.1/cb", "http://127.0.0.1:8080/cb", "http://[::1]/cb", "http://[::1]:9/cb", "http://localhost:3000/cb",
		"com.example.app:/callback", "com.example.app://callback", "com.example.app:/cb?x=1",
		"https://a.example/" + strings.Repeat("a", 494),
	}
}

// short keeps the name of a test readable.
func short(s string) string {
	s = strings.Trim(fmt.Sprintf("%q", s), `"`)
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}
