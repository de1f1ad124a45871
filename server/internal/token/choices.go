package token

import (
	"encoding/json"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/signer"
)

// ChoicesTTL is how long a token for asking an API lives: one request.
const ChoicesTTL = time.Minute

// Choices is what the token says with which the server asks an API what a person may choose among. Its typ is one of its own,
// so that no API that checks typ (RFC 8725 section 3.11) takes it for an access token, nor the server itself.
type Choices struct {
	Issuer string
	// Audience is the identifier of the API, Subject the person's, ClientID and Scope what the app that asks is and wants.
	Audience string
	Subject  string
	ClientID string
	Scope    string
	// What is known about the person, so that the API finds an account that it knows by another name.
	Username      string
	Email         string
	EmailVerified bool
	Groups        []string
	IssuedAt      time.Time
}

type choicesClaims struct {
	Issuer        string   `json:"iss"`
	Audience      string   `json:"aud"`
	Subject       string   `json:"sub"`
	ClientID      string   `json:"client_id"`
	Scope         string   `json:"scope"`
	Username      string   `json:"username,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified"`
	Groups        []string `json:"groups,omitempty"`
	ID            string   `json:"jti"`
	IssuedAt      int64    `json:"iat"`
	ExpiresAt     int64    `json:"exp"`
}

// Choices signs it with ES256; it lives for ChoicesTTL. Errors: signer.ErrNoKey, or the random source's.
func (i *Issuer) Choices(t *Choices) (string, error) {
	id, err := i.NewID()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(choicesClaims{
		Issuer: t.Issuer, Audience: t.Audience, Subject: t.Subject, ClientID: t.ClientID, Scope: t.Scope,
		Username: t.Username, Email: t.Email, EmailVerified: t.Email != "" && t.EmailVerified, Groups: t.Groups,
		ID: id, IssuedAt: t.IssuedAt.Unix(), ExpiresAt: t.IssuedAt.Add(ChoicesTTL).Unix(),
	})
	if err != nil {
		return "", err
	}
	return i.signer.Sign(signer.ES256, signer.TypeChoices, payload)
}
