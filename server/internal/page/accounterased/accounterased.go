// Package accounterased is the page that says that somebody's data is gone.
package accounterased

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed accounterased.html
var source string

// Data is what the page shows: nothing, since nothing is left.
type Data struct{}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
