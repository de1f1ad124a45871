package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const tokenColumns = `t.token, f.grant_id, t.family, t.generation, f.key_id, f.key_thumbprint, f.expires_at, t.idle_expires_at, t.created_at, t.consumed_at`

const (
	selectRefreshToken = `SELECT ` + tokenColumns + `, ` + grantColumns + `, ` + userColumns + `
FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family JOIN grants g ON g.id = f.grant_id JOIN users u ON u.id = g.user_id
WHERE t.token = ?`

	insertFamily       = `INSERT INTO refresh_families (id, grant_id, key_id, key_thumbprint, expires_at) VALUES (?, ?, ?, ?, ?)`
	bindFamily         = `UPDATE refresh_families SET key_thumbprint = ? WHERE id = ? AND key_thumbprint = ''`
	extendGrant        = `UPDATE grants SET collect_at = max(collect_at, ?) WHERE id = ?`
	insertRefreshToken = `INSERT INTO refresh_tokens (token, family, generation, idle_expires_at, created_at) VALUES (?, ?, ?, ?, ?)`

	// Everything that may refuse is part of the one write; rows changed decide.
	consumeRefreshToken = `UPDATE refresh_tokens SET consumed_at = ?3
WHERE token = ?1 AND consumed_at IS NULL AND idle_expires_at > ?3
  AND EXISTS (SELECT 1 FROM refresh_families f JOIN grants g ON g.id = f.grant_id JOIN users u ON u.id = g.user_id
              WHERE f.id = refresh_tokens.family AND f.expires_at > ?3
                AND g.client_uid = ?2 AND g.revoked_at IS NULL AND u.disabled_at IS NULL)`

	selectSuccessor = `SELECT ` + tokenColumns + ` FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family
WHERE t.family = ? AND t.generation = ?`
)

// tokenInto lists where tokenColumns go.
func tokenInto(r *storage.RefreshToken) []any {
	return []any{
		hashInto{&r.Token}, &r.GrantID, &r.Family, &r.Generation, &r.KeyID, &r.KeyThumbprint, timeInto{&r.ExpiresAt}, timeInto{&r.IdleExpiresAt},
		timeInto{&r.CreatedAt}, timeInto{&r.ConsumedAt},
	}
}

// holding is a refresh token with all it hangs on.
type holding struct {
	token storage.RefreshToken
	grant storage.Grant
	user  storage.User
}

func (h *holding) into() []any {
	return append(append(tokenInto(&h.token), grantInto(&h.grant)...), userInto(&h.user)...)
}

// expired reports whether the token or its family has ended at now.
func expired(r *storage.RefreshToken, now time.Time) bool {
	return r.ExpiresAt.UnixMicro() <= now.UnixMicro() || r.IdleExpiresAt.UnixMicro() <= now.UnixMicro()
}

// RefreshToken reads a token, consumed or not, and its grant.
func (db *DB) RefreshToken(ctx context.Context, token storage.Hash) (storage.RefreshToken, storage.Grant, error) {
	var h holding
	if err := db.read(ctx, selectRefreshToken, []any{token[:]}, h.into()...); err != nil {
		return storage.RefreshToken{}, storage.Grant{}, orNotFound(err)
	}
	if ended(&h.grant, &h.user) {
		return h.token, h.grant, storage.ErrRevoked
	}
	return h.token, h.grant, nil
}

// Rotate consumes a token and writes its successor. With storage.ErrReplayed the redemption names the grant that was
// revoked, for the audit log.
func (db *DB) Rotate(ctx context.Context, token storage.Hash, client storage.ClientRef, now time.Time, grace time.Duration, next storage.Successor, check func(storage.RefreshToken, storage.Grant, storage.User) error) (storage.Redemption, error) {
	r := rotation{token: token, client: client, now: now, grace: grace, next: next, check: check}
	if err := db.write(ctx, r.run); err != nil {
		return storage.Redemption{}, err
	}
	return r.result, r.refusal
}

// rotation is one call of Rotate.
type rotation struct {
	token  storage.Hash
	client storage.ClientRef
	now    time.Time
	grace  time.Duration
	next   storage.Successor
	check  func(storage.RefreshToken, storage.Grant, storage.User) error

	result storage.Redemption
	// refusal is returned together with a commit: a replay is refused and the grant revoked.
	refusal error
}

// run decides by one conditional write. What is read before it serves check and next; what is read after it explains a loss.
func (r *rotation) run(t *tx) error {
	h, err := r.load(t)
	if err != nil {
		return err
	}
	if h.grant.Client.UID != r.client.UID {
		return storage.ErrForeign
	}
	if ended(&h.grant, &h.user) {
		return storage.ErrRevoked
	}
	if !h.token.ConsumedAt.IsZero() {
		return r.again(t, h)
	}
	if expired(&h.token, r.now) {
		return storage.ErrExpired
	}
	if err := r.allowed(h); err != nil {
		return err
	}
	n, err := t.exec(consumeRefreshToken, r.token[:], r.client.UID, r.now.UnixMicro())
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("refresh token %w inside its own transaction", storage.ErrConsumed)
	}
	return r.succeed(t, h)
}

