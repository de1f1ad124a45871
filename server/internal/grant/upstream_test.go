package grant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
)

// asked is a provider that says what a test wants and counts how often it was asked. The real ones pass the suite of idptest; this
// one is for what is made of their answers.
type asked struct {
	mu     sync.Mutex
	n      int
	kept   []string
	answer func(subject string) (idp.Identity, error)
	wait   chan struct{} // what it waits for before it answers
}

func (a *asked) Refresh(ctx context.Context, subject string, kept []byte, _ time.Time) (idp.Identity, error) {
	a.mu.Lock()
	a.n++
	a.kept = append(a.kept, string(kept))
	answer, wait := a.answer, a.wait
	a.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return idp.Identity{}, ctx.Err()
		}
	}
	return answer(subject)
}

// flaky is storage that can refuse to store what a provider said.
type flaky struct {
	storage.Storage
	broken bool
	reads  atomic.Int64
}

var errDisk = errors.New("the disk is full")

func (f *flaky) CheckedUser(ctx context.Context, u storage.User) error {
	if f.broken {
		return errDisk
	}
	return f.Storage.CheckedUser(ctx, u)
}

func (f *flaky) RefreshToken(ctx context.Context, h storage.Hash) (storage.RefreshToken, storage.Grant, error) {
	f.reads.Add(1)
	return f.Storage.RefreshToken(ctx, h)
}

type bench struct {
	t        *testing.T
	db       *sqlite.DB
	storage  *flaky
	provider *asked
	upstream *Upstream
	sealer   *seal.Sealer
	declared []*registration.IdentityProvider
	now      time.Time
	n        int
}

const appUID = "app-uid"

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "data.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	key := registration.SymmetricKey{ID: "k", Key: make([]byte, 32)}
	b := &bench{t: t, db: db, storage: &flaky{Storage: db}, provider: &asked{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		sealer:   seal.New(func() []registration.SymmetricKey { return []registration.SymmetricKey{key} }, rand.Reader),
		declared: []*registration.IdentityProvider{{Name: "silent", UID: "silent"}, {Name: "corp", UID: "corp"}}}
	set := idp.NewSet(func(d *registration.IdentityProvider) (idp.Provider, bool) {
		if d.Name == "silent" {
			return idp.Provider{}, true
		}
		return idp.Provider{Refresh: b.provider}, true
	})
	b.upstream = NewUpstream(set, b.storage, b.sealer)
	b.provider.answer = func(subject string) (idp.Identity, error) {
		return idp.Identity{Subject: subject, Username: "ada", Groups: []string{"staff"}, Kept: fmt.Appendf(nil, "kept-%d", b.provider.n)}, nil
	}
	return b
}

// signedIn makes a user of a provider, as of now, and a refresh token of theirs.
func (b *bench) signedIn(provider string) (storage.User, storage.Hash) {
	b.t.Helper()
	b.n++
	id := fmt.Sprint("user-", b.n)
	sealed, err := idp.SealKept(b.sealer, provider, id, []byte("kept-0"))
	if err != nil {
		b.t.Fatal(err)
	}
	user, err := b.db.SignedIn(b.t.Context(), storage.User{ID: id, Provider: provider, Subject: id, Username: "ada", Groups: []string{"staff", "admins"},
		Kept: sealed, CheckedAt: b.now, CreatedAt: b.now, UpdatedAt: b.now})
	if err != nil {
		b.t.Fatal(err)
	}
	return user, b.token(user)
}

func (b *bench) token(user storage.User) storage.Hash {
	b.t.Helper()
	b.n++
	hash := func(what string) storage.Hash { return sha256.Sum256(fmt.Append(nil, what, b.n)) }
	client := storage.ClientRef{ID: "app", UID: appUID}
	g := storage.Grant{ID: fmt.Sprint("grant-", b.n), UserID: user.ID, Client: client, Scopes: []string{"openid"}, AuthenticatedAt: b.now, CreatedAt: b.now}
	code := storage.Code{Code: hash("code"), Request: hash("request"), GrantID: g.ID, Client: client, CreatedAt: b.now, ExpiresAt: b.now.Add(time.Minute)}
	if err := b.db.CreateCode(b.t.Context(), code, g, nil, nil); err != nil {
		b.t.Fatal(err)
	}
	first := storage.RefreshToken{Token: hash("token"), GrantID: g.ID, Family: fmt.Sprint("family-", b.n), Generation: 1, KeyID: "k",
		ExpiresAt: b.now.Add(720 * time.Hour), IdleExpiresAt: b.now.Add(168 * time.Hour), CreatedAt: b.now}
	_, _, err := b.db.RedeemCode(b.t.Context(), code.Code, client, b.now, 0,
		func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error) { return &first, nil }, func(error) bool { return false })
	if err != nil {
		b.t.Fatal(err)
	}
	return first.Token
}

