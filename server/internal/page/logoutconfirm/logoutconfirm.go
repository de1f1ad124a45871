// Package logoutconfirm is the page that asks before an app signs somebody out (OpenID Connect RP-Initiated Logout section 2).
package logoutconfirm

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed logoutconfirm.html
var source string

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session and to what was asked.
	Token string
	// App is the name of the app that asks; empty when it is not known.
	App string
	// Other is true when the app means somebody else than who is signed in.
	Other bool
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
