package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	// The limit is part of the one write: two that arrive together cannot both see room.
	insertPushed = `INSERT INTO pushed_requests (uri, client_id, client_uid, request, created_at, expires_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE (SELECT count(*) FROM (SELECT 1 FROM pushed_requests WHERE client_uid = ?3 AND consumed_at IS NULL AND expires_at > ?5 LIMIT ?7)) < ?7`

	consumePushed = `UPDATE pushed_requests SET consumed_at = ?3
WHERE uri = ?1 AND client_uid = ?2 AND consumed_at IS NULL AND expires_at > ?3
RETURNING client_id, request, created_at, expires_at`

	// What was asked for is of no use any more, and may say who was expected: what stays is that it was used.
	emptyPushed = `UPDATE pushed_requests SET request = '' WHERE uri = ?`

	selectPushed = `SELECT client_uid, expires_at, consumed_at FROM pushed_requests WHERE uri = ?`
)

// PushRequest writes a request. What is live is judged at p.CreatedAt.
func (db *DB) PushRequest(ctx context.Context, p storage.PushedRequest, maxOpen int) error {
	return db.write(ctx, func(t *tx) error {
		n, err := t.exec(insertPushed, p.URI[:], p.Client.ID, p.Client.UID, string(p.Request), p.CreatedAt.UnixMicro(), p.ExpiresAt.UnixMicro(), max(maxOpen, 0))
		switch {
		case err != nil:
			return conflict(err)
		case n != 1:
			return storage.ErrLimit
		}
		return nil
	})
}

// UsePushedRequest is one conditional write; losing is explained afterwards.
func (db *DB) UsePushedRequest(ctx context.Context, uri storage.Hash, client storage.ClientRef, now time.Time) (storage.PushedRequest, error) {
	var p storage.PushedRequest
	err := db.write(ctx, func(t *tx) error {
		p = storage.PushedRequest{URI: uri, Client: storage.ClientRef{UID: client.UID}, ConsumedAt: fromMicros(now.UnixMicro())}
		err := t.execReturning(consumePushed, []any{uri[:], client.UID, now.UnixMicro()},
			&p.Client.ID, jsonInto{&p.Request}, timeInto{&p.CreatedAt}, timeInto{&p.ExpiresAt})
		if errors.Is(err, sql.ErrNoRows) {
			return t.unusable(uri, client)
		}
		if err != nil {
			return err
		}
		_, err = t.exec(emptyPushed, uri[:])
		return err
	})
	if err != nil {
		return storage.PushedRequest{}, err
	}
	return p, nil
}

// unusable says why a pushed request could not be used.
func (t *tx) unusable(uri storage.Hash, client storage.ClientRef) error {
	var p storage.PushedRequest
	err := t.query(selectPushed, []any{uri[:]}, &p.Client.UID, timeInto{&p.ExpiresAt}, timeInto{&p.ConsumedAt})
	switch {
	case err != nil:
		return orNotFound(err)
	case p.Client.UID != client.UID:
		return storage.ErrForeign
	case !p.ConsumedAt.IsZero():
		return storage.ErrConsumed
	default:
		return storage.ErrExpired
	}
}
