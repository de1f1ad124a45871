package clientauth

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/jwkset"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// assertionType is the only one that there is (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion is a client assertion that was read and not verified.
type assertion struct {
	signed *jwkset.Signed
	claims *claims
}

// PrivateKeyJWT is private_key_jwt (OpenID Connect Core section 9, RFC 7523): a text that the client signs with a key of its own. A
// token of a ServiceAccount looks the same to a client, and is told apart by how the client is registered, never by what it sends.
type PrivateKeyJWT struct {
	remote *RemoteKeys
	log    *slog.Logger
	// warned is the minute of the last warning that ServiceAccounts cannot be verified.
	warned atomic.Int64
}

// NewPrivateKeyJWT makes the method. remote has the keys of clients that publish them; log hears why no ServiceAccount can be verified.
func NewPrivateKeyJWT(remote *RemoteKeys, log *slog.Logger) *PrivateKeyJWT {
	return &PrivateKeyJWT{remote: remote, log: log}
}

// Name is private_key_jwt.
func (*PrivateKeyJWT) Name() string { return "private_key_jwt" }

// Challenge is none: the body is no HTTP authentication scheme.
func (*PrivateKeyJWT) Challenge() string { return "" }

// Present reads client_assertion. client_id may be left out, since sub says the same (RFC 7523 section 3); where it is there, it counts,
// and sub has to agree.
func (*PrivateKeyJWT) Present(_ string, p oauth.Params) (Attempt, bool, error) {
	value, kind := p.Get("client_assertion"), p.Get("client_assertion_type")
	if value == "" && kind == "" {
		return Attempt{}, false, nil
	}
	if kind != assertionType {
		return Attempt{}, false, ErrMalformed
	}
	signed, err := jwkset.Read(value)
	if err != nil {
		return Attempt{}, false, ErrMalformed
	}
	claims, err := parseClaims(signed.Unverified)
	if err != nil {
		return Attempt{}, false, err
	}
	id := p.Get("client_id")
	if id == "" {
		id = claims.Subject
	}
	return Attempt{ClientID: id, assertion: &assertion{signed, claims}}, true, nil
}

// Verify checks the assertion by the way in which the client is registered. A signature is always checked, by a key of nobody where
// there is none of the client's, so that the time does not tell who is registered.
func (m *PrivateKeyJWT) Verify(ctx context.Context, a Attempt, c *registry.Client, at At) (Proof, error) {
	methods := c.Authentication.Methods
	switch {
	case slices.Contains(methods, registration.AuthenticationServiceAccount):
		return m.verifyServiceAccount(ctx, a.assertion, c, at)
	case slices.Contains(methods, registration.AuthenticationPrivateKeyJWT):
		return m.verify(ctx, a, c, at)
	}
	return refuse(nil, a.assertion)
}

// refuse costs what a check does.
func refuse(keys *jwkset.Set, x *assertion) (Proof, error) {
	_, _ = keys.Verify(x.signed) // it makes no difference
	return Proof{}, ErrRefused
}

func (m *PrivateKeyJWT) verify(ctx context.Context, a Attempt, c *registry.Client, at At) (Proof, error) {
	x, issuer := a.assertion, at.Snapshot.Server().Issuer
	holds := x.claims.Issuer == c.ClientID && x.claims.Subject == c.ClientID &&
		x.claims.Audience.within(issuer, issuer+"/v1/token") &&
		x.claims.ID != "" && len(x.claims.ID) <= maxID && x.claims.timely(at.Now, assertionLife) &&
		slices.Contains(c.Authentication.Algorithms, x.signed.Algorithm)
	if !holds || !c.Enabled() {
		return refuse(c.Keys, x)
	}
	keys := c.Keys
	if c.Authentication.JWKSURI != "" { // only now, since it may have to be fetched
		var err error
		if keys, err = m.remote.Keys(ctx, c, x.signed, at); err != nil {
			return Proof{}, err
		}
	}
	if _, err := keys.Verify(x.signed); err != nil {
		return Proof{}, ErrRefused
	}
	return Proof{Authenticated: true, Once: onceKey(c.UID, x.claims.ID), OnceUntil: x.claims.Expires.Time}, nil
}

// onceKey is what is unique about an assertion: its id, among those of the client.
func onceKey(uid, jti string) storage.Hash {
	text := make([]byte, 0, len(uid)+1+len(jti))
	text = append(text, uid...)
	text = append(text, 0) // no UID has one
	return sha256.Sum256(append(text, jti...))
}
