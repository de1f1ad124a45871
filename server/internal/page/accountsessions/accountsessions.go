// Package accountsessions is the list of browsers in which somebody is signed in.
package accountsessions

import (
	_ "embed" // the template
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accountsessions.html
var source string

// Data is what the page shows.
type Data struct {
	// Sessions, the latest first, at most 20. More is true when there are others.
	Sessions []Session
	More     bool
	// Done names what was just done; see account.done in the catalogue. Empty for nothing.
	Done string
}

// Session is one browser.
type Session struct {
	// Token ties the button to the session that is ended.
	Token string
	// Kind and Program say what it is in words; Network and Address where it signed in from.
	Kind    describe.ProgramKind
	Program string
	Network describe.Network
	Address string
	Since   time.Time
	// This is the browser that the page is shown in.
	This bool
}

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Sessions }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }
