package crd_test

import (
	"fmt"
	"strings"
)

// Public keys as a manifest has them: y and n in quotes, which YAML takes for booleans otherwise. Only their form is looked at.
// pointX and pointY are a point of P-256 (RFC 7515 appendix A.3).
const pointX, pointY = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

func ecKey() string  { return `{kty: EC, crv: P-256, x: ` + pointX + `, "y": ` + pointY + `}` }
func okpKey() string { return `{kty: OKP, crv: Ed25519, x: ` + coordinate + `}` }
func rsaKey() string { return `{kty: RSA, "n": ` + strings.Repeat("A", 342) + `, e: AQAB}` }

const coordinate = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"

// authenticationRules are about clients that prove who they are by a key, a ServiceAccount or a secret from elsewhere.
func authenticationRules() map[string]rule {
	service := func(authentication string) rule {
		return rule{kind: "OAuthClient", spec: "{type: Service, authentication: " + authentication + "}"}
	}
	of := func(start, authentication string) rule {
		return rule{kind: "OAuthClient", spec: "{" + start + ", authentication: " + authentication + "}"}
	}
	const (
		field      = "spec.authentication"
		exactlyOne = "authentication takes exactly one of clientSecret, privateKeyJWT, kubernetesServiceAccount and none"
		keeps      = "authentication: privateKeyJWT and kubernetesServiceAccount are for types Web and Service, which can keep a key; use none or clientSecret, or change type"
		key        = "key must be a key of a Secret: letters, digits and - _ ."
		generated  = "clientSecret.optional is for a generated secret; remove it, or remove secretRef"
		code       = `redirectURIs: ["https://a.example/cb"]`
		byKey      = `{privateKeyJWT: {jwksURI: "https://a.example/jwks"}}`
		byAccount  = `{kubernetesServiceAccount: {name: reports}}`
	)
	rules := map[string]rule{
		"a key of a service":                      service(byKey),
		"a key of a web app":                      of(code, byKey),
		"a key of a device":                       withRefusal(of("type: Device", byKey), field, keeps),
		"a key of a browser app":                  withRefusal(of("type: Browser, "+code, byKey), field, keeps),
		"a key of a native app":                   withRefusal(of("type: Native, "+code, byKey), field, keeps),
		"a ServiceAccount of a service":           service(byAccount),
		"a ServiceAccount of a web app":           of(code, byAccount),
		"a ServiceAccount of a device":            withRefusal(of("type: Device", byAccount), field, keeps),
		"a ServiceAccount of a browser app":       withRefusal(of("type: Browser, "+code, byAccount), field, keeps),
		"a ServiceAccount without a name":         withRefusal(service(`{kubernetesServiceAccount: {}}`), field+".kubernetesServiceAccount.name", "Required value"),
		"a ServiceAccount of another namespace":   withRefusal(service(`{kubernetesServiceAccount: {name: a, namespace: b}}`), field+".kubernetesServiceAccount.namespace", unknownField),
		"a key and a ServiceAccount":              withRefusal(service(`{privateKeyJWT: {jwksURI: "https://a.example"}, kubernetesServiceAccount: {name: a}}`), field, exactlyOne),
		"a key and a secret":                      withRefusal(service(`{privateKeyJWT: {jwksURI: "https://a.example"}, clientSecret: {}}`), field, exactlyOne),
		"a secret from elsewhere":                 service(`{clientSecret: {secretRef: {name: vault}}}`),
		"a secret from elsewhere by its key":      service(`{clientSecret: {secretRef: {name: vault, key: A.b-c_1}}}`),
		"a secret from elsewhere without a name":  withRefusal(service(`{clientSecret: {secretRef: {}}}`), field+".clientSecret.secretRef.name", "Required value"),
		"a secret of another namespace":           withRefusal(service(`{clientSecret: {secretRef: {name: a, namespace: b}}}`), field+".clientSecret.secretRef.namespace", unknownField),
		"a secret from elsewhere of a device":     of("type: Device", `{clientSecret: {secretRef: {name: vault}}}`),
		"a secret from elsewhere that need not":   withRefusal(of("type: Device", `{clientSecret: {optional: true, secretRef: {name: vault}}}`), field+".clientSecret.optional", generated),
		"a secret from elsewhere, not optional":   of("type: Device", `{clientSecret: {optional: false, secretRef: {name: vault}}}`),
		"a key of a Secret that is too long":      withRefusal(service(`{clientSecret: {secretRef: {name: a, key: `+strings.Repeat("a", 254)+`}}}`), field+".clientSecret.secretRef.key", "may not be more than 253"),
		"a key of a Secret as long as may be":     service(`{clientSecret: {secretRef: {name: a, key: ` + strings.Repeat("a", 253) + `}}}`),
		"a way to authenticate that is not there": withRefusal(service(`{tlsClientAuth: {}}`), field+".tlsClientAuth", unknownField),
	}
	for _, bad := range []string{"a/b", "a b", "ä", "a\n", "{{ .ClientID }}"} {
		rules["a key of a Secret that is none: "+short(bad)] = withRefusal(service(fmt.Sprintf(`{clientSecret: {secretRef: {name: a, key: %q}}}`, bad)), field+".clientSecret.secretRef.key", key)
	}
	for sentence, r := range keySetRules(service) {
		rules["key set: "+sentence] = r
	}
	return rules
}

