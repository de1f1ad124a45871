package sampleapi

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// ErrInvalidToken is a token that gives no access: it is none of the issuer's, has ended, was revoked, or is for something else.
var ErrInvalidToken = errors.New("the access token is not valid here, or no longer")

// Access is what a token gives.
type Access struct {
	// Subject is the person, or the client that acts for itself; ClientID the app.
	Subject  string
	ClientID string
	Scopes   []string
	// Projects are the ids that the person chose.
	Projects []string
}

// Has reports whether the token has a scope.
func (a Access) Has(scope string) bool { return slices.Contains(a.Scopes, scope) }

// DetailType is the type of this API's authorization details.
const DetailType = "project"

// detail is one object of authorization_details (RFC 9396 section 2).
type detail struct {
	Type       string   `json:"type"`
	Locations  []string `json:"locations"`
	Identifier string   `json:"identifier"`
}

// claims is what JWTs (RFC 9068 section 2.2) and answers about tokens (RFC 7662 section 2.2) have in common.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
	Expires  int64    `json:"exp"`
	Details  []detail `json:"authorization_details"`
}

// audience is one string, or a list of them (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON reads both.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	*a = many
	return nil
}

// leeway is how far the clocks of issuer and API may be apart.
const leeway = 30 * time.Second

// good checks what every token has to say: from this issuer, for this API, not over.
func (c *claims) good(issuer, identifier string, now time.Time) error {
	if c.Issuer != issuer || !slices.Contains(c.Audience, identifier) || c.Subject == "" || !now.Before(time.Unix(c.Expires, 0).Add(leeway)) {
		return ErrInvalidToken
	}
	return nil
}

// access is what the claims give at an API: a detail of another type, or for another API, is none of ours.
func (c *claims) access(identifier string) Access {
	a := Access{Subject: c.Subject, ClientID: c.ClientID, Scopes: strings.Fields(c.Scope)}
	for _, d := range c.Details {
		if d.Type == DetailType && slices.Contains(d.Locations, identifier) && d.Identifier != "" {
			a.Projects = append(a.Projects, d.Identifier)
		}
	}
	return a
}
