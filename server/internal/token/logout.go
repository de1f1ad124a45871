package token

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/signer"
)

// LogoutTTL is how long a logout token lives: a delivery that is tried again gets a new one.
const LogoutTTL = 2 * time.Minute

// logoutEvent is the member of events that makes a token a logout token (OpenID Connect Back-Channel Logout section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout is what a logout token says (OpenID Connect Back-Channel Logout section 2.4).
type Logout struct {
	Issuer   string
	Subject  string
	ClientID string // aud
	// SID names the session that ended; empty when all of the subject's did.
	SID      string
	IssuedAt time.Time
	// Algorithm is that of the client's ID tokens: RS256 when empty.
	Algorithm signer.Algorithm
}

type logoutClaims struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	ExpiresAt int64               `json:"exp"`
	ID        string              `json:"jti"`
	Events    map[string]struct{} `json:"events"`
	SID       string              `json:"sid,omitempty"`
}

// Logout signs a logout token; it lives for LogoutTTL. Errors: signer.ErrNoKey, or the random source's.
func (i *Issuer) Logout(t *Logout) (string, error) {
	id, err := i.NewID()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(logoutClaims{
		Issuer: t.Issuer, Subject: t.Subject, Audience: t.ClientID, IssuedAt: t.IssuedAt.Unix(), ExpiresAt: t.IssuedAt.Add(LogoutTTL).Unix(),
		ID: id, Events: map[string]struct{}{logoutEvent: {}}, SID: t.SID,
	})
	if err != nil {
		return "", err
	}
	return i.signer.Sign(cmp.Or(t.Algorithm, signer.RS256), signer.TypeLogoutToken, payload)
}
