package storagetest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Run runs the suite. open makes an empty storage and has it closed by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) storage.Storage) {
	t.Run("users", func(t *testing.T) { testUsers(t, newFixture(t, open)) })
	t.Run("sessions", func(t *testing.T) { testSessions(t, newFixture(t, open)) })
	t.Run("grants", func(t *testing.T) { testGrants(t, newFixture(t, open)) })
	t.Run("device requests", func(t *testing.T) { testDevices(t, newFixture(t, open)) })
	t.Run("polls", func(t *testing.T) { testPolls(t, newFixture(t, open)) })
	t.Run("redemption", func(t *testing.T) { testRedemption(t, newFixture(t, open)) })
	t.Run("pushed requests", func(t *testing.T) { testPushedRequests(t, newFixture(t, open)) })
	t.Run("refresh tokens", func(t *testing.T) { testRefreshTokens(t, newFixture(t, open)) })
	t.Run("replays", func(t *testing.T) { testReplays(t, newFixture(t, open)) })
	t.Run("revoked tokens", func(t *testing.T) { testRevocations(t, newFixture(t, open)) })
	t.Run("uses", func(t *testing.T) { testUses(t, newFixture(t, open)) })
	t.Run("counters", func(t *testing.T) { testCounters(t, newFixture(t, open)) })
	t.Run("codes", func(t *testing.T) { testCodes(t, newFixture(t, open)) })
	t.Run("consents and apps", func(t *testing.T) { testConsents(t, newFixture(t, open)) })
	t.Run("sessions of a user", func(t *testing.T) { testUserSessions(t, newFixture(t, open)) })
	t.Run("logouts", func(t *testing.T) { testLogouts(t, newFixture(t, open)) })
	t.Run("second factors", func(t *testing.T) { testFactors(t, newFixture(t, open)) })
	t.Run("personal data", func(t *testing.T) { testPersonalData(t, newFixture(t, open)) })
	t.Run("room for grants", func(t *testing.T) { testRooms(t, newFixture(t, open)) })
	t.Run("collection", func(t *testing.T) { testCollect(t, open) })
	t.Run("engine", func(t *testing.T) { testEngine(t, newFixture(t, open)) })
	t.Run("races", func(t *testing.T) { testRaces(t, newFixture(t, open)) })
	t.Run("races of people", func(t *testing.T) { testPeopleRaces(t, newFixture(t, open)) })
	t.Run("histories", func(t *testing.T) { testHistories(t, newFixture(t, open)) })
}

// Rounds is how often to repeat a race: few with -short, many with GRANTKEEPER_FAULTS=full.
func Rounds(short, normal, full int) int {
	switch {
	case os.Getenv("GRANTKEEPER_FAULTS") == "full":
		return full
	case testing.Short():
		return short
	default:
		return normal
	}
}

const (
	interval = 5 * time.Second
	lifetime = 10 * time.Minute
	grace    = 30 * time.Second
	idle     = 24 * time.Hour
	absolute = 30 * 24 * time.Hour
)

// noon is when every test begins. It has microseconds, which engines keep, and no more.
func noon() time.Time { return time.Date(2030, 1, 1, 12, 0, 0, 123_456_000, time.UTC) }

// fixture makes what tests need. Everything it makes has ids of its own, so that tests share a storage.
type fixture struct {
	storage.Storage
	ctx context.Context
	now time.Time
	seq *atomic.Int64
}

func newFixture(t *testing.T, open func(t *testing.T) storage.Storage) *fixture {
	t.Helper()
	return &fixture{Storage: open(t), ctx: t.Context(), now: noon(), seq: new(atomic.Int64)}
}

// id is a new id.
func (f *fixture) id(kind string) string { return fmt.Sprintf("%s-%d", kind, f.seq.Add(1)) }

// hash is that of a new value.
func (f *fixture) hash() storage.Hash { return sha256.Sum256([]byte(f.id("value"))) }

// client is a new client.
func (f *fixture) client() storage.ClientRef {
	id := f.id("client")
	return storage.ClientRef{ID: id, UID: id + "-uid"}
}

// account is what someone brings who signs in for the first time.
func (f *fixture) account() storage.User {
	id := f.id("user")
	return storage.User{
		ID: id, Provider: "provider", Subject: id + "-subject", Username: id, Name: "Some One", Email: id + "@example.com", EmailVerified: true,
		Groups:  []string{"staff", "a \"quoted\" one"},
		Profile: registration.Profile{GivenName: "Some", Locale: "de-DE", Address: &registration.Address{Country: "Germany"}},
		Kept:    []byte("sealed\x00"), CheckedAt: f.now.Add(-time.Second), CreatedAt: f.now, UpdatedAt: f.now,
	}
}

