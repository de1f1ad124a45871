package clientauth

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Client is a client that a request was shown to come from. Only [Authenticator.Authenticate] makes one, so that a
// function that takes it cannot be called for a client that was not checked.
type Client struct {
	*registry.Client
	// Authenticated is true when the client proved who it is, false for a public one that merely said so.
	Authenticated bool
	// SecretID names the secret that was used.
	SecretID string
}

// Ref is what rows in storage are bound to.
func (c *Client) Ref() storage.ClientRef { return storage.ClientRef{ID: c.ClientID, UID: c.UID} }

// Attempt is what a request presents by one method.
type Attempt struct {
	ClientID string
	// Secret is empty for none.
	Secret string
	// assertion is nil for none.
	assertion *assertion
}

// proves reports whether the attempt presents anything but a name, which can be guessed at.
func (a Attempt) proves() bool { return a.Secret != "" || a.assertion != nil }

// At is the moment of a request.
type At struct {
	Snapshot *registry.Snapshot
	Now      time.Time
}

// Proof is what an attempt that was checked shows.
type Proof struct {
	// SecretID names the secret that was used; empty for none.
	SecretID string
	// Authenticated is true when the client proved who it is.
	Authenticated bool
	// Once, if not zero, is what makes the attempt unique: it counts once, until OnceUntil, on all replicas together.
	Once      storage.Hash
	OnceUntil time.Time
}

// Method is one way to authenticate.
type Method interface {
	// Name is the value of token_endpoint_auth_methods_supported (RFC 8414 section 2).
	Name() string
	// Present extracts what the request presents; ok is false when it does not use the method. ErrMalformed when it does
	// and what it presents cannot be read.
	Present(authorization string, p oauth.Params) (a Attempt, ok bool, err error)
	// Verify checks the attempt against a client, in time that does not depend on what is wrong. The client is never nil; one
	// that does not exist is stood in for by one that nothing opens. ErrRefused when the attempt does not verify; any other
	// error means that it could not be told.
	Verify(ctx context.Context, a Attempt, c *registry.Client, at At) (Proof, error)
	// Challenge is the WWW-Authenticate that a failure answers with; empty for none.
	Challenge() string
}

var (
	// ErrMalformed means that credentials cannot be read.
	ErrMalformed = errors.New("malformed client credentials")
	// ErrRefused means that credentials do not verify.
	ErrRefused = errors.New("client credentials do not verify")
)

// onceKind keeps assertions apart from what else is used once.
const onceKind = "client_assertion"

// Deps are what an Authenticator works with.
type Deps struct {
	// Replays remembers what counts once; required when a method's proofs do.
	Replays interface {
		UseOnce(ctx context.Context, kind string, key storage.Hash, expires time.Time) (first bool, err error)
	}
	// Retiring is told of every use of a secret that is not its client's current one; nil when nobody wants to know.
	Retiring interface {
		Used(clientUID, secretID string, now time.Time)
	}
}

// Authenticator authenticates the clients of requests.
type Authenticator struct {
	deps     Deps
	methods  []Method
	throttle *limit.Counter
	// nobody stands in for clients that do not exist, so that they cost as much as ones that do.
	nobody *registry.Client
}

// New returns an Authenticator over the methods.
func New(d Deps, methods ...Method) *Authenticator {
	return &Authenticator{deps: d, methods: methods, throttle: limit.New(20, time.Minute, 100_000), nobody: nobody()}
}

// Methods names the methods, for discovery.
func (a *Authenticator) Methods() []string {
	out := make([]string, 0, len(a.methods))
	for _, m := range a.methods {
		out = append(out, m.Name())
	}
	return out
}

// Request is what authentication looks at.
type Request struct {
	// Authorization is the header's value.
	Authorization string
	Params        oauth.Params
	// Address is the caller's, for the throttle on wrong attempts.
	Address netip.Addr
	Now     time.Time
}

// Authenticate finds and checks the client of a request. Errors: invalid_request when more than one method is used (RFC
// 6749 section 2.3) or the names in them differ; 429 after too many wrong attempts from one address; 503 when it could not be told
// whether the client is who it says; invalid_client for everything else, the same for an unknown client, a wrong secret and a client
// that is suspended or cut off.
func (a *Authenticator) Authenticate(ctx context.Context, s *registry.Snapshot, r Request) (*Client, *oauth.Error) {
	method, attempt, fail := a.presented(r)
	if fail != nil {
		return nil, fail
	}
	if method == nil {
		return nil, oauth.InvalidClient()
	}
	if wait, ok := a.throttle.Allowed(attempt.ClientID, r.Address, r.Now); !ok {
		return nil, oauth.TooManyRequests(wait)
	}
	client, known := s.Client(attempt.ClientID)
	if !known {
		client = a.nobody
	}
	proof, err := method.Verify(ctx, attempt, client, At{Snapshot: s, Now: r.Now})
	if err != nil && !errors.Is(err, ErrRefused) {
		return nil, oauth.Unavailable().WithCause(err)
	}
	refused := err != nil || !known
	if !refused && client.Enabled() && proof.Once != (storage.Hash{}) {
		// Last, so that only what would have counted is remembered.
		first, err := a.deps.Replays.UseOnce(ctx, onceKind, proof.Once, proof.OnceUntil)
		if err != nil {
			return nil, oauth.Unavailable().WithCause(err)
		}
		refused = !first
	}
	if refused || !client.Enabled() {
		if refused && attempt.proves() {
			a.throttle.Add(attempt.ClientID, r.Address, r.Now)
		}
		e := oauth.InvalidClient()
		e.Challenge = method.Challenge()
		return nil, e
	}
	if proof.SecretID != "" && proof.SecretID != client.Authentication.Secrets[0].ID && a.deps.Retiring != nil {
		a.deps.Retiring.Used(client.UID, proof.SecretID, r.Now)
	}
	return &Client{Client: client, Authenticated: proof.Authenticated, SecretID: proof.SecretID}, nil
}

// presented finds the one method that the request uses.
func (a *Authenticator) presented(r Request) (Method, Attempt, *oauth.Error) {
	var (
		found   Method
		attempt Attempt
	)
	for _, m := range a.methods {
		got, ok, err := m.Present(r.Authorization, r.Params)
		if err != nil {
			e := oauth.InvalidClient()
			e.Challenge = m.Challenge()
			return nil, Attempt{}, e
		}
		if !ok {
			continue
		}
		if found != nil {
			return nil, Attempt{}, oauth.InvalidRequest("more than one method of client authentication")
		}
		found, attempt = m, got
	}
	if found == nil && r.Authorization != "" {
		e := oauth.InvalidClient() // a scheme that no method of ours takes
		e.Challenge = basicChallenge
		return nil, Attempt{}, e
	}
	if id := r.Params.Get("client_id"); found != nil && id != "" && id != attempt.ClientID {
		return nil, Attempt{}, oauth.InvalidRequest("client_id differs from the authenticated client")
	}
	return found, attempt, nil
}
