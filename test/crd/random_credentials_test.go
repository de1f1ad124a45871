package crd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	manifests "github.com/grantkeeper/grantkeeper/internal/manifest"
)

// TestRandomCredentials: no way to authenticate and no Secret, however odd, is taken by the API server's schema and rules and
// called malformed by the operator, but for templates that leave the client secret out, which no rule can tell.
func TestRandomCredentials(t *testing.T) {
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	loader := manifests.NewLoader(crds)
	servers := []v1alpha1.OAuthServer{{Spec: v1alpha1.OAuthServerSpec{Issuer: "https://main.example"}}}
	servers[0].Namespace, servers[0].Name = "apps", "main"
	servers[0].Annotations = map[string]string{v1alpha1.AnnotationDefaultServer: "true"}
	file := filepath.Join(t.TempDir(), "client.yaml")
	accepted := 0
	rapid.Check(t, func(r *rapid.T) {
		spec := map[string]any{"type": "Service", "authentication": anyAuthentication().Draw(r, "authentication")}
		if secret := anySecret().Draw(r, "secret"); len(secret) > 0 {
			spec["secret"] = secret
		}
		text, err := yaml.Marshal(map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": "OAuthClient",
			"metadata": map[string]any{"namespace": "apps", "name": "sample"}, "spec": spec,
		})
		if err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			r.Fatal(err)
		}
		set, problems := loader.Load(t.Context(), filepath.Dir(file))
		if len(problems) > 0 || len(set.Clients) != 1 {
			return
		}
		accepted++
		for _, f := range compile.Client(compile.ClientInputs{Client: &set.Clients[0], Servers: servers}).Findings {
			if f.Reason == v1alpha1.ReasonInvalid && !strings.HasPrefix(f.Message, keptNowhere) {
				r.Errorf("accepted by the API server, and refused by the compile step: %s\n%s", f.Message, text)
			}
		}
	})
	if accepted == 0 {
		t.Error("no manifest was accepted; the generator is broken")
	}
	t.Logf("%d accepted", accepted)
}

// member draws a value now and then.
func member(r *rapid.T, into map[string]any, name string, values ...string) {
	if v := rapid.SampledFrom(append(values, "", "")).Draw(r, name); v != "" {
		into[name] = v
	}
}

// anyAuthentication draws from what is right and what is nearly so, of every form that compile looks at again.
func anyAuthentication() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(r *rapid.T) map[string]any {
		switch rapid.IntRange(0, 4).Draw(r, "method") {
		case 0:
			ref := map[string]any{"name": rapid.SampledFrom([]string{"vault", "sample-oauth", "credentials", "a.b", "A", "", strings.Repeat("a", 253)}).Draw(r, "name")}
			member(r, ref, "key", "k", "a/b", "A.b-c_1")
			return map[string]any{"clientSecret": map[string]any{"secretRef": ref}}
		case 1:
			return map[string]any{"kubernetesServiceAccount": map[string]any{"name": rapid.SampledFrom([]string{"reports", "a.b", "A", "", strings.Repeat("a", 253)}).Draw(r, "name")}}
		case 2:
			return map[string]any{"privateKeyJWT": map[string]any{"jwksURI": rapid.SampledFrom([]string{"https://a.example/jwks", "http://127.0.0.1/x", "http://a.example", "https://[::1]:1/?x"}).Draw(r, "uri")}}
		}
		keys := rapid.SliceOfN(anyKey(), 1, 3).Draw(r, "keys")
		return map[string]any{"privateKeyJWT": map[string]any{"jwks": map[string]any{"keys": keys}}}
	})
}

func anyKey() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(r *rapid.T) map[string]any {
		octets := rapid.StringOfN(rapid.RuneFrom([]rune("AZaz09-_")), 43, 43, -1)
		key := map[string]any{}
		switch rapid.IntRange(0, 2).Draw(r, "type") {
		case 0:
			key["kty"], key["crv"], key["x"], key["y"] = "EC", "P-256", pointX, pointY // an API server cannot tell points from others
		case 1:
			key["kty"], key["crv"], key["x"] = "OKP", "Ed25519", octets.Draw(r, "x")
		case 2:
			n := rapid.SampledFrom([]int{341, 342, 343, 344, 345, 346, 512, 681, 682, 683, 684}).Draw(r, "length")
			key["kty"], key["n"], key["e"] = "RSA", strings.Repeat("Z", n), rapid.SampledFrom([]string{"A", "Aw", "AQAB", "AAEAA", "AAEAAQ"}).Draw(r, "e")
		}
		if rapid.IntRange(0, 9).Draw(r, "odd") == 0 {
			member(r, key, "crv", "P-256", "Ed25519", "P-521")
			member(r, key, "x", "AQAB")
			member(r, key, "d", "AQAB")
			member(r, key, "use", "enc")
		}
		member(r, key, "kid", "k1")
		member(r, key, "use", "sig")
		return key
	})
}

func anySecret() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(r *rapid.T) map[string]any {
		secret := map[string]any{}
		member(r, secret, "name", "credentials", "a.b", "A", "-a")
		member(r, secret, "preset", "None", "Spring", "Env", "OAuth2Proxy", "Grafana", "ArgoCD")
		if rapid.Bool().Draw(r, "template") {
			key := rapid.SampledFrom([]string{"a", "A.b-c_1", "a/b", "..", strings.Repeat("k", 253)}).Draw(r, "key")
			secret["template"] = map[string]any{key: rapid.SampledFrom([]string{"a", "{{ .ClientID }}", "{{ .ClientSecret }}"}).Draw(r, "text")}
		}
		if rapid.Bool().Draw(r, "rotation") {
			rotation := map[string]any{"interval": rapid.SampledFrom([]string{"1h", "24h", "8760h", "59m", "1d"}).Draw(r, "interval")}
			member(r, rotation, "overlap", "5m", "1h", "24h", "2160h", "1m")
			member(r, rotation, "deadline", "5m", "30m", "24h", "720h", "8760h")
			if rapid.Bool().Draw(r, "waits") {
				rotation["retireWhenUnused"] = true
			}
			secret["rotation"] = rotation
		}
		if rapid.Bool().Draw(r, "metadata") {
			key := rapid.SampledFrom([]string{"a", "a.example/b", "A.example/b", "grantkeeper.dev/x", "xgrantkeeper.dev/x", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by", "-a"}).Draw(r, "key")
			value := rapid.SampledFrom([]string{"", "a", "a b", "-a", "A.b"}).Draw(r, "value")
			secret["metadata"] = map[string]any{rapid.SampledFrom([]string{"labels", "annotations"}).Draw(r, "what"): map[string]any{key: value}}
		}
		return secret
	})
}
