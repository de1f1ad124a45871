// Package signedout is the page after signing out.
package signedout

import (
	_ "embed" // the template
	"html/template"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed signedout.html
var source string

// Data is what the page shows; nothing but that somebody is signed out when it is empty.
type Data struct {
	// Return leads back to an app, an address of any scheme that the caller has checked, and App is its name; empty for none.
	Return template.URL
	App    string
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
