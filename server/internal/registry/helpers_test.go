package registry

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// scopesAllowed is a judge for tests of the registry: a policy refuses scopes that it does not list.
func scopesAllowed(p *registration.Policy, c *registration.Client) []policy.Finding {
	var findings []policy.Finding
	for i, s := range c.Scopes {
		if !slices.Contains(p.Allow.Scopes, s) {
			findings = append(findings, policy.Finding{Policy: p.Name, Field: fmt.Sprintf("spec.scopes[%d]", i), Value: s, Rule: "spec.allow.scopes"})
		}
	}
	return findings
}

func newForTest(tb testing.TB) *Registry {
	r := New(slog.New(slog.NewTextHandler(tb.Output(), nil)))
	r.state.accepts = scopesAllowed
	return r
}

type clientOption func(*registration.Client)

func client(name string, options ...clientOption) *registration.Client {
	c := &registration.Client{
		Namespace: "apps", Name: name, UID: "uid-" + name, ClientID: name, Type: "Service",
		GrantTypes: []string{"client_credentials"}, Scopes: []string{"read"}, Policy: "default",
		Authentication: registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationClientSecret}},
		CreatedAt:      epoch,
	}
	for _, o := range options {
		o(c)
	}
	return c
}

func withID(id string) clientOption   { return func(c *registration.Client) { c.ClientID = id } }
func withUID(uid string) clientOption { return func(c *registration.Client) { c.UID = uid } }
func withScopes(s ...string) clientOption {
	return func(c *registration.Client) { c.Scopes = s }
}
func withPolicy(name string) clientOption { return func(c *registration.Client) { c.Policy = name } }
func createdAt(t time.Time) clientOption  { return func(c *registration.Client) { c.CreatedAt = t } }

func grantPolicy(name string, scopes ...string) *registration.Policy {
	return &registration.Policy{Namespace: "oauth", Name: name, Allow: registration.Allow{Scopes: scopes}}
}

func doc(key string, d registration.Document) Change { return Change{Key: Key(key), Document: d} }
func gone(key string) Change                         { return Change{Key: Key(key)} }
func bad(key string) Change {
	_, err := registration.Decode([]byte(`{"version":1,"kind":"Client","spec":{"secret":"hunter2"}}`))
	return Change{Key: Key(key), Err: err}
}

// manyClients is a list of n clients, a policy, settings and keys.
func manyClients(n int) []Change {
	docs := []Change{
		doc("policy", grantPolicy("default", "read")),
		doc("server", &registration.Server{Name: "main", Issuer: "https://login.example.com"}),
		doc("keys", &registration.Keys{Name: "main"}),
	}
	for i := range n {
		name := fmt.Sprintf("client-%05d", i)
		docs = append(docs, doc(name, client(name)))
	}
	return docs
}
