package token

import (
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
	// Methods is amr (RFC 8176).
	Methods []string
	// AccessToken is what at_hash is made of (OpenID Connect Core section 3.1.3.6); empty when none was issued with it.
	AccessToken string
	// Claims are the user's, by scope; see [UserClaims].
	Claims UserClaims
}

// UserClaims are the claims of OpenID Connect Core section 5.1 that the granted scopes allow, and groups, which many
// clients expect. Empty ones are left out.
type UserClaims struct {
	Name              string   `json:"name,omitempty"`
	PreferredUsername string   `json:"preferred_username,omitempty"`
	Email             string   `json:"email,omitempty"`
	EmailVerified     *bool    `json:"email_verified,omitempty"`
	Groups            []string `json:"groups,omitempty"`
}

type idClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	Methods   []string `json:"amr,omitempty"`
	TokenHash string   `json:"at_hash,omitempty"`
	UserClaims
}

// ID signs an ID token with RS256, which every relying party must support (OpenID Connect Core section 15.1).
func (i *Issuer) ID(t *ID) (string, error) {
	c := idClaims{
		Issuer: t.Issuer, Subject: t.Subject, Audience: t.ClientID,
		IssuedAt: t.IssuedAt.Unix(), ExpiresAt: t.ExpiresAt.Unix(), Methods: t.Methods, UserClaims: t.Claims,
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
	return i.signer.Sign(signer.RS256, signer.TypeIDToken, payload)
}
