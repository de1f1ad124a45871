package storage

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// The sentinel errors. Any other error of an engine means that it is out of reach: nothing was decided, the caller
// answers 503.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConsumed: another request was first.
	ErrConsumed = errors.New("already consumed")
	// ErrExpired: it is past its lifetime.
	ErrExpired = errors.New("expired")
	// ErrRevoked: the grant it belongs to was revoked.
	ErrRevoked = errors.New("revoked")
	// ErrPending: the user has not decided yet.
	ErrPending = errors.New("pending")
	// ErrDenied: the user refused.
	ErrDenied = errors.New("denied")
	// ErrForeign: it belongs to another client. Nothing was changed.
	ErrForeign = errors.New("belongs to another client")
	// ErrReplayed: a refresh token was used again after its successor was, or after the grace. The grant is revoked
	// by the time this is returned.
	ErrReplayed = errors.New("replayed")
	// ErrSlowDown: polled too fast.
	ErrSlowDown = errors.New("slow down")
	// ErrConflict: a unique value is taken (a user code in use).
	ErrConflict = errors.New("conflict")
	// ErrLimit: a limit on open rows was reached.
	ErrLimit = errors.New("limit reached")
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
	// AuthenticatedAt becomes auth_time.
	AuthenticatedAt time.Time
	// Methods are the values of amr (RFC 8176).
	Methods []string
	// Origin is where it was started from, shown to the user.
	Origin    Origin
	CreatedAt time.Time
	ExpiresAt time.Time
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

