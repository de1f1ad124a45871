package grant

import (
	"context"
	"errors"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// tokenPath is the token endpoint's, relative to the issuer: what proofs are for.
const tokenPath = "/v1/token"

// verifyProof verifies the proof of possession of a token request (RFC 9449 section 5); nil when there is none and none is needed. It
// does no I/O: a proof is spent once all else is right. Errors: invalid_dpop_proof, use_dpop_nonce.
//
// A client that proved who it is need not have a nonce in its proofs. To a public one the proof is all that it has: whoever ran code
// in its place for a while must not have signed proofs for later (section 11.2).
func verifyProof(s *registry.Snapshot, governing *registration.Policy, c *clientauth.Client, in Input) (*dpop.Proof, *oauth.Error) {
	if len(in.Proofs) == 0 {
		if policy.NeedsDPoP(governing) {
			return nil, oauth.InvalidDPoPProof("the client's tokens are bound to a key: the request needs a DPoP header")
		}
		return nil, nil
	}
	return dpop.Verify(in.Proofs, dpop.Expected{
		Method: "POST", URL: s.Server().Issuer + tokenPath, Now: in.Now, NonceKeys: s.Keys().Derivation, NeedsNonce: !c.Authenticated,
	})
}

// WastedProofs is how many proofs one address may waste in a minute for clients that prove nothing else: anybody can sign proofs, and each
// that is spent is a row for a while.
const WastedProofs = 60

// spend uses up the proof of a request, if it has one. Errors: those of [dpop.Proof.Spend], and 429 for an address that wasted too many.
func (p *Pipeline) spend(ctx context.Context, proof *dpop.Proof, c *clientauth.Client, in Input) *oauth.Error {
	if proof == nil {
		return nil
	}
	if wait, ok := p.wasted.Allowed("", in.Address, in.Now); !ok && !c.Authenticated {
		return oauth.TooManyRequests(wait)
	}
	return proof.Spend(ctx, p.replays)
}

// waste counts a proof that was spent for nothing by a client that proves nothing else. A device that waits for its user wastes none.
func (p *Pipeline) waste(proof *dpop.Proof, c *clientauth.Client, in Input, err error) {
	e := (*oauth.Error)(nil)
	if proof == nil || c.Authenticated || !errors.As(err, &e) || e.Status >= 500 || e.Code == oauth.AuthorizationPending().Code {
		return
	}
	p.wasted.Add("", in.Address, in.Now)
}

// prove takes a verified proof as the request's.
func (r *Request) prove(proof *dpop.Proof) {
	if proof != nil {
		r.KeyThumbprint = proof.Thumbprint
	}
}

// nextNonce is what the client's next proof has to have in it (RFC 9449 section 8.2); empty for a client that needs none.
func (r *Request) nextNonce() string {
	if r.KeyThumbprint == "" || r.Client.Authenticated {
		return ""
	}
	return dpop.Nonce(r.Snapshot.Keys().Derivation, r.Now)
}

// holds checks that the request comes from the holder of the key that a code or a refresh token is bound to (RFC 9449 sections 5 and
// 10). Errors: invalid_dpop_proof without a proof, invalid_grant with another key.
func (r *Request) holds(thumbprint, what string) error {
	switch thumbprint {
	case "", r.KeyThumbprint:
		return nil
	}
	if r.KeyThumbprint == "" {
		return oauth.InvalidDPoPProof("the " + what + " is bound to a key: the request needs a DPoP header")
	}
	return oauth.InvalidGrant("the " + what + " is bound to another key")
}

// bind binds a refresh token to the key of the request, if that is all that tells its holder from anyone else: a client that
// authenticates may take a new key (RFC 9449 section 5). A family that is bound stays so.
func (r *Request) bind(t *storage.RefreshToken) {
	if !r.Client.Authenticated && t.KeyThumbprint == "" {
		t.KeyThumbprint = r.KeyThumbprint
	}
}

// MayBear reports whether an access token may be what it is by the policy of its client now: one that is bound to no key is cut off
// with the policy that demands keys.
func MayBear(s *registry.Snapshot, c *registry.Client, keyThumbprint string) bool {
	governing, ok := s.Policy(c.Policy)
	return ok && (keyThumbprint != "" || !policy.NeedsDPoP(governing))
}
