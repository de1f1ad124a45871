// Package accountapps is the list of the apps that somebody authorized.
package accountapps

import (
	_ "embed" // the template
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accountapps.html
var source string

// Data is what the page shows.
type Data struct {
	// Apps of this part of the list, at most 20.
	Apps []App
	// Next is where the next part begins, empty at the end. First is false when there is a part before.
	Next  string
	First bool
	// Done names what was just done; see account.done in the catalogue. Empty for nothing.
	Done string
}

// App is one authorized app.
type App struct {
	// UID names the app in links.
	UID string
	// Name, Publisher (may be empty) and Owner ("namespace/name") say whose it is. Gone is one that is not registered any more.
	Name, Publisher, Owner string
	Gone                   bool
	Since, LastUsed        time.Time
}

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Apps }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }
