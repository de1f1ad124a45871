package manifest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

// TestMessagesAreThoseOfTheAPIServer sends each manifest to a real API server as well, and compares.
func TestMessagesAreThoseOfTheAPIServer(t *testing.T) {
	_, config := testenv.Start(t)
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "apps"}}); err != nil {
		t.Fatal(err)
	}
	loader := newLoader(t)
	long := strings.Repeat("x", 600)
	for name, m := range map[string]struct{ kind, spec string }{
		"a good client":                              {"OAuthClient", "{type: Service, scopes: [orders.read]}"},
		"a good device client":                       {"OAuthClient", "{type: Device, authentication: {none: {}}}"},
		"a good server":                              {"OAuthServer", "{issuer: 'https://login.example.com'}"},
		"an empty spec":                              {"OAuthClient", "{}"},
		"no spec":                                    {"OAuthClient", ""},
		"an unknown field":                           {"OAuthClient", "{type: Service, grants: [x]}"},
		"an unknown field far down":                  {"OAuthServer", "{issuer: 'https://login.example.com', expose: {ingress: {host: x}}}"},
		"an unknown type":                            {"OAuthClient", "{type: Web}"},
		"a number for a string":                      {"OAuthClient", "{type: Service, clientID: 7}"},
		"two ways to authenticate":                   {"OAuthClient", "{type: Device, authentication: {none: {}, clientSecret: {}}}"},
		"a public service":                           {"OAuthClient", "{type: Service, authentication: {none: {}}}"},
		"an optional secret of a service":            {"OAuthClient", "{type: Service, authentication: {clientSecret: {optional: true}}}"},
		"a redirect to plain http":                   {"OAuthClient", "{type: Device, redirectURIs: ['http://example.com/cb']}"},
		"a redirect with a fragment and a good one":  {"OAuthClient", "{type: Device, redirectURIs: ['https://a.example/cb', 'https://a.example/cb#x']}"},
		"a redirect that is too long":                {"OAuthClient", "{type: Device, redirectURIs: ['https://a.example/" + long + "']}"},
		"the same scope twice":                       {"OAuthClient", "{type: Service, scopes: [a, a]}"},
		"a scope with a space":                       {"OAuthClient", "{type: Service, scopes: ['a b']}"},
		"a grant type nobody knows":                  {"OAuthClient", "{type: Service, grantTypes: [password]}"},
		"a grant type of another type":               {"OAuthClient", "{type: Device, grantTypes: [client_credentials]}"},
		"a duration that is none":                    {"OAuthClient", "{type: Service, tokens: {accessToken: {ttl: soon}}}"},
		"a negative duration":                        {"OAuthClient", "{type: Service, tokens: {accessToken: {ttl: -1m}}}"},
		"an issuer with a slash at the end":          {"OAuthServer", "{issuer: 'https://login.example.com/'}"},
		"an issuer over plain http":                  {"OAuthServer", "{issuer: 'http://login.example.com'}"},
		"an issuer on loopback":                      {"OAuthServer", "{issuer: 'http://127.0.0.1:9080'}"},
		"a proxy that is no network":                 {"OAuthServer", "{issuer: 'https://login.example.com', expose: {trustedProxies: [10.0.0.1]}}"},
		"device codes that live too long":            {"OAuthServer", "{issuer: 'https://login.example.com', device: {codeTTL: 1h}}"},
		"a policy without clients":                   {"OAuthGrantPolicy", "{allow: {}}"},
		"redirects alone":                            {"OAuthClient", "{redirectURIs: ['https://a.example/cb'], tokens: {idToken: {}}}"},
		"a browser app with an origin and a slash":   {"OAuthClient", "{type: Browser, redirectURIs: ['https://a.example/cb'], allowedOrigins: ['https://a.example/']}"},
		"a provider with defaults":                   {"OAuthIdentityProvider", "{oidc: {issuer: 'https://idp.example', clientSecretRef: {name: a}}}"},
		"a directory with defaults":                  {"OAuthIdentityProvider", "{ldap: {url: 'ldaps://ldap.example', users: {baseDN: 'dc=a'}, groups: {baseDN: 'dc=a'}}}"},
		"two providers":                              {"OAuthIdentityProvider", "{github: {clientSecretRef: {name: a}}, google: {clientSecretRef: {name: a}}}"},
		"choices of which one is there twice":        {"OAuthResource", "{identifier: 'urn:a:b', choices: {type: a, title: A, source: {static: [{id: a, title: A}, {id: a, title: B}]}}}"},
		"branding with a colour that is none":        {"OAuthServer", "{issuer: 'https://a.example', branding: {accent: teal}}"},
		"a policy that contradicts itself":           {"OAuthGrantPolicy", "{clients: {}, allow: {skipConsent: true}, require: {consent: Always}}"},
		"a policy with a host that is a URL":         {"OAuthGrantPolicy", "{clients: {}, allow: {redirectHosts: ['https://x.example']}}"},
		"a resource with a scope twice":              {"OAuthResource", "{identifier: 'https://api.example.com', scopes: [{name: a, title: A}, {name: a, title: B}]}"},
		"a resource with an identifier that is none": {"OAuthResource", "{identifier: 'orders'}"},
		"a provider of no kind":                      {"OAuthIdentityProvider", "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "apiVersion: grantkeeper.dev/v1alpha1\nkind: " + m.kind + "\nmetadata: {name: x, namespace: apps}\n"
			if m.spec != "" {
				text += "spec: " + m.spec + "\n"
			}
			set, problems := loader.Load(context.Background(), folder(t, map[string]string{"x.yaml": text}))
			var got []string
			for _, p := range problems {
				got = append(got, p.Message)
			}
			slices.Sort(got)
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
				t.Fatal(err)
			}
			want := refusals(t, c.Create(t.Context(), object, client.DryRunAll, client.FieldValidation("Strict")))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("API server (-) and loader (+) differ: %s", diff)
			}
			if len(want) == 0 {
				sameDefaults(t, set, object)
			}
		})
	}
}

// refusals takes the API server's answer apart: one line per field.
func refusals(t *testing.T, err error) []string {
	t.Helper()
	var status apierrors.APIStatus
	if err == nil {
		return nil
	}
	if !errors.As(err, &status) {
		t.Fatalf("not an answer of the API server: %v", err)
	}
	if _, list, ok := strings.Cut(status.Status().Message, "strict decoding error: "); ok {
		return strings.Split(list, ", ")
	}
	var out []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "<nil>" { // "some validation rules were not checked"
			out = append(out, cause.Field+": "+cause.Message)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sameDefaults compares the spec of the only object of set with what the API server made of it.
func sameDefaults(t *testing.T, set Set, object *unstructured.Unstructured) {
	t.Helper()
	var got, want any
	var err error
	switch {
	case len(set.Clients) == 1:
		var o v1alpha1.OAuthClient
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &o)
		got, want = set.Clients[0].Spec, o.Spec
	case len(set.Servers) == 1:
		var o v1alpha1.OAuthServer
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &o)
		got, want = set.Servers[0].Spec, o.Spec
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults: API server (-) and loader (+) differ: %s", diff)
	}
}
