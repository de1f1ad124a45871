// Package accountcodes is the page that shows new recovery codes, once.
package accountcodes

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accountcodes.html
var source string

// Data is what the page shows.
type Data struct {
	Codes []string
	// Flow is the unfinished login that asked for a second factor; empty for none.
	Flow string
}

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Security }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }
