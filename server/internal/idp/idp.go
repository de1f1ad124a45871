package idp

import (
	"context"
	"errors"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var (
	// ErrRefused is a sign-in that failed because of what the user gave: unknown user, wrong password and disabled account
	// alike, so that no caller can tell them apart by mistake.
	ErrRefused = errors.New("username or password is wrong")
	// ErrBusy is a sign-in that found no room to be checked in before its context ended. Nothing was learned about it.
	ErrBusy = errors.New("too many sign-ins at once")
)

// Identity is who signed in, in the words of a provider.
type Identity struct {
	// Subject is the account's key at the provider: stable, and unique there.
	Subject  string
	Username string
	Name     string
	Email    string
	// EmailVerified is the provider's word on Email.
	EmailVerified bool
	Groups        []string
	// Methods are how the user was authenticated (RFC 8176 amr values).
	Methods []string
}

// PasswordProvider checks a username and a password.
type PasswordProvider interface {
	// Authenticate takes the username as it was typed. It returns ErrRefused, in the same time whether or not there is such an
	// account, ErrBusy, or an error that means the provider is out of reach.
	Authenticate(ctx context.Context, username, password string) (Identity, error)
}

// AccountChecker is implemented by providers that know, without asking anyone, whether an account still exists and may
// be used, and what is true of it.
type AccountChecker interface {
	// Account is what the provider says about an account now; ok is false when it could not sign in any more. Methods is
	// empty: nobody is being authenticated.
	Account(subject string) (identity Identity, ok bool)
}

// Provider is one declared provider and what it can do. Fields are nil for what it cannot.
type Provider struct {
	// Document is the declaration.
	Document *registration.IdentityProvider
	// Password signs users in by password.
	Password PasswordProvider
	// Accounts tells who may still sign in.
	Accounts AccountChecker
}

// Factory makes the providers of one kind. It returns false for declarations of another kind.
type Factory func(*registration.IdentityProvider) (Provider, bool)
