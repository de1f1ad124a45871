package clientauth

import (
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
	Secret   string
}

// Method is one way to authenticate.
type Method interface {
	// Name is the value of token_endpoint_auth_methods_supported (RFC 8414 section 2).
	Name() string
	// Present extracts what the request presents; ok is false when it does not use the method. ErrMalformed when it does
	// and what it presents cannot be read.
	Present(authorization string, p oauth.Params) (a Attempt, ok bool, err error)
	// Verify checks the attempt against a client, in time that does not depend on what is wrong. The client is never
	// nil. ok is false when it does not verify.
	Verify(a Attempt, c *registry.Client, now time.Time) (secretID string, authenticated, ok bool)
	// Challenge is the WWW-Authenticate that a failure answers with; empty for none.
	Challenge() string
}

// ErrMalformed means that credentials cannot be read.
var ErrMalformed = errors.New("malformed client credentials")

// Authenticator authenticates the clients of requests.
type Authenticator struct {
	methods  []Method
	throttle *limit.Counter
	// nobody stands in for clients that do not exist, so that they cost as much as ones that do.
	nobody *registry.Client
}

// New returns an Authenticator over the methods.
func New(methods ...Method) *Authenticator {
	return &Authenticator{methods: methods, throttle: limit.New(20, time.Minute, 100_000), nobody: nobody()}
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
	// Address is the caller's, for the throttle on wrong secrets.
	Address netip.Addr
	Now     time.Time
}

// Authenticate finds and checks the client of a request. Errors: invalid_request when more than one method is used (RFC
// 6749 section 2.3) or the names in them differ; 429 after too many wrong secrets from one address; invalid_client for
// everything else, the same for an unknown client, a wrong secret and a client that is suspended or cut off.
func (a *Authenticator) Authenticate(s *registry.Snapshot, r Request) (*Client, *oauth.Error) {
	method, attempt, err := a.presented(r)
	if err != nil {
		return nil, err
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
	secretID, authenticated, ok := method.Verify(attempt, client, r.Now)
	if !ok || !known || !client.Enabled() {
		if attempt.Secret != "" && (!ok || !known) {
			a.throttle.Add(attempt.ClientID, r.Address, r.Now)
		}
		e := oauth.InvalidClient()
		e.Challenge = method.Challenge()
		return nil, e
	}
	return &Client{Client: client, Authenticated: authenticated, SecretID: secretID}, nil
}

// presented finds the one method that the request uses.
func (a *Authenticator) presented(r Request) (Method, Attempt, *oauth.Error) {
	if r.Params.Get("client_assertion") != "" || r.Params.Get("client_assertion_type") != "" {
		return nil, Attempt{}, oauth.InvalidClient() // no method of ours takes assertions (RFC 7523)
	}
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
