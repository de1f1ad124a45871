// Package selectaccount is the page where people say whether to go on with the account that is signed in, or with another one.
package selectaccount

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed selectaccount.html
var source string

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session, and Flow is the key of what it is a part of.
	Token, Flow string
	// Account is who is signed in, at which Provider (may be empty).
	Account, Provider string
	// App is the name of the app that it is for; may be empty.
	App string
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
