package crd_test

import (
	"fmt"
	"strings"
)

// keptNowhere is what only the compile step can say of templates, because it renders them.
const keptNowhere = "spec.secret.template: no key of the Secret has the client secret as it is"

// secretRules are about the Secret that the operator writes, and what becomes of it.
func secretRules() map[string]rule {
	secret := func(members string) rule {
		return rule{kind: "OAuthClient", spec: "{type: Service, secret: {" + members + "}}"}
	}
	device := func(members string) rule { return rule{kind: "OAuthClient", spec: "{type: Device, " + members + "}"} }
	brings := func(name, members string) rule {
		return rule{kind: "OAuthClient", spec: "{type: Service, authentication: {clientSecret: {secretRef: {name: " + name + "}}}, secret: {" + members + "}}"}
	}
	const (
		field       = "spec.secret"
		keys        = "secret.template: a key has letters, digits and - _ . only, at most 253, and is not . and does not begin with .."
		labels      = "secret.metadata.labels: a key must be that of a label, and not one of the operator's own (grantkeeper.dev/…, app.kubernetes.io/managed-by)"
		values      = "secret.metadata.labels: a value must be that of a label: at most 63 letters, digits and - _ ., the first and the last a letter or digit"
		annotations = "secret.metadata.annotations: a key must be that of an annotation, and not the operator's (grantkeeper.dev/…) or kubectl's own"
		overlap     = "rotation.overlap (24h when absent) must not be longer than rotation.interval; shorten overlap or lengthen interval"
		unused      = "rotation.deadline is for retireWhenUnused: true; remove it, or set that"
		deadline    = "rotation.deadline must not be shorter than rotation.overlap (24h when absent) or longer than rotation.interval; lengthen or shorten it"
		unread      = "secret.preset None leaves the generated secret with nobody to read it; add secret.template, choose another preset, or authenticate by secretRef, privateKeyJWT or kubernetesServiceAccount"
		none        = "secret.rotation is for a client that has a client secret, and this one has none; remove it"
		itself      = "authentication.clientSecret.secretRef.name is the Secret that the operator writes for this client; name another, or set secret.name"
		refName     = "spec.authentication.clientSecret.secretRef.name"
		presets     = `supported values: "None", "OAuth2Proxy", "Grafana", "ArgoCD", "Spring", "Env"`
	)
	rules := map[string]rule{
		"nothing said about it":                 secret(""),
		"a preset that does not exist":          withRefusal(secret(`preset: Keycloak`), field+".preset", presets),
		"a template and no preset":              secret(`preset: None, template: {config: "id={{ .ClientID }}", key: "{{ .ClientSecret }}"}`),
		"a template that drops the secret":      {kind: "OAuthClient", spec: `{type: Service, secret: {preset: None, template: {config: "id={{ .ClientID }}"}}}`, compiled: keptNowhere},
		"no Secret for a generated secret":      withRefusal(secret(`preset: None`), field+".preset", unread),
		"no Secret for one that is asked for":   withRefusal(device(`authentication: {clientSecret: {}}, secret: {preset: None}`), field+".preset", unread),
		"no Secret for a public client":         device(`secret: {preset: None}`),
		"no Secret for one that is brought":     brings(`vault`, `preset: None`),
		"a Secret that is brought and written":  withRefusal(brings(`sample-oauth`, ``), refName, itself),
		"one brought and written by a name":     withRefusal(brings(`credentials`, `name: credentials`), refName, itself),
		"one brought, by the name of none":      brings(`sample-oauth`, `preset: None`),
		"one brought, and written elsewhere":    brings(`sample-oauth`, `name: credentials`),
		"one brought, and written by templates": withRefusal(brings(`sample-oauth`, `preset: None, template: {a: b}`), refName, itself),
		"a template without keys":               withRefusal(secret(`template: {}`), field+".template", "should have at least 1 properties"),
		"a template of 16 keys":                 secret(`template: {` + numbered("k%d: a", 16) + `}`),
		"a template of 17 keys":                 withRefusal(secret(`template: {`+numbered("k%d: a", 17)+`}`), field+".template", "must have at most 16 items"),
		"an empty template":                     withRefusal(secret(`template: {a: ""}`), field+".template.a", "should be at least 1 chars long"),
		"a template as long as may be":          secret(`template: {a: ` + strings.Repeat("a", 4096) + `}`),
		"a template that is too long":           withRefusal(secret(`template: {a: `+strings.Repeat("a", 4097)+`}`), field+".template.a", "may not be more than 4096"),
		"a template that is not text":           withRefusal(secret(`template: {a: 1}`), field+".template.a", "must be of type string"),
		"template keys of all characters":       secret(`template: {"A.b-c_1": a, .a..: a, ` + strings.Repeat("k", 253) + `: a}`),
		"a template key that is too long":       withRefusal(secret(`template: {`+strings.Repeat("k", 254)+`: a}`), field+".template", keys),
		"labels":                                secret(`metadata: {labels: {app.kubernetes.io/part-of: argocd, team: "", a.example/b: A.b-c_1}}`),
		"annotations":                           secret(`metadata: {annotations: {reloader.stakater.com/match: "true", Owner: "Ann Example <ann@example.com>"}}`),
		"17 labels":                             withRefusal(secret(`metadata: {labels: {`+numbered("k%d: a", 17)+`}}`), field+".metadata.labels", "must have at most 16 items"),
		"17 annotations":                        withRefusal(secret(`metadata: {annotations: {`+numbered("k%d: a", 17)+`}}`), field+".metadata.annotations", "must have at most 16 items"),
		"a label's value of 64 characters":      withRefusal(secret(`metadata: {labels: {a: `+strings.Repeat("a", 64)+`}}`), field+".metadata.labels.a", "may not be more than 63"),
		"an annotation of 1025 characters":      withRefusal(secret(`metadata: {annotations: {a: `+strings.Repeat("a", 1025)+`}}`), field+".metadata.annotations.a", "may not be more than 1024"),
		"rotation with its interval alone":      secret(`rotation: {interval: 24h}`),
		"rotation of a public client":           withRefusal(device(`secret: {rotation: {interval: 24h}}`), field+".rotation", none),
		"rotation of one that signs":            withRefusal(rule{kind: "OAuthClient", spec: `{type: Service, authentication: {kubernetesServiceAccount: {name: a}}, secret: {rotation: {interval: 24h}}}`}, field+".rotation", none),
		"rotation of a device that has one":     device(`authentication: {clientSecret: {optional: true}}, secret: {rotation: {interval: 24h}}`),
		"rotation without an interval":          withRefusal(secret(`rotation: {overlap: 1h}`), field+".rotation.interval", "Required value"),
		"an overlap as long as the interval":    secret(`rotation: {interval: 2h, overlap: 120m}`),
		"an overlap longer than the interval":   withRefusal(secret(`rotation: {interval: 2h, overlap: 121m}`), field+".rotation.overlap", overlap),
		"an interval below the default overlap": withRefusal(secret(`rotation: {interval: 23h}`), field+".rotation.overlap", overlap),
		"an old secret that waits":              secret(`rotation: {interval: 720h, overlap: 1h, retireWhenUnused: true}`),
		"an old secret that waits so long":      secret(`rotation: {interval: 720h, overlap: 1h, retireWhenUnused: true, deadline: 720h}`),
		"a deadline as short as the overlap":    secret(`rotation: {interval: 720h, retireWhenUnused: true, deadline: 24h}`),
		"a deadline and nothing that waits":     withRefusal(secret(`rotation: {interval: 720h, deadline: 100h}`), field+".rotation.deadline", unused),
		"a deadline and waiting refused":        withRefusal(secret(`rotation: {interval: 720h, retireWhenUnused: false, deadline: 100h}`), field+".rotation.deadline", unused),
		"a deadline before the overlap ends":    withRefusal(secret(`rotation: {interval: 720h, overlap: 2h, retireWhenUnused: true, deadline: 1h}`), field+".rotation.deadline", deadline),
		"a deadline before the usual overlap":   withRefusal(secret(`rotation: {interval: 720h, retireWhenUnused: true, deadline: 1h}`), field+".rotation.deadline", deadline),
		"a deadline after the next rotation":    withRefusal(secret(`rotation: {interval: 720h, retireWhenUnused: true, deadline: 721h}`), field+".rotation.deadline", deadline),
		"credentials that stay":                 {kind: "OAuthClient", spec: `{type: Service, deletionPolicy: Retain}`},
		"credentials that go":                   {kind: "OAuthClient", spec: `{type: Service, deletionPolicy: Revoke}`},
		"a deletion policy that is not there":   {kind: "OAuthClient", spec: `{type: Service, deletionPolicy: Orphan}`, field: "spec.deletionPolicy", message: `supported values: "Revoke", "Retain"`},
	}
	for _, preset := range []string{"None", "OAuth2Proxy", "Grafana", "ArgoCD", "Spring", "Env"} {
		rules["the preset "+preset] = secret("preset: " + preset + `, template: {a: "{{ .ClientSecret }}"}`)
	}
	for _, bad := range []string{"a/b", "a b", "ä", "a\n", "../x", "{{ .ClientID }}", ".", "..", "..a"} {
		rules["a template key that is none: "+short(bad)] = withRefusal(secret(fmt.Sprintf("template: {%q: a}", bad)), field+".template", keys)
	}
	for _, bad := range []string{"grantkeeper.dev/referenced", "grantkeeper.dev/x", "a.grantkeeper.dev/x", "app.kubernetes.io/managed-by", "-a", "a b", "a/b/c", "A.example/b", strings.Repeat("a", 64)} {
		rules["a label that is none, or not theirs: "+short(bad)] = withRefusal(secret(fmt.Sprintf("metadata: {labels: {%q: a}}", bad)), field+".metadata.labels", labels)
	}
	for _, bad := range []string{"a b", "-a", "a-", "ä", "a\n"} {
		rules["a label's value that is none: "+short(bad)] = withRefusal(secret(fmt.Sprintf("metadata: {labels: {a: %q}}", bad)), field+".metadata.labels", values)
	}
	for _, bad := range []string{"grantkeeper.dev/rotate", "grantkeeper.dev/hash", "kubectl.kubernetes.io/last-applied-configuration", "-a", "a b", "a/b/c"} {
		rules["an annotation that is none, or not theirs: "+short(bad)] = withRefusal(secret(fmt.Sprintf("metadata: {annotations: {%q: a}}", bad)), field+".metadata.annotations", annotations)
	}
	return rules
}

