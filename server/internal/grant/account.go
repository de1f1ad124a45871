package grant

import (
	"context"

	"github.com/grantkeeper/grantkeeper/internal/expression"
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
// and a group that was taken away since must not be in any token or answer. The error is invalid_grant: the provider does not let the
// account in any more, or the client's policy does not let in users of that provider (A35), or not this user (its users expression):
// whichever way the client came by its grant, and however long ago. It does no I/O.
func CurrentUser(ctx context.Context, accounts Accounts, s *registry.Snapshot, c *registry.Client, u storage.User) (storage.User, *oauth.Error) {
	if !allowsProvider(s, c, u.Provider) {
		return u, inactive()
	}
	identity, ok := accounts.Account(s.IdentityProviders(), u.Provider, u.Subject)
	if identity != nil {
		u.Username, u.Name, u.Groups = identity.Username, identity.Name, identity.Groups
		u.Email, u.EmailVerified, u.Profile = identity.Email, identity.EmailVerified, identity.Profile
	}
	if !ok {
		return u, inactive()
	}
	if err := AllowsUser(ctx, s, c, u); err != nil {
		return u, oauth.InvalidGrant("the user may not use the client").WithCause(err)
	}
	return u, nil
}

// AllowsUser asks the users expression of the client's policy about a user as it is now. Errors: those of
// [registry.Snapshot.AllowsUser].
func AllowsUser(ctx context.Context, s *registry.Snapshot, c *registry.Client, u storage.User) error {
	return s.AllowsUser(ctx, c, expression.User{Username: u.Username, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified, Groups: u.Groups})
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
