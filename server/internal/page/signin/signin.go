// Package signin is the page where people sign in: with username and password, at a provider elsewhere, or with a passkey.
package signin

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/passkey"
)

//go:embed signin.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// The problems. Unknown user, wrong password and disabled account are one.
const (
	Refused Problem = "refused"
	Empty   Problem = "empty"
	Stale   Problem = "stale"
	// Passkey: a passkey that is not known here, or did not answer as it should.
	Passkey Problem = "passkey"
	// NotAllowed: the provider, About, knows the account, and it is not let in here.
	NotAllowed Problem = "notallowed"
	// Denied: the provider says that nobody signed in. Callback: its answer cannot be right.
	Denied   Problem = "denied"
	Callback Problem = "callback"
	// Away: the provider cannot be reached.
	Away Problem = "away"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the browser it was sent to, and Flow is the key of what it is a part of.
	Token, Flow string
	// ForDevice is true when signing in is a step of connecting a device. App is the name of the app that it is a step for.
	ForDevice bool
	App       string
	// Passwords are the providers that take passwords, to choose among: the choice is shown when there is more than one. Provider
	// is the chosen one's name.
	Passwords []Provider
	Provider  string
	// Links are the providers elsewhere.
	Links []Provider
	// Options challenge a passkey, and PasskeyToken ties its form to them; empty for no passkeys. See package passkey.
	Options, PasskeyToken string
	// Unproven are the display names of providers that are left out because the app wants to know when somebody signed in there.
	Unproven []string
	// Username as it was typed before.
	Username string
	Problem  Problem
	// About is the display name of the provider that the problem is about.
	About string
}

// Provider is one identity provider.
type Provider struct{ Name, DisplayName string }

// Invalid reports whether the fields are to be marked as wrong.
func (d Data) Invalid() bool { return d.Problem == Refused || d.Problem == Empty }

// Names reports whether the text of the problem names the provider.
func (d Data) Names() bool {
	switch d.Problem {
	case NotAllowed, Denied, Callback, Away:
		return true
	default:
		return false
	}
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) {
	return page.ParseScript[Data](l, source, passkey.Script())
}
