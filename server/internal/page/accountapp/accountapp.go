// Package accountapp is one app that somebody authorized: what it may do, what was chosen for it, and the way to take it back.
package accountapp

import (
	_ "embed" // the template
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accountapp.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// The problems.
const (
	// Stale is a page that was open for too long, or an app whose access was changed meanwhile.
	Stale Problem = "stale"
	// Nothing is a choice of nothing at all.
	Nothing Problem = "nothing"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session, the app, and what it shows.
	Token string
	// UID names the app.
	UID string
	// Name, Publisher (may be empty) and Owner ("namespace/name") say whose it is. Gone is one that is not registered any more.
	Name, Publisher, Owner string
	Gone                   bool
	Homepage, PolicyURI    string
	Since, LastUsed        time.Time
	Connections            int
	// Scopes in words; empty when it has no access.
	Scopes []Scope
	// Groups are what was chosen, by what it is called. More is how many choices are not shown; they are kept.
	Groups []Group
	More   int
	// Done names what was just done; see account.done in the catalogue. Empty for nothing.
	Done    string
	Problem Problem
}

// Narrowable reports whether there is anything that can be unticked.
func (d Data) Narrowable() bool { return len(d.Scopes)+len(d.Groups) > 0 }

// Scope is one scope in words. Value is what its box sends.
type Scope struct{ Value, Title, Detail string }

// Group is choices of one kind, such as "Projects".
type Group struct {
	Title   string
	Choices []Choice
}

// Choice is one thing that was chosen. Parent is what it belongs to; empty for nothing. Value is what its box sends.
type Choice struct{ Value, Title, Parent string }

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Apps }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }
