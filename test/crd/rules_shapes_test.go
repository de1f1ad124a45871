package crd_test

import (
	"fmt"
	"strings"
)

// place is a field that follows a shape that several fields share. spec has %s where its value goes, in YAML.
type place struct {
	kind, spec, field string
	// called is what messages call the field.
	called string
}

func (p place) rule(value string) rule {
	return rule{kind: p.kind, spec: fmt.Sprintf(p.spec, value)}
}

func (p place) refused(value, message string) rule {
	return rule{kind: p.kind, spec: fmt.Sprintf(p.spec, value), field: p.field, message: message}
}

// textPlaces are the fields that people are shown.
func textPlaces() []place {
	return []place{
		{"OAuthClient", `{type: Device, display: {name: %s}}`, "spec.display.name", "display.name"},
		{"OAuthClient", `{type: Device, display: {publisher: %s}}`, "spec.display.publisher", "display.publisher"},
		{"OAuthServer", `{issuer: https://a.example, displayName: %s}`, "spec.displayName", "displayName"},
		{"OAuthResource", `{identifier: urn:a:b, title: %s}`, "spec.title", "title"},
		{"OAuthResource", `{identifier: urn:a:b, scopes: [{name: a, title: %s}]}`, "spec.scopes[0].title", "title"},
		{"OAuthResource", `{identifier: urn:a:b, scopes: [{name: a, title: A, description: %s}]}`, "spec.scopes[0].description", "description"},
		{"OAuthIdentityProvider", `{local: {accountsSecretRef: {name: a}}, displayName: %s}`, "spec.displayName", "displayName"},
		{"OAuthResource", `{identifier: urn:a:b, choices: {type: a, title: %s, source: {url: "https://a.example"}}}`, "spec.choices.title", "title"},
		{"OAuthResource", `{identifier: urn:a:b, choices: {type: a, title: A, source: {static: [{id: a, title: %s}]}}}`, "spec.choices.source.static[0].title", "title"},
	}
}

// acceptedTexts must be accepted by the API server and by every later check.
func acceptedTexts() []string {
	return []string{"Acme Reports", "Bücher & Söhne", "注文", "تطبيق", "Read (all) your orders!", "<b>not markup</b>", "🚀 Rocket", "e\u0301"}
}

// refusedTexts are A29 of the requirements: text that hides, reorders or breaks what is around it.
func refusedTexts() map[string]string {
	return map[string]string{
		"a line end":                    "a\nb",
		"a tab":                         "a\tb",
		"a NUL":                         "a\x00b",
		"an escape":                     "a\x1b[2J",
		"a C1 control":                  "a\u0085b",
		"a bidi override":               "a\u202eb",
		"a bidi isolate":                "a\u2066b",
		"a right-to-left mark":          "a\u200fb",
		"a zero-width space":            "a\u200bb",
		"a zero-width joiner":           "a\u200db",
		"a word joiner":                 "a\u2060b",
		"a byte order mark":             "\ufeffa",
		"a soft hyphen":                 "a\u00adb",
		"a line separator":              "a\u2028b",
		"a paragraph separator":         "a\u2029b",
		"a no-break space":              "a\u00a0b",
		"an ideographic space":          "a\u3000b",
		"a Hangul filler":               "a\u3164b",
		"a half-width Hangul filler":    "a\uffa0b",
		"a combining grapheme joiner":   "a\u034fb",
		"a variation selector":          "a\ufe0fb",
		"a tag character":               "a\U000e0041b",
		"a blank Braille pattern":       "a\u2800b",
		"a private character":           "a\ue000b",
		"a space at the beginning":      " a",
		"a space at the end":            "a ",
		"nothing but a space":           " ",
		"a Mongolian vowel separator":   "a\u180eb",
		"an inherent Khmer vowel":       "a\u17b4b",
		"an interlinear annotation":     "a\ufff9b",
		"a supplementary variation":     "a\U000e0100b",
		"a deprecated format character": "a\u206ab",
	}
}

