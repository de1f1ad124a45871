// Package signedout is the page after signing out.
package signedout

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed signedout.html
var source string

// Data is empty: there is nothing to say but that.
type Data struct{}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
