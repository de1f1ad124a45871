// Package signin is the page where people give username and password.
package signin

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed signin.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// The problems. Unknown user, wrong password and disabled account are one.
const (
	Refused Problem = "refused"
	Empty   Problem = "empty"
	Stale   Problem = "stale"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the browser it was sent to.
	Token string
	// ForDevice is true when signing in is a step of connecting a device.
	ForDevice bool
	// Providers to choose among; the choice is shown when there is more than one. Provider is the chosen one's name.
	Providers []Provider
	Provider  string
	// Username as it was typed before.
	Username string
	Problem  Problem
}

// Provider is one identity provider.
type Provider struct{ Name, DisplayName string }

// Invalid reports whether the fields are to be marked as wrong.
func (d Data) Invalid() bool { return d.Problem == Refused || d.Problem == Empty }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
