// Package accountsecurity is the page with somebody's second factors.
package accountsecurity

import (
	_ "embed" // the template
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accountsecurity.html
var source string

// Data is what the page shows.
type Data struct {
	// TOTP is true with an authenticator app.
	TOTP bool
	// Passkeys, the oldest first. PasskeysSupported is false where browsers take none; MorePasskeys is false at the limit.
	Passkeys                        []Passkey
	PasskeysSupported, MorePasskeys bool
	// RecoveryCodes is how many are left. They can be made when there is another factor.
	RecoveryCodes int
	// Flow is the unfinished login that asked for a second factor; empty for none. Ready is true once there is one.
	Flow string
	// Done names what was just done; see account.done in the catalogue. Empty for nothing.
	Done string
}

// Ready reports whether there is a second factor.
func (d Data) Ready() bool { return d.TOTP || len(d.Passkeys) > 0 }

// Passkey is one passkey.
type Passkey struct {
	// ID names it in links.
	ID string
	// Name is what its owner calls it; empty for nothing.
	Name            string
	Since, LastUsed time.Time
}

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Security }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }
