// Package accountconfirm is the page that asks before something on the account pages is taken away for good: an app's access, a
// second factor.
package accountconfirm

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accountconfirm.html
var source string

// What is asked about.
type What string

// The questions.
const (
	RevokeApp     What = "revoke"
	RevokeApps    What = "revokeall"
	SignOutAll    What = "signoutall"
	RemoveTOTP    What = "totp"
	RemovePasskey What = "passkey"
	ReplaceCodes  What = "codes"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session and to what it is about.
	Token string
	What  What
	// Name of the app or passkey; empty where there is none.
	Name string
	// Action is where the form goes and Back where somebody goes who thinks better of it, relative to the issuer's path.
	Action, Back string
	// Part is the tab.
	Part account.Tab
	// Flow is the unfinished login to go back to; empty for none.
	Flow string
}

// Tab is the part of the account pages.
func (d Data) Tab() account.Tab { return d.Part }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }
