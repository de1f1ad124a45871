// Package devicecode is the page where people enter the code that a device shows (RFC 8628 section 3.3).
package devicecode

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed devicecode.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// The problems. Unknown, expired and used codes are one.
const (
	Unknown Problem = "unknown"
	Stale   Problem = "stale"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session, and Flow is the key of what it is a part of.
	Token, Flow string
	// Code as it was typed before.
	Code    string
	Problem Problem
}

// Invalid reports whether the field is to be marked as wrong.
func (d Data) Invalid() bool { return d.Problem == Unknown }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
