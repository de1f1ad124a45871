package clientauth

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

const basicChallenge = `Basic realm="grantkeeper", charset="UTF-8"`

// Basic is client_secret_basic (RFC 6749 section 2.3.1): HTTP Basic with id and secret form-encoded. Ids and secrets of
// ours look the same encoded and raw, so that clients that forget the encoding work too.
type Basic struct{}

// Name is client_secret_basic.
func (Basic) Name() string { return "client_secret_basic" }

// Challenge names the scheme (RFC 6749 section 5.2).
func (Basic) Challenge() string { return basicChallenge }

// Present decodes strictly: a second spelling of the same credentials is no credentials.
func (Basic) Present(authorization string, _ oauth.Params) (Attempt, bool, error) {
	const scheme = "basic "
	if len(authorization) < len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return Attempt{}, false, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(authorization[len(scheme):])
	if err != nil || strings.ContainsAny(authorization[len(scheme):], "\r\n") {
		return Attempt{}, false, ErrMalformed
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok || id == "" {
		return Attempt{}, false, ErrMalformed
	}
	if id, err = url.QueryUnescape(id); err != nil {
		return Attempt{}, false, ErrMalformed
	}
	if secret, err = url.QueryUnescape(secret); err != nil {
		return Attempt{}, false, ErrMalformed
	}
	return Attempt{ClientID: id, Secret: secret}, true, nil
}

// Verify compares the secret.
func (Basic) Verify(_ context.Context, a Attempt, c *registry.Client, at At) (Proof, error) {
	return verifySecret(a.Secret, c, at.Now)
}
