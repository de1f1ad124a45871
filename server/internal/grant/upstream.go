package grant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	// UpstreamFresh is how long the word of an identity provider on an account is not asked for again.
	UpstreamFresh = 30 * time.Second
	// UpstreamGrace is how long it is believed while the provider is out of reach.
	UpstreamGrace = time.Hour

	// upstreamTimeout bounds one question, upstreamPause the time until a provider that did not answer is asked again,
	// whoever wants to know.
	upstreamTimeout = 8 * time.Second
	upstreamPause   = 10 * time.Second
	maxUnsaved      = 10_000
)

// Providers knows which identity providers can be asked about an account without its user; see idp.Set.
type Providers interface {
	Provider(declared []*registration.IdentityProvider, uid string) (idp.Provider, bool)
	// Asks reports whether any of the declared providers can be asked.
	Asks(declared []*registration.IdentityProvider) bool
}

// UpstreamStorage is what an Upstream keeps and reads.
type UpstreamStorage interface {
	RefreshToken(ctx context.Context, token storage.Hash) (storage.RefreshToken, storage.Grant, error)
	User(ctx context.Context, id string) (storage.User, error)
	CheckedUser(ctx context.Context, u storage.User) error
}

// Upstream asks identity providers about accounts before their refresh tokens are rotated (D11), and before a session yields a new
// grant: what a provider took away there ends here with the next one. It is safe for concurrent use.
type Upstream struct {
	providers Providers
	storage   UpstreamStorage
	atRest    *seal.Sealer

	flights singleflight.Group // by user

	mu sync.Mutex
	// away is when a provider, by its UID, last did not answer.
	away map[string]time.Time
	// unsaved are answers that storage did not take: a provider may have replaced what is kept, and what was kept before is
	// worth nothing any more.
	unsaved map[string]storage.User
}

// NewUpstream makes an Upstream. atRest seals what providers want kept.
func NewUpstream(p Providers, s UpstreamStorage, atRest *seal.Sealer) *Upstream {
	return &Upstream{providers: p, storage: s, atRest: atRest, away: map[string]time.Time{}, unsaved: map[string]storage.User{}}
}

// Check asks about the account of a refresh token that a client is about to use. Nothing is consumed, and no transaction is open
// meanwhile. What is wrong with the token itself is left to the rotation. Errors: invalid_grant when the account may not sign in
// any more, temporarily_unavailable when the provider has been out of reach for longer than UpstreamGrace, or storage is.
func (u *Upstream) Check(ctx context.Context, declared []*registration.IdentityProvider, clientUID string, token storage.Hash, now time.Time) error {
	if u == nil || !u.providers.Asks(declared) {
		return nil
	}
	current, granted, err := u.storage.RefreshToken(ctx, token)
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrRevoked):
		return nil
	case err != nil:
		return oauth.Unavailable().WithCause(err)
	case granted.Client.UID != clientUID, !current.ConsumedAt.IsZero():
		return nil
	}
	return u.CheckUser(ctx, declared, granted.UserID, now)
}

// CheckUser is Check for an account by the user's ID: also a session that was begun long ago opens nothing new for an account that has
// ended since. Its errors are those of Check.
func (u *Upstream) CheckUser(ctx context.Context, declared []*registration.IdentityProvider, userID string, now time.Time) error {
	if u == nil || !u.providers.Asks(declared) {
		return nil
	}
	// Whoever comes first asks for all. It goes on when that one's request ends.
	answer := u.flights.DoChan(userID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), upstreamTimeout)
		defer cancel()
		return nil, u.check(ctx, declared, userID, now)
	})
	select {
	case <-ctx.Done():
		return oauth.Unavailable().WithCause(context.Cause(ctx))
	case done := <-answer:
		return done.Err
	}
}