// load reads the token with all it hangs on.
func (r *rotation) load(t *tx) (*holding, error) {
	var h holding
	if err := t.query(selectRefreshToken, []any{r.token[:]}, h.into()...); err != nil {
		return nil, orNotFound(err)
	}
	return &h, nil
}

// allowed asks the caller.
func (r *rotation) allowed(h *holding) error {
	if r.check == nil {
		return nil
	}
	return r.check(h.token, h.grant, h.user)
}

// succeed writes the next generation. What is the same for a family is taken from the row, whatever next says.
func (r *rotation) succeed(t *tx, h *holding) error {
	s, err := r.next(h.token)
	if err != nil {
		return err
	}
	s.GrantID, s.Family, s.KeyID, s.ExpiresAt = h.token.GrantID, h.token.Family, h.token.KeyID, h.token.ExpiresAt
	s.Generation = h.token.Generation + 1
	if h.token.KeyThumbprint != "" {
		s.KeyThumbprint = h.token.KeyThumbprint
	} else if s.KeyThumbprint != "" {
		if _, err := t.exec(bindFamily, s.KeyThumbprint, s.Family); err != nil {
			return err
		}
	}
	if s, err = t.addToken(s, r.now); err != nil {
		return err
	}
	if err := t.touch(&h.grant, r.now); err != nil {
		return err
	}
	r.result = storage.Redemption{Grant: h.grant, User: h.user, Token: s}
	return nil
}

// again answers the use of a consumed token: the same successor when its answer may have been lost, else the grant ends.
func (r *rotation) again(t *tx, h *holding) error {
	var s storage.RefreshToken
	err := t.query(selectSuccessor, []any{h.token.Family, h.token.Generation + 1}, tokenInto(&s)...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err != nil || !s.ConsumedAt.IsZero() || !within(r.now, h.token.ConsumedAt, r.grace) {
		r.refusal = storage.ErrReplayed
		r.result = storage.Redemption{Grant: h.grant, User: h.user}
		r.result.Grant.RevokedAt = fromMicros(r.now.UnixMicro())
		_, err := t.exec(revokeGrant, r.now.UnixMicro(), h.grant.ID)
		return err
	}
	if expired(&s, r.now) {
		return storage.ErrExpired
	}
	if err := r.allowed(h); err != nil {
		return err
	}
	r.result = storage.Redemption{Grant: h.grant, User: h.user, Token: s, Retried: true}
	return nil
}

// within reports whether now is less than grace away from at. It looks both ways: of two that race, the one that read its
// clock first may come second. A clock that went back by more than grace grants no retry.
func within(now, at time.Time, grace time.Duration) bool {
	return now.Sub(at).Abs() < grace
}

// addFamily writes the first generation of a new family.
func (t *tx) addFamily(r storage.RefreshToken, g *storage.Grant, now time.Time) (storage.RefreshToken, error) {
	r.GrantID, r.ExpiresAt = g.ID, fromMicros(r.ExpiresAt.UnixMicro())
	if _, err := t.exec(insertFamily, r.Family, r.GrantID, r.KeyID, r.KeyThumbprint, r.ExpiresAt.UnixMicro()); err != nil {
		return r, conflict(err)
	}
	if _, err := t.exec(extendGrant, r.ExpiresAt.Add(grantKept).UnixMicro(), g.ID); err != nil {
		return r, err
	}
	return t.addToken(r, now)
}

// addToken writes one generation and returns it as it is kept. Without an idle limit it ends with its family.
func (t *tx) addToken(r storage.RefreshToken, now time.Time) (storage.RefreshToken, error) {
	if r.CreatedAt.IsZero() {
		r.CreatedAt = now
	}
	if r.IdleExpiresAt.IsZero() || r.IdleExpiresAt.After(r.ExpiresAt) {
		r.IdleExpiresAt = r.ExpiresAt
	}
	r.CreatedAt, r.IdleExpiresAt = fromMicros(r.CreatedAt.UnixMicro()), fromMicros(r.IdleExpiresAt.UnixMicro())
	r.ConsumedAt = time.Time{}
	_, err := t.exec(insertRefreshToken, r.Token[:], r.Family, r.Generation, r.IdleExpiresAt.UnixMicro(), r.CreatedAt.UnixMicro())
	return r, conflict(err)
}

// touch notes that the grant was used.
func (t *tx) touch(g *storage.Grant, now time.Time) error {
	g.LastUsedAt = fromMicros(now.UnixMicro())
	_, err := t.exec(touchGrant, now.UnixMicro(), g.ID)
	return err
}
