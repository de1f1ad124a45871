package choices

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// ErrAway means that the API did not say what there is to choose: it cannot be reached, or its answer is not what
// docs/reference/choices.md asks for. What wraps it says which, for the log.
var ErrAway = errors.New("the API does not say what there is to choose")

// Minter signs the tokens that APIs are asked with; *token.Issuer is one.
type Minter interface {
	Choices(t *token.Choices) (string, error)
}

// Lister lists choices. It is safe for concurrent use.
type Lister struct {
	minter Minter
	now    func() time.Time
	// clients by whether they may reach this machine.
	clients map[bool]*outbound.Client
	cache   *cache
}

// New makes a Lister. Its error means that the program was built wrong.
func New(m Minter, now func() time.Time) (*Lister, error) {
	l := &Lister{minter: m, now: now, clients: map[bool]*outbound.Client{}, cache: newCache()}
	for _, loopback := range []bool{false, true} {
		// APIs are declared by administrators of the platform, and are often inside.
		c, err := outbound.New(outbound.Options{Loopback: loopback, Private: true, MaxBody: maxAnswer})
		if err != nil {
			return nil, err
		}
		l.clients[loopback] = c
	}
	return l, nil
}

// Close ends connections that are idle.
func (l *Lister) Close() {
	for _, c := range l.clients {
		c.Close()
	}
}

// Query is what is asked.
type Query struct {
	// Issuer is the server's. Only a server on loopback asks APIs on loopback.
	Issuer string
	// Resource is the API; it has choices.
	Resource *registration.Resource
	// User is the person, Client the app that asks for Scopes of the API.
	User   storage.User
	Client storage.ClientRef
	Scopes []string
}

// List is what the person may choose among. An answer of an API counts for a minute. ErrAway; signer.ErrNoKey.
func (l *Lister) List(ctx context.Context, q Query) (consent.List, error) {
	c := q.Resource.Choices
	if c.URL == "" {
		return consent.List(c.Static), nil
	}
	scope := strings.Join(q.Scopes, " ")
	key := cacheKey{issuer: q.Issuer, url: c.URL, audience: q.Resource.Identifier, user: q.User.ID, client: q.Client.UID, scope: scope}
	now := l.now()
	if list, ok := l.cache.get(key, now); ok {
		return list, nil
	}
	credential, err := l.minter.Choices(&token.Choices{
		Issuer: q.Issuer, Audience: q.Resource.Identifier, Subject: q.User.ID, ClientID: q.Client.ID, Scope: scope,
		Username: q.User.Username, Email: q.User.Email, EmailVerified: q.User.EmailVerified, Groups: q.User.Groups, IssuedAt: now,
	})
	if err != nil {
		return nil, err
	}
	list, err := l.ask(ctx, q.Issuer, c.URL, credential)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAway, q.Resource.Name, err)
	}
	l.cache.put(key, list, now)
	return list, nil
}

// ask is one exchange with an API.
func (l *Lister) ask(ctx context.Context, issuer, from, credential string) (consent.List, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, errors.New("the address cannot be asked") // the cause quotes it, and it may hold what it should not
	}
	r.Header.Set("Authorization", "Bearer "+credential)
	r.Header.Set("Accept", "application/json")
	answer, err := l.clients[registration.OnLoopback(issuer)].Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("it answers with status %d", answer.Status)
	}
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("its answer is not application/json")
	}
	return parse(answer.Body)
}
