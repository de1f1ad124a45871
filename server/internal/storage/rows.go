package storage

import (
	"encoding/json"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Hash is SHA-256 of a token, code or id. Engines never see the value itself.
type Hash [32]byte

// ClientRef binds a row to one client. Rows are matched by UID.
type ClientRef struct {
	// ID is the client id at the time, for people.
	ID string
	// UID is the OAuthClient's.
	UID string
}

// User is an account, keyed by provider and subject there; never by e-mail.
type User struct {
	// ID is the subject of our tokens: random, stable, never reused.
	ID string
	// Provider is the OAuthIdentityProvider's UID; Subject its key there.
	Provider string
	Subject  string
	// Claims as of the last sign-in.
	Username      string
	Name          string
	Email         string
	EmailVerified bool
	Groups        []string
	// Profile holds the other standard claims.
	Profile registration.Profile
	// Kept is what the provider wants back to ask about the account again (idp.Identity.Kept), sealed; nil for nothing.
	Kept []byte
	// CheckedAt is when the provider last said that the account may sign in.
	CheckedAt time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	// DisabledAt, if set, ends everything.
	DisabledAt time.Time
}

// Session is a signed-in browser.
type Session struct {
	// ID is the hash of the cookie's value.
	ID Hash
	// SID names the session to relying parties and on the account page (OpenID Connect Back-Channel Logout section 2.1):
	// random, stable while the browser stays signed in, also when the cookie's value changes, and worth nothing by itself.
	SID    string
	UserID string
	// AuthenticatedAt is when the user was authenticated; zero when the identity provider does not say.
	AuthenticatedAt time.Time
	// Methods are the values of amr (RFC 8176).
	Methods []string
	// Origin is where it was started from, shown to the user.
	Origin    Origin
	CreatedAt time.Time
	ExpiresAt time.Time
}

// SignedInAt is when the user was authenticated, as far as is known: when the session began, where the identity provider does not
// say. It becomes auth_time, and proves nothing to who demands a recent authentication.
func (s Session) SignedInAt() time.Time {
	if s.AuthenticatedAt.IsZero() {
		return s.CreatedAt
	}
	return s.AuthenticatedAt
}

// Grant is what a user let a client do. Codes, refresh tokens and access tokens belong to it; revoking it ends them all.
type Grant struct {
	// ID is random and also in access tokens.
	ID     string
	UserID string
	Client ClientRef
	Scopes []string
	// Audience holds the identifiers of the resources the tokens are for.
	Audience []string
	// AuthorizationDetails is what was chosen (RFC 9396); nil when nothing was.
	AuthorizationDetails json.RawMessage
	// Claims is the claims request parameter (OpenID Connect Core section 5.5) for userinfo; nil when there was none.
	Claims json.RawMessage
	// SID names the session it was made in; empty when it was made in none that anybody is told of.
	SID             string
	AuthenticatedAt time.Time
	Methods         []string
	CreatedAt       time.Time
	LastUsedAt      time.Time
	RevokedAt       time.Time
}

// Code is one authorization code (RFC 6749 section 4.1.2). It belongs to a grant.
type Code struct {
	// Code is the hash of its value.
	Code Hash
	// Request is the hash of the id of the authorization request that it answers: one request yields one code.
	Request Hash
	GrantID string
	Client  ClientRef
	// RedirectURI as it was in the request.
	RedirectURI string
	// Challenge is the S256 code_challenge (RFC 7636); empty when the request had none.
	Challenge string
	// KeyThumbprint is that of the key (RFC 7638) whose holder alone may redeem the code (RFC 9449 section 10); empty for none.
	KeyThumbprint string
	// Nonce and Claims of the request go into the ID token (OpenID Connect Core sections 3.1.2.1 and 5.5); empty for none.
	Nonce  string
	Claims json.RawMessage
	// ACR is the authentication context class that was reached.
	ACR       string
	CreatedAt time.Time
	ExpiresAt time.Time
	// ConsumedAt is set by the redemption; the row stays, so that a replay is recognised.
	ConsumedAt time.Time
}

// Consent is what a user lets a client do without being asked again: one per user and client UID.
type Consent struct {
	UserID string
	Client ClientRef
	Scopes []string
	// Audience holds the identifiers of the resources that the scopes were of.
	Audience []string
	// AuthorizationDetails is what was chosen (RFC 9396); nil when there was nothing to choose.
	AuthorizationDetails json.RawMessage
	CreatedAt            time.Time
	UpdatedAt            time.Time
}

// Access is what a user may narrow of a consent or a grant; see Grant and Consent for its fields.
type Access struct {
	Scopes, Audience     []string
	AuthorizationDetails json.RawMessage
}

// App is one entry of a user's authorized apps: a client that has a consent or a live grant.
type App struct {
	Client ClientRef
	// Consent is nil when only grants are there.
	Consent *Consent
	// Grants are those that are not revoked, the latest first, at most 50 of them.
	Grants []Grant
	// FirstAt is when the app was first let in, LastUsedAt when a token was last issued, as far as the consent and the live
	// grants tell; zero for never.
	FirstAt    time.Time
	LastUsedAt time.Time
}

// Passkey is one WebAuthn credential of a user.
type Passkey struct {
	// ID is the credential id.
	ID     []byte
	UserID string
	// Name is what the user calls it.
	Name string
	// Credential is the public part, as the WebAuthn library encodes it.
	Credential []byte
	// SignCount is the authenticator's counter at its last use.
	SignCount  uint32
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// TOTP is a user's authenticator app (RFC 6238). There is at most one.
type TOTP struct {
	UserID string
	// Secret is sealed.
	Secret []byte
	// LastStep is the last time step that was used; none of it or before is taken again.
	LastStep  int64
	CreatedAt time.Time
}

// RecoveryCode is the hash of one of a user's recovery codes.
type RecoveryCode = Hash

// LogoutDelivery is one back-channel logout that a client is to be told of (OpenID Connect Back-Channel Logout 1.0).
type LogoutDelivery struct {
	ID     string
	Client ClientRef
	// UserID is the subject; SID is empty when all of the user's sessions ended.
	UserID string
	SID    string
	// DueAt is when it is to be tried next; Attempts is how often it was tried and not heard.
	DueAt     time.Time
	Attempts  int
	CreatedAt time.Time
}

// DeviceRequest is one device authorization (RFC 8628).
type DeviceRequest struct {
	// Code is the hash of the device code.
	Code Hash
	// UserCode is the hash of the normalised user code; unique among live requests.
	UserCode Hash
	Client   ClientRef
	Scopes   []string
	Audience []string
	// Origin is where it was started, shown to the user.
	Origin    Origin
	CreatedAt time.Time
	ExpiresAt time.Time
	Interval  time.Duration
	// State is decided once, by one conditional write.
	State DeviceState
	// GrantID is set once approved.
	GrantID string
	// ConsumedAt is set once a poll has redeemed it.
	ConsumedAt time.Time
}

// PushedRequest is one authorization request that a client pushed (RFC 9126).
type PushedRequest struct {
	// URI is the hash of the request_uri.
	URI    Hash
	Client ClientRef
	// Request is what was asked for. No credential of the client is in it.
	Request   json.RawMessage
	CreatedAt time.Time
	ExpiresAt time.Time
	// ConsumedAt is set by the use; the row stays, so that a second use is recognised.
	ConsumedAt time.Time
}

// DeviceState is what the user decided.
type DeviceState string

// The states.
const (
	DevicePending  DeviceState = "pending"
	DeviceApproved DeviceState = "approved"
	DeviceDenied   DeviceState = "denied"
)

// Origin is where a request came from.
type Origin struct {
	Address   string
	UserAgent string
}

// RefreshToken is one generation of a family. A family is the chain of refresh tokens of one grant.
type RefreshToken struct {
	// Token is the hash of its value.
	Token      Hash
	GrantID    string
	Family     string
	Generation int64
	// KeyID names the derivation key of the family.
	KeyID string
	// KeyThumbprint is that of the client's key (RFC 7638) that the family is bound to (RFC 9449 section 5); empty for none.
	KeyThumbprint string
	// ExpiresAt is absolute and the same for the whole family.
	ExpiresAt time.Time
	// IdleExpiresAt is when this generation ends if it is not used.
	IdleExpiresAt time.Time
	CreatedAt     time.Time
	ConsumedAt    time.Time
}

// Successor computes the next generation's hash. It is called inside the transaction and must be pure and quick.
type Successor func(current RefreshToken) (RefreshToken, error)

// Redemption is what a successful redemption yields.
type Redemption struct {
	Grant Grant
	User  User
	// Token is the refresh token that is live now: the first generation, or the successor. Zero if the redemption made none.
	Token RefreshToken
	// Retried is true when a retry within the grace got the same successor again.
	Retried bool
}

// Everything is all that is kept about one user, for the export of their data. It holds no secret and no hash of one:
// User.Kept and the IDs of sessions are left out.
type Everything struct {
	User          User
	Sessions      []Session
	Apps          []App
	Passkeys      []Passkey
	TOTPSince     time.Time
	RecoveryCodes int
}
