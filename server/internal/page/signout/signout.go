// Package signout is the page that asks before it signs out, so that no link or image can do it.
package signout

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed signout.html
var source string

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session.
	Token string
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
