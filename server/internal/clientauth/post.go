package clientauth

import (
	"context"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Post is client_secret_post (RFC 6749 section 2.3.1): id and secret in the body. An empty secret is an omitted one.
type Post struct{}

// Name is client_secret_post.
func (Post) Name() string { return "client_secret_post" }

// Challenge is none: the body is no HTTP authentication scheme.
func (Post) Challenge() string { return "" }

// Present takes client_id and client_secret.
func (Post) Present(_ string, p oauth.Params) (Attempt, bool, error) {
	secret := p.Get("client_secret")
	if secret == "" {
		return Attempt{}, false, nil
	}
	return Attempt{ClientID: p.Get("client_id"), Secret: secret}, true, nil
}

// Verify compares the secret.
func (Post) Verify(_ context.Context, a Attempt, c *registry.Client, at At) (Proof, error) {
	return verifySecret(a.Secret, c, at.Now)
}