// boundaryRules are about what a policy allows, requires and limits beyond scopes and hosts.
func boundaryRules() map[string]rule {
	policy := func(rest string) rule {
		return rule{kind: "OAuthGrantPolicy", spec: "{clients: {}, " + rest + "}"}
	}
	const resource = "resources: name must be the name of an OAuthResource: lower-case letters, digits, - and ."
	rules := map[string]rule{
		"resources":                        policy(`allow: {resources: [{name: orders-api}, {name: b.c}]}`),
		"no resource":                      withRefusal(policy(`allow: {resources: []}`), "spec.allow.resources", "should have at least 1 items"),
		"a resource twice":                 withRefusal(policy(`allow: {resources: [{name: a}, {name: a}]}`), "spec.allow.resources[1]", "Duplicate value"),
		"a resource without a name":        withRefusal(policy(`allow: {resources: [{}]}`), "spec.allow.resources[0].name", "Required value"),
		"a resource by a long name":        withRefusal(policy(`allow: {resources: [{name: `+strings.Repeat("a", 64)+`}]}`), "spec.allow.resources[0].name", "may not be more than 63"),
		"a resource of another namespace":  withRefusal(policy(`allow: {resources: [{name: a, namespace: b}]}`), "spec.allow.resources[0].namespace", unknownField),
		"100 resources":                    policy(`allow: {resources: [` + numbered("{name: r%d}", 100) + `]}`),
		"101 resources":                    withRefusal(policy(`allow: {resources: [`+numbered("{name: r%d}", 101)+`]}`), "spec.allow.resources", "must have at most 100 items"),
		"all methods":                      policy(`allow: {authentication: [ClientSecret, PrivateKeyJWT, KubernetesServiceAccount, None]}`),
		"requirements of every token":      policy(`allow: {}, require: {dpop: true, pushedAuthorizationRequests: true}`),
		"requirements that are none":       policy(`allow: {}, require: {dpop: false, pushedAuthorizationRequests: false, mfa: false}`),
		"a requirement that is no boolean": withRefusal(policy(`allow: {}, require: {dpop: Always}`), "spec.require.dpop", "must be of type boolean"),
		"no client at all":                 policy(`allow: {}, limits: {clients: 0}`),
		"as many clients as may be":        policy(`allow: {}, limits: {clients: 100000}`),
		"fewer clients than none":          withRefusal(policy(`allow: {}, limits: {clients: -1}`), "spec.limits.clients", "should be greater than or equal to 0"),
		"too many clients":                 withRefusal(policy(`allow: {}, limits: {clients: 100001}`), "spec.limits.clients", "should be less than or equal to 100000"),
		"one grant for a user":             policy(`allow: {}, limits: {grantsPerUser: 1}`),
		"as many grants as may be":         policy(`allow: {}, limits: {grantsPerUser: 10000}`),
		"no grant for a user":              withRefusal(policy(`allow: {}, limits: {grantsPerUser: 0}`), "spec.limits.grantsPerUser", "should be greater than or equal to 1"),
		"too many grants for a user":       withRefusal(policy(`allow: {}, limits: {grantsPerUser: 10001}`), "spec.limits.grantsPerUser", "should be less than or equal to 10000"),
		"users by their groups":            policy(`allow: {}, users: "'staff' in user.groups"`),
		"users by all that is known":       policy(`allow: {}, users: "user.emailVerified && user.email.endsWith('@acme.example') && user.username != '' && user.name != ''"`),
		"users by nothing":                 withRefusal(policy(`allow: {}, users: ""`), "spec.users", "should be at least 1 chars long"),
		"users by too much":                withRefusal(policy(`allow: {}, users: `+strings.Repeat("a", 1025)), "spec.users", "may not be more than 1024"),
	}
	for _, bad := range []string{"Orders", "a_b", "-a", "a..b", "a/b", "a\n"} {
		rules["a resource that is none: "+short(bad)] = withRefusal(policy(fmt.Sprintf("allow: {resources: [{name: %q}]}", bad)), "spec.allow.resources[0].name", resource)
	}
	return rules
}
