// Package leave is the page on the way from a form of ours to another host: back to an app, or on to an identity provider.
//
// A redirect would not do: browsers hold the policy of the page with the form (form-action) against every redirect that follows,
// also against those that the app makes to hosts that only it knows. This page ends the chain. The header Refresh takes people
// on at once and without a script, the link those whose browser does not heed it.
package leave

import (
	_ "embed" // the template
	"html/template"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed leave.html
var source string

// Data is what the page shows.
type Data struct {
	// To is the address, of any scheme: the caller has checked it.
	To template.URL
	// Name of the app or of the identity provider; may be empty.
	Name string
}

// Refresh is the value of the header Refresh, which the caller sets.
func (d Data) Refresh() string { return "0; url=" + string(d.To) }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