func textRules() map[string]rule {
	rules := map[string]rule{}
	for _, p := range textPlaces() {
		message := p.called + " must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
		limit := 100
		if p.called == "description" {
			limit = 500
		}
		for what, text := range refusedTexts() {
			rules[p.kind+" "+p.field+": "+what] = p.refused(fmt.Sprintf("%q", text), message)
		}
		for _, text := range acceptedTexts() {
			rules[p.kind+" "+p.field+": "+text] = p.rule(fmt.Sprintf("%q", text))
		}
		rules[p.kind+" "+p.field+": as long as may be"] = p.rule(strings.Repeat("注", limit))
		rules[p.kind+" "+p.field+": too long"] = p.refused(strings.Repeat("注", limit+1), fmt.Sprintf("may not be more than %d", limit))
	}
	return rules
}

// acceptedWebAddresses must be accepted by the API server and by every later check.
func acceptedWebAddresses() []string {
	return []string{"https://acme.example", "https://acme.example/privacy?lang=de#cli", "https://acme.example:8443/", "https://192.0.2.1/"}
}

func webAddressRules() map[string]rule {
	rules := map[string]rule{}
	for _, p := range []place{
		{"OAuthClient", `{type: Device, display: {homepage: %s}}`, "spec.display.homepage", "display.homepage"},
		{"OAuthClient", `{type: Device, display: {policyURI: %s}}`, "spec.display.policyURI", "display.policyURI"},
	} {
		for _, uri := range acceptedWebAddresses() {
			rules[p.field+" accepted: "+uri] = p.rule(fmt.Sprintf("%q", uri))
		}
		const (
			chars = " must be a URI: percent-encode spaces and other alphabets, write the host as xn--…, leave out a # that nothing follows"
			form  = " must begin with https:// and a host name in lower case, without userinfo"
			dots  = " must not have . or .. as a path segment; write the path that it leads to"
			port  = " must have a port from 1 to 65535, or none"
		)
		for uri, message := range map[string]string{
			"https://acme.example/a b":      chars,
			"https://acme.example/\u202e":   chars,
			"https://acme.example/#":        chars,
			"https://acme.example/\n":       chars,
			"http://acme.example":           form,
			"javascript:alert(1)":           form,
			"//acme.example":                form,
			"https://Acme.example":          form,
			"https://user@acme.example":     form,
			"https://user:pw@acme.example":  form,
			"https://acme.example:pw@evil/": form,
			"https://acme.example/../x":     dots,
			"https://acme.example:70000":    port,
			"https://acme.example:":         port,
		} {
			rules[p.field+" refused: "+short(uri)] = p.refused(fmt.Sprintf("%q", uri), p.called+message)
		}
	}
	return rules
}

func durationRules() map[string]rule {
	rules := map[string]rule{}
	for _, p := range []struct {
		place
		least, most, below, above, example string
	}{
		{place{"OAuthClient", `{type: Service, tokens: {accessToken: {ttl: %s}}}`, "spec.tokens.accessToken.ttl", "ttl"}, "1m", "720h", "59s", "721h", "10m"},
		{place{"OAuthClient", `{type: Device, tokens: {refreshToken: {ttl: %s}}}`, "spec.tokens.refreshToken.ttl", "ttl"}, "5m", "8760h", "299s", "8761h", "720h"},
		{place{"OAuthClient", `{type: Device, tokens: {refreshToken: {ttl: 8760h, idle: %s}}}`, "spec.tokens.refreshToken.idle", "idle"}, "5m", "8760h", "4m59s", "8760h1s", "168h"},
		{place{"OAuthClient", `{type: Service, secret: {rotation: {interval: %s, overlap: 5m}}}`, "spec.secret.rotation.interval", "interval"}, "1h", "8760h", "59m59s", "8760h1s", "2160h"},
		{place{"OAuthClient", `{type: Service, secret: {rotation: {interval: 8760h, overlap: %s}}}`, "spec.secret.rotation.overlap", "overlap"}, "5m", "2160h", "299s", "2161h", "24h"},
		{place{"OAuthClient", `{type: Service, secret: {rotation: {interval: 8760h, overlap: 5m, retireWhenUnused: true, deadline: %s}}}`, "spec.secret.rotation.deadline", "deadline"}, "5m", "8760h", "4m59s", "8761h", "720h"},
		{place{"OAuthServer", `{issuer: https://a.example, signingKeys: {rotateEvery: %s}}`, "spec.signingKeys.rotateEvery", "rotateEvery"}, "1h", "8760h", "59m59s", "9000h", "720h"},
		{place{"OAuthServer", `{issuer: https://a.example, device: {codeTTL: %s}}`, "spec.device.codeTTL", "codeTTL"}, "1m", "15m", "30s", "15m1s", "15m"},
		{place{"OAuthServer", `{issuer: https://a.example, device: {interval: %s}}`, "spec.device.interval", "interval"}, "1s", "60s", "0s", "61s", "5s"},
		{place{"OAuthGrantPolicy", `{clients: {}, allow: {}, limits: {accessTokenTTL: %s}}`, "spec.limits.accessTokenTTL", "accessTokenTTL"}, "1m", "720h", "1s", "999999h", "15m"},
		{place{"OAuthGrantPolicy", `{clients: {}, allow: {}, limits: {refreshTokenTTL: %s}}`, "spec.limits.refreshTokenTTL", "refreshTokenTTL"}, "5m", "8760h", "1m", "8761h", "720h"},
	} {
		message := fmt.Sprintf("%s must be a duration from %s to %s in h, m and s, such as %s", p.called, p.least, p.most, p.example)
		name := p.kind + " " + p.field + ": "
		rules[name+"the least"] = p.rule(p.least)
		rules[name+"the most"] = p.rule(p.most)
		rules[name+"below the least"] = p.refused(p.below, message)
		rules[name+"above the most"] = p.refused(p.above, message)
		for _, bad := range []string{"1d", "10", "-10m", "1.5h", "500ms", "10 m", "ten", "P1D", "1h\n", "9999999h"} {
			rules[name+short(bad)] = p.refused(fmt.Sprintf("%q", bad), message)
		}
		rules[name+"a number"] = p.refused("600", "must be of type string")
		rules[name+"too long"] = p.refused(strings.Repeat("1s", 11), "may not be more than 20")
	}
	return rules
}

