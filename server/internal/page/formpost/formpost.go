// Package formpost is the page that carries an authorization response to the client in a form (OAuth 2.0 Form Post Response
// Mode, section 2). Its script sends the form at once; where scripts are off, people press the button.
package formpost

import (
	_ "embed" // the template and the script
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed formpost.html
var source string

//go:embed formpost.js
var script string

// Data is what the page carries.
type Data struct {
	// Action is the client's redirect URI, which the caller has checked.
	Action string
	// Fields are the parameters of the response, in order.
	Fields []Field
	// App is the client's name; may be empty.
	App string
}

// Field is one parameter of the response.
type Field struct{ Name, Value string }

// FormSources makes the page's policy let its form lead away, and not to our own origin; see [page.Targeted]. It names schemes:
// browsers hold the policy against the redirects of the app as well, which may lead to hosts that only the app knows. The page has
// this one form, and its address is the one that was registered.
func (d Data) FormSources() []string {
	if strings.HasPrefix(d.Action, "https:") {
		return []string{"https:"}
	}
	return []string{"http:", "https:"}
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.ParseScript[Data](l, source, script) }
