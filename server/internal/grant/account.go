package grant

import (
	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Accounts knows what identity providers say of accounts without asking anyone; see idp.Set.
type Accounts interface {
	Account(declared []*registration.IdentityProvider, providerUID, subject string) (*idp.Identity, bool)
}

// CurrentUser is a user as its identity provider describes the account now. What storage has is as old as the last sign-in,
// and a group that was taken away since must not be in any token or answer. ok is false when the provider does not let the
// account in any more, or the client's policy does not let in users of that provider (A35): whichever way the client came by its
// grant, and however long ago.
func CurrentUser(accounts Accounts, s *registry.Snapshot, c *registry.Client, u storage.User) (now storage.User, ok bool) {
	if !allowsProvider(s, c, u.Provider) {
		return u, false
	}
	identity, ok := accounts.Account(s.IdentityProviders(), u.Provider, u.Subject)
	if identity != nil {
		u.Username, u.Name, u.Groups = identity.Username, identity.Name, identity.Groups
		u.Email, u.EmailVerified, u.Profile = identity.Email, identity.EmailVerified, identity.Profile
	}
	return u, ok
}

// allowsProvider reports whether users of a provider, by its UID, may use the client.
func allowsProvider(s *registry.Snapshot, c *registry.Client, uid string) bool {
	governing, ok := s.Policy(c.Policy)
	if !ok {
		return false
	}
	provider, ok := s.IdentityProvider(uid)
	return ok && policy.AllowsProvider(governing, provider.Name)
}

func inactive() *oauth.Error { return oauth.InvalidGrant("the account is no longer active") }
