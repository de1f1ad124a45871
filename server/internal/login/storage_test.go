package login

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// watchedStorage is a real engine that counts writes, can be out of reach, and remembers device codes.
type watchedStorage struct {
	Storage
	down atomic.Bool
	// noCodes takes away the one write that makes a code.
	noCodes atomic.Bool
	writes  atomic.Int64
	mu      sync.Mutex
	codes   map[storage.Hash]storage.Hash
}

var errDown = errors.New("disk I/O error: secret detail of the engine")

func (s *watchedStorage) before(write bool) error {
	if s.down.Load() {
		return errDown
	}
	if write {
		s.writes.Add(1)
	}
	return nil
}

func (s *watchedStorage) SignedIn(ctx context.Context, u storage.User) (storage.User, error) {
	if err := s.before(true); err != nil {
		return storage.User{}, err
	}
	return s.Storage.SignedIn(ctx, u)
}

func (s *watchedStorage) CreateSession(ctx context.Context, x storage.Session, replaces storage.Hash) error {
	if err := s.before(true); err != nil {
		return err
	}
	return s.Storage.CreateSession(ctx, x, replaces)
}

func (s *watchedStorage) Session(ctx context.Context, id storage.Hash, now time.Time) (storage.Session, storage.User, error) {
	if err := s.before(false); err != nil {
		return storage.Session{}, storage.User{}, err
	}
	return s.Storage.Session(ctx, id, now)
}

func (s *watchedStorage) DeviceByUserCode(ctx context.Context, code storage.Hash, now time.Time) (storage.DeviceRequest, error) {
	if err := s.before(false); err != nil {
		return storage.DeviceRequest{}, err
	}
	d, err := s.Storage.DeviceByUserCode(ctx, code, now)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.codes == nil {
			s.codes = map[storage.Hash]storage.Hash{}
		}
		s.codes[code] = d.Code
	}
	return d, err
}

func (s *watchedStorage) codeOf(ctx context.Context, userCode string, now time.Time) (storage.Hash, error) {
	hash := storage.Hash(oauth.HashUserCode(userCode))
	s.mu.Lock()
	code, ok := s.codes[hash]
	s.mu.Unlock()
	if ok {
		return code, nil
	}
	d, err := s.Storage.DeviceByUserCode(ctx, hash, now)
	return d.Code, err
}

func (s *watchedStorage) ApproveDevice(ctx context.Context, code storage.Hash, g storage.Grant, now time.Time, room *storage.Room) error {
	if err := s.before(true); err != nil {
		return err
	}
	return s.Storage.ApproveDevice(ctx, code, g, now, room)
}

func (s *watchedStorage) UsePushedRequest(ctx context.Context, uri storage.Hash, client storage.ClientRef, now time.Time) (storage.PushedRequest, error) {
	if err := s.before(true); err != nil {
		return storage.PushedRequest{}, err
	}
	return s.Storage.UsePushedRequest(ctx, uri, client, now)
}

func (s *watchedStorage) CreateCode(ctx context.Context, c storage.Code, g storage.Grant, consent *storage.Consent, room *storage.Room) error {
	if s.noCodes.Load() {
		return errDown
	}
	if err := s.before(true); err != nil {
		return err
	}
	return s.Storage.CreateCode(ctx, c, g, consent, room)
}

func (s *watchedStorage) Count(ctx context.Context, key string, now time.Time, window time.Duration) (int64, time.Time, error) {
	if err := s.before(true); err != nil {
		return 0, time.Time{}, err
	}
	return s.Storage.Count(ctx, key, now, window)
}