// keySetRules are B09 of the requirements, as far as a manifest can be: key sets are public and small.
func keySetRules(service func(string) rule) map[string]rule {
	const (
		field   = "spec.authentication.privateKeyJWT"
		first   = field + ".jwks.keys[0]"
		one     = "privateKeyJWT takes exactly one of jwks and jwksURI"
		private = "keys: d is the private part of the key; publish the public part alone, and make a new key, because this one has been sent"
		ec      = "keys: a key of kty EC has crv P-256, x and y, and no n and e; write \"y\" in quotes, YAML takes it for true without"
		okp     = "keys: a key of kty OKP has crv Ed25519 and x, and no y, n and e"
		rsa     = "keys: a key of kty RSA has n and e, and no crv, x and y; write \"n\" in quotes, YAML takes it for false without"
		pattern = "should match"
	)
	jwt := func(members string) rule { return service("{privateKeyJWT: {" + members + "}}") }
	keys := func(keys ...string) rule { return jwt("jwks: {keys: [" + strings.Join(keys, ", ") + "]}") }
	with := func(key, member string) string { return strings.TrimSuffix(key, "}") + ", " + member + "}" }
	without := func(key, member string) string { return strings.Replace(key, member, "", 1) }
	eight := strings.Split(strings.Repeat(ecKey()+"|", 8), "|")[:8]
	return map[string]rule{
		"one of each type":           keys(ecKey(), okpKey(), rsaKey()),
		"everything that a key has":  keys(with(ecKey(), "use: sig, alg: ES256, kid: k1")),
		"8 keys":                     keys(eight...),
		"9 keys":                     withRefusal(keys(append(eight, ecKey())...), field+".jwks.keys", "must have at most 8 items"),
		"no keys":                    withRefusal(keys(), field+".jwks.keys", "should have at least 1 items"),
		"nothing in it":              withRefusal(jwt("jwks: {}"), field+".jwks.keys", "Required value"),
		"neither keys nor address":   withRefusal(jwt(""), field, one),
		"keys and address":           withRefusal(jwt(`jwksURI: "https://a.example", jwks: {keys: [`+ecKey()+`]}`), field, one),
		"algorithms of its own":      jwt(`signingAlgorithms: [EdDSA, RS256], jwks: {keys: [` + okpKey() + `]}`),
		"no algorithm":               withRefusal(jwt(`signingAlgorithms: [], jwksURI: "https://a.example"`), field+".signingAlgorithms", "should have at least 1 items"),
		"an algorithm twice":         withRefusal(jwt(`signingAlgorithms: [ES256, ES256], jwksURI: "https://a.example"`), field+".signingAlgorithms[1]", "Duplicate value"),
		"the algorithm none":         withRefusal(jwt(`signingAlgorithms: [none], jwksURI: "https://a.example"`), field+".signingAlgorithms[0]", `supported values: "ES256", "EdDSA", "PS256", "RS256"`),
		"an algorithm of a secret":   withRefusal(jwt(`signingAlgorithms: [HS256], jwksURI: "https://a.example"`), field+".signingAlgorithms[0]", `supported values: "ES256", "EdDSA", "PS256", "RS256"`),
		"a private key of EC":        withRefusal(keys(with(ecKey(), "d: "+coordinate)), first+".d", private),
		"a private key of OKP":       withRefusal(keys(with(okpKey(), "d: "+coordinate)), first+".d", private),
		"a private key of RSA":       withRefusal(keys(with(rsaKey(), "d: "+strings.Repeat("A", 342))), first+".d", private),
		"a prime of a private key":   withRefusal(keys(with(rsaKey(), "p: AQAB")), "spec.authentication.privateKeyJWT.jwks.keys[0].p", unknownField),
		"a shared key":               withRefusal(keys(`{kty: oct}`), first+".kty", `supported values: "EC", "OKP", "RSA"`),
		"a key for encryption":       withRefusal(keys(with(ecKey(), "use: enc")), first+".use", `supported values: "sig"`),
		"EC without a coordinate":    withRefusal(keys(without(ecKey(), `, "y": `+pointY)), first, ec),
		"EC without its curve":       withRefusal(keys(without(ecKey(), "crv: P-256, ")), first, ec),
		"EC on a curve of OKP":       withRefusal(keys(strings.Replace(ecKey(), "P-256", "Ed25519", 1)), first, ec),
		"EC with an exponent":        withRefusal(keys(with(ecKey(), "e: AQAB")), first, ec),
		"OKP on a curve of EC":       withRefusal(keys(strings.Replace(okpKey(), "Ed25519", "P-256", 1)), first, okp),
		"OKP with two coordinates":   withRefusal(keys(with(okpKey(), `"y": `+coordinate)), first, okp),
		"RSA without a modulus":      withRefusal(keys(`{kty: RSA, e: AQAB}`), first, rsa),
		"RSA with a curve":           withRefusal(keys(with(rsaKey(), "crv: P-256")), first, rsa),
		"RSA of 2040 bits":           withRefusal(keys(`{kty: RSA, "n": `+strings.Repeat("A", 340)+`, e: AQAB}`), first+".n", pattern),
		"RSA of 4096 bits":           keys(`{kty: RSA, "n": ` + strings.Repeat("A", 683) + `, e: AQAB}`),
		"RSA of 4104 bits":           withRefusal(keys(`{kty: RSA, "n": `+strings.Repeat("A", 684)+`, e: AQAB}`), first+".n", pattern),
		"RSA cut off in the middle":  withRefusal(keys(`{kty: RSA, "n": `+strings.Repeat("A", 345)+`, e: AQAB}`), first+".n", pattern),
		"RSA, exponent of 4 octets":  keys(`{kty: RSA, "n": ` + strings.Repeat("A", 342) + `, e: AAEAAQ}`),
		"RSA, exponent cut off":      withRefusal(keys(`{kty: RSA, "n": `+strings.Repeat("A", 342)+`, e: AAEAA}`), first+".e", pattern),
		"a coordinate with padding":  withRefusal(keys(strings.Replace(okpKey(), coordinate, `"`+coordinate+`="`, 1)), first+".x", pattern),
		"a coordinate that is short": withRefusal(keys(strings.Replace(okpKey(), coordinate, coordinate[1:], 1)), first+".x", pattern),
		"a curve that is not taken":  withRefusal(keys(strings.Replace(ecKey(), "P-256", "P-521", 1)), first+".crv", `supported values: "P-256", "Ed25519"`),
		"a name that is too long":    withRefusal(keys(with(ecKey(), "kid: "+strings.Repeat("k", 129))), first+".kid", "may not be more than 128"),
	}
}
