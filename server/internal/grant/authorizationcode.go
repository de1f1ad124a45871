package grant

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// CodeTTL is how long an authorization code lives (RFC 6749 section 4.1.2 recommends ten minutes at most, FAPI 2.0 section 5.3.2.1
// one).
const CodeTTL = 60 * time.Second

// replayGrace is how long after the redemption of a code the same authenticated client may send it again without its tokens being
// revoked: it sent it twice at once, or did not get the answer. It is refused all the same (C07).
const replayGrace = 2 * time.Second

// AuthorizationCode is the authorization code grant (RFC 6749 section 4.1.3) with PKCE (RFC 7636).
type AuthorizationCode struct {
	Codes    storage.Codes
	IDs      IDs
	Accounts Accounts
}

// Type is authorization_code.
func (AuthorizationCode) Type() string { return oauth.GrantTypeAuthorizationCode }

// Authorize redeems a code. Exactly one request succeeds: storage consumes the code by one conditional write and stores the first
// refresh token in the same transaction. A code that came with the wrong proof is burned, because whoever sent it was not given
// it; what is refused for another reason leaves it as it was.
func (g AuthorizationCode) Authorize(ctx context.Context, r *Request) (*Authorization, error) {
	value := r.Params.Get("code")
	if value == "" {
		return nil, oauth.InvalidRequest("code is missing")
	}
	hash, ok := oauth.ParseCredential(oauth.PrefixCode, value)
	if !ok {
		return nil, oauth.InvalidGrant("the code is not valid, or no longer")
	}
	refresh := token.NewRefresh(r.Snapshot.Keys().Derivation)
	family, err := g.IDs.NewID()
	if err != nil {
		return nil, err
	}
	check := func(code storage.Code, grant storage.Grant, user storage.User) (*storage.RefreshToken, error) {
		if err := r.proves(code); err != nil {
			return nil, err
		}
		if _, err := CurrentUser(ctx, g.Accounts, r.Snapshot, r.Client.Client, user); err != nil {
			return nil, err
		}
		if err := r.covers(grant); err != nil {
			return nil, err
		}
		return r.first(refresh, grant, family)
	}
	code, done, err := g.Codes.RedeemCode(ctx, hash, r.Client.Ref(), r.Now, r.replayGrace(), check, isStolen)
	if err != nil {
		return nil, storageError(r.replay(err, done), "code")
	}
	a, err := authorize(ctx, r, refresh, done, g.Accounts)
	if err != nil {
		return nil, err
	}
	a.Nonce = code.Nonce
	if code.ACR != "" {
		a.ACR = code.ACR
	}
	a.IDClaims = claimsOf(code.Claims)
	return a, nil
}

// replayGrace is zero for a client that did not prove who it is: a code that comes again may then come from anyone.
func (r *Request) replayGrace() time.Duration {
	if r.Client.Authenticated {
		return replayGrace
	}
	return 0
}

// stolenError is a code whose bearer could not show that it was given to them.
type stolenError struct{ refusal error }

// Error is the refusal's.
func (e *stolenError) Error() string { return e.refusal.Error() }

// Unwrap is the refusal.
func (e *stolenError) Unwrap() error { return e.refusal }

// isStolen says which errors burn a code.
func isStolen(err error) bool {
	stolen := (*stolenError)(nil)
	return errors.As(err, &stolen)
}

func stolen(e *oauth.Error) error { return &stolenError{refusal: e} }

// proves checks that whoever sends a code is who asked for it: by the redirect URI (RFC 6749 section 4.1.3), by the code
// verifier (RFC 7636 section 4.6), and by the key that the request named (RFC 9449 section 10). A verifier for a request that had
// no challenge is a challenge that was taken away on its way here (RFC 9700 section 4.8.2).
func (r *Request) proves(c storage.Code) error {
	uri, verifier := r.Params.Get("redirect_uri"), r.Params.Get("code_verifier")
	governing, known := r.Snapshot.Policy(r.Client.Policy)
	switch {
	case c.Challenge == "" && (!known || policy.NeedsPKCE(governing, r.Client.Client.Client)):
		return oauth.InvalidGrant("the client is no longer exempted from PKCE")
	case uri == "" && c.Challenge == "":
		return oauth.InvalidRequest("redirect_uri is missing")
	case uri != "" && uri != c.RedirectURI:
		return stolen(oauth.InvalidGrant("the redirect_uri is not that of the authorization request"))
	case c.Challenge == "" && verifier != "":
		return stolen(oauth.InvalidRequest("there is a code_verifier, and the authorization request had no code_challenge"))
	case c.Challenge != "" && !verifies(verifier, c.Challenge):
		return stolen(oauth.InvalidGrant("the code_verifier does not match"))
	}
	err := r.holds(c.KeyThumbprint, "code")
	if err != nil && r.KeyThumbprint != "" {
		return &stolenError{refusal: err}
	}
	return err
}

// verifies compares a code verifier with an S256 challenge. Its form is that of RFC 7636 section 4.1.
func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	for _, c := range []byte(verifier) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// claimsOf reads a member of the claims parameter as it is kept; nil for none.
func claimsOf(raw json.RawMessage) map[string]oauth.ClaimRequest {
	var c map[string]oauth.ClaimRequest
	if len(raw) > 0 && json.Unmarshal(raw, &c) != nil {
		return nil // it was written by this server
	}
	return c
}

// UserInfoClaims are the claims that a grant's request asked for by name in userinfo, as far as the client may know them.
func UserInfoClaims(c *registry.Client, g storage.Grant) map[string]oauth.ClaimRequest {
	return PermittedClaims(c, claimsOf(g.Claims))
}
