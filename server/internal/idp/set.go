package idp

import (
	"slices"
	"sync"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Set makes the providers that a snapshot declares and keeps them as long as their declarations are the same. Around each it
// puts the declaration's mapping and allow expressions. It is safe for concurrent use.
type Set struct {
	factories []Factory

	mu   sync.Mutex
	made map[*registration.IdentityProvider]Provider
}

// NewSet makes a Set of these kinds of providers.
func NewSet(factories ...Factory) *Set {
	return &Set{factories: factories, made: map[*registration.IdentityProvider]Provider{}}
}

// Providers gives one Provider for each declaration that a factory knows, in order. Declarations are never changed once
// they are loaded, so a declaration seen before is the provider made before.
func (s *Set) Providers(declared []*registration.IdentityProvider) []Provider {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Provider, 0, len(declared))
	for _, d := range declared {
		if p, ok := s.provider(d); ok {
			out = append(out, p)
		}
	}
	s.forget(declared)
	return out
}

// Active reports whether an account could still sign in: its provider, by UID, is declared, and has not disabled or
// removed the account. Providers that cannot tell are believed.
func (s *Set) Active(declared []*registration.IdentityProvider, providerUID, subject string) bool {
	_, ok := s.Account(declared, providerUID, subject)
	return ok
}

// Account is Active, with what the provider says about the account now: nil when it cannot tell without the user.
func (s *Set) Account(declared []*registration.IdentityProvider, providerUID, subject string) (*Identity, bool) {
	p, ok := s.Provider(declared, providerUID)
	if !ok || p.Accounts == nil {
		return nil, ok
	}
	identity, ok := p.Accounts.Account(subject)
	if !ok {
		return nil, false
	}
	return &identity, true
}

// Asks reports whether any of the declared providers can be asked about an account without its user.
func (s *Set) Asks(declared []*registration.IdentityProvider) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(declared)
	return slices.ContainsFunc(declared, func(d *registration.IdentityProvider) bool {
		p, ok := s.provider(d)
		return ok && p.Refresh != nil
	})
}

// Provider gives the provider with a UID, if it is declared and of a known kind.
func (s *Set) Provider(declared []*registration.IdentityProvider, providerUID string) (Provider, bool) {
	i := slices.IndexFunc(declared, func(d *registration.IdentityProvider) bool { return d.UID == providerUID })
	if i < 0 {
		return Provider{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.provider(declared[i])
}

func (s *Set) provider(d *registration.IdentityProvider) (Provider, bool) {
	if p, ok := s.made[d]; ok {
		return p, true
	}
	for _, f := range s.factories {
		if p, ok := f(d); ok {
			p = rule(p, d)
			s.made[d] = p
			return p, true
		}
	}
	return Provider{}, false
}

// forget drops what is no longer declared, once it is much.
func (s *Set) forget(declared []*registration.IdentityProvider) {
	if len(s.made) <= 2*len(declared)+8 {
		return
	}
	keep := make(map[*registration.IdentityProvider]Provider, len(declared))
	for _, d := range declared {
		if p, ok := s.made[d]; ok {
			keep[d] = p
		}
	}
	s.made = keep
}
