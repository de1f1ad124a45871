package registry

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/jwkset"
)

// Client is a registered client with everything that requests need to know about it, worked out in advance.
type Client struct {
	*registration.Client
	// Refused, if not nil, is why the governing policy does not accept the client as it is: it was tightened and the
	// client is cut off until it complies. Requests of such a client are refused. It is a *RefusedError.
	Refused error
	// ScopeSet holds Client.Scopes for look-up.
	ScopeSet map[string]struct{}
	// GrantTypeSet holds Client.GrantTypes for look-up.
	GrantTypeSet map[string]struct{}
	// Public is true when the client need not authenticate.
	Public bool
	// Keys verify its assertions where they are part of its registration; nil for a client without.
	Keys *jwkset.Set
	// Subject is the sub of tokens that the client obtains for itself: "client:namespace/name".
	Subject string
}

// Enabled reports whether the client may be served: not suspended and not cut off by its policy.
func (c *Client) Enabled() bool { return !c.Suspended && c.Refused == nil }

// AllowsOrigin reports whether pages of an origin may call the server for this client. Only a public client that runs in
// browsers has origins; "null", which any sandboxed page may send, is none.
func (c *Client) AllowsOrigin(origin string) bool {
	return origin != "null" && c.Public && c.Type == registration.TypeBrowser && slices.Contains(c.AllowedOrigins, origin)
}

// Snapshot is everything the server knows at one moment. It never changes once made; every method is safe for
// concurrent use, and looking a client up does not allocate.
type Snapshot struct {
	// The clients that are served, by client id and by UID.
	clients table
	byUID   table
	// held are clients that are known and not served, by UID: their document cannot be read any more, or an older client
	// has their client id. They were not deleted, so nothing of theirs is to be revoked.
	held map[string]*Client
	// origins counts the enabled browser clients that may be called from an origin.
	origins map[string]int

	shared
	rejected    []Key
	documents   map[registration.Kind]int
	refused     int
	version     string
	publishedAt time.Time
	lag         time.Duration
}

// shared is what is not a client. Snapshots between which none of it changed share one copy.
type shared struct {
	server    *registration.Server
	accounts  *jwkset.Set // of server.ServiceAccounts
	keys      *registration.Keys
	policies  map[string]*registration.Policy
	users     map[string]usersOf                // by policy; of those that say who may let clients in
	resources map[string]*registration.Resource // by identifier
	scopes    map[string]scopeOf
	scopeList []string
	providers []*registration.IdentityProvider // by order, then by name
	// providerByUID holds the same ones.
	providerByUID map[string]*registration.IdentityProvider
}

// usersOf is the users expression of a policy: compiled, or what is wrong with it.
type usersOf struct {
	allow  *expression.Users
	broken string
}

type scopeOf struct {
	resource *registration.Resource
	scope    *registration.Scope
}

// Server returns the settings; nil until they are loaded.
func (s *Snapshot) Server() *registration.Server { return s.server }

// ServiceAccountKeys returns the keys with which the cluster signs tokens of ServiceAccounts; nil when they are not known.
func (s *Snapshot) ServiceAccountKeys() *jwkset.Set { return s.accounts }

// Keys returns the key material; nil until it is loaded.
func (s *Snapshot) Keys() *registration.Keys { return s.keys }

// Complete reports whether there is enough to serve requests: settings and keys.
func (s *Snapshot) Complete() bool { return s.server != nil && s.keys != nil }

// Client finds a client by client id.
func (s *Snapshot) Client(id string) (*Client, bool) { return s.clients.get(id) }

// ClientByUID finds a client by its object's UID.
func (s *Snapshot) ClientByUID(uid string) (*Client, bool) { return s.byUID.get(uid) }

// Known finds a client by its object's UID, also one that is there and not served: its document cannot be read any more, or an older
// client has its client id.
func (s *Snapshot) Known(uid string) (*Client, bool) {
	if c, ok := s.byUID.get(uid); ok {
		return c, true
	}
	c, ok := s.held[uid]
	return c, ok
}

// Clients is how many clients there are.
func (s *Snapshot) Clients() int { return s.clients.size }

