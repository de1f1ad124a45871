// Package devicedone is the page after a device's request was decided.
package devicedone

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed devicedone.html
var source string

// Data is what the page shows.
type Data struct {
	Approved bool
	// App is the client's name.
	App string
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