func nameRules() map[string]rule {
	rules := map[string]rule{}
	for _, p := range []place{
		{"OAuthClient", `{type: Service, serverRef: {name: %s}}`, "spec.serverRef.name", "serverRef.name"},
		{"OAuthClient", `{type: Service, secret: {name: %s}}`, "spec.secret.name", "secret.name"},
		{"OAuthClient", `{type: Service, authentication: {clientSecret: {secretRef: {name: %s}}}}`, "spec.authentication.clientSecret.secretRef.name", "name"},
		{"OAuthClient", `{type: Service, authentication: {kubernetesServiceAccount: {name: %s}}}`, "spec.authentication.kubernetesServiceAccount.name", "kubernetesServiceAccount.name"},
		{"OAuthServer", `{issuer: https://a.example, storage: {sqlite: {storageClassName: %s}}}`, "spec.storage.sqlite.storageClassName", "storageClassName"},
		{"OAuthServer", `{issuer: https://a.example, expose: {ingress: {className: %s}}}`, "spec.expose.ingress.className", "className"},
		{"OAuthServer", `{issuer: https://a.example, expose: {ingress: {tlsSecretName: %s}}}`, "spec.expose.ingress.tlsSecretName", "tlsSecretName"},
		{"OAuthGrantPolicy", `{clients: {}, allow: {}, serverRef: {name: %s}}`, "spec.serverRef.name", "serverRef.name"},
		{"OAuthResource", `{identifier: urn:a:b, serverRef: {name: %s}}`, "spec.serverRef.name", "serverRef.name"},
		{"OAuthIdentityProvider", `{local: {accountsSecretRef: {name: a}}, serverRef: {name: %s}}`, "spec.serverRef.name", "serverRef.name"},
		{"OAuthIdentityProvider", `{local: {accountsSecretRef: {name: %s}}}`, "spec.local.accountsSecretRef.name", "name"},
		{"OAuthIdentityProvider", `{google: {clientSecretRef: {name: %s}}}`, "spec.google.clientSecretRef.name", "name"},
		{"OAuthIdentityProvider", `{ldap: {url: "ldaps://a.example", users: {baseDN: "dc=a"}, bindSecretRef: {name: %s}}}`, "spec.ldap.bindSecretRef.name", "name"},
	} {
		message := p.called + " must be the name of an object: lower-case letters, digits, - and ."
		name := p.kind + " " + p.field + ": "
		for _, ok := range []string{"main", "a.b-c", "1a", strings.Repeat("a", 253)} {
			rules[name+short(ok)] = p.rule(fmt.Sprintf("%q", ok))
		}
		for _, bad := range []string{"Main", "a_b", "-a", "a-", "a..b", "a/b", "ma in", "main\n", "../x"} {
			rules[name+short(bad)] = p.refused(fmt.Sprintf("%q", bad), message)
		}
		rules[name+"empty"] = p.refused(`""`, "should be at least 1 chars long")
		rules[name+"too long"] = p.refused(strings.Repeat("a", 254), "may not be more than 253")
	}
	namespace := place{"OAuthClient", `{type: Service, serverRef: {name: main, namespace: %s}}`, "spec.serverRef.namespace", "serverRef.namespace"}
	rules["a namespace"] = namespace.rule("oauth-system")
	rules["a namespace with a dot"] = namespace.refused("a.b", "serverRef.namespace must be the name of a namespace: lower-case letters, digits and -")
	rules["a namespace in capitals"] = namespace.refused("OAuth", "serverRef.namespace must be the name of a namespace: lower-case letters, digits and -")
	return rules
}

