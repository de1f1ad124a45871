package storage

import (
	"context"
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

// Storage is everything an engine offers. Consumers declare the narrow interface that they use.
type Storage interface {
	Users
	Sessions
	Grants
	Devices
	PushedRequests
	RefreshTokens
	Revocations
	Counters
	Replays
	Codes
	Consents
	UserSessions
	Factors
	Logouts
	PersonalData
	// Ping asks whether the engine can commit.
	Ping(ctx context.Context) error
	// Collect removes what expired before now, at most limit rows of a table, and says how many rows it removed.
	Collect(ctx context.Context, now time.Time, limit int) (int64, error)
	// Close ends it; no call may be under way.
	Close() error
}

// Users keeps accounts.
type Users interface {
	// SignedIn finds the account of (Provider, Subject) or makes it with the given ID, puts its claims, Kept and CheckedAt in
	// place of those before, and returns it as stored. A nil Kept leaves the one before: a provider need not hand out a new refresh
	// token at every sign-in (RFC 6749 section 5.1), and the one that it gave goes on. ErrRevoked if it is disabled; ErrConflict if the ID belongs to another
	// account. CreatedAt and UpdatedAt are the engine's clock when zero, CheckedAt is UpdatedAt when zero.
	SignedIn(ctx context.Context, u User) (User, error)
	// User finds an account by ID. ErrNotFound.
	User(ctx context.Context, id string) (User, error)
	// DisableUser ends an account: its grants are revoked, with their codes, its sessions end and its consents are removed, in
	// one transaction. ErrNotFound.
	DisableUser(ctx context.Context, id string, now time.Time) error
}

// Sessions keeps signed-in browsers.
type Sessions interface {
	// CreateSession writes s and, in the same transaction, ends the one with the hash replaces (zero: none). ErrRevoked when
	// the user is disabled, ErrConflict when the ID is taken; then the other one goes on. CreatedAt is the engine's clock when
	// zero.
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
	// RevokeGrant ends a grant with all its codes and tokens. It is idempotent; ErrNotFound when there is no such grant.
	RevokeGrant(ctx context.Context, id string, now time.Time) error
	// RevokeClientGrants ends every grant of the client UID, with codes and tokens, removes all consents that it has, and says
	// how many grants were live.
	RevokeClientGrants(ctx context.Context, clientUID string, now time.Time) (int64, error)
}

// Room is how many live grants a user may have of one client (of its UID), and what a new one ends.
type Room struct {
	// Most is how many may be live, the new one included; zero for any number, which costs nothing. More than that are revoked, with codes
	// and tokens, as by RevokeGrant: first those that nothing can redeem any more, then those that were not used for longest. A grant that
	// was never used counts from when it was made.
	Most int
	// Ended are the IDs of the grants that were revoked. The engine sets it; it means nothing together with an error.
	Ended []string
}

// Devices keeps device requests.
type Devices interface {
	// CreateDevice writes a request. ErrConflict when a live request has the user code; ErrLimit when the client has
	// maxOpen live pending ones. What is live is judged at d.CreatedAt.
	CreateDevice(ctx context.Context, d DeviceRequest, maxOpen int) error
	// DeviceByUserCode finds a live pending request. ErrNotFound for unknown, decided and expired alike.
	DeviceByUserCode(ctx context.Context, userCode Hash, now time.Time) (DeviceRequest, error)
	// ApproveDevice decides a pending request and writes the grant, in one transaction. ErrNotFound, ErrConsumed (decided
	// already), ErrExpired, ErrForeign (the grant is for another client), ErrRevoked (the user is disabled). room, if not nil, is made
	// in the same transaction.
	ApproveDevice(ctx context.Context, code Hash, g Grant, now time.Time, room *Room) error
	// DenyDevice decides a pending request. ErrNotFound, ErrConsumed (decided already), ErrExpired.
	DenyDevice(ctx context.Context, code Hash, now time.Time) error
	// RedeemDevice is one poll. In one transaction it counts the poll and, when approved, consumes the request by a
	// conditional write and inserts what first (if not nil) makes of the grant and its user, with GrantID filled in; first runs
	// inside the transaction and must be pure and quick; its error is returned as it is and nothing is changed. Errors:
	// ErrNotFound, ErrForeign (not counted), ErrExpired, ErrPending, ErrSlowDown (more than two polls within one interval, by
	// elapsed time), ErrDenied, ErrConsumed, ErrRevoked (grant revoked or user disabled).
	RedeemDevice(ctx context.Context, code Hash, client ClientRef, now time.Time, first func(Grant, User) (*RefreshToken, error)) (Redemption, error)
}

// PushedRequests keeps authorization requests that clients pushed (RFC 9126).
type PushedRequests interface {
	// PushRequest writes a request; its ConsumedAt is not written. ErrLimit when the client has maxOpen live ones that were not used;
	// ErrConflict when the URI is taken. What is live is judged at p.CreatedAt.
	PushRequest(ctx context.Context, p PushedRequest, maxOpen int) error
	// UsePushedRequest consumes a request by a conditional write and returns it; of what was asked for nothing is kept. ErrNotFound; ErrForeign (nothing changed);
	// ErrConsumed; ErrExpired. They are judged in this order. All of them are kept apart for at least ten minutes after the request
	// has expired; then it is not found.
	UsePushedRequest(ctx context.Context, uri Hash, client ClientRef, now time.Time) (PushedRequest, error)
}

// RefreshTokens keeps refresh families.
type RefreshTokens interface {
	// RefreshToken finds a token and its grant without consuming it. ErrNotFound; ErrRevoked together with both when the
	// grant or its user has ended. For revocation and introspection.
	RefreshToken(ctx context.Context, token Hash) (RefreshToken, Grant, error)
	// Rotate consumes a token by a conditional write and inserts its successor in the same transaction; the grant's
	// LastUsedAt is set. A token that was consumed less than grace ago, and whose successor is not consumed, yields the
	// same successor with Retried set. Otherwise a consumed token revokes the grant and is ErrReplayed; the redemption then
	// names the grant, for the audit log. The successor keeps the family's GrantID, KeyID and ExpiresAt whatever next says, and
	// its KeyThumbprint; a family without one is bound to that of the successor, once.
	// ErrNotFound, ErrForeign (nothing changed), ErrExpired, ErrRevoked. check is called with the token and the grant before anything
	// is consumed, also before a successor is given again; its error is returned as it is and nothing is changed.
	Rotate(ctx context.Context, token Hash, client ClientRef, now time.Time, grace time.Duration, next Successor, check func(RefreshToken, Grant, User) error) (Redemption, error)
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

// Replays remembers what may be used once and is not stored beforehand: what clients sign themselves, with an id of their own (jti).
type Replays interface {
	// UseOnce notes the use of key until expires, by a conditional insert: first is true for one call, of however many at once and
	// on however many replicas, and false for all others. kind keeps uses of different things apart; it is a constant of the caller's,
	// and key is a hash of whatever makes the thing unique. A use is remembered for at least ten minutes longer than expires, for
	// clocks that go back or differ; who calls refuses what has expired by itself.
	UseOnce(ctx context.Context, kind string, key Hash, expires time.Time) (first bool, err error)
}

// Codes keeps authorization codes.
type Codes interface {
	// CreateCode writes the grant, the code with GrantID filled in, and, if not nil, the consent in place of the one before, in
	// one transaction. The code's ConsumedAt is not written. ErrConsumed when a code with the same Request was written before
	// (of however many submissions one wins, A27), which is remembered for a day after that code expired; ErrRevoked when the
	// user is disabled or gone; ErrForeign when grant, code and consent are not of one client and user; ErrConflict when the
	// code or the grant's ID is taken. room, if not nil, is made in the same transaction.
	CreateCode(ctx context.Context, c Code, g Grant, consent *Consent, room *Room) error
	// RedeemCode consumes a code by a conditional write and inserts the first refresh token (if not nil) with GrantID filled
	// in, in one transaction; the grant's LastUsedAt is set. check is called with the code, the grant and the user before
	// anything is consumed, and returns that token; it runs inside the transaction and must be pure and quick. Its error is
	// returned as it is, with the code as it was left: as before, or, if burn (nil: never) says so of the error, consumed, and
	// the grant, which can yield nothing any more, revoked (C03 against C10).
	//
	// Other errors: ErrNotFound; ErrForeign (nothing changed); ErrRevoked (grant or user ended); ErrReplayed when it was
	// consumed before: then the grant is revoked by the time this returns, unless the replay came less than grace after the
	// redemption (C07), and Redemption names the grant for the audit log; ErrExpired. They are judged in this order.
	RedeemCode(ctx context.Context, code Hash, client ClientRef, now time.Time, grace time.Duration, check func(Code, Grant, User) (*RefreshToken, error), burn func(error) bool) (Code, Redemption, error)
}

// Consents keeps what need not be asked again, and lists what a user authorized.
type Consents interface {
	// Consent finds it. ErrNotFound.
	Consent(ctx context.Context, userID, clientUID string) (Consent, error)
	// PutConsent writes it in place of the one before, whose CreatedAt stays. CreatedAt and UpdatedAt are the engine's clock
	// when zero. ErrRevoked when the user is disabled or gone.
	PutConsent(ctx context.Context, c Consent) error
	// Apps lists a user's authorized apps by client UID, from after that of the page before ("": from the first), at most
	// limit, as they are at one moment. None is no error.
	Apps(ctx context.Context, userID, after string, limit int) ([]App, error)
	// App finds one of them. ErrNotFound, also for somebody else's.
	App(ctx context.Context, userID, clientUID string) (App, error)
	// RevokeApp ends everything a client has of a user, in one transaction: the consent is removed, all grants with their
	// families and codes are revoked, and device requests that the user approved and nobody redeemed yet yield nothing. It
	// says how many grants were live. ErrNotFound when there is neither a consent nor a live grant.
	RevokeApp(ctx context.Context, userID, clientUID string, now time.Time) (int64, error)
	// RevokeApps is RevokeApp for every client, in one transaction. None is no error.
	RevokeApps(ctx context.Context, userID string, now time.Time) (int64, error)
	// NarrowApp replaces scopes, audience and details in the consent and in every live grant by what narrow makes of each, in
	// one transaction, and sets the consent's UpdatedAt to now. The scopes of a grant with Claims that narrow is given are followed by
	// those that stand for these claims (oauth.ScopesOfClaims); claims whose scope does not come back are removed. A grant that had
	// a scope or such a claim and has none left is revoked. narrow must be pure and quick; its error is returned as it is and
	// nothing is changed. ErrNotFound when there is neither a consent nor a live grant.
	NarrowApp(ctx context.Context, userID, clientUID string, now time.Time, narrow func(Access) (Access, error)) error
}

// UserSessions lists and ends the sessions of one user.
type UserSessions interface {
	// UserSessions lists the live sessions, the latest first, at most limit. Their IDs are left out.
	UserSessions(ctx context.Context, userID string, now time.Time, limit int) ([]Session, error)
	// EndUserSession ends the session with that SID, makes a logout delivery for each client that tell (nil: none) wants told,
	// of those that have or had a grant with the scope openid made in it, and revokes those of the grants made in it that have
	// the scope openid and not offline_access (Back-Channel Logout section 2.7), in one transaction. tell must be pure and
	// quick. ErrNotFound when no such session is live, also for somebody else's.
	//
	// sid "" ends all of the user's sessions and every such grant, of sessions that have long expired too, and makes one
	// delivery for each client, with an empty SID: that means all of the user's sessions there (section 2.4). It never returns
	// ErrNotFound.
	EndUserSession(ctx context.Context, userID, sid string, now time.Time, tell func(ClientRef) bool) error
}

// Factors keeps second factors.
type Factors interface {
	// Passkeys lists a user's passkeys, the oldest first.
	Passkeys(ctx context.Context, userID string) ([]Passkey, error)
	// Passkey finds one, with its user. ErrNotFound, ErrRevoked (user disabled).
	Passkey(ctx context.Context, id []byte) (Passkey, User, error)
	// AddPasskey writes one. ErrConflict when the id is known, ErrLimit when the user has limit of them, ErrRevoked when the
	// user is disabled or gone. CreatedAt is the engine's clock when zero.
	AddPasskey(ctx context.Context, p Passkey, limit int) error
	// UsePasskey sets Credential, SignCount and LastUsedAt of the passkey with that ID and UserID by a conditional write on the
	// SignCount seen before. ErrConsumed when another use was first, ErrNotFound. An authenticator that does not count says 0
	// for ever; then only the challenge tells two uses apart.
	UsePasskey(ctx context.Context, p Passkey, seen uint32) error
	// RemovePasskey removes a user's own. ErrNotFound.
	RemovePasskey(ctx context.Context, userID string, id []byte) error
	// TOTP finds a user's authenticator app. ErrNotFound.
	TOTP(ctx context.Context, userID string) (TOTP, error)
	// PutTOTP writes it in place of the one before. ErrRevoked when the user is disabled or gone. CreatedAt is the engine's
	// clock when zero.
	PutTOTP(ctx context.Context, t TOTP) error
	// UseTOTP takes a step by a conditional write: ErrConsumed when it, or a later one, was used before; ErrNotFound.
	UseTOTP(ctx context.Context, userID string, step int64) error
	// RemoveTOTP removes it. ErrNotFound.
	RemoveTOTP(ctx context.Context, userID string) error
	// PutRecoveryCodes replaces all of a user's recovery codes, by none at all too. ErrRevoked when the user is disabled or gone.
	PutRecoveryCodes(ctx context.Context, userID string, codes []RecoveryCode, now time.Time) error
	// UseRecoveryCode takes one, once. ErrNotFound for unknown and used alike.
	UseRecoveryCode(ctx context.Context, userID string, code RecoveryCode, now time.Time) error
	// RecoveryCodes is how many are left.
	RecoveryCodes(ctx context.Context, userID string) (int, error)
}

// Logouts is the queue of back-channel logouts, worked on by every replica.
type Logouts interface {
	// ClaimLogouts takes at most limit deliveries that are due, those that wait longest first, and makes them due again at
	// now+lease, so that a replica that dies in between loses none and two replicas rarely tell the same client twice.
	ClaimLogouts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]LogoutDelivery, error)
	// RetryLogout makes it due again, counting the attempt; no error when it is gone.
	RetryLogout(ctx context.Context, id string, due time.Time) error
	// LogoutDone removes it; no error when it is gone.
	LogoutDone(ctx context.Context, id string) error
}

// PersonalData lets users take their data with them and have it erased.
type PersonalData interface {
	// Everything gathers it in one consistent read, of a disabled user too. ErrNotFound.
	Everything(ctx context.Context, userID string) (Everything, error)
	// EraseUser removes the account with everything that belongs to it, in one transaction; tokens that are still out are
	// refused from then on, since their grant is gone. Who signs in again is a new user with a new ID. tell is as in
	// UserSessions.EndUserSession with all sessions; those deliveries are all that remains, until they are done or a day old.
	// ErrNotFound.
	EraseUser(ctx context.Context, userID string, now time.Time, tell func(ClientRef) bool) error
	// CheckedUser stores what the provider said of an account when it was asked again, without a sign-in: the claims, Kept and
	// CheckedAt of the user with that ID, and UpdatedAt unless zero. ErrNotFound, ErrRevoked (disabled).
	CheckedUser(ctx context.Context, u User) error
}
