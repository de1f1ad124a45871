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
		deviceCC    = "grantTypes: client_credentials is for types Web and Service, apps of the other types act for a user; remove it, or use type Service"
		refresh     = "grantTypes: refresh_token needs a grant that begins with a user; add authorization_code or urn:ietf:params:oauth:grant-type:device_code, or remove it"
		public      = "authentication.none makes a public client, which must not use client_credentials (RFC 6749 section 4.4); use clientSecret, or type Device"
		optional    = "authentication.clientSecret.optional is for type Device only; remove it"
		identity    = "scopes: openid, profile, email, address, phone, groups and offline_access speak of a user and need a grant that begins with one; remove them, or use another type"
		exactlyOne  = "authentication takes exactly one of clientSecret, privateKeyJWT, kubernetesServiceAccount and none"
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
postLogoutRedirectURIs: ["http://127.0.0.1/bye"]
backChannelLogout: {uri: "https://acme.example/logout"}
consent: Always
grantTypes: ["` + deviceCode + `", refresh_token]
scopes: [openid, orders.read]
authentication: {clientSecret: {optional: true}}
tokens: {accessToken: {ttl: 720h}, refreshToken: {ttl: 8760h, idle: 720h}, idToken: {signingAlgorithm: ES256}}
secret: {name: cli-credentials, preset: Env, template: {CLI_ID: "{{ .ClientID }}"}, metadata: {labels: {team: cli}, annotations: {example.com/owner: CLI Team}}, rotation: {interval: 2160h, overlap: 24h}}
suspended: true
deletionPolicy: Retain`),
		"a type that does not exist":    refused(`{type: Desktop}`, "spec.type", `supported values: "Web", "Browser", "Native", "Device", "Service"`),
		"a grant type that is no more":  refused(`{type: Service, grantTypes: [password]}`, "spec.grantTypes[0]", `supported values: "authorization_code", "client_credentials", "refresh_token"`),
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
		"openid with a device code":     client(`{type: Device, scopes: [openid, profile, email, address, phone, groups, offline_access]}`),
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