// App is one entry of a user's authorized apps: a client that has a consent or a live grant.
type App struct {
	Client ClientRef
	// Consent is nil when only grants are there.
	Consent *Consent
	// Grants are the live ones, the latest first, at most 50 of them.
	Grants []Grant
	// FirstAt is when the app was first let in, LastUsedAt when a token was last issued; zero for never.
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
	UserID string
	SID    string
	// DueAt is when it is to be tried next; Attempts how often it was.
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

// Storage is everything an engine offers. Consumers declare the narrow interface that they use.
type Storage interface {
	Users
	Sessions
	Grants
	Devices
	RefreshTokens
	Revocations
	Counters
	// Ping asks whether the engine can commit.
	Ping(ctx context.Context) error
	// Collect removes what expired before now, at most limit rows of a table, and says how many rows it removed.
	Collect(ctx context.Context, now time.Time, limit int) (int64, error)
	// Close ends it; no call may be under way.
	Close() error
}

// Users keeps accounts.
type Users interface {
	// SignedIn finds the account of (Provider, Subject) or makes it with the given ID, updates its claims, and returns
	// it as stored. ErrRevoked if it is disabled; ErrConflict if the ID belongs to another account. CreatedAt and UpdatedAt
	// are the engine's clock when zero.
	SignedIn(ctx context.Context, u User) (User, error)
	// User finds an account by ID. ErrNotFound.
	User(ctx context.Context, id string) (User, error)
	// DisableUser ends an account: its grants are revoked and its sessions end, in one transaction. ErrNotFound.
	DisableUser(ctx context.Context, id string, now time.Time) error
}

// Sessions keeps signed-in browsers.
type Sessions interface {
	// CreateSession writes s and, in the same transaction, ends the one with the hash replaces (zero: none). ErrRevoked when
	// the user is disabled, ErrConflict when the ID is taken; then the other one goes on.
	CreateSession(ctx context.Context, s Session, replaces Hash) error
	// Session finds a live session and its user. ErrNotFound, ErrExpired, ErrRevoked (user disabled).
	Session(ctx context.Context, id Hash, now time.Time) (Session, User, error)
	// EndSession removes it; no error when it is gone already.
	EndSession(ctx context.Context, id Hash) error
}

// Grants keeps grants.
type Grants interface {
	// Grant finds a grant with its user. ErrNotFound; ErrRevoked together with the grant when it or its user has ended.
	Grant(ctx context.Context, id string) (Grant, User, error)
	// RevokeGrant ends a grant. It is idempotent; ErrNotFound when there is no such grant.
	RevokeGrant(ctx context.Context, id string, now time.Time) error
	// RevokeClientGrants ends every grant of the client UID and says how many were live.
	RevokeClientGrants(ctx context.Context, clientUID string, now time.Time) (int64, error)
}

// Devices keeps device requests.
type Devices interface {
	// CreateDevice writes a request. ErrConflict when a live request has the user code; ErrLimit when the client has
	// maxOpen live pending ones. What is live is judged at d.CreatedAt.
	CreateDevice(ctx context.Context, d DeviceRequest, maxOpen int) error
	// DeviceByUserCode finds a live pending request. ErrNotFound for unknown, decided and expired alike.
	DeviceByUserCode(ctx context.Context, userCode Hash, now time.Time) (DeviceRequest, error)
	// ApproveDevice decides a pending request and writes the grant, in one transaction. ErrNotFound, ErrConsumed (decided
	// already), ErrExpired, ErrForeign (the grant is for another client), ErrRevoked (the user is disabled).
	ApproveDevice(ctx context.Context, code Hash, g Grant, now time.Time) error
	// DenyDevice decides a pending request. ErrNotFound, ErrConsumed (decided already), ErrExpired.
	DenyDevice(ctx context.Context, code Hash, now time.Time) error
	// RedeemDevice is one poll. In one transaction it counts the poll and, when approved, consumes the request by a
	// conditional write and inserts first (if not nil) with GrantID filled in; an error of first is returned as it is and
	// nothing is changed. Errors: ErrNotFound, ErrForeign (not counted),
	// ErrExpired, ErrPending, ErrSlowDown (more than two polls within one interval, by elapsed time), ErrDenied, ErrConsumed,
	// ErrRevoked (grant revoked or user disabled).
	RedeemDevice(ctx context.Context, code Hash, client ClientRef, now time.Time, first func(Grant) (*RefreshToken, error)) (Redemption, error)
}

// RefreshTokens keeps refresh families.
type RefreshTokens interface {
	// RefreshToken finds a token and its grant without consuming it. ErrNotFound; ErrRevoked together with both when the
	// grant or its user has ended. For revocation and introspection.
	RefreshToken(ctx context.Context, token Hash) (RefreshToken, Grant, error)
	// Rotate consumes a token by a conditional write and inserts its successor in the same transaction; the grant's
	// LastUsedAt is set. A token that was consumed less than grace ago, and whose successor is not consumed, yields the
	// same successor with Retried set. Otherwise a consumed token revokes the grant and is ErrReplayed; the redemption then
	// names the grant, for the audit log. The successor keeps the family's GrantID, KeyID and ExpiresAt whatever next says.
	// ErrNotFound, ErrForeign (nothing changed), ErrExpired, ErrRevoked. check is called with the grant before anything is
	// consumed; its error is returned as it is and nothing is changed.
	Rotate(ctx context.Context, token Hash, client ClientRef, now time.Time, grace time.Duration, next Successor, check func(Grant, User) error) (Redemption, error)
}

// Revocations keeps ids of revoked access tokens that belong to no grant.
type Revocations interface {
	// RevokeToken remembers a token id until the token would have expired.
	RevokeToken(ctx context.Context, jti string, expiresAt time.Time) error
	// TokenRevoked reports whether RevokeToken was called for jti.
	TokenRevoked(ctx context.Context, jti string) (bool, error)
}

// Counters throttle guesses across replicas.
type Counters interface {
	// Count adds one to the counter of key in the window that began at or after now-window, and returns the count and when
	// the window ends. A window is fixed from its first event.
	Count(ctx context.Context, key string, now time.Time, window time.Duration) (int64, time.Time, error)
	// Counted reads a counter without adding; zero and the zero time when no window is open.
	Counted(ctx context.Context, key string, now time.Time) (int64, time.Time, error)
}

// Codes keeps authorization codes.
type Codes interface {
	// CreateCode writes the grant, the code, and, if not nil, the consent in place of the one before, in one transaction.
	// ErrConsumed when a code with the same Request was written before (of however many submissions one wins, A27);
	// ErrRevoked when the user is disabled or gone; ErrForeign when grant, code and consent are not of one client and user.
	CreateCode(ctx context.Context, c Code, g Grant, consent *Consent) error
	// RedeemCode consumes a code by a conditional write and inserts first (if not nil), in one transaction. check is called
	// with the code, the grant and the user before anything is consumed. When it returns an error, that error is returned
	// as it is; the code is consumed all the same if burn says so of the error, and left as it was otherwise (C03 against
	// C10). Other errors: ErrNotFound, ErrForeign (nothing changed), ErrExpired, ErrRevoked (grant or user ended), and
	// ErrReplayed when it was consumed before: then the grant is revoked by the time this returns, unless the replay came
	// less than grace after the redemption (C07), and Redemption names the grant for the audit log.
	RedeemCode(ctx context.Context, code Hash, client ClientRef, now time.Time, grace time.Duration, check func(Code, Grant, User) (*RefreshToken, error), burn func(error) bool) (Code, Redemption, error)
}

// Consents keeps what need not be asked again, and lists what a user authorized.
type Consents interface {
	// Consent finds it. ErrNotFound.
	Consent(ctx context.Context, userID, clientUID string) (Consent, error)
	// PutConsent writes it in place of the one before. ErrRevoked when the user is disabled or gone.
	PutConsent(ctx context.Context, c Consent) error
	// Apps lists a user's authorized apps by client UID, from after that of the page before, at most limit.
	Apps(ctx context.Context, userID, after string, limit int) ([]App, error)
	// App finds one of them. ErrNotFound, also for somebody else's.
	App(ctx context.Context, userID, clientUID string) (App, error)
	// RevokeApp ends everything a client has of a user, in one transaction: the consent is removed, all grants with their
	// families and codes are revoked, and pending device requests that the user approved are ended. It says how many
	// grants were live. ErrNotFound when there is neither a consent nor a live grant.
	RevokeApp(ctx context.Context, userID, clientUID string, now time.Time) (int64, error)
	// RevokeApps is RevokeApp for every client.
	RevokeApps(ctx context.Context, userID string, now time.Time) (int64, error)
	// NarrowApp replaces what was chosen in the consent and in every live grant by what narrow makes of each, in one
	// transaction. narrow must be pure and quick; its error is returned as it is and nothing is changed. ErrNotFound.
	NarrowApp(ctx context.Context, userID, clientUID string, now time.Time, narrow func(scopes []string, details json.RawMessage) ([]string, json.RawMessage, error)) error
}

// UserSessions lists and ends the sessions of one user.
type UserSessions interface {
	// UserSessions lists the live sessions, the latest first, at most limit.
	UserSessions(ctx context.Context, userID string, now time.Time, limit int) ([]Session, error)
	// EndUserSession ends the session with that SID, makes a logout delivery for each client in tell, and revokes those of
	// its grants that have the scope openid and not offline_access (Back-Channel Logout section 2.7), in one transaction. It
	// ErrNotFound, also for somebody else's. sid "" ends all of the user's sessions, in the same way.
	EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(ClientRef) bool) error
}

