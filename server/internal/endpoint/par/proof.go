package par

import (
	"net/http"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// path is the endpoint's, relative to the issuer: what proofs are for.
const path = "/v1/par"

// proofOf verifies the proof of possession that a request came with: the code will be bound to its key (RFC 9449 section 10.1). The
// zero Proof is none; whoever needs one does so at the token endpoint. Nonces are as there. Errors: invalid_dpop_proof,
// use_dpop_nonce.
func proofOf(r *http.Request, s *registry.Snapshot, c *clientauth.Client, now time.Time) (dpop.Proof, *oauth.Error) {
	values := r.Header[dpop.Header]
	if len(values) == 0 {
		return dpop.Proof{}, nil
	}
	p, fail := dpop.Verify(values, dpop.Expected{
		Method: r.Method, URL: s.Server().Issuer + path, Now: now, NonceKeys: s.Keys().Derivation, NeedsNonce: !c.Authenticated,
	})
	if fail != nil {
		return dpop.Proof{}, fail
	}
	return *p, nil
}
