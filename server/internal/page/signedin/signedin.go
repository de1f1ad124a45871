// Package signedin is the page for people who sign in without being on the way to anything.
package signedin

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed signedin.html
var source string

// Data is empty: who is signed in is part of every page.
type Data struct{}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
