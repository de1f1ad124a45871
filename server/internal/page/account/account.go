// Package account has what the account pages share: the tabs between them. Each page is a folder of its own beside this one.
package account

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed account.html
var shared string

// Tab is one part of the account pages.
type Tab string

// The parts.
const (
	Apps     Tab = "apps"
	Sessions Tab = "sessions"
	Security Tab = "security"
	Data     Tab = "data"
)

// Parse makes a page whose template uses the tabs: {{template "tabs" .}}, with a method Tab of the data.
func Parse[D any](l *page.Layout, source string) (*page.Page[D], error) {
	return page.Parse[D](l, shared+source)
}

// ParseScript is Parse for a page with a script.
func ParseScript[D any](l *page.Layout, source, script string) (*page.Page[D], error) {
	return page.ParseScript[D](l, shared+source, script)
}
