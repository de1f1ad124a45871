package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grantkeeper/grantkeeper/server/internal/signer"
)

// ErrExpired is an access token of ours past its exp.
var ErrExpired = errors.New("the token has expired")

// ErrInvalid is everything that is not an access token of ours.
var ErrInvalid = signer.ErrInvalid

// Access is what an access token says.
type Access struct {
	// Issuer, Subject, ClientID, ID, Scope are iss, sub, client_id, jti and scope (RFC 9068 section 2.2).
	Issuer   string
	Subject  string
	ClientID string
	ID       string
	Scope    string
	// Audience is aud, an array when there is more than one.
	Audience []string
	// IssuedAt and ExpiresAt are iat and exp, in whole seconds.
	IssuedAt  time.Time
	ExpiresAt time.Time
	// ClientUID is the client_uid claim: the OAuthClient's UID, so that a recreated client does not inherit tokens.
	ClientUID string
	// GrantID is the grant_id claim; empty when the client acts for itself.
	GrantID string
	// AuthTime is auth_time (RFC 9068 section 2.2.1); zero when there is no user.
	AuthTime time.Time
	// ACR is acr (RFC 9068 section 2.2.1); empty when there is no user.
	ACR string
	// KeyThumbprint is the member jkt of cnf: that of the key without which the token is worth nothing (RFC 9449 section 6.1); empty
	// for a bearer token.
	KeyThumbprint string
	// AuthorizationDetails is authorization_details (RFC 9396 section 9.1), valid JSON; nil for none. It is not read back: what
	// a grant allows may have been narrowed since, and who asks the server is told what holds now.
	AuthorizationDetails json.RawMessage
}

// Issuer mints.
type Issuer struct {
	signer *signer.Signer
	random io.Reader
}

// NewIssuer returns an Issuer that signs with s and takes ids from random, which must be safe for concurrent use.
func NewIssuer(s *signer.Signer, random io.Reader) *Issuer { return &Issuer{signer: s, random: random} }

// Ready reports whether there are keys to sign with.
func (i *Issuer) Ready() bool { return i.signer.Ready() }

// NewID returns 128 random bits in base64url: a jti, a grant id, a family id.
func (i *Issuer) NewID() (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(i.random, raw[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// Access signs a JWT access token with ES256. a.ID is filled in when empty. Errors: signer.ErrNoKey, or the random source's.
func (i *Issuer) Access(a *Access) (string, error) {
	if a.ID == "" {
		id, err := i.NewID()
		if err != nil {
			return "", err
		}
		a.ID = id
	}
	return i.signer.Sign(signer.ES256, signer.TypeAccessToken, appendAccess(make([]byte, 0, 640), a))
}

// appendAccess writes the claims by hand: the token path has no use for reflection.
func appendAccess(b []byte, a *Access) []byte {
	b = append(b, `{"iss":`...)
	b = appendString(b, a.Issuer)
	b = append(b, `,"sub":`...)
	b = appendString(b, a.Subject)
	b = append(b, `,"aud":`...)
	b = appendAudience(b, a.Audience)
	b = append(b, `,"client_id":`...)
	b = appendString(b, a.ClientID)
	b = append(b, `,"client_uid":`...)
	b = appendString(b, a.ClientUID)
	if a.GrantID != "" {
		b = append(b, `,"grant_id":`...)
		b = appendString(b, a.GrantID)
	}
	if a.Scope != "" {
		b = append(b, `,"scope":`...)
		b = appendString(b, a.Scope)
	}
	b = append(b, `,"jti":`...)
	b = appendString(b, a.ID)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, a.IssuedAt.Unix(), 10)
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, a.ExpiresAt.Unix(), 10)
	if !a.AuthTime.IsZero() {
		b = append(b, `,"auth_time":`...)
		b = strconv.AppendInt(b, a.AuthTime.Unix(), 10)
	}
	if a.ACR != "" {
		b = append(b, `,"acr":`...)
		b = appendString(b, a.ACR)
	}
	if a.KeyThumbprint != "" {
		b = append(b, `,"cnf":{"jkt":`...)
		b = appendString(b, a.KeyThumbprint)
		b = append(b, '}')
	}
	if len(a.AuthorizationDetails) > 0 {
		b = append(b, `,"authorization_details":`...)
		b = append(b, a.AuthorizationDetails...)
	}
	return append(b, '}')
}

func appendAudience(b []byte, aud []string) []byte {
	if len(aud) == 1 {
		return appendString(b, aud[0])
	}
	b = append(b, '[')
	for i, s := range aud {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// appendString writes a JSON string. What needs escaping is rare here and left to the library.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			if quoted, err := json.Marshal(s); err == nil { // strings always marshal
				return append(b, quoted...)
			}
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

type accessClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ClientID  string   `json:"client_id"`
	ClientUID string   `json:"client_uid"`
	GrantID   string   `json:"grant_id"`
	Scope     string   `json:"scope"`
	ID        string   `json:"jti"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
	AuthTime  int64    `json:"auth_time"`
	ACR       string   `json:"acr"`
	Confirmed struct {
		KeyThumbprint string `json:"jkt"`
	} `json:"cnf"`
}

// audience is whom a token is for.
type audience []string

// UnmarshalJSON takes one string or an array of them (RFC 7519 section 4.1.3).
func (a *audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// MaxAccessToken bounds what [Issuer.ReadAccess] looks at, in bytes.
const MaxAccessToken = 16 << 10

// LooksLikeAccess tells from the form alone whether a string may be a JWT, so that garbage costs nothing.
func LooksLikeAccess(s string) bool {
	return len(s) <= MaxAccessToken && strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2
}

// ReadAccess verifies an access token of this issuer. ErrInvalid for anything that is not one; ErrExpired, together with
// what it says, for one past its exp at now. It does not know what was revoked.
func (i *Issuer) ReadAccess(issuer, s string, now time.Time) (*Access, error) {
	if !LooksLikeAccess(s) {
		return nil, ErrInvalid
	}
	payload, err := i.signer.Verify(signer.TypeAccessToken, s)
	if err != nil {
		return nil, ErrInvalid
	}
	var c accessClaims
	if err := json.Unmarshal(payload, &c); err != nil || c.Issuer != issuer {
		return nil, ErrInvalid
	}
	a := &Access{
		Issuer: c.Issuer, Subject: c.Subject, ClientID: c.ClientID, ClientUID: c.ClientUID, ID: c.ID, Scope: c.Scope,
		Audience: c.Audience, IssuedAt: time.Unix(c.IssuedAt, 0), ExpiresAt: time.Unix(c.ExpiresAt, 0), GrantID: c.GrantID, ACR: c.ACR,
		KeyThumbprint: c.Confirmed.KeyThumbprint,
	}
	if c.AuthTime != 0 {
		a.AuthTime = time.Unix(c.AuthTime, 0)
	}
	if !now.Before(a.ExpiresAt) {
		return a, ErrExpired
	}
	return a, nil
}
