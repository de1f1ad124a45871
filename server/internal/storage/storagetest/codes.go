package storagetest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// codeGrace is how long after a redemption a replay is taken for the client's own second request.
const codeGrace = 2 * time.Second

// code is a code of g that is not written yet.
func (f *fixture) code(g storage.Grant) storage.Code {
	return storage.Code{
		Code: f.hash(), Request: f.hash(), GrantID: g.ID, Client: g.Client, RedirectURI: "https://app.example.com/cb", Challenge: "challenge",
		KeyThumbprint: "thumbprint", Nonce: "n-0S6", Claims: json.RawMessage(`{"id_token":{"acr":null}}`), ACR: "urn:example:gold", CreatedAt: f.now, ExpiresAt: f.now.Add(time.Minute),
	}
}

// consentTo is a consent like the grant.
func consentTo(g storage.Grant) storage.Consent {
	return storage.Consent{
		UserID: g.UserID, Client: g.Client, Scopes: g.Scopes, Audience: g.Audience, AuthorizationDetails: g.AuthorizationDetails,
		CreatedAt: g.CreatedAt, UpdatedAt: g.CreatedAt,
	}
}

// coded is a grant with a code that nobody has redeemed.
func (f *fixture) coded(t *testing.T) (storage.Code, storage.Grant) {
	t.Helper()
	g := f.grant(f.user(t), f.client())
	c := f.code(g)
	noError(t, f.CreateCode(f.ctx, c, g, nil, nil))
	return c, g
}

// exchange is RedeemCode as most tests want it.
func (f *fixture) exchange(c storage.Code, now time.Time) (storage.Redemption, error) {
	_, r, err := f.RedeemCode(f.ctx, c.Code, c.Client, now, codeGrace, f.firstOfCode(), nil)
	return r, err
}

// firstOfCode is first with the signature that codes want.
func (f *fixture) firstOfCode() func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error) {
	first := f.first()
	return func(_ storage.Code, g storage.Grant, u storage.User) (*storage.RefreshToken, error) {
		return first(g, u)
	}
}

// refusing is a check that refuses.
func refusing(err error) func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error) {
	return func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error) { return nil, err }
}