// user is a new account that has signed in.
func (f *fixture) user(t *testing.T) storage.User {
	t.Helper()
	u, err := f.SignedIn(f.ctx, f.account())
	noError(t, err)
	return u
}

// grant is a grant that is not written yet.
func (f *fixture) grant(user storage.User, client storage.ClientRef) storage.Grant {
	return storage.Grant{
		ID: f.id("grant"), UserID: user.ID, Client: client, Scopes: []string{"openid", "orders:read"}, Audience: []string{"https://api.example.com"},
		AuthorizationDetails: json.RawMessage(`[{"type":"repository","identifier":"one"}]`), AuthenticatedAt: f.now.Add(-time.Minute),
		Claims: json.RawMessage(`{"userinfo":{"email":null}}`), SID: f.id("sid"), Methods: []string{"pwd", "otp"}, CreatedAt: f.now,
	}
}

// session is a session that is not written yet.
func (f *fixture) session(userID string) storage.Session {
	return storage.Session{
		ID: f.hash(), SID: f.id("sid"), UserID: userID, AuthenticatedAt: f.now.Add(-time.Second), Methods: []string{"pwd"},
		Origin: storage.Origin{Address: "192.0.2.7", UserAgent: "Firefox"}, CreatedAt: f.now, ExpiresAt: f.now.Add(time.Hour),
	}
}

// request is a device request that is not written yet.
func (f *fixture) request(client storage.ClientRef) storage.DeviceRequest {
	return storage.DeviceRequest{
		Code: f.hash(), UserCode: f.hash(), Client: client, Scopes: []string{"openid"}, Audience: []string{"https://api.example.com"},
		Origin:    storage.Origin{Address: "192.0.2.1", UserAgent: "curl/8"},
		CreatedAt: f.now, ExpiresAt: f.now.Add(lifetime), Interval: interval, State: storage.DevicePending,
	}
}

// pending is a device request that waits for the user.
func (f *fixture) pending(t *testing.T) storage.DeviceRequest {
	t.Helper()
	d := f.request(f.client())
	noError(t, f.CreateDevice(f.ctx, d, 10))
	return d
}

// approved is a device request that a user approved, and the grant.
func (f *fixture) approved(t *testing.T) (storage.DeviceRequest, storage.Grant) {
	t.Helper()
	d := f.pending(t)
	g := f.grant(f.user(t), d.Client)
	noError(t, f.ApproveDevice(f.ctx, d.Code, g, f.now, nil))
	return d, g
}

// family is a redeemed device request: a grant and its first refresh token.
func (f *fixture) family(t *testing.T) (storage.RefreshToken, storage.Grant) {
	t.Helper()
	r, err := f.makeFamily()
	noError(t, err)
	return r.Token, r.Grant
}

// makeFamily is family for goroutines other than the test's own.
func (f *fixture) makeFamily() (storage.Redemption, error) {
	u, err := f.SignedIn(f.ctx, f.account())
	if err != nil {
		return storage.Redemption{}, err
	}
	d := f.request(f.client())
	if err := f.CreateDevice(f.ctx, d, 10); err != nil {
		return storage.Redemption{}, err
	}
	if err := f.ApproveDevice(f.ctx, d.Code, f.grant(u, d.Client), f.now, nil); err != nil {
		return storage.Redemption{}, err
	}
	return f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, f.first())
}

// first makes the first refresh token of a new family.
func (f *fixture) first() func(storage.Grant, storage.User) (*storage.RefreshToken, error) {
	name := f.id("family")
	return func(g storage.Grant, _ storage.User) (*storage.RefreshToken, error) {
		return &storage.RefreshToken{
			Token: tokenOf(name, 0), GrantID: g.ID, Family: name, KeyID: "key-1", ExpiresAt: f.now.Add(absolute), IdleExpiresAt: f.now.Add(idle), CreatedAt: f.now,
		}, nil
	}
}

// tokenOf derives the token of a generation, as the server does.
func tokenOf(family string, generation int64) storage.Hash {
	return sha256.Sum256(fmt.Appendf(nil, "%s/%d", family, generation))
}

// nextAt derives the successor that is made at now.
func nextAt(now time.Time) storage.Successor {
	return func(c storage.RefreshToken) (storage.RefreshToken, error) {
		c.Generation++
		c.Token = tokenOf(c.Family, c.Generation)
		c.CreatedAt, c.IdleExpiresAt, c.ConsumedAt = now, now.Add(idle), time.Time{}
		return c, nil
	}
}

// rotate is Rotate as most tests want it.
func (f *fixture) rotate(token storage.Hash, client storage.ClientRef, now time.Time) (storage.Redemption, error) {
	return f.Rotate(f.ctx, token, client, now, grace, nextAt(now), nil)
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func wantEqual[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("not what was written (-want +got):\n%s", diff)
	}
}
