package registry

import (
	"maps"
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Client is a registered client with everything that requests need to know about it, worked out in advance.
type Client struct {
	*registration.Client
	// Refused, if not nil, is why the governing policy does not accept the client as it is: it was tightened and the
	// client is cut off until it complies. Requests of such a client are refused.
	Refused error
	// Scopes holds Client.Scopes for look-up.
	ScopeSet map[string]struct{}
	// GrantTypeSet holds Client.GrantTypes for look-up.
	GrantTypeSet map[string]struct{}
	// Public is true when the client need not authenticate.
	Public bool
	// Subject is the sub of tokens that the client obtains for itself: "client:namespace/name".
	Subject string
}

// Enabled reports whether the client may be served: not suspended and not cut off by its policy.
func (c *Client) Enabled() bool { return !c.Suspended && c.Refused == nil }

// Snapshot is everything the server knows at one moment. It never changes once made; every method is safe for
// concurrent use.
type Snapshot struct {
	server    *registration.Server
	keys      *registration.Keys
	clients   map[string]*Client // by client id
	byUID     map[string]*Client
	policies  map[string]*registration.Policy
	resources map[string]*registration.Resource // by identifier
	scopes    map[string]scopeOf
	providers []*registration.IdentityProvider // by name
	version   string
}

type scopeOf struct {
	resource *registration.Resource
	scope    *registration.Scope
}

// Server returns the settings; nil until they are loaded.
func (s *Snapshot) Server() *registration.Server { return s.server }

// Keys returns the key material; nil until it is loaded.
func (s *Snapshot) Keys() *registration.Keys { return s.keys }

// Complete reports whether there is enough to serve requests: settings and keys.
func (s *Snapshot) Complete() bool { return s.server != nil && s.keys != nil }

// Client finds a client by client id.
func (s *Snapshot) Client(id string) (*Client, bool) { c, ok := s.clients[id]; return c, ok }

// ClientByUID finds a client by its object's UID.
func (s *Snapshot) ClientByUID(uid string) (*Client, bool) { c, ok := s.byUID[uid]; return c, ok }

// Clients is how many clients there are.
func (s *Snapshot) Clients() int { return len(s.clients) }

// Policy finds a policy by name.
func (s *Snapshot) Policy(name string) (*registration.Policy, bool) {
	p, ok := s.policies[name]
	return p, ok
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

// AllScopes lists the scopes that resources declare, sorted.
func (s *Snapshot) AllScopes() []string {
	return slices.Sorted(maps.Keys(s.scopes))
}

// IdentityProviders lists the providers by name. The caller must not change it.
func (s *Snapshot) IdentityProviders() []*registration.IdentityProvider { return s.providers }

// Version is the highest resourceVersion of the source that is in the snapshot.
func (s *Snapshot) Version() string { return s.version }
