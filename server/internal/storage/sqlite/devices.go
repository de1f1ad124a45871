package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const deviceColumns = `d.code, d.user_code, d.client_id, d.client_uid, d.scopes, d.audience, d.origin_address, d.origin_user_agent, d.created_at, d.expires_at, d.poll_interval, d.state, d.grant_id, d.consumed_at`

const (
	// Both limits are part of the one write: two that arrive together cannot both see room.
	insertDevice = `INSERT INTO device_requests (code, user_code, client_id, client_uid, scopes, audience, origin_address, origin_user_agent, created_at, expires_at, poll_interval, state, collect_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'pending', ?12
WHERE NOT EXISTS (SELECT 1 FROM device_requests WHERE user_code = ?2 AND expires_at > ?9)
  AND (SELECT count(*) FROM (SELECT 1 FROM device_requests WHERE client_uid = ?4 AND state = 'pending' AND expires_at > ?9 LIMIT ?13)) < ?13`

	selectUserCodeTaken = `SELECT 1 FROM device_requests WHERE user_code = ? AND expires_at > ? LIMIT 1`

	selectDeviceByUserCode = `SELECT ` + deviceColumns + ` FROM device_requests d
WHERE d.user_code = ? AND d.expires_at > ? AND d.state = 'pending' LIMIT 1`

	selectDevice = `SELECT ` + deviceColumns + ` FROM device_requests d WHERE d.code = ?`

	decideDevice = `UPDATE device_requests SET state = ?3, grant_id = ?4
WHERE code = ?1 AND state = 'pending' AND expires_at > ?2`

	// Returns when the poll two before this one was.
	pollDevice = `UPDATE device_requests SET polled_at_3 = polled_at_2, polled_at_2 = polled_at, polled_at = ?3
WHERE code = ?1 AND client_uid = ?2 AND state = 'pending'
RETURNING polled_at_3`

	consumeDevice = `UPDATE device_requests SET consumed_at = ?3
WHERE code = ?1 AND client_uid = ?2 AND state = 'approved' AND consumed_at IS NULL AND expires_at > ?3
  AND EXISTS (SELECT 1 FROM grants g JOIN users u ON u.id = g.user_id
              WHERE g.id = device_requests.grant_id AND g.revoked_at IS NULL AND u.disabled_at IS NULL)`
)

// deviceInto lists where deviceColumns go.
func deviceInto(d *storage.DeviceRequest) []any {
	return []any{
		hashInto{&d.Code}, hashInto{&d.UserCode}, &d.Client.ID, &d.Client.UID, listInto{&d.Scopes}, listInto{&d.Audience},
		&d.Origin.Address, &d.Origin.UserAgent, timeInto{&d.CreatedAt}, timeInto{&d.ExpiresAt}, durationInto{&d.Interval}, &d.State,
		textInto{&d.GrantID}, timeInto{&d.ConsumedAt},
	}
}

// CreateDevice writes a pending request. What is live is judged at d.CreatedAt. The row is kept for one more lifetime after
// it expires, so that a late poll is told so.
func (db *DB) CreateDevice(ctx context.Context, d storage.DeviceRequest, maxOpen int) error {
	scopes, err := encodeList(d.Scopes)
	if err != nil {
		return err
	}
	audience, err := encodeList(d.Audience)
	if err != nil {
		return err
	}
	created, expires := d.CreatedAt.UnixMicro(), d.ExpiresAt.UnixMicro()
	collect := expires + max(expires-created, 0)
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(insertDevice, d.Code[:], d.UserCode[:], d.Client.ID, d.Client.UID, scopes, audience, d.Origin.Address, d.Origin.UserAgent,
			created, expires, d.Interval.Microseconds(), collect, max(maxOpen, 0))
		if err != nil {
			return conflict(err)
		}
		if n == 1 {
			return nil
		}
		var taken int
		err = t.query(selectUserCodeTaken, []any{d.UserCode[:], created}, &taken)
		switch {
		case err == nil:
			return storage.ErrConflict
		case errors.Is(err, sql.ErrNoRows):
			return storage.ErrLimit
		}
		return err
	})
}

// DeviceByUserCode reads a live pending request.
func (db *DB) DeviceByUserCode(ctx context.Context, userCode storage.Hash, now time.Time) (storage.DeviceRequest, error) {
	var d storage.DeviceRequest
	if err := db.read(ctx, selectDeviceByUserCode, []any{userCode[:], now.UnixMicro()}, deviceInto(&d)...); err != nil {
		return storage.DeviceRequest{}, orNotFound(err)
	}
	return d, nil
}