func testCodes(t *testing.T, f *fixture) {
	t.Run("a code is written with its grant and the consent, and once for each request", func(t *testing.T) {
		u := f.user(t)
		g := f.grant(u, f.client())
		c, consent := f.code(g), consentTo(g)
		noError(t, f.CreateCode(f.ctx, c, g, &consent, nil))
		got, _, err := f.Grant(f.ctx, g.ID)
		noError(t, err)
		wantEqual(t, got, g)
		kept, err := f.Consent(f.ctx, g.UserID, g.Client.UID)
		noError(t, err)
		wantEqual(t, kept, consent)

		second := f.grant(u, g.Client)
		again := f.code(second)
		again.Request = c.Request
		wantError(t, f.CreateCode(f.ctx, again, second, nil, nil), storage.ErrConsumed)
		wantError(t, f.CreateCode(f.ctx, c, g, nil, nil), storage.ErrConsumed)
		_, _, err = f.Grant(f.ctx, second.ID)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("A27 a request whose code was redeemed or has expired yields no second one", func(t *testing.T) {
		c, g := f.coded(t)
		_, err := f.exchange(c, f.now)
		noError(t, err)
		late := f.grant(storage.User{ID: g.UserID}, g.Client)
		again := f.code(late)
		again.Request, again.CreatedAt, again.ExpiresAt = c.Request, c.ExpiresAt.Add(time.Hour), c.ExpiresAt.Add(2*time.Hour)
		wantError(t, f.CreateCode(f.ctx, again, late, nil, nil), storage.ErrConsumed)
	})
	t.Run("a code without a consent leaves the one before", func(t *testing.T) {
		c, g := f.coded(t)
		consent := consentTo(g)
		noError(t, f.PutConsent(f.ctx, consent))
		next := f.grant(storage.User{ID: g.UserID}, c.Client)
		noError(t, f.CreateCode(f.ctx, f.code(next), next, nil, nil))
		got, err := f.Consent(f.ctx, g.UserID, g.Client.UID)
		noError(t, err)
		wantEqual(t, got, consent)
	})
	t.Run("a grant, code and consent of different clients or users are not written", func(t *testing.T) {
		g := f.grant(f.user(t), f.client())
		for name, change := range map[string]func(*storage.Code, *storage.Consent){
			"the code is of another client":    func(c *storage.Code, _ *storage.Consent) { c.Client = f.client() },
			"the code is of another grant":     func(c *storage.Code, _ *storage.Consent) { c.GrantID = f.id("grant") },
			"the consent is of another client": func(_ *storage.Code, consent *storage.Consent) { consent.Client = f.client() },
			"the consent is of another user":   func(_ *storage.Code, consent *storage.Consent) { consent.UserID = f.user(t).ID },
		} {
			c, consent := f.code(g), consentTo(g)
			change(&c, &consent)
			if err := f.CreateCode(f.ctx, c, g, &consent, nil); !errors.Is(err, storage.ErrForeign) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, _, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("a user who is disabled or gone gets no code, and nothing of it stays", func(t *testing.T) {
		u := f.user(t)
		noError(t, f.DisableUser(f.ctx, u.ID, f.now))
		for _, u := range []storage.User{u, {ID: "nobody"}} {
			g := f.grant(u, f.client())
			consent := consentTo(g)
			wantError(t, f.CreateCode(f.ctx, f.code(g), g, &consent, nil), storage.ErrRevoked)
			_, _, err := f.Grant(f.ctx, g.ID)
			wantError(t, err, storage.ErrNotFound)
			_, err = f.Consent(f.ctx, u.ID, g.Client.UID)
			wantError(t, err, storage.ErrNotFound)
		}
	})
	t.Run("a value that is taken writes nothing", func(t *testing.T) {
		c, g := f.coded(t)
		u := storage.User{ID: g.UserID}
		other := f.grant(u, g.Client)
		clash := f.code(other)
		clash.Code = c.Code
		wantError(t, f.CreateCode(f.ctx, clash, other, nil, nil), storage.ErrConflict)
		_, _, err := f.Grant(f.ctx, other.ID)
		wantError(t, err, storage.ErrNotFound)
		wantError(t, f.CreateCode(f.ctx, f.code(g), g, nil, nil), storage.ErrConflict)
	})
	testExchange(t, f)
	testCodeReplays(t, f)
}

func testExchange(t *testing.T, f *fixture) {
	t.Run("a code yields itself, the grant, its user and the first refresh token", func(t *testing.T) {
		c, g := f.coded(t)
		now := f.now.Add(time.Second)
		var seen storage.Code
		var granted storage.Grant
		var user storage.User
		first := f.first()
		got, r, err := f.RedeemCode(f.ctx, c.Code, c.Client, now, codeGrace, func(c storage.Code, g storage.Grant, u storage.User) (*storage.RefreshToken, error) {
			seen, granted, user = c, g, u
			return first(g, u)
		}, nil)
		noError(t, err)
		wantEqual(t, seen, c)
		wantEqual(t, granted, g)
		wantEqual(t, user.ID, g.UserID)
		c.ConsumedAt, g.LastUsedAt = now, now
		wantEqual(t, got, c)
		wantEqual(t, r.Grant, g)
		wantEqual(t, r.User, user)
		token, stored, err := f.RefreshToken(f.ctx, r.Token.Token)
		noError(t, err)
		wantEqual(t, token, r.Token)
		wantEqual(t, stored, g)
	})
	t.Run("a code without claims, challenge, nonce or refresh token has none", func(t *testing.T) {
		g := storage.Grant{ID: f.id("grant"), UserID: f.user(t).ID, Client: f.client(), CreatedAt: f.now}
		c := storage.Code{Code: f.hash(), Request: f.hash(), GrantID: g.ID, Client: g.Client, CreatedAt: f.now, ExpiresAt: f.now.Add(time.Minute)}
		noError(t, f.CreateCode(f.ctx, c, g, nil, nil))
		got, r, err := f.RedeemCode(f.ctx, c.Code, c.Client, f.now, codeGrace, refusing(nil), nil)
		noError(t, err)
		c.ConsumedAt, g.LastUsedAt = f.now, f.now
		wantEqual(t, got, c)
		wantEqual(t, r, storage.Redemption{Grant: g, User: r.User})
	})
	t.Run("C01 unknown and expired codes say so", func(t *testing.T) {
		c, _ := f.coded(t)
		_, err := f.exchange(storage.Code{Code: f.hash(), Client: c.Client}, f.now)
		wantError(t, err, storage.ErrNotFound)
		_, err = f.exchange(c, c.ExpiresAt)
		wantError(t, err, storage.ErrExpired)
		_, err = f.exchange(c, c.ExpiresAt.Add(-time.Microsecond))
		noError(t, err)
	})
	t.Run("C02 a code of another client is refused and stays good, and one that was used harms nobody", func(t *testing.T) {
		c, g := f.coded(t)
		stolen := c
		stolen.Client = storage.ClientRef{ID: c.Client.ID, UID: "recreated"}
		_, err := f.exchange(stolen, f.now)
		wantError(t, err, storage.ErrForeign)
		_, err = f.exchange(c, f.now)
		noError(t, err)
		_, err = f.exchange(stolen, f.now.Add(time.Hour))
		wantError(t, err, storage.ErrForeign)
		_, _, err = f.Grant(f.ctx, g.ID)
		noError(t, err)
	})
	t.Run("C09 nothing comes of a code whose grant, user, client or app has ended", func(t *testing.T) {
		for name, end := range map[string]func(g storage.Grant) error{
			"grant":  func(g storage.Grant) error { return f.RevokeGrant(f.ctx, g.ID, f.now) },
			"user":   func(g storage.Grant) error { return f.DisableUser(f.ctx, g.UserID, f.now) },
			"client": func(g storage.Grant) error { _, err := f.RevokeClientGrants(f.ctx, g.Client.UID, f.now); return err },
			"app":    func(g storage.Grant) error { _, err := f.RevokeApp(f.ctx, g.UserID, g.Client.UID, f.now); return err },
			"apps":   func(g storage.Grant) error { _, err := f.RevokeApps(f.ctx, g.UserID, f.now); return err },
		} {
			c, g := f.coded(t)
			noError(t, end(g))
			if _, err := f.exchange(c, f.now); !errors.Is(err, storage.ErrRevoked) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("C10 a refusal of the caller comes back as it is and consumes nothing", func(t *testing.T) {
		c, _ := f.coded(t)
		mine := errors.New("mine")
		for _, burn := range []func(error) bool{nil, func(error) bool { return false }} {
			_, _, err := f.RedeemCode(f.ctx, c.Code, c.Client, f.now, codeGrace, refusing(mine), burn)
			if err != mine { //nolint:errorlint // the very same
				t.Fatalf("error is %v", err)
			}
		}
		_, err := f.exchange(c, f.now)
		noError(t, err)
	})
	t.Run("C03 a refusal that burns comes back as it is, and code and grant have ended", func(t *testing.T) {
		c, g := f.coded(t)
		mine := errors.New("mine")
		got, _, err := f.RedeemCode(f.ctx, c.Code, c.Client, f.now, codeGrace, refusing(mine), func(err error) bool { return errors.Is(err, mine) })
		if err != mine { //nolint:errorlint // the very same
			t.Fatalf("error is %v", err)
		}
		wantEqual(t, got.ConsumedAt, f.now)
		_, err = f.exchange(c, f.now)
		wantError(t, err, storage.ErrRevoked)
		_, _, err = f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("C10 a refresh token that cannot be written consumes nothing", func(t *testing.T) {
		c, _ := f.coded(t)
		taken, _ := f.family(t)
		_, _, err := f.RedeemCode(f.ctx, c.Code, c.Client, f.now, codeGrace, func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error) {
			return &storage.RefreshToken{Token: taken.Token, Family: f.id("family"), ExpiresAt: f.now.Add(absolute)}, nil
		}, func(error) bool { return true })
		wantError(t, err, storage.ErrConflict)
		_, err = f.exchange(c, f.now)
		noError(t, err)
	})
}

func testCodeReplays(t *testing.T, f *fixture) {
	t.Run("C06 a second redemption ends the grant with its tokens and names it", func(t *testing.T) {
		c, g := f.coded(t)
		won, err := f.exchange(c, f.now)
		noError(t, err)
		now := f.now.Add(codeGrace)
		r, err := f.exchange(c, now)
		wantError(t, err, storage.ErrReplayed)
		wantEqual(t, r.Grant.ID, g.ID)
		wantEqual(t, r.Grant.RevokedAt, now)
		wantEqual(t, r.Token, storage.RefreshToken{})
		f.dead(t, g, won.Token.Family, 1)
		_, err = f.exchange(c, now)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("C06 a replay is recognised after the code has expired", func(t *testing.T) {
		c, g := f.coded(t)
		_, err := f.exchange(c, f.now)
		noError(t, err)
		_, err = f.exchange(c, c.ExpiresAt.Add(time.Hour))
		wantError(t, err, storage.ErrReplayed)
		_, _, err = f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
	})
	t.Run("C07 a replay within the grace is refused and ends nothing", func(t *testing.T) {
		c, g := f.coded(t)
		won, err := f.exchange(c, f.now)
		noError(t, err)
		r, err := f.exchange(c, f.now.Add(codeGrace-time.Microsecond))
		wantError(t, err, storage.ErrReplayed)
		wantEqual(t, r.Grant.ID, g.ID)
		wantEqual(t, r.Grant.RevokedAt, time.Time{})
		_, err = f.rotate(won.Token.Token, g.Client, f.now)
		noError(t, err)
	})
	t.Run("C06 a clock that goes back does not help a replay", func(t *testing.T) {
		c, g := f.coded(t)
		_, err := f.exchange(c, f.now.Add(30*time.Second))
		noError(t, err)
		_, err = f.exchange(c, f.now)
		wantError(t, err, storage.ErrReplayed)
		_, _, err = f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
	})
}
