package storage

import (
	"context"
	"encoding/json"
	"errors"
	"time"
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
	CreatedAt     time.Time
	UpdatedAt     time.Time
	// DisabledAt, if set, ends everything.
	DisabledAt time.Time
}

// Session is a signed-in browser.
type Session struct {
	// ID is the hash of the cookie's value.
	ID     Hash
	UserID string
	// AuthenticatedAt becomes auth_time.
	AuthenticatedAt time.Time
	// Methods are the values of amr (RFC 8176).
	Methods   []string
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
	AuthenticatedAt      time.Time
	Methods              []string
	CreatedAt            time.Time
	LastUsedAt           time.Time
	RevokedAt            time.Time
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
