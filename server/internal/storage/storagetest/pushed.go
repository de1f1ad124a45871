package storagetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// push is a pushed request that is not written yet.
func (f *fixture) push(client storage.ClientRef) storage.PushedRequest {
	return storage.PushedRequest{
		URI: f.hash(), Client: client, Request: json.RawMessage(`{"c":"client","s":"a \"quoted\" <state>"}`),
		CreatedAt: f.now, ExpiresAt: f.now.Add(time.Minute),
	}
}

// pushed is a pushed request that waits for its use.
func (f *fixture) pushed(t *testing.T) storage.PushedRequest {
	t.Helper()
	p := f.push(f.client())
	noError(t, f.PushRequest(f.ctx, p, 10))
	return p
}

func testPushedRequests(t *testing.T, f *fixture) {
	use := func(p storage.PushedRequest, now time.Time) error {
		_, err := f.UsePushedRequest(f.ctx, p.URI, p.Client, now)
		return err
	}
	t.Run("G02 a request is used once, and comes back as it was written", func(t *testing.T) {
		p := f.pushed(t)
		got, err := f.UsePushedRequest(f.ctx, p.URI, p.Client, f.now.Add(time.Second))
		noError(t, err)
		p.ConsumedAt = f.now.Add(time.Second)
		wantEqual(t, got, p)
		wantError(t, use(p, f.now.Add(time.Second)), storage.ErrConsumed)
		wantError(t, use(p, p.ExpiresAt), storage.ErrConsumed)
	})
	t.Run("G02 another client's is refused, also one of the same name, and stays good", func(t *testing.T) {
		p := f.pushed(t)
		for _, other := range []storage.ClientRef{f.client(), {ID: p.Client.ID, UID: "recreated"}, {ID: p.Client.ID}} {
			_, err := f.UsePushedRequest(f.ctx, p.URI, other, f.now)
			wantError(t, err, storage.ErrForeign)
		}
		noError(t, use(p, f.now))
	})
	t.Run("G02 an expired one is refused, and an unknown one", func(t *testing.T) {
		p := f.pushed(t)
		wantError(t, use(p, p.ExpiresAt), storage.ErrExpired)
		wantError(t, use(f.push(p.Client), f.now), storage.ErrNotFound)
		noError(t, use(p, p.ExpiresAt.Add(-time.Microsecond)))
	})
	t.Run("a clock that goes back does not free a used one", func(t *testing.T) {
		p := f.pushed(t)
		noError(t, use(p, f.now.Add(30*time.Second)))
		wantError(t, use(p, f.now), storage.ErrConsumed)
	})
	t.Run("a URI in use is a conflict", func(t *testing.T) {
		p := f.pushed(t)
		again := f.push(f.client())
		again.URI = p.URI
		wantError(t, f.PushRequest(f.ctx, again, 10), storage.ErrConflict)
		noError(t, use(p, f.now))
	})
	t.Run("G01 the limit counts live requests of the client alone that were not used", func(t *testing.T) {
		client := f.client()
		var made []storage.PushedRequest
		for range 3 {
			p := f.push(client)
			noError(t, f.PushRequest(f.ctx, p, 3))
			made = append(made, p)
		}
		wantError(t, f.PushRequest(f.ctx, f.push(client), 3), storage.ErrLimit)
		noError(t, f.PushRequest(f.ctx, f.push(f.client()), 3))

		noError(t, use(made[0], f.now)) // one place is free
		noError(t, f.PushRequest(f.ctx, f.push(client), 3))
		wantError(t, f.PushRequest(f.ctx, f.push(client), 3), storage.ErrLimit)

		late := f.push(client) // all others have expired
		late.CreatedAt, late.ExpiresAt = f.now.Add(time.Minute), f.now.Add(2*time.Minute)
		noError(t, f.PushRequest(f.ctx, late, 3))
		wantError(t, f.PushRequest(f.ctx, f.push(f.client()), 0), storage.ErrLimit)
	})
	t.Run("whoever has given up used nothing", func(t *testing.T) {
		gone, cancel := context.WithCancel(f.ctx)
		cancel()
		p := f.pushed(t)
		_, err := f.UsePushedRequest(gone, p.URI, p.Client, f.now)
		wantError(t, err, context.Canceled)
		noError(t, use(p, f.now))
	})
	t.Run("G02 used and expired ones are told apart for ten minutes, and then they are gone", func(t *testing.T) {
		used, expired := f.pushed(t), f.pushed(t)
		noError(t, use(used, f.now))
		end := used.ExpiresAt.Add(10 * time.Minute)
		f.collect(t, end.Add(-time.Microsecond))
		wantError(t, use(used, end), storage.ErrConsumed)
		wantError(t, use(expired, end), storage.ErrExpired)
		f.collect(t, end)
		wantError(t, use(used, f.now), storage.ErrNotFound)
		wantError(t, use(expired, f.now), storage.ErrNotFound)
	})
}
