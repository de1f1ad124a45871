package grant

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// Request is a token request after the shared checks.
type Request struct {
	Now      time.Time
	Params   oauth.Params
	Client   *clientauth.Client
	Snapshot *registry.Snapshot
	// Scopes is what the request asks for, every one of them allowed to the client; nil when it asks for none.
	Scopes []string
	// Resources are the resource indicators of the request (RFC 8707), each of them known; nil when it names none.
	Resources []string
}

// Authorization is what a grant decided: for whom, what for, and with which refresh token.
type Authorization struct {
	// Subject is sub.
	Subject string
	// Scopes granted to the access token.
	Scopes []string
	// Audience of the access token.
	Audience []string
	// Grant is set when a user granted it.
	Grant *storage.Grant
	// User is set with Grant.
	User *storage.User
	// RefreshToken is the value to hand out; empty for none.
	RefreshToken string
	// Retried is true when the answer repeats an earlier one that was lost.
	Retried bool
}

// Grant is one grant type.
type Grant interface {
	// Type is the value of grant_type.
	Type() string
	// Authorize consumes what the request redeems, atomically, and says what it yields. Its errors are *oauth.Error, or
	// those of storage for an engine that is out of reach: then nothing was consumed.
	Authorize(ctx context.Context, r *Request) (*Authorization, error)
}

// Response is a successful token response (RFC 6749 section 5.1).
type Response struct {
	AccessToken  string
	ExpiresIn    int64
	RefreshToken string
	IDToken      string
	Scope        string
}

// Event is what the audit log is told about a token request.
type Event struct {
	// GrantType is empty for one that the server does not have.
	GrantType string
	Client    *clientauth.Client
	Subject   string
	GrantID   string
	TokenID   string
	Scope     string
	Retried   bool
}

// Input is a token request as it came in, decoded.
type Input struct {
	Authorization string
	Params        oauth.Params
	Address       netip.Addr
	Now           time.Time
}

// Pipeline runs token requests.
type Pipeline struct {
	registry *registry.Registry
	clients  *clientauth.Authenticator
	issuer   *token.Issuer
	grants   map[string]Grant
	types    []string
}

// NewPipeline returns a pipeline over the grants.
func NewPipeline(r *registry.Registry, clients *clientauth.Authenticator, issuer *token.Issuer, grants ...Grant) *Pipeline {
	p := &Pipeline{registry: r, clients: clients, issuer: issuer, grants: map[string]Grant{}}
	for _, g := range grants {
		p.grants[g.Type()] = g
		p.types = append(p.types, g.Type())
	}
	return p
}

// Types lists the grant types, for discovery.
func (p *Pipeline) Types() []string { return p.types }

// Serve answers a token request. The error is always an *oauth.Error for what the client did, or another one for what
// the server could not do. The event is filled in as far as the request came.
func (p *Pipeline) Serve(ctx context.Context, in Input) (*Response, Event, error) {
	var event Event
	name := in.Params.Get("grant_type")
	if _, ok := p.grants[name]; ok { // anything else is the caller's text, of any length, and none of the log's business
		event.GrantType = name
	}
	s := p.registry.Current()
	if !s.Complete() || !p.issuer.Ready() {
		// Found out now, before anything is consumed for tokens that could not be signed (B18).
		return nil, event, oauth.Unavailable()
	}
	client, fail := p.clients.Authenticate(s, clientauth.Request{Authorization: in.Authorization, Params: in.Params, Address: in.Address, Now: in.Now})
	if fail != nil {
		return nil, event, fail
	}
	event.Client = client
	g, fail := p.grant(name, client)
	if fail != nil {
		return nil, event, fail
	}
	r := &Request{Now: in.Now, Params: in.Params, Client: client, Snapshot: s}
	if r.Scopes, r.Resources, fail = ReadScopes(s, client.Client, in.Params); fail != nil {
		return nil, event, fail
	}
	a, err := g.Authorize(ctx, r)
	if err != nil {
		return nil, event, err
	}
	response, err := p.mint(r, a, &event)
	return response, event, err
}

// grant finds the grant type and checks that the client may use it.
func (p *Pipeline) grant(name string, c *clientauth.Client) (Grant, *oauth.Error) {
	if name == "" {
		return nil, oauth.InvalidRequest("grant_type is missing")
	}
	g, ok := p.grants[name]
	if !ok {
		return nil, oauth.UnsupportedGrantType()
	}
	if _, ok := c.GrantTypeSet[name]; !ok {
		return nil, oauth.UnauthorizedClient("the client may not use this grant type")
	}
	return g, nil
}

