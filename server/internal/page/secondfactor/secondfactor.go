// Package secondfactor is the page where people give a second factor: a code of their authenticator app, a passkey, or a recovery
// code.
package secondfactor

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/passkey"
)

//go:embed secondfactor.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// The problems. A wrong code and one that was used before are one.
const (
	Wrong Problem = "wrong"
	Empty Problem = "empty"
	Stale Problem = "stale"
	// Passkey: a passkey that is not the user's, or did not answer as it should.
	Passkey Problem = "passkey"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the browser it was sent to, and Flow is the key of what it is a part of.
	Token, Flow string
	// Account is who gave the first factor.
	Account string
	// TOTP and Recovery say which codes the account has.
	TOTP, Recovery bool
	// Options challenge a passkey, and PasskeyToken ties its form to them; empty for no passkeys. See package passkey.
	Options, PasskeyToken string
	Problem               Problem
	// Switch is where to go to use another account, relative to the issuer's path.
	Switch string
}

// Code says which codes the box takes, as a part of keys; empty for no box.
func (d Data) Code() string {
	switch {
	case d.TOTP && d.Recovery:
		return "both"
	case d.TOTP:
		return "totp"
	case d.Recovery:
		return "recovery"
	default:
		return ""
	}
}

// Invalid reports whether the field is to be marked as wrong.
func (d Data) Invalid() bool { return d.Problem == Wrong || d.Problem == Empty }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) {
	return page.ParseScript[Data](l, source, passkey.Script())
}
