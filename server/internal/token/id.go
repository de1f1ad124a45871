package token

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/signer"
)

// ID is what an ID token says (OpenID Connect Core section 2).
type ID struct {
	Issuer    string
	Subject   string
	ClientID  string // aud
	IssuedAt  time.Time
	ExpiresAt time.Time
	AuthTime  time.Time
	// Methods is amr (RFC 8176); ACR is acr, empty for none.
	Methods []string
	ACR     string
	// Nonce is that of the authorization request; empty when it had none.
	Nonce string
	// SID names the session (OpenID Connect Back-Channel Logout section 2.1); empty for none.
	SID string
	// Algorithm signs it: RS256 when empty, which every relying party must support (OpenID Connect Core section 15.1).
	Algorithm signer.Algorithm
	// AccessToken is what at_hash is made of (OpenID Connect Core section 3.1.3.6); empty when none was issued with it.
	AccessToken string
	// Claims are the user's; see [ClaimsOf].
	Claims UserClaims
}

type idClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	Nonce     string   `json:"nonce,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	Methods   []string `json:"amr,omitempty"`
	SID       string   `json:"sid,omitempty"`
	TokenHash string   `json:"at_hash,omitempty"`
	UserClaims
}

// ID signs an ID token. Errors: signer.ErrNoKey.
func (i *Issuer) ID(t *ID) (string, error) {
	c := idClaims{
		Issuer: t.Issuer, Subject: t.Subject, Audience: t.ClientID,
		IssuedAt: t.IssuedAt.Unix(), ExpiresAt: t.ExpiresAt.Unix(), Methods: t.Methods, ACR: t.ACR, Nonce: t.Nonce, SID: t.SID,
		UserClaims: t.Claims,
	}
	if !t.AuthTime.IsZero() {
		c.AuthTime = t.AuthTime.Unix()
	}
	if t.AccessToken != "" {
		sum := sha256.Sum256([]byte(t.AccessToken))
		c.TokenHash = base64.RawURLEncoding.EncodeToString(sum[:16])
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return i.signer.Sign(cmp.Or(t.Algorithm, signer.RS256), signer.TypeIDToken, payload)
}

// IDHint is what an ID token of ours says, shown again as a hint (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout
// section 2).
type IDHint struct {
	Subject string
	// ClientID is the client that it was issued to.
	ClientID string
	// SID is empty for a token of no session.
	SID       string
	ExpiresAt time.Time
}

// ReadID verifies an ID token of this issuer, by any key that is still published. An expired one is as good: it is a hint, and
// opens nothing. ErrInvalid for anything else.
func (i *Issuer) ReadID(issuer, s string) (*IDHint, error) {
	if !LooksLikeAccess(s) { // any JWT
		return nil, ErrInvalid
	}
	payload, err := i.signer.Verify(signer.TypeIDToken, s)
	if err != nil {
		return nil, ErrInvalid
	}
	var c idClaims
	if err := json.Unmarshal(payload, &c); err != nil || c.Issuer != issuer || c.Subject == "" {
		return nil, ErrInvalid
	}
	return &IDHint{Subject: c.Subject, ClientID: c.Audience, SID: c.SID, ExpiresAt: time.Unix(c.ExpiresAt, 0)}, nil
}