// Factors keeps second factors.
type Factors interface {
	// Passkeys lists a user's passkeys, the oldest first.
	Passkeys(ctx context.Context, userID string) ([]Passkey, error)
	// Passkey finds one, with its user. ErrNotFound, ErrRevoked (user disabled).
	Passkey(ctx context.Context, id []byte) (Passkey, User, error)
	// AddPasskey writes one. ErrConflict when the id is known, ErrLimit when the user has limit of them, ErrRevoked.
	AddPasskey(ctx context.Context, p Passkey, limit int) error
	// UsePasskey sets Credential, SignCount and LastUsedAt by a conditional write on the SignCount seen before. ErrConsumed
	// when another use was first, ErrNotFound.
	UsePasskey(ctx context.Context, p Passkey, seen uint32) error
	// RemovePasskey removes a user's own. ErrNotFound.
	RemovePasskey(ctx context.Context, userID string, id []byte) error
	// TOTP finds a user's authenticator app. ErrNotFound.
	TOTP(ctx context.Context, userID string) (TOTP, error)
	// PutTOTP writes it in place of the one before. ErrRevoked.
	PutTOTP(ctx context.Context, t TOTP) error
	// UseTOTP takes a step by a conditional write: ErrConsumed when it, or a later one, was used before; ErrNotFound.
	UseTOTP(ctx context.Context, userID string, step int64) error
	// RemoveTOTP removes it. ErrNotFound.
	RemoveTOTP(ctx context.Context, userID string) error
	// PutRecoveryCodes replaces all of a user's recovery codes.
	PutRecoveryCodes(ctx context.Context, userID string, codes []RecoveryCode, now time.Time) error
	// UseRecoveryCode takes one, once. ErrNotFound for unknown and used alike.
	UseRecoveryCode(ctx context.Context, userID string, code RecoveryCode, now time.Time) error
	// RecoveryCodes is how many are left.
	RecoveryCodes(ctx context.Context, userID string) (int, error)
}

// Logouts is the queue of back-channel logouts, worked on by every replica.
type Logouts interface {
	// ClaimLogouts takes at most limit deliveries that are due, and makes them due again at now+lease, so that a replica that
	// dies in between loses none and two replicas rarely tell the same client twice.
	ClaimLogouts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]LogoutDelivery, error)
	// RetryLogout makes it due again, counting the attempt.
	RetryLogout(ctx context.Context, id string, due time.Time) error
	// LogoutDone removes it.
	LogoutDone(ctx context.Context, id string) error
}

// Everything is all that is kept about one user, for the export of their data. It holds no secret and no hash of one.
type Everything struct {
	User          User
	Sessions      []Session
	Apps          []App
	Passkeys      []Passkey
	TOTPSince     time.Time
	RecoveryCodes int
}

// PersonalData lets users take their data with them and have it erased.
type PersonalData interface {
	// Everything gathers it in one consistent read. ErrNotFound.
	Everything(ctx context.Context, userID string) (Everything, error)
	// EraseUser removes the account with everything that belongs to it, in one transaction; tokens that are still out are
	// refused from then on, since their grant is gone. Who signs in again is a new user with a new ID. tell is as in
	// UserSessions.EndUserSession. ErrNotFound.
	EraseUser(ctx context.Context, userID string, now time.Time, tell func(ClientRef) bool) error
	// CheckedUser stores what the provider said of an account when it was asked again, without a sign-in: claims, Kept and
	// CheckedAt. ErrNotFound, ErrRevoked.
	CheckedUser(ctx context.Context, u User) error
}