func selectorRules() map[string]rule {
	rules := map[string]rule{}
	for _, p := range []place{
		{"OAuthServer", `{issuer: https://a.example, clients: {namespaceSelector: %s}}`, "spec.clients.namespaceSelector", "namespaceSelector"},
		{"OAuthGrantPolicy", `{clients: {namespaceSelector: %s}, allow: {}}`, "spec.clients.namespaceSelector", "namespaceSelector"},
		{"OAuthGrantPolicy", `{clients: {selector: %s}, allow: {}}`, "spec.clients.selector", "selector"},
	} {
		message := p.called + ".matchExpressions: operator must be In or NotIn with values, or Exists or DoesNotExist without"
		for _, ok := range []string{
			`{}`, `{matchLabels: {tier: partner}}`, `{matchExpressions: [{key: tier, operator: In, values: [a, b]}]}`,
			`{matchExpressions: [{key: tier, operator: DoesNotExist}, {key: x, operator: NotIn, values: [a]}]}`,
		} {
			rules[p.kind+" "+p.field+" accepted: "+ok] = p.rule(ok)
		}
		for _, bad := range []string{
			`{matchExpressions: [{key: tier, operator: Equals, values: [a]}]}`, `{matchExpressions: [{key: tier, operator: In}]}`,
			`{matchExpressions: [{key: tier, operator: NotIn, values: []}]}`, `{matchExpressions: [{key: tier, operator: Exists, values: [a]}]}`,
		} {
			rules[p.kind+" "+p.field+" refused: "+bad] = p.refused(bad, message)
		}
	}
	return rules
}

func scopeRules() map[string]rule {
	rules := map[string]rule{}
	for _, p := range []place{
		{"OAuthClient", `{type: Service, scopes: [%s]}`, "spec.scopes[0]", "scopes"},
		{"OAuthGrantPolicy", `{clients: {}, allow: {scopes: [%s]}}`, "spec.allow.scopes[0]", "scopes"},
		{"OAuthResource", `{identifier: urn:a:b, scopes: [{name: %s, title: A}]}`, "spec.scopes[0].name", "name"},
	} {
		message := p.called + ": a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
		for _, ok := range acceptedScopes() {
			rules[p.kind+" accepted: "+short(ok)] = p.rule(fmt.Sprintf("%q", ok))
		}
		for _, bad := range []string{"orders read", `a"b`, `a\b`, "a\nb", "a\n", "a\x7f", "\u00e4", "a\u200bb"} {
			rules[p.kind+" refused: "+short(bad)] = p.refused(fmt.Sprintf("%q", bad), message)
		}
		rules[p.kind+": an empty scope"] = p.refused(`""`, "should be at least 1 chars long")
		rules[p.kind+": a scope of 129 characters"] = p.refused(strings.Repeat("a", 129), "may not be more than 128")
	}
	return rules
}

// acceptedScopes must be accepted by the API server and by every later check.
func acceptedScopes() []string {
	return []string{"orders.read", "!#$%&'()*+,-./", ":;<=>?@[]^_`{|}~", "https://api.example.com/orders", strings.Repeat("a", 128)}
}
