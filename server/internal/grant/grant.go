package grant

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// Request is a token request after the shared checks.
type Request struct {
	Now      time.Time
	Params   oauth.Params
	Client   *clientauth.Client
	Snapshot *registry.Snapshot
	// Lifetimes are those of the client's tokens, as its policy has them.
	Lifetimes registration.Tokens
	// Scopes is what the request asks for, every one of them allowed to the client; nil when it asks for none.
	Scopes []string
	// Resources are the resource indicators of the request (RFC 8707), each of them known; nil when it names none.
	Resources []string
	// KeyThumbprint is that of the key (RFC 7638) that the request proved to have (RFC 9449); empty for none.
	KeyThumbprint string

	// replayed is the grant that was found to be redeemed again; see [Request.replay].
	replayed *storage.Grant
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
	// Details is what was chosen, as far as it is for the audience (RFC 9396); nil for nothing.
	Details json.RawMessage
	// ACR is the authentication context class of the user's sign-in.
	ACR string
	// Nonce and IDClaims are of the authorization request, for the ID token; empty when there was none, as with a refresh
	// (OpenID Connect Core section 12.2).
	Nonce    string
	IDClaims map[string]oauth.ClaimRequest
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
	// AuthorizationDetails is what was chosen (RFC 9396 section 7), valid JSON; nil for nothing.
	AuthorizationDetails json.RawMessage
	// Bound is true for an access token that is bound to a key: its token_type is DPoP (RFC 9449 section 5).
	Bound bool
	// Nonce is sent as DPoP-Nonce (RFC 9449 section 8.2); empty for none.
	Nonce string
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
	// Replayed is true when a code or a refresh token came again that had been redeemed; GrantID and Subject say of what.
	Replayed bool
}

// Input is a token request as it came in, decoded.
type Input struct {
	Authorization string
	// Proofs are the values of the DPoP header (RFC 9449 section 4.1).
	Proofs  []string
	Params  oauth.Params
	Address netip.Addr
	Now     time.Time
}

// Pipeline runs token requests.
type Pipeline struct {
	registry *registry.Registry
	clients  *clientauth.Authenticator
	replays  storage.Replays
	wasted   *limit.Counter
	issuer   *token.Issuer
	grants   map[string]Grant
	types    []string
}

// NewPipeline returns a pipeline over the grants. replays is where proofs of possession are spent; requests without one do not use it.
func NewPipeline(r *registry.Registry, clients *clientauth.Authenticator, replays storage.Replays, issuer *token.Issuer, grants ...Grant) *Pipeline {
	p := &Pipeline{
		registry: r, clients: clients, replays: replays, wasted: limit.New(WastedProofs, time.Minute, 100_000), issuer: issuer, grants: map[string]Grant{},
	}
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
	client, fail := p.clients.Authenticate(ctx, s, clientauth.Request{Authorization: in.Authorization, Params: in.Params, Address: in.Address, Now: in.Now})
	if fail != nil {
		return nil, event, fail
	}
	event.Client = client
	g, fail := p.grant(name, client)
	if fail != nil {
		return nil, event, fail
	}
	r := &Request{Now: in.Now, Params: in.Params, Client: client, Snapshot: s}
	governing, ok := s.Policy(client.Policy)
	if !ok { // a client without one is not served, so that this is never reached
		return nil, event, oauth.InvalidClient()
	}
	r.Lifetimes = policy.Lifetimes(governing, client.Client.Client)
	proof, fail := verifyProof(s, governing, client, in)
	if fail != nil {
		return nil, event, fail
	}
	r.prove(proof)
	if r.Scopes, r.Resources, fail = ReadScopes(s, client.Client, in.Params); fail != nil {
		return nil, event, fail
	}
	if fail = p.spend(ctx, proof, client, in); fail != nil {
		p.waste(proof, client, in, fail)
		return nil, event, fail
	}
	a, err := g.Authorize(ctx, r)
	if err != nil {
		p.waste(proof, client, in, err)
		if r.replayed != nil {
			event.Replayed, event.GrantID, event.Subject = true, r.replayed.ID, r.replayed.UserID
		}
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

// mint makes the tokens of an authorization.
func (p *Pipeline) mint(r *Request, a *Authorization, event *Event) (*Response, error) {
	issuer := r.Snapshot.Server().Issuer
	ttl := r.Lifetimes.AccessTokenTTL.Std()
	access := token.Access{
		Issuer: issuer, Subject: a.Subject, ClientID: r.Client.ClientID, ClientUID: r.Client.UID,
		Scope: strings.Join(a.Scopes, " "), Audience: a.Audience, IssuedAt: r.Now, ExpiresAt: r.Now.Add(ttl),
		KeyThumbprint: r.KeyThumbprint,
	}
	if a.Grant != nil {
		access.GrantID, access.AuthTime, access.ACR, access.AuthorizationDetails = a.Grant.ID, a.Grant.AuthenticatedAt, a.ACR, a.Details
	}
	value, err := p.issuer.Access(&access)
	if err != nil {
		return nil, err
	}
	out := &Response{
		AccessToken: value, ExpiresIn: int64(ttl / time.Second), RefreshToken: a.RefreshToken, Scope: access.Scope, AuthorizationDetails: a.Details,
		Bound: r.KeyThumbprint != "", Nonce: r.nextNonce(),
	}
	if a.User != nil && slices.Contains(a.Scopes, oauth.ScopeOpenID) {
		out.IDToken, err = p.issuer.ID(&token.ID{
			Issuer: issuer, Subject: a.Subject, ClientID: r.Client.ClientID, IssuedAt: r.Now, ExpiresAt: access.ExpiresAt,
			AuthTime: a.Grant.AuthenticatedAt, Methods: a.Grant.Methods, ACR: a.ACR, Nonce: a.Nonce, SID: a.Grant.SID,
			Algorithm: signer.Algorithm(r.Client.IDTokenAlgorithm), AccessToken: value,
			Claims: token.ClaimsOf(a.User, a.Scopes, PermittedClaims(r.Client.Client, a.IDClaims)),
		})
		if err != nil {
			return nil, err
		}
	}
	event.Subject, event.GrantID, event.TokenID, event.Scope, event.Retried = a.Subject, access.GrantID, access.ID, access.Scope, a.Retried
	return out, nil
}