// ReadScopes checks scope (RFC 6749 section 3.3) and resource (RFC 8707 section 2) of a request against client and
// registry: invalid_scope for a scope that the client may not ask for or that no resource declares any more, invalid_target
// for a resource that is not known.
func ReadScopes(s *registry.Snapshot, c *registry.Client, p oauth.Params) (scopes, resources []string, err *oauth.Error) {
	if scopes, err = oauth.ParseScope(p.Get("scope")); err != nil {
		return nil, nil, err
	}
	for _, scope := range scopes {
		if _, ok := c.ScopeSet[scope]; !ok || !exists(s, scope) {
			return nil, nil, oauth.InvalidScope("a scope is not allowed to the client: " + scope)
		}
	}
	resources = p.All("resource")
	for _, id := range resources {
		if _, ok := s.Resource(id); !ok {
			return nil, nil, oauth.InvalidTarget("the resource is not known")
		}
	}
	return scopes, resources, nil
}

// mint makes the tokens of an authorization.
func (p *Pipeline) mint(r *Request, a *Authorization, event *Event) (*Response, error) {
	issuer := r.Snapshot.Server().Issuer
	ttl := r.Client.Tokens.AccessTokenTTL.Std()
	access := token.Access{
		Issuer: issuer, Subject: a.Subject, ClientID: r.Client.ClientID, ClientUID: r.Client.UID,
		Scope: strings.Join(a.Scopes, " "), Audience: a.Audience, IssuedAt: r.Now, ExpiresAt: r.Now.Add(ttl),
	}
	if a.Grant != nil {
		access.GrantID, access.AuthTime = a.Grant.ID, a.Grant.AuthenticatedAt
	}
	value, err := p.issuer.Access(&access)
	if err != nil {
		return nil, err
	}
	out := &Response{AccessToken: value, ExpiresIn: int64(ttl / time.Second), RefreshToken: a.RefreshToken, Scope: access.Scope}
	if a.User != nil && slices.Contains(a.Scopes, oauth.ScopeOpenID) {
		out.IDToken, err = p.issuer.ID(&token.ID{
			Issuer: issuer, Subject: a.Subject, ClientID: r.Client.ClientID, IssuedAt: r.Now, ExpiresAt: access.ExpiresAt,
			AuthTime: a.Grant.AuthenticatedAt, Methods: a.Grant.Methods, AccessToken: value,
			Claims: token.ClaimsOf(a.User, a.Scopes),
		})
		if err != nil {
			return nil, err
		}
	}
	event.Subject, event.GrantID, event.TokenID, event.Scope, event.Retried = a.Subject, access.GrantID, access.ID, access.Scope, a.Retried
	return out, nil
}

// AudienceOf works out the audience of an access token: the resources that declare its scopes, narrowed to those asked
// for (RFC 8707 section 2.2), or the issuer itself, for userinfo, when no scope belongs to a resource. The scopes that
// remain are returned too: a narrowed token carries no scope of another resource, and none carries a scope whose resource
// is gone. invalid_target when nothing of what was asked for is left, invalid_scope when no resource declares any of it.
func AudienceOf(s *registry.Snapshot, scopes, resources []string) (audience, remaining []string, err *oauth.Error) {
	remaining = make([]string, 0, len(scopes))
	for _, scope := range scopes {
		r, _, ok := s.ScopeResource(scope)
		if !ok {
			if exists(s, scope) { // of OpenID Connect
				remaining = append(remaining, scope)
			}
			continue
		}
		if len(resources) > 0 && !slices.Contains(resources, r.Identifier) {
			continue
		}
		remaining = append(remaining, scope)
		if !slices.Contains(audience, r.Identifier) {
			audience = append(audience, r.Identifier)
		}
	}
	for _, id := range resources {
		if !slices.Contains(audience, id) {
			return nil, nil, oauth.InvalidTarget("none of the scopes is for the resource")
		}
	}
	if len(scopes) > 0 && len(remaining) == 0 {
		return nil, nil, oauth.InvalidScope("no resource declares any of the scopes")
	}
	if len(audience) == 0 {
		audience = []string{s.Server().Issuer}
	}
	return audience, remaining, nil
}

// exists reports whether a scope is one of OpenID Connect or a resource declares it now.
func exists(s *registry.Snapshot, scope string) bool {
	_, _, ok := s.ScopeResource(scope)
	return ok || oauth.IsIdentityScope(scope)
}

// subset reports whether every element of a is in b.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// storageError turns what storage says about a redemption into what the client is told. Whatever is not about the
// request itself means that the engine is out of reach: nothing was consumed, and the client may try again.
func storageError(err error, what string) error {
	if e := (*oauth.Error)(nil); errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, storage.ErrPending):
		return oauth.AuthorizationPending()
	case errors.Is(err, storage.ErrSlowDown):
		return oauth.SlowDown()
	case errors.Is(err, storage.ErrDenied):
		return oauth.AccessDenied()
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrForeign), errors.Is(err, storage.ErrConsumed),
		errors.Is(err, storage.ErrRevoked), errors.Is(err, storage.ErrReplayed), errors.Is(err, storage.ErrExpired),
		errors.Is(err, token.ErrNoDerivationKey): // a family whose key is gone can never go on
		return oauth.InvalidGrant("the " + what + " is not valid, or no longer").WithCause(err)
	default:
		return oauth.Unavailable().WithCause(err)
	}
}