// AllClients yields every client with its client id, in no particular order.
func (s *Snapshot) AllClients() iter.Seq2[string, *Client] { return s.clients.all() }

// Policy finds a policy by name.
func (s *Snapshot) Policy(name string) (*registration.Policy, bool) {
	p, ok := s.policies[name]
	return p, ok
}

// AllowsUser returns nil for a user who may let a client in, by the users expression of the client's policy, and
// expression.ErrNotAllowed for one who may not. Every other error means that nobody can tell; then nobody is let in either.
func (s *Snapshot) AllowsUser(ctx context.Context, c *Client, u expression.User) error {
	if _, ok := s.policies[c.Policy]; !ok {
		return expression.ErrNotAllowed
	}
	by, ok := s.users[c.Policy]
	switch {
	case !ok:
		return nil
	case by.broken != "":
		return fmt.Errorf("policy %s: users: %s", c.Policy, by.broken)
	}
	if err := by.allow.Allow(ctx, u); err != nil {
		return fmt.Errorf("policy %s: %w", c.Policy, err)
	}
	return nil
}

// Resource finds a resource by identifier (RFC 8707).
func (s *Snapshot) Resource(identifier string) (*registration.Resource, bool) {
	r, ok := s.resources[identifier]
	return r, ok
}

// ScopeResource finds the resource that declares a scope. Scopes of OpenID Connect belong to none.
func (s *Snapshot) ScopeResource(name string) (*registration.Resource, *registration.Scope, bool) {
	v, ok := s.scopes[name]
	return v.resource, v.scope, ok
}

// AllScopes lists the scopes that resources declare, sorted. The caller must not change it.
func (s *Snapshot) AllScopes() []string { return s.scopeList }

// IdentityProviders lists the providers by their order, then by name. The caller must not change it.
func (s *Snapshot) IdentityProviders() []*registration.IdentityProvider { return s.providers }

// IdentityProvider finds a provider by its object's UID, which is what users are bound to.
func (s *Snapshot) IdentityProvider(uid string) (*registration.IdentityProvider, bool) {
	p, ok := s.providerByUID[uid]
	return p, ok
}

// AllowsOrigin reports whether pages of an origin may call the server for any client; which one, a preflight does not say
// (Fetch section 4.8).
func (s *Snapshot) AllowsOrigin(origin string) bool { return s.origins[origin] > 0 }

// Version is the highest resourceVersion of the source that is in the snapshot; "" before the first one.
func (s *Snapshot) Version() string { return s.version }

// Rejected lists, sorted, the keys of the documents that are there and cannot be read. While there are any, a UID that
// the snapshot does not know may still belong to a client that exists.
func (s *Snapshot) Rejected() []Key { return s.rejected }

// Refused is how many of the clients are cut off by their policy.
func (s *Snapshot) Refused() int { return s.refused }

// Documents is how many documents of each kind were read. The caller must not change it.
func (s *Snapshot) Documents() map[registration.Kind]int { return s.documents }

// PublishedAt is when the snapshot was made: when the source was last heard from, be it only that nothing changed.
func (s *Snapshot) PublishedAt() time.Time { return s.publishedAt }

// Lag is how long the oldest change that came in with this snapshot had waited for it; zero when only the version changed.
func (s *Snapshot) Lag() time.Duration { return s.lag }

// Deleted lists the clients that were known in before and are gone from after, by UID: those whose documents were removed,
// or now describe a new object of the same name. A client whose document merely cannot be read any more, or that lost its
// client id to an older one, is not served and not listed. It costs what changed, not what there is.
func Deleted(before, after *Snapshot) []*Client {
	var gone []*Client
	for uid, c := range before.byUID.missing(&after.byUID) {
		if _, held := after.held[uid]; !held {
			gone = append(gone, c)
		}
	}
	for uid, c := range before.held {
		_, served := after.byUID.get(uid)
		if _, held := after.held[uid]; !served && !held {
			gone = append(gone, c)
		}
	}
	slices.SortFunc(gone, func(a, b *Client) int {
		return cmp.Or(strings.Compare(a.UID, b.UID), strings.Compare(a.ClientID, b.ClientID))
	})
	return gone
}
