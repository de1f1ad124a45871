// Package accountdata is the page on which people take their data with them or have it erased.
package accountdata

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accountdata.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// Unticked is an erasure without the tick that says it is meant.
const Unticked Problem = "unticked"

// Data is what the page shows.
type Data struct {
	// Export and Erase are the tokens of the two forms.
	Export, Erase string
	Problem       Problem
}

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Data }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }
