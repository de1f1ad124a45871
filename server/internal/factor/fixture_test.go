package factor_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
)

const issuer = "https://login.example.com:8443/tenant"

// fixture is factors over a real database and registry.
type fixture struct {
	*testing.T
	factors *factor.Factors
	db      *sqlite.DB
	ada     storage.User
	grace   storage.User

	mu  sync.Mutex
	now time.Time
}

func (f *fixture) clock() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now }

func (f *fixture) advance(d time.Duration) { f.mu.Lock(); defer f.mu.Unlock(); f.now = f.now.Add(d) }

func newFixture(t *testing.T, issuer string) *fixture {
	t.Helper()
	f := &fixture{T: t, now: time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)}
	var err error
	f.db, err = sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db"), Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.db.Close(); err != nil {
			t.Error(err)
		}
	})
	r := registry.New(slog.New(slog.DiscardHandler))
	r.Replace([]registry.Change{
		{Key: "server", Document: &registration.Server{Namespace: "oauth", Name: "main", Issuer: issuer, DisplayName: "Example: Login",
			Device: registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)}}},
		{Key: "keys", Document: &registration.Keys{Namespace: "oauth", Name: "main",
			Sealing: []registration.SymmetricKey{{ID: "a", Key: bytes.Repeat([]byte{7}, 32)}}}},
	}, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := r.WaitFor(ctx, func(s *registry.Snapshot) bool { return s.Complete() }); err != nil {
		t.Fatal(err)
	}
	atRest := seal.New(func() []registration.SymmetricKey {
		return []registration.SymmetricKey{{ID: "r", Key: bytes.Repeat([]byte{9}, 32)}}
	}, rand.Reader)
	f.factors = factor.New(factor.Deps{Storage: f.db, AtRest: atRest, Registry: r, Random: rand.Reader})
	f.ada, f.grace = f.user("ada"), f.user("grace")
	return f
}

func (f *fixture) user(name string) storage.User {
	f.Helper()
	u, err := f.db.SignedIn(f.Context(), storage.User{ID: "id-of-" + name, Provider: "p", Subject: name, Username: name, CreatedAt: f.now, UpdatedAt: f.now})
	if err != nil {
		f.Fatal(err)
	}
	return u
}
