// Package notallowed is the page for somebody whom a policy does not let use an app: which app, with which account, and what to do.
package notallowed

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed notallowed.html
var source string

// Data is what the page shows.
type Data struct {
	// Token ties the form to the request, Flow is the flow's key.
	Token string
	Flow  string
	// App is the app's name, and Account who is signed in.
	App     string
	Account string
	// Other is where people go who want another account.
	Other string
	// Device is true when a device asks, which is told that it was refused.
	Device bool
	// Back is a page of ours to go back to; empty when an app or a device waits for an answer.
	Back string
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