func (u *Upstream) check(ctx context.Context, declared []*registration.IdentityProvider, userID string, now time.Time) error {
	user, err := u.storage.User(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return oauth.Unavailable().WithCause(err)
	}
	provider, ok := u.providers.Provider(declared, user.Provider)
	if !ok || provider.Refresh == nil {
		return nil
	}
	if saved, ok := u.unsavedOf(user); ok {
		if err := u.save(ctx, saved); err != nil {
			return err
		}
		user = saved
	}
	age := now.Sub(user.CheckedAt)
	if age.Abs() < UpstreamFresh {
		return nil
	}
	identity, err := u.ask(ctx, provider, user, now)
	switch {
	case err == nil:
		return u.keep(ctx, user, identity, now)
	case errors.Is(err, idp.ErrUnknown):
		return nil
	case errors.Is(err, idp.ErrRefused):
		u.refused(ctx, user)
		return inactive().WithCause(err)
	case errors.Is(err, idp.ErrNotAllowed):
		return inactive().WithCause(err)
	case age.Abs() < UpstreamGrace:
		return nil
	default:
		return oauth.Unavailable().WithCause(fmt.Errorf("identity provider %s: %w", provider.Document.Name, err))
	}
}

// errAway is a provider that is not asked, because it did not answer a moment ago.
var errAway = errors.New("it did not answer a moment ago")

// ask is one question. A provider that does not answer is left alone for a while, so that its outage costs the requests of
// many users no more than that of one.
func (u *Upstream) ask(ctx context.Context, p idp.Provider, user storage.User, now time.Time) (idp.Identity, error) {
	u.mu.Lock()
	since, away := u.away[user.Provider]
	u.mu.Unlock()
	if away && now.Sub(since).Abs() < upstreamPause {
		return idp.Identity{}, errAway
	}
	kept, err := idp.OpenKept(u.atRest, user.Provider, user.Subject, user.Kept, now)
	if err != nil { // damaged, or another row's: nobody can be asked with it
		return idp.Identity{}, fmt.Errorf("%w: what was kept cannot be opened: %w", idp.ErrRefused, err)
	}
	identity, err := p.Refresh.Refresh(ctx, user.Subject, kept, now)
	decided := err == nil || errors.Is(err, idp.ErrUnknown) || errors.Is(err, idp.ErrRefused) || errors.Is(err, idp.ErrNotAllowed)
	u.mu.Lock()
	defer u.mu.Unlock()
	if decided {
		delete(u.away, user.Provider)
	} else {
		u.away[user.Provider] = now
	}
	if err == nil && identity.Subject != user.Subject {
		return idp.Identity{}, fmt.Errorf("%w: the provider answers about another account", idp.ErrRefused)
	}
	return identity, err
}

// keep stores what the provider said.
func (u *Upstream) keep(ctx context.Context, user storage.User, i idp.Identity, now time.Time) error {
	sealed, err := idp.SealKept(u.atRest, user.Provider, user.Subject, i.Kept)
	if err != nil {
		return oauth.Unavailable().WithCause(err)
	}
	user.Username, user.Name, user.Email, user.EmailVerified, user.Groups = i.Username, i.Name, i.Email, i.EmailVerified, i.Groups
	user.Profile, user.Kept, user.CheckedAt, user.UpdatedAt = i.Profile, sealed, now, now
	return u.save(ctx, user)
}

// refused notes that the provider does not take what is kept, so that the next sign-in does not go on with it, when it brings nothing
// new. Should storage not take the note, the next refusal makes it again. A sign-in meanwhile counts more.
func (u *Upstream) refused(ctx context.Context, user storage.User) {
	now, err := u.storage.User(ctx, user.ID)
	if err != nil || !bytes.Equal(now.Kept, user.Kept) || idp.WasRefused(now.Kept) {
		return
	}
	now.Kept = idp.Refused(now.Kept)
	_ = u.storage.CheckedUser(ctx, now) // see above
}

func (u *Upstream) save(ctx context.Context, user storage.User) error {
	err := u.storage.CheckedUser(ctx, user)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrRevoked) { // the rotation will say so
		delete(u.unsaved, user.ID)
		return nil
	}
	if len(u.unsaved) < maxUnsaved {
		u.unsaved[user.ID] = user
	}
	return oauth.Unavailable().WithCause(err)
}

// unsavedOf finds an answer that is newer than the row.
func (u *Upstream) unsavedOf(stored storage.User) (storage.User, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	saved, ok := u.unsaved[stored.ID]
	if ok && !saved.CheckedAt.After(stored.CheckedAt) { // the user has signed in since
		delete(u.unsaved, stored.ID)
		ok = false
	}
	return saved, ok
}
