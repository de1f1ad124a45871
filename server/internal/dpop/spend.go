package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// kind names uses of proofs in storage.
const kind = "dpop"

// Spend uses a proof up: it is good for one request, on whichever replica, for as long as its iat is within the window (RFC 9449
// section 11.1). What is remembered is a hash of key and jti, so that nobody can use up what another key signs. Errors:
// invalid_dpop_proof when it was used before, temporarily_unavailable when storage is out of reach.
func (p *Proof) Spend(ctx context.Context, s storage.Replays) *oauth.Error {
	first, err := s.UseOnce(ctx, kind, sha256.Sum256([]byte(p.Thumbprint+" "+p.ID)), p.IssuedAt.Add(Window+time.Second)) // iat was cut to seconds
	switch {
	case err != nil:
		return oauth.Unavailable().WithCause(err)
	case !first:
		return invalid("the proof was used before: every request needs one of its own, with another jti")
	}
	return nil
}

// IsThumbprint reports whether a thumbprint that a client names (dpop_jkt, RFC 9449 section 10) has the form of one: SHA-256 in
// base64url.
func IsThumbprint(s string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(sum) == sha256.Size
}