// ApproveDevice decides, then writes the grant. storage.ErrForeign when g is for another client than the request,
// storage.ErrRevoked when its user is disabled; then the request stays pending.
func (db *DB) ApproveDevice(ctx context.Context, code storage.Hash, g storage.Grant, now time.Time, room *storage.Room) error {
	return db.write(ctx, func(t *tx) error {
		d, err := t.device(code)
		if err != nil {
			return err
		}
		if d.Client.UID != g.Client.UID {
			return storage.ErrForeign
		}
		if err := t.decide(code, storage.DeviceApproved, g.ID, now); err != nil {
			return err
		}
		if err := t.makeRoom(&g, now, room); err != nil {
			return err
		}
		return t.addGrant(g, now, now.Add(grantKept))
	})
}

// DenyDevice decides.
func (db *DB) DenyDevice(ctx context.Context, code storage.Hash, now time.Time) error {
	return db.write(ctx, func(t *tx) error { return t.decide(code, storage.DeviceDenied, "", now) })
}

// decide is the one conditional write that takes a request out of pending; losing is explained afterwards.
func (t *tx) decide(code storage.Hash, state storage.DeviceState, grantID string, now time.Time) error {
	var grant any
	if grantID != "" {
		grant = grantID
	}
	n, err := t.exec(decideDevice, code[:], now.UnixMicro(), string(state), grant)
	if err != nil || n == 1 {
		return err
	}
	d, err := t.device(code)
	switch {
	case err != nil:
		return err
	case d.State != storage.DevicePending:
		return storage.ErrConsumed
	default:
		return storage.ErrExpired
	}
}

// device reads a request inside the transaction.
func (t *tx) device(code storage.Hash) (storage.DeviceRequest, error) {
	var d storage.DeviceRequest
	err := t.query(selectDevice, []any{code[:]}, deviceInto(&d)...)
	return d, orNotFound(err)
}

// RedeemDevice is one poll. What it returns as a refusal is decided by the state of the row first and by time second; the
// rate of polls matters only while the user has not decided (RFC 8628 section 3.5: slow_down is a kind of pending).
func (db *DB) RedeemDevice(ctx context.Context, code storage.Hash, client storage.ClientRef, now time.Time, first func(storage.Grant, storage.User) (*storage.RefreshToken, error)) (storage.Redemption, error) {
	var (
		won     storage.Redemption
		refusal error
	)
	err := db.write(ctx, func(t *tx) error {
		d, err := t.device(code)
		if err != nil {
			return err
		}
		if d.Client.UID != client.UID {
			return storage.ErrForeign
		}
		switch {
		case !d.ConsumedAt.IsZero():
			return storage.ErrConsumed
		case d.ExpiresAt.UnixMicro() <= now.UnixMicro():
			return storage.ErrExpired
		case d.State == storage.DeviceDenied:
			return storage.ErrDenied
		case d.State == storage.DevicePending:
			// The refusal is kept beside the error because the poll must stay counted.
			refusal, err = t.poll(&d, now)
			return err
		}
		won, err = t.redeem(&d, now, first)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return storage.Redemption{}, err
	}
	return won, nil
}

// poll counts a poll of a pending request and says how it is refused: storage.ErrSlowDown when it and the two before it
// came within one interval. A clock that went back makes nobody slow down.
func (t *tx) poll(d *storage.DeviceRequest, now time.Time) (refusal, err error) {
	var before time.Time
	if err := t.execReturning(pollDevice, []any{d.Code[:], d.Client.UID, now.UnixMicro()}, timeInto{&before}); err != nil {
		return nil, fmt.Errorf("count a poll: %w", err)
	}
	if before.IsZero() {
		return storage.ErrPending, nil
	}
	if since := now.Sub(before); since >= 0 && since < d.Interval {
		return storage.ErrSlowDown, nil
	}
	return storage.ErrPending, nil
}

// redeem consumes an approved request and writes the first refresh token.
func (t *tx) redeem(d *storage.DeviceRequest, now time.Time, first func(storage.Grant, storage.User) (*storage.RefreshToken, error)) (storage.Redemption, error) {
	n, err := t.exec(consumeDevice, d.Code[:], d.Client.UID, now.UnixMicro())
	if err != nil {
		return storage.Redemption{}, err
	}
	var (
		g storage.Grant
		u storage.User
	)
	if err := t.query(selectGrant, []any{d.GrantID}, append(grantInto(&g), userInto(&u)...)...); err != nil {
		return storage.Redemption{}, fmt.Errorf("grant of a device request: %w", err)
	}
	if n != 1 {
		if ended(&g, &u) {
			return storage.Redemption{}, storage.ErrRevoked
		}
		return storage.Redemption{}, storage.ErrConsumed
	}
	if err := t.touch(&g, now); err != nil {
		return storage.Redemption{}, err
	}
	won := storage.Redemption{Grant: g, User: u}
	if first == nil {
		return won, nil
	}
	token, err := first(g, u)
	if err != nil || token == nil {
		return won, err
	}
	won.Token, err = t.addFamily(*token, &g, now)
	return won, err
}
