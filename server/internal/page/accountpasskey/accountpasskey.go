// Package accountpasskey is the page on which somebody adds a passkey. It is the one page of the account that needs a script.
package accountpasskey

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
	"github.com/grantkeeper/grantkeeper/server/internal/page/passkey"
)

//go:embed accountpasskey.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// The problems.
const (
	Wrong Problem = "wrong"
	Known Problem = "known"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session and to the challenge, which it holds sealed.
	Token string
	// Options are for the script; see package passkey.
	Options string
	// Flow is the unfinished login that asked for a second factor; empty for none.
	Flow    string
	Problem Problem
}

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Security }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) {
	return account.ParseScript[Data](l, source, passkey.Script())
}
