package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const codeColumns = `c.code, c.request, c.grant_id, g.client_id, g.client_uid, c.redirect_uri, c.challenge, c.key_thumbprint, c.nonce, c.claims, c.acr, c.created_at, c.expires_at, c.consumed_at`

const (
	insertCode = `INSERT INTO codes (code, request, grant_id, redirect_uri, challenge, key_thumbprint, nonce, claims, acr, created_at, expires_at, collect_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	selectRequestTaken = `SELECT 1 FROM codes WHERE request = ?`

	selectCode = `SELECT ` + codeColumns + `, ` + grantColumns + `, ` + userColumns + `
FROM codes c JOIN grants g ON g.id = c.grant_id JOIN users u ON u.id = g.user_id WHERE c.code = ?`

	// Everything that may refuse is part of the one write; rows changed decide.
	consumeCode = `UPDATE codes SET consumed_at = ?3
WHERE code = ?1 AND consumed_at IS NULL AND expires_at > ?3
  AND EXISTS (SELECT 1 FROM grants g JOIN users u ON u.id = g.user_id
              WHERE g.id = codes.grant_id AND g.client_uid = ?2 AND g.revoked_at IS NULL AND u.disabled_at IS NULL)`

	// From now on tokens refer to the grant.
	redeemGrant = `UPDATE grants SET last_used_at = ?1, collect_at = max(collect_at, ?2) WHERE id = ?3`
)

// codeKept is how long a code is remembered after it expired: for so long a replay ends the grant, and a second code for
// the same request is refused.
const codeKept = 24 * time.Hour

// codeInto lists where codeColumns go.
func codeInto(c *storage.Code) []any {
	return []any{
		hashInto{&c.Code}, hashInto{&c.Request}, &c.GrantID, &c.Client.ID, &c.Client.UID, &c.RedirectURI, &c.Challenge, &c.KeyThumbprint, &c.Nonce,
		jsonInto{&c.Claims}, &c.ACR, timeInto{&c.CreatedAt}, timeInto{&c.ExpiresAt}, timeInto{&c.ConsumedAt},
	}
}

// agree reports whether a code, its grant and the consent are of one client and user.
func agree(c *storage.Code, g *storage.Grant, consent *storage.Consent) bool {
	if c.Client.UID != g.Client.UID || (c.GrantID != "" && c.GrantID != g.ID) {
		return false
	}
	return consent == nil || (consent.Client.UID == g.Client.UID && consent.UserID == g.UserID)
}

// CreateCode writes all that a decision of the user yields, once for each request. A grant whose code nobody redeems is
// kept no longer than the code.
func (db *DB) CreateCode(ctx context.Context, c storage.Code, g storage.Grant, consent *storage.Consent, room *storage.Room) error {
	if !agree(&c, &g, consent) {
		return storage.ErrForeign
	}
	created := timeOr(c.CreatedAt, db.clock)
	collect := c.ExpiresAt.Add(codeKept)
	return db.write(ctx, func(t *tx) error {
		var taken int
		err := t.query(selectRequestTaken, []any{c.Request[:]}, &taken)
		if err == nil {
			return storage.ErrConsumed
		}
		if !errors.Is(orNotFound(err), storage.ErrNotFound) {
			return err
		}
		if err := t.makeRoom(&g, created, room); err != nil {
			return err
		}
		if err := t.addGrant(g, created, collect); err != nil {
			if errors.Is(err, storage.ErrNotFound) {
				return storage.ErrRevoked
			}
			return err
		}
		_, err = t.exec(insertCode, c.Code[:], c.Request[:], g.ID, c.RedirectURI, c.Challenge, c.KeyThumbprint, c.Nonce, rawJSON(c.Claims), c.ACR,
			created.UnixMicro(), c.ExpiresAt.UnixMicro(), collect.UnixMicro())
		if err != nil {
			return conflict(err)
		}
		if consent == nil {
			return nil
		}
		return t.putConsent(consent, created)
	})
}

// RedeemCode consumes a code and writes the first refresh token. With storage.ErrReplayed the redemption names the grant.
func (db *DB) RedeemCode(ctx context.Context, code storage.Hash, client storage.ClientRef, now time.Time, grace time.Duration, check func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error), burn func(error) bool) (storage.Code, storage.Redemption, error) {
	e := exchange{code: code, client: client, now: now, grace: grace, check: check, burn: burn}
	if err := db.write(ctx, e.run); err != nil {
		return storage.Code{}, storage.Redemption{}, err
	}
	return e.held.code, e.result, e.refusal
}

// exchange is one call of RedeemCode.
type exchange struct {
	code   storage.Hash
	client storage.ClientRef
	now    time.Time
	grace  time.Duration
	check  func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error)
	burn   func(error) bool

	held   codeHolding
	result storage.Redemption
	// refusal is returned together with a commit: a replay and a code that was burned are refused for good.
	refusal error
}

// codeHolding is a code with all it hangs on.
type codeHolding struct {
	code  storage.Code
	grant storage.Grant
	user  storage.User
}

func (h *codeHolding) into() []any {
	return append(append(codeInto(&h.code), grantInto(&h.grant)...), userInto(&h.user)...)
}

// run decides by one conditional write. What is read before it serves check and explains a refusal.
func (e *exchange) run(t *tx) error {
	h := &e.held
	if err := t.query(selectCode, []any{e.code[:]}, h.into()...); err != nil {
		return orNotFound(err)
	}
	switch {
	case h.grant.Client.UID != e.client.UID:
		return storage.ErrForeign
	case ended(&h.grant, &h.user):
		return storage.ErrRevoked
	case !h.code.ConsumedAt.IsZero():
		return e.again(t)
	case h.code.ExpiresAt.UnixMicro() <= e.now.UnixMicro():
		return storage.ErrExpired
	}
	var (
		first *storage.RefreshToken
		err   error
	)
	if e.check != nil {
		first, err = e.check(h.code, h.grant, h.user)
	}
	if err != nil {
		return e.refuse(t, err)
	}
	return e.succeed(t, first)
}

// again answers the use of a consumed code: the grant ends, unless the client asked twice at once.
func (e *exchange) again(t *tx) error {
	e.refusal = storage.ErrReplayed
	e.result = storage.Redemption{Grant: e.held.grant, User: e.held.user}
	if within(e.now, e.held.code.ConsumedAt, e.grace) {
		return nil
	}
	return e.revoke(t, &e.result.Grant)
}

// refuse hands on an error of check, after burning the code if it is one of those.
func (e *exchange) refuse(t *tx, err error) error {
	if e.burn == nil || !e.burn(err) {
		return err
	}
	e.refusal = err
	if err := e.consume(t); err != nil {
		return err
	}
	return e.revoke(t, &e.held.grant)
}

// consume is the one conditional write.
func (e *exchange) consume(t *tx) error {
	n, err := t.exec(consumeCode, e.code[:], e.client.UID, e.now.UnixMicro())
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("code %w inside its own transaction", storage.ErrConsumed)
	}
	e.held.code.ConsumedAt = fromMicros(e.now.UnixMicro())
	return nil
}

func (e *exchange) revoke(t *tx, g *storage.Grant) error {
	g.RevokedAt = fromMicros(e.now.UnixMicro())
	_, err := t.exec(revokeGrant, e.now.UnixMicro(), g.ID)
	return err
}

// succeed consumes the code and writes what it yields.
func (e *exchange) succeed(t *tx, first *storage.RefreshToken) error {
	if err := e.consume(t); err != nil {
		return err
	}
	g := &e.held.grant
	g.LastUsedAt = fromMicros(e.now.UnixMicro())
	if _, err := t.exec(redeemGrant, e.now.UnixMicro(), e.now.Add(grantKept).UnixMicro(), g.ID); err != nil {
		return err
	}
	e.result = storage.Redemption{Grant: *g, User: e.held.user}
	if first == nil {
		return nil
	}
	token, err := t.addFamily(*first, g, e.now)
	e.result.Token = token
	return err
}
