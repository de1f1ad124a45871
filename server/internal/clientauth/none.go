package clientauth

import (
	"context"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// None is a public client that says who it is by client_id alone (RFC 6749 section 3.2.1).
type None struct{}

// Name is none.
func (None) Name() string { return "none" }

// Challenge is none.
func (None) Challenge() string { return "" }

// Present takes a client_id when nothing else identifies the client.
func (None) Present(authorization string, p oauth.Params) (Attempt, bool, error) {
	if authorization != "" || p.Get("client_secret") != "" || p.Get("client_id") == "" ||
		p.Get("client_assertion") != "" || p.Get("client_assertion_type") != "" {
		return Attempt{}, false, nil
	}
	return Attempt{ClientID: p.Get("client_id")}, true, nil
}

// Verify accepts public clients.
func (None) Verify(_ context.Context, _ Attempt, c *registry.Client, at At) (Proof, error) {
	return verifySecret("", c, at.Now)
}
