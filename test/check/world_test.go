package check_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// How much a generated cluster has.
const (
	policies  = 24
	resources = 8
	clients   = 300
)

// object is a manifest.
type object map[string]any

func (o object) meta(member string) string {
	s, _ := o["metadata"].(object)[member].(string)
	return s
}

func (o object) kind() string { return o["kind"].(string) }

func (o object) String() string { return o.kind() + " " + o.meta("namespace") + "/" + o.meta("name") }

func manifest(kind, namespace, name string, spec object) object {
	return object{"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind, "metadata": object{"namespace": namespace, "name": name}, "spec": spec}
}

// cluster is what is generated: namespaces, then servers, resources and policies, then clients, each sorted by namespace and name. So a
// folder of them is read in the order in which the API server is given them, and in which objects of the same second are told
// apart: who came first is the same on both sides.
type cluster []object

func (c cluster) yaml() (string, error) {
	var b strings.Builder
	for _, o := range c {
		text, err := yaml.Marshal(o)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "---\n%s", text)
	}
	return b.String(), nil
}

func anyCluster() *rapid.Generator[cluster] {
	return rapid.Custom(func(r *rapid.T) cluster {
		c := cluster{}
		for _, n := range namespaces() {
			labels := object{}
			if n.tier != "" {
				labels["tier"] = n.tier
			}
			if n.oauth {
				labels["oauth"] = "on"
			}
			c = append(c, object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": n.name, "labels": labels}})
		}
		main := manifest("OAuthServer", "oauth", "main", object{"issuer": "https://login.example"})
		main["metadata"].(object)["annotations"] = object{v1alpha1.AnnotationDefaultServer: "true"}
		c = append(c, main,
			manifest("OAuthServer", "oauth", "picky", object{"issuer": "https://picky.example", "clients": object{"namespaceSelector": object{"matchLabels": object{"oauth": "on"}}}}),
			manifest("OAuthServer", "oauth2", "lonely", object{"issuer": "https://lonely.example"}))
		for i := range resources {
			c = append(c, anyResource(i).Draw(r, "resource"))
		}
		for i := range policies {
			c = append(c, anyPolicy(i).Draw(r, "policy"))
		}
		var apps cluster
		for i := range clients {
			apps = append(apps, anyClient(i).Draw(r, "client"))
		}
		slices.SortFunc(apps, func(a, b object) int {
			return cmp.Or(cmp.Compare(a.meta("namespace"), b.meta("namespace")), cmp.Compare(a.meta("name"), b.meta("name")))
		})
		return append(c, apps...)
	})
}

type namespace struct {
	name, tier string
	oauth      bool
}

func namespaces() []namespace {
	return []namespace{{"oauth", "", false}, {"oauth2", "", false}, {"apps", "app", true}, {"bare", "", false}, {"partners", "partner", true}, {"shadow", "partner", false}}
}

// one draws one of several values; the zero value leaves a field out.
func one[T any](r *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(r, label)
}

// some draws a few of several values, each at most once.
func some(r *rapid.T, label string, most int, values ...string) []any {
	picked := rapid.SliceOfNDistinct(rapid.SampledFrom(values), 0, most, rapid.ID).Draw(r, label)
	return listOf(picked...)
}

// listOf are all values.
func listOf(values ...string) []any {
	out := make([]any, len(values))
	for i := range values {
		out[i] = values[i]
	}
	return out
}

// seldom is true one time in n.
func seldom(r *rapid.T, label string, n int) bool { return rapid.IntRange(1, n).Draw(r, label) == n }

// mostly draws one of the first values, and now and then one of the others.
func mostly[T any](r *rapid.T, label string, usual []T, odd ...T) T {
	if seldom(r, label+", odd", 30) {
		return one(r, label, odd...)
	}
	return one(r, label, usual...)
}

// put sets a member, unless it is empty.
func put[T any](o object, name string, v T) {
	switch v := any(v).(type) {
	case string:
		if v != "" {
			o[name] = v
		}
	case []any:
		if len(v) > 0 {
			o[name] = v
		}
	case object:
		if len(v) > 0 {
			o[name] = v
		}
	default:
		o[name] = v
	}
}

func scopes() []string {
	return []string{"orders.read", "orders.write", "users.read", "users.write", "reports", "audit", "twice", "openid", "profile", "nobody.declares"}
}

func grantTypes() []string {
	return []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"}
}

func anyResource(i int) *rapid.Generator[object] {
	return rapid.Custom(func(r *rapid.T) object {
		spec := object{"identifier": fmt.Sprintf("https://api%d.example", i)}
		if seldom(r, "same identifier", 12) {
			spec["identifier"] = "https://api0.example"
		}
		var list []any
		for _, s := range some(r, "scopes", 2, scopes()[:7]...) {
			list = append(list, object{"name": s, "title": "A scope"})
		}
		put(spec, "scopes", list)
		put(spec, "serverRef", serverRef(mostly(r, "server", []string{"main"}, "picky", "missing"), ""))
		return manifest("OAuthResource", "oauth", fmt.Sprintf("r%02d", i), spec)
	})
}

func serverRef(name, namespace string) object {
	ref := object{}
	put(ref, "name", name)
	put(ref, "namespace", namespace)
	return ref
}

func anyPolicy(i int) *rapid.Generator[object] {
	return rapid.Custom(func(r *rapid.T) object {
		matching := object{}
		switch one(r, "namespaces", "all", "tier", "tier", "tier", "expression", "own") {
		case "all":
			matching["namespaceSelector"] = object{}
		case "tier":
			matching["namespaceSelector"] = object{"matchLabels": object{"tier": one(r, "tier", "partner", "app")}}
		case "expression":
			matching["namespaceSelector"] = object{"matchExpressions": []any{object{"key": "tier", "operator": mostly(r, "operator", []string{"Exists", "DoesNotExist"}, "Equals")}}}
		}
		if seldom(r, "selector", 3) {
			matching["selector"] = object{"matchLabels": object{"team": one(r, "team", "red", "blue")}}
		}
		allow := object{}
		// Some allow nearly everything, so that enough is accepted, the others little.
		wide := rapid.Bool().Draw(r, "wide")
		put(allow, "grantTypes", some(r, "grantTypes", 4, grantTypes()...))
		put(allow, "scopes", some(r, "scopes", 9, scopes()...))
		put(allow, "redirectHosts", some(r, "hosts", 3, mostly(r, "hosts of", []string{"*.acme.example"}, "*.com"), "reports.acme.example", "beta.example", "com.example.app:"))
		if wide {
			allow["grantTypes"], allow["scopes"] = listOf(grantTypes()...), listOf(scopes()...)
			allow["redirectHosts"] = listOf("*.acme.example", "beta.example", "com.example.app:")
		}
		if !wide && seldom(r, "authentication", 3) {
			put(allow, "authentication", some(r, "methods", 4, "ClientSecret", "PrivateKeyJWT", "KubernetesServiceAccount", "None"))
		}
		if seldom(r, "resources", 3) {
			var list []any
			for _, n := range some(r, "names", 4, "r00", "r01", "r02", "r03", "r04", "missing") {
				list = append(list, object{"name": n})
			}
			put(allow, "resources", list)
		}
		if seldom(r, "skip", 4) {
			allow["skipConsent"] = true
		}
		spec := object{"clients": matching, "allow": allow, "priority": one(r, "priority", 0, 0, 10, -10)}
		limits := object{}
		put(limits, "accessTokenTTL", mostly(r, "access", []string{"", "", "15m", "1h"}, "30s"))
		put(limits, "refreshTokenTTL", one(r, "refresh", "", "", "24h", "720h"))
		if seldom(r, "places", 3) {
			limits["clients"] = one(r, "clients", 0, 1, 3, 8)
		}
		put(spec, "limits", limits)
		put(spec, "users", mostly(r, "users", []string{"", "", "", "'staff' in user.groups"}, "user.nonsense", "1 + 1"))
		if seldom(r, "require", 4) {
			spec["require"] = object{"consent": "Always", "mfa": true}
		}
		put(spec, "serverRef", serverRef(mostly(r, "server", []string{"main", "main", "main", "picky"}, "", "missing"), ""))
		return manifest("OAuthGrantPolicy", "oauth", fmt.Sprintf("p%02d", i), spec)
	})
}

func anyClient(i int) *rapid.Generator[object] {
	return rapid.Custom(func(r *rapid.T) object {
		kind := one(r, "type", "", "Web", "Web", "Browser", "Native", "Device", "Service", "Service")
		spec := object{}
		put(spec, "type", kind)
		code := kind != "Device" && kind != "Service"
		if code != seldom(r, "odd redirects", 40) {
			spec["redirectURIs"] = redirects(r, kind)
		}
		if seldom(r, "grantTypes", 15) {
			put(spec, "grantTypes", some(r, "grants", 3, grantTypes()...))
		}
		known := 7
		if kind != "Service" {
			known = 9
		}
		put(spec, "scopes", some(r, "scopes", 2, scopes()[:mostly(r, "of", []int{known}, len(scopes()))]...))
		if seldom(r, "authentication", 3) {
			spec["authentication"] = authentication(r, kind)
		}
		put(spec, "clientID", mostly(r, "clientID", []string{"", "", "", "", fmt.Sprintf("client-%d", i)}, "shared", "wanted", "not valid"))
		if seldom(r, "wants", 12) {
			spec["clientID"] = one(r, "wanted", "shared", "wanted")
		}
		put(spec, "serverRef", serverRef(mostly(r, "server", []string{"", "", "", "main", "picky"}, "lonely", "missing"), ""))
		if ref, ok := spec["serverRef"].(object); ok {
			put(ref, "namespace", mostly(r, "in", []string{"oauth"}, "oauth2", ""))
		}
		put(spec, "consent", mostly(r, "consent", []string{"", "", "", "", "Always"}, "Skip", "Never"))
		tokens := object{}
		if seldom(r, "access", 4) {
			tokens["accessToken"] = object{"ttl": mostly(r, "ttl", []string{"5m", "20m", "2h"}, "1000h")}
		}
		if seldom(r, "refresh", 4) {
			tokens["refreshToken"] = object{"ttl": one(r, "refresh ttl", "1h", "48h", "1000h")}
		}
		put(spec, "tokens", tokens)
		if seldom(r, "secret", 4) {
			put(spec, "secret", secret(r))
		}
		if seldom(r, "suspended", 10) {
			spec["suspended"] = true
		}
		if seldom(r, "display", 10) {
			spec["display"] = object{"name": mostly(r, "name", []string{"Acme Reports"}, "a\u202eb", "x\ny")}
		}
		if seldom(r, "logout", 10) {
			spec["backChannelLogout"] = object{"uri": mostly(r, "uri", []string{"https://reports.acme.example/out"}, "https://evil.example/out", "http://127.0.0.1/out", "http://acme.example/out")}
		}
		o := manifest("OAuthClient", one(r, "namespace", "apps", "bare", "partners", "partners", "shadow", "oauth"), fmt.Sprintf("c%03d", i), spec)
		if team := one(r, "team", "", "red", "blue"); team != "" {
			o["metadata"].(object)["labels"] = object{"team": team}
		}
		if seldom(r, "rotate", 15) {
			o["metadata"].(object)["annotations"] = object{v1alpha1.AnnotationRotate: "1", v1alpha1.AnnotationRotateOverlap: mostly(r, "overlap", []string{"0s", "1h"}, "soon")}
		}
		return o
	})
}

func redirects(r *rapid.T, kind string) []any {
	pool := []string{"https://reports.acme.example/cb", "https://shop.acme.example/cb", "https://beta.example/cb", "http://127.0.0.1/cb"}
	if seldom(r, "evil", 6) {
		pool = append(pool, "https://evil.example/cb")
	}
	if kind == "Native" {
		pool = append(pool, "com.example.app:/cb", "com.other.app:/cb")
	}
	if seldom(r, "malformed", 25) {
		pool = []string{"http://acme.example/cb", "https://acme.example/#x", "https://*.acme.example/cb", "com.example.app:/cb", "https://user@acme.example/cb"}
	}
	out := some(r, "redirects", 2, pool...)
	if len(out) == 0 {
		return []any{pool[0]}
	}
	return out
}

func authentication(r *rapid.T, kind string) object {
	usual := []string{"none"}
	switch kind {
	case "", "Web", "Service":
		usual = []string{"secret", "from elsewhere", "key", "address", "account"}
	case "Device":
		usual = []string{"secret", "optional", "none"}
	}
	switch mostly(r, "method", usual, "secret", "from elsewhere", "optional", "key", "address", "account", "none", "two") {
	case "secret":
		return object{"clientSecret": object{}}
	case "from elsewhere":
		return object{"clientSecret": object{"secretRef": object{"name": "vault"}}}
	case "optional":
		return object{"clientSecret": object{"optional": true}}
	case "key":
		const x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
		key := object{"kty": "EC", "crv": "P-256", "x": x, "y": x}
		put(key, "d", mostly(r, "d", []string{""}, "AQAB"))
		jwt := object{"jwks": object{"keys": []any{key}}}
		put(jwt, "signingAlgorithms", some(r, "algorithms", 1, "ES256", "RS256"))
		return object{"privateKeyJWT": jwt}
	case "address":
		return object{"privateKeyJWT": object{"jwksURI": mostly(r, "jwksURI", []string{"https://reports.acme.example/jwks"}, "https://evil.example/jwks", "http://acme.example/jwks")}}
	case "account":
		return object{"kubernetesServiceAccount": object{"name": mostly(r, "account", []string{"reports"}, "Reports")}}
	case "two":
		return object{"none": object{}, "clientSecret": object{}}
	}
	return object{"none": object{}}
}

func secret(r *rapid.T) object {
	s := object{}
	put(s, "preset", mostly(r, "preset", []string{"", "Env", "Grafana"}, "None", "Vault"))
	put(s, "name", mostly(r, "secret name", []string{""}, "vault", "gk-mine"))
	if seldom(r, "template", 2) {
		s["template"] = object{mostly(r, "key", []string{"id"}, "a/b"): mostly(r, "template", []string{"{{ .ClientID }}", "{{ range .Scopes }}{{ . }}{{ end }}"}, "{{ .Nothing }}", "{{ .ClientID", "{{ define \"a\" }}{{ end }}")}
	}
	if seldom(r, "rotation", 3) {
		rotation := object{"interval": mostly(r, "interval", []string{"24h", "2160h"}, "10m")}
		put(rotation, "overlap", mostly(r, "secret overlap", []string{"", "1h"}, "48h"))
		put(rotation, "deadline", mostly(r, "deadline", []string{""}, "24h"))
		s["rotation"] = rotation
	}
	if seldom(r, "metadata", 3) {
		s["metadata"] = object{"labels": object{mostly(r, "label", []string{"team"}, "grantkeeper.dev/x"): "a"}}
	}
	return s
}
