package idp

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var (
	// ErrRefused is a sign-in that failed because of what the user gave: unknown user, wrong password and disabled account
	// alike, so that no caller can tell them apart by mistake.
	ErrRefused = errors.New("username or password is wrong")
	// ErrNotAllowed is a user whom the provider knows and the declaration does not let in: an allow expression, a tenant, a
	// hosted domain, an organization.
	ErrNotAllowed = errors.New("the account is not allowed to sign in here")
	// ErrCallback is an answer of an upstream that does not belong to what was asked: another state, issuer, audience, nonce
	// or signature (A31, A32).
	ErrCallback = errors.New("the identity provider's answer is not for this sign-in")
	// ErrDenied is an upstream that says that the user did not sign in.
	ErrDenied = errors.New("the user did not sign in at the identity provider")
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
	// Profile holds the other standard claims.
	Profile registration.Profile
	// Methods are how the user was authenticated (RFC 8176 amr values).
	Methods []string
	// AuthenticatedAt is when the provider authenticated the user, if it says so; zero otherwise.
	AuthenticatedAt time.Time
	// Claims is all that the provider said, for CEL expressions; it is not kept.
	Claims map[string]any
	// Kept is what [Refresher.Refresh] needs to ask about the account again, such as a refresh token; nil for nothing. It is
	// kept sealed and never leaves the server.
	Kept []byte
}

// PasswordProvider checks a username and a password.
type PasswordProvider interface {
	// Authenticate takes the username as it was typed. It returns ErrRefused, in the same time whether or not there is such an
	// account, ErrBusy, or an error that means the provider is out of reach.
	Authenticate(ctx context.Context, username, password string) (Identity, error)
}

// Resolver tells which account a username is of, where one account has several.
type Resolver interface {
	// Resolve returns the account's subject, so that guesses are counted by account and not by what was typed (A34); "" for a
	// username of no account. An error means that the provider is out of reach.
	Resolve(ctx context.Context, username string) (subject string, err error)
}

// Redirector signs users in at an upstream that the browser is sent to.
type Redirector interface {
	// Begin makes the address of the upstream to send the browser to, and what has to be kept, sealed in that browser, until
	// it comes back. It may ask the upstream for its metadata; an error means that it is out of reach.
	Begin(ctx context.Context, r BeginRequest) (location string, kept Pending, err error)
	// Finish reads what the browser brought back, redeems it, and says who it is. The caller has compared the state. Its errors
	// are ErrCallback, ErrDenied, ErrNotAllowed, or mean that the upstream is out of reach.
	Finish(ctx context.Context, kept Pending, callback url.Values, now time.Time) (Identity, error)
}

// BeginRequest is how a sign-in at an upstream is to be done.
type BeginRequest struct {
	// CallbackURL is where the upstream sends the browser back to; State is what it has to bring along.
	CallbackURL string
	State       string
	// Fresh asks for a real authentication, whoever is signed in there.
	Fresh bool
	// MaxAge is how long ago the authentication may be; nil for any time.
	MaxAge    *time.Duration
	LoginHint string
	UILocales []string
	Now       time.Time
}

// Pending is what a Redirector has to know again when the browser comes back.
type Pending struct {
	CallbackURL string `json:"callback"`
	Nonce       string `json:"nonce,omitempty"`
	// Verifier is the PKCE code_verifier (RFC 7636).
	Verifier string `json:"verifier,omitempty"`
	// NotBefore is the least time of authentication that counts, in Unix seconds; zero for any.
	NotBefore int64 `json:"notBefore,omitempty"`
}

// Refresher asks about an account without its user being there, when a refresh token is used.
type Refresher interface {
	// Refresh says what is true of the account now; kept is the Kept of the identity before. ErrRefused or ErrNotAllowed
	// when the account may not sign in any more, ErrUnknown when the provider cannot tell without the user; other errors mean
	// that it is out of reach.
	Refresh(ctx context.Context, subject string, kept []byte, now time.Time) (Identity, error)
}

// ErrUnknown is a question that a provider cannot answer without the user.
var ErrUnknown = errors.New("the identity provider cannot tell without the user")

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
	// Resolve finds the account of a username, for counting guesses; nil where the canonical username is the account's one name.
	Resolve Resolver
	// Redirect signs users in at an upstream.
	Redirect Redirector
	// Accounts tells who may still sign in, without asking anyone.
	Accounts AccountChecker
	// Refresh asks the upstream who may.
	Refresh Refresher
	// Undated is true when Redirect cannot tell when the upstream authenticated somebody, nor have it done anew: where an app
	// demands either, the provider proves nothing.
	Undated bool
}

// Factory makes the providers of one kind. It returns false for declarations of another kind.
type Factory func(*registration.IdentityProvider) (Provider, bool)