func (b *bench) check(token storage.Hash) error {
	return b.upstream.Check(b.t.Context(), b.declared, appUID, token, b.now)
}

func (b *bench) stored(id string) storage.User {
	b.t.Helper()
	u, err := b.db.User(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func code(err error) string {
	if e := (*oauth.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func refuse(err error) func(string) (idp.Identity, error) {
	return func(string) (idp.Identity, error) { return idp.Identity{}, err }
}

func TestUpstreamAnswers(t *testing.T) {
	away := errors.New("no route to host")
	for name, c := range map[string]struct {
		answer func(string) (idp.Identity, error)
		after  time.Duration
		want   string
		asked  int
	}{
		"D11 the word of a moment ago is believed":         {refuse(idp.ErrRefused), UpstreamFresh - time.Second, "<nil>", 0},
		"D11 a locked account":                             {refuse(idp.ErrRefused), UpstreamFresh, "invalid_grant", 1},
		"D11 an account that is not let in any more":       {refuse(idp.ErrNotAllowed), UpstreamFresh, "invalid_grant", 1},
		"a provider that cannot tell":                      {refuse(idp.ErrUnknown), 1000 * time.Hour, "<nil>", 1},
		"fault 28 out of reach for a while":                {refuse(away), UpstreamGrace - time.Second, "<nil>", 1},
		"fault 28 out of reach for too long":               {refuse(away), UpstreamGrace, "temporarily_unavailable", 1},
		"a clock that went back is no proof":               {refuse(idp.ErrRefused), -UpstreamFresh, "invalid_grant", 1},
		"D11 an answer about another account is no answer": {func(string) (idp.Identity, error) { return idp.Identity{Subject: "x", Username: "x"}, nil }, UpstreamFresh, "invalid_grant", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			user, token := b.signedIn("corp")
			b.provider.answer = c.answer
			b.now = b.now.Add(c.after)
			if got := code(b.check(token)); got != c.want || b.provider.n != c.asked {
				t.Errorf("%s, asked %d times", got, b.provider.n)
			}
			if now := b.stored(user.ID); !now.CheckedAt.Equal(user.CheckedAt) || !slices.Equal(now.Groups, user.Groups) {
				t.Errorf("stored without an answer: %+v", now)
			}
			if again, _, err := b.db.RefreshToken(t.Context(), token); err != nil || !again.ConsumedAt.IsZero() {
				t.Errorf("the token was consumed: %+v, error %v", again, err)
			}
		})
	}
}

func TestUpstreamStores(t *testing.T) {
	b := newBench(t)
	user, token := b.signedIn("corp")
	for i := 1; i <= 3; i++ {
		b.now = b.now.Add(UpstreamFresh)
		if err := b.check(token); err != nil {
			t.Fatal(err)
		}
		now := b.stored(user.ID)
		if !now.CheckedAt.Equal(b.now) || !slices.Equal(now.Groups, []string{"staff"}) {
			t.Errorf("D11 not stored: %+v", now)
		}
		if want := fmt.Sprint("kept-", i-1); b.provider.kept[i-1] != want {
			t.Errorf("asked with %q, not %q", b.provider.kept[i-1], want)
		}
		if slices.Contains([]string{fmt.Sprint("kept-", i), ""}, string(now.Kept)) {
			t.Errorf("what is kept is not sealed: %q", now.Kept)
		}
	}
	t.Run("what another row has kept does not open", func(t *testing.T) {
		other, otherToken := b.signedIn("corp")
		swapped := b.stored(other.ID)
		swapped.Kept = b.stored(user.ID).Kept
		if err := b.db.CheckedUser(t.Context(), swapped); err != nil {
			t.Fatal(err)
		}
		b.now = b.now.Add(UpstreamFresh)
		if got, before := code(b.check(otherToken)), b.provider.n; got != "invalid_grant" || b.provider.n != before {
			t.Error(got)
		}
	})
}

func TestUpstreamRefuses(t *testing.T) {
	b := newBench(t)
	user, token := b.signedIn("corp")
	refused := func() {
		t.Helper()
		b.now = b.now.Add(UpstreamFresh)
		if got := code(b.check(token)); got != "invalid_grant" {
			t.Fatal(got)
		}
	}
	good := b.provider.answer
	t.Run("D11 what a provider refused is marked, and nothing else changes", func(t *testing.T) {
		b.provider.answer = refuse(idp.ErrRefused)
		refused()
		refused()
		want := user
		want.Kept = idp.Refused(user.Kept)
		if diff := cmp.Diff(want, b.stored(user.ID)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("an account that is let in again goes on, and the mark is gone", func(t *testing.T) {
		b.provider.answer = good
		if err := b.check(token); err != nil {
			t.Fatal(err)
		}
		if last := b.provider.kept[len(b.provider.kept)-1]; last != "kept-0" {
			t.Errorf("asked with %q", last)
		}
		if idp.WasRefused(b.stored(user.ID).Kept) {
			t.Error("it is marked")
		}
	})
	t.Run("a refusal that is about the person, not about what is kept, marks nothing", func(t *testing.T) {
		b.provider.answer = refuse(idp.ErrNotAllowed)
		refused()
		if idp.WasRefused(b.stored(user.ID).Kept) {
			t.Error("it is marked")
		}
	})
	t.Run("what a sign-in brought while the provider was asked is not marked", func(t *testing.T) {
		sealed, err := idp.SealKept(b.sealer, "corp", user.Subject, []byte("kept-new"))
		if err != nil {
			t.Fatal(err)
		}
		b.provider.answer = func(string) (idp.Identity, error) {
			again := user
			again.Kept = sealed
			if _, err := b.db.SignedIn(t.Context(), again); err != nil {
				t.Error(err)
			}
			return idp.Identity{}, idp.ErrRefused
		}
		refused()
		if got := b.stored(user.ID).Kept; !slices.Equal(got, sealed) {
			t.Errorf("%q, want %q", got, sealed)
		}
	})
	t.Run("D11 a note that storage does not take changes no answer", func(t *testing.T) {
		b.provider.answer = refuse(idp.ErrRefused)
		b.storage.broken = true
		refused()
	})
}

func TestUpstreamAsksNobody(t *testing.T) {
	b := newBench(t)
	user, token := b.signedIn("corp")
	_, silent := b.signedIn("silent")
	_, gone := b.signedIn("gone")
	b.now = b.now.Add(time.Hour)
	b.provider.answer = refuse(idp.ErrRefused)
	for name, c := range map[string]struct {
		declared  []*registration.IdentityProvider
		clientUID string
		token     storage.Hash
	}{
		"for a user of a provider that cannot be asked":   {b.declared, appUID, silent},
		"for a user of a provider that is not declared":   {b.declared, appUID, gone},
		"D05 for another client":                          {b.declared, "another", token},
		"for a token that there is not":                   {b.declared, appUID, storage.Hash{1}},
		"where no declared provider can be asked, at all": {b.declared[:1], appUID, token},
	} {
		t.Run(name, func(t *testing.T) {
			b.storage.reads.Store(0)
			if err := b.upstream.Check(t.Context(), c.declared, c.clientUID, c.token, b.now); err != nil || b.provider.n != 0 {
				t.Errorf("error %v, asked %d times", err, b.provider.n)
			}
			if len(c.declared) == 1 && b.storage.reads.Load() != 0 {
				t.Errorf("%d reads", b.storage.reads.Load())
			}
		})
	}
	t.Run("for a grant that was revoked", func(t *testing.T) {
		if err := b.db.DisableUser(t.Context(), user.ID, b.now); err != nil {
			t.Fatal(err)
		}
		if err := b.check(token); err != nil || b.provider.n != 0 {
			t.Errorf("error %v, asked %d times", err, b.provider.n)
		}
	})
	t.Run("without an upstream", func(t *testing.T) {
		var none *Upstream
		if err := none.Check(t.Context(), b.declared, appUID, token, b.now); err != nil {
			t.Error(err)
		}
	})
}

func TestUpstreamAsksOnce(t *testing.T) {
	t.Run("for many requests of one user at a time", func(t *testing.T) {
		b := newBench(t)
		user, first := b.signedIn("corp")
		tokens := []storage.Hash{first}
		for range 31 {
			tokens = append(tokens, b.token(user))
		}
		b.now = b.now.Add(UpstreamFresh)
		b.provider.wait = make(chan struct{})
		var all sync.WaitGroup
		for _, h := range tokens {
			all.Go(func() {
				if err := b.upstream.Check(t.Context(), b.declared, appUID, h, b.now); err != nil {
					t.Error(err)
				}
			})
		}
		close(b.provider.wait)
		all.Wait()
		if b.provider.n != 1 {
			t.Errorf("asked %d times", b.provider.n)
		}
	})
	t.Run("fault 28 for many users of a provider that does not answer", func(t *testing.T) {
		b := newBench(t)
		b.provider.answer = refuse(errors.New("no route to host"))
		var tokens []storage.Hash
		for range 5 {
			_, h := b.signedIn("corp")
			tokens = append(tokens, h)
		}
		b.now = b.now.Add(UpstreamFresh)
		for _, h := range tokens {
			if err := b.check(h); err != nil {
				t.Error(err)
			}
		}
		if b.provider.n != 1 {
			t.Errorf("asked %d times", b.provider.n)
		}
		b.now = b.now.Add(upstreamPause)
		if err := b.check(tokens[0]); err != nil || b.provider.n != 2 {
			t.Errorf("after the pause: error %v, asked %d times", err, b.provider.n)
		}
	})
	t.Run("a request that ends waits for nobody, and the answer is not lost", func(t *testing.T) {
		b := newBench(t)
		user, token := b.signedIn("corp")
		b.now = b.now.Add(UpstreamFresh)
		b.provider.wait = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.upstream.Check(ctx, b.declared, appUID, token, b.now) }()
		cancel()
		if got := code(<-done); got != "temporarily_unavailable" {
			t.Error(got)
		}
		close(b.provider.wait)
		if err := b.check(token); err != nil { // joins the one under way, or comes after it
			t.Error(err)
		}
		if now := b.stored(user.ID); !now.CheckedAt.Equal(b.now) || b.provider.n != 1 {
			t.Errorf("%+v, asked %d times", now, b.provider.n)
		}
	})
}

func TestUpstreamKeepsWhatStorageDoesNotTake(t *testing.T) {
	b := newBench(t)
	user, token := b.signedIn("corp")
	b.now = b.now.Add(UpstreamFresh)
	b.storage.broken = true
	for range 2 {
		if got := code(b.check(token)); got != "temporarily_unavailable" {
			t.Errorf("D12 %s", got)
		}
	}
	b.storage.broken = false
	if err := b.check(token); err != nil {
		t.Error(err)
	}
	if b.provider.n != 1 {
		t.Errorf("asked %d times: what is kept was replaced, and the one before is worth nothing", b.provider.n)
	}
	b.now = b.now.Add(UpstreamFresh)
	if err := b.check(token); err != nil || b.provider.kept[1] != "kept-1" {
		t.Errorf("error %v, asked with %q", err, b.provider.kept)
	}
	if now := b.stored(user.ID); !now.CheckedAt.Equal(b.now) {
		t.Errorf("%+v", now)
	}
	t.Run("but not over a sign-in since", func(t *testing.T) {
		b.now = b.now.Add(UpstreamFresh)
		b.storage.broken = true
		_ = b.check(token) // is not stored
		b.storage.broken = false
		b.now = b.now.Add(time.Second)
		again := b.stored(user.ID)
		again.Groups, again.CheckedAt, again.UpdatedAt = []string{"new"}, b.now, b.now
		if _, err := b.db.SignedIn(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if err := b.check(token); err != nil || !slices.Equal(b.stored(user.ID).Groups, []string{"new"}) {
			t.Errorf("error %v, %q", err, b.stored(user.ID).Groups)
		}
	})
}
